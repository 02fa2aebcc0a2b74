"""The web UI, used in Chromium as a person does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev_server import Dev, running
from iu_pipelines.domain import dead_letters, worker
from waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIVE = """
alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
update public.iu_outbound_route set dry_run = false;
"""
DRY = """
update public.iu_outbound_route set dry_run = true;
alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run);
"""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: install the distribution's package"
)


@pytest.fixture(scope="module")
def dev(shared: Path) -> Iterator[Dev]:
    """One running `iu dev` for the tests of this module."""
    with running(shared) as dev:
        yield dev


@pytest.fixture(scope="module")
def page(dev: Dev) -> Iterator[Page]:
    """A page of a browser with the address of the web UI as its base."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            base_url=f"http://127.0.0.1:{dev.port}", viewport={"width": 1280, "height": 900}
        )
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.fixture
def launch(page: Page) -> Callable[[str, str], None]:
    """Enter a config in the launchpad of a job and press Launch Run."""

    def launch(job: str, config: str) -> None:
        page.goto(f"/locations/iu_pipelines/jobs/{job}/playground")
        page.get_by_role("button", name="Launch Run").wait_for()
        editor = page.locator(".CodeMirror").first
        editor.evaluate("(element, text) => element.CodeMirror.setValue(text)", config)
        page.wait_for_timeout(1_500)
        page.locator("button:enabled", has_text="Launch Run").click()

    return launch


def run_id(page: Page) -> str:
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    return page.url.rsplit("/", 1)[1][:36]


def test_a_person_launches_the_worker_and_reads_the_numbers_of_its_batches(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    dev.emit(250)
    launch("route_worker_job", "batch_limit: 100\n")
    run = run_id(page)
    page.get_by_text("Success", exact=True).first.wait_for()
    assert dev.status(run) == "SUCCESS"
    with dev.gateway() as gateway:
        batches = worker.batches(gateway, run_ref=run)
    assert [batch.seen for batch in batches] == [50, 100, 100]

    page.goto("/assets/iu_route_attempt?view=events")
    page.get_by_text("stopped_reason").first.wait_for()
    page.get_by_text("drained").first.wait_for()
    page.get_by_text("[Show Markdown]").last.click()
    page.get_by_role("img", name="batches of the run").wait_for()
    page.get_by_role("button", name="Close").click()
    page.get_by_text(re.compile(r"\d:\d\d [AP]M$")).nth(1).click()
    page.get_by_text(f"batch {batches[0].batch_id}: 50 events").wait_for()
    page.get_by_text("last_event_seq").first.wait_for()


def test_a_limit_of_zero_is_refused_with_the_field_and_the_reason(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    before: Any = dev.ask("{ runsOrError { ... on Runs { count } } }")
    launch("route_worker_job", "batch_limit: 0\n")
    page.get_by_text("batch_limit: Input should be greater than or equal to 1").first.wait_for()
    assert dev.ask("{ runsOrError { ... on Runs { count } } }") == before


def test_a_person_runs_the_evidence_job_and_opens_its_report(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    launch("evidence_job", "")
    run_id(page)
    page.get_by_text("Success", exact=True).first.wait_for()
    page.goto("/assets/iu_evidence?view=events")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="report.html").first.click()
    report = opened.value
    assert report.url.startswith(f"http://127.0.0.1:{dev.evidence_port}/iu-")
    report.get_by_text("PASS: every guarantee holds").wait_for()
    report.close()


def test_a_person_replays_a_dead_letter(dev: Dev, page: Page, launch: Callable[[str, str], None]) -> None:
    dev.emit(1)
    with dev.gateway() as gateway:
        gateway.run_script(LIVE)
        assert dev.wait_for(dev.run({})) == "SUCCESS"
        gateway.run_script(DRY)
        (letter,) = dead_letters.list_letters(gateway)
        launch("dead_letter_replay_job", f'dead_letter_id: "{letter.dead_letter_id}"\n')
        run_id(page)
        page.get_by_text("Success", exact=True).first.wait_for()
        eventually(lambda: dead_letters.count_open(gateway) == 0, "no letter is open")
    page.goto("/assets/iu_route_dead_letter?view=events")
    page.get_by_text("resolved").first.wait_for()
    page.get_by_text(str(letter.dead_letter_id)).first.wait_for()
