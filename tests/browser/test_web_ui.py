"""The web UI, used in Chromium as a person does."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev_server import FINISHED, Dev, running
from iu_pipelines.cli import demo_report
from iu_pipelines.defs.kit import tags
from iu_pipelines.domain import attempts, dead_letters, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
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
        if job == "route_worker_job":
            select_partition(page, DEFAULT_WORKER)
        eventually(lambda: holds_config(page, config), "the editor holds the config", pause=0)
        page.locator("button:enabled", has_text="Launch Run").click()

    return launch


def select_partition(page: Page, name: str) -> None:
    """Select a partition in the launchpad: the tab of the config then has its name."""

    def is_selected() -> bool:
        field = page.get_by_placeholder("Partition")
        field.fill(name)
        field.press("Enter")
        return page.locator("[class*=tabActive]", has_text=name).count() == 1

    eventually(is_selected, f"partition {name} is selected", pause=0.5)


def holds_config(page: Page, config: str) -> bool:
    """Enter the config; a partition's own, which arrives late, may replace it."""
    editor = page.locator(".CodeMirror").first
    editor.evaluate("(element, text) => element.CodeMirror.setValue(text)", config)
    page.wait_for_timeout(2_500)
    entered: object = editor.evaluate("element => element.CodeMirror.getValue()")
    return entered == config


def run_id(page: Page) -> str:
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    return page.url.rsplit("/", 1)[1][:36]


def worker_config(**values: object) -> str:
    """Return the config of the worker as the launchpad has it."""
    lines = "".join(f"      {name}: {value}\n" for name, value in values.items())
    return f"ops:\n  iu_route_attempt:\n    config:\n{lines}"


def test_a_person_launches_the_worker_and_reads_the_numbers_of_its_batches(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    dev.emit(250)
    launch("route_worker_job", worker_config(batch_limit=100))
    run = run_id(page)
    page.get_by_text("Success", exact=True).first.wait_for()
    assert dev.status(run) == "SUCCESS"
    with dev.gateway() as gateway:
        batches = worker.batches(gateway, run_ref=run)
    assert [batch.seen for batch in batches] == [50, 100, 100]

    page.goto(f"/assets/iu_route_attempt?view=partitions&partition={DEFAULT_WORKER}")
    page.get_by_text("drained").first.wait_for()
    page.get_by_role("cell", name=str(batches[0].batch_id), exact=True).first.wait_for()
    plot = page.get_by_role("img", name="batches of the run")
    plot.wait_for()
    assert plot.evaluate("image => image.naturalWidth") > 0, "the plot is drawn without a click"

    page.goto("/assets/iu_route_batch?view=events")
    page.get_by_text(re.compile(rf"^batch(es)? .*\b{batches[0].batch_id}$")).first.click()
    page.get_by_text(f"{DEFAULT_WORKER}: batch").first.wait_for()
    page.goto("/assets/iu_route_batch?view=overview")
    page.get_by_text("Plots", exact=True).click()
    page.locator("canvas").first.wait_for()


def test_the_list_that_the_demo_names_leads_to_a_run_and_its_log_shows_each_batch(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    dev.emit(150)
    launch("route_worker_job", worker_config(batch_limit=100))
    run = run_id(page)
    assert dev.wait_for(run) == "SUCCESS"
    page.goto("/overview")
    page.get_by_text(demo_report.RUNS, exact=True).first.click()
    page.get_by_text(run[:8], exact=True).first.click()
    page.wait_for_url(f"**/runs/{run}*")
    with dev.gateway() as gateway:
        batches = worker.batches(gateway, run_ref=run)
    for batch in batches:
        page.get_by_text(re.compile(rf"^batch(es)? .*\b{batch.batch_id}$")).first.wait_for()


def test_a_limit_of_zero_is_refused_with_the_field_and_the_reason(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    before: Any = dev.ask("{ runsOrError { ... on Runs { count } } }")
    launch("route_worker_job", worker_config(batch_limit=0))
    page.get_by_text("batch_limit: Input should be greater than or equal to 1").first.wait_for()
    assert dev.ask("{ runsOrError { ... on Runs { count } } }") == before


def materialize(page: Page, asset: str) -> None:
    """Press Materialize on the page of an asset; if it has partitions, for all of them."""
    page.goto(f"/assets/{asset}")
    page.get_by_text(re.compile("^Materialize(…)?$")).first.click()


def materialize_all_workers(page: Page) -> None:
    materialize(page, "iu_route_attempt")
    page.get_by_role("button", name="All", exact=True).click()
    page.locator("button:enabled", has_text=re.compile("^Launch")).last.click()


def test_materialize_does_not_start_a_second_run_of_a_worker(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    launch("route_worker_job", worker_config(linger_seconds=60, max_seconds=90))
    first = run_id(page)
    eventually(lambda: dev.status(first) == "STARTED", "the first run executes")
    materialize_all_workers(page)
    eventually(lambda: len(unfinished(dev)) == 2, "a second run was made")
    (second,) = unfinished(dev) - {first}
    page.goto(f"/runs/{second}")
    page.get_by_text("Queued", exact=True).first.wait_for()
    dev.emit(3)
    with dev.gateway() as gateway:
        eventually(lambda: {one.run_ref for one in attempts.recent(gateway, limit=3)} == {first})
    assert dev.status(second) == "QUEUED"
    dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=first)
    assert dev.wait_for(second) == "SUCCESS"


def test_a_run_without_partition_ends_as_worker_busy_and_names_the_other(
    dev: Dev, page: Page, launch: Callable[[str, str], None]
) -> None:
    launch("route_worker_job", worker_config(linger_seconds=60, max_seconds=90))
    first = run_id(page)
    eventually(lambda: tags.WORKER in run_tags(dev, first), "the first run executes")
    second = dev.launch({}, partition=None)["run"]["runId"]
    assert dev.wait_for(second) == "SUCCESS"
    page.goto(f"/runs/{second}")
    page.get_by_text(f"worker_busy: {DEFAULT_WORKER}: run {first} executes it").first.wait_for()
    dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=first)
    assert dev.wait_for(first) == "CANCELED"


def unfinished(dev: Dev) -> set[str]:
    """Return the ids of the runs that have not ended."""
    found = dev.ask("{ runsOrError { ... on Runs { results { runId status } } } }")["runsOrError"]["results"]
    return {run["runId"] for run in found if run["status"] not in FINISHED}


def run_tags(dev: Dev, run: str) -> set[str]:
    query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key } } } }"
    return {tag["key"] for tag in dev.ask(query, id=run)["runOrError"]["tags"]}


def shows(page: Page, path: str, text: str) -> bool:
    """Open a page, which reads its data once, and return whether it shows the text within ten seconds."""
    page.goto(path)
    deadline = time.monotonic() + 10
    while not (seen := page.get_by_text(text).first.is_visible()) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    return seen


def test_a_new_dead_letter_turns_its_check_to_a_warning_and_materialize_replays_it_once_it_can_succeed(
    dev: Dev, page: Page
) -> None:
    dev.emit(1)
    with dev.gateway() as gateway:
        gateway.run_script(LIVE)
        assert dev.wait_for(dev.run({})) == "SUCCESS"
        page.goto("/assets/iu_route_dead_letter?view=checks")
        page.get_by_text("Failed", exact=True).first.wait_for()
        materialize(page, "iu_route_dead_letter")
        eventually(lambda: not unfinished(dev), "the run that can replay nothing ended")
        assert [letter.attempts for letter in dead_letters.list_letters(gateway)] == [1]
        gateway.run_script(DRY)
        materialize(page, "iu_route_dead_letter")
        eventually(lambda: dead_letters.count_open(gateway) == 0, "no letter is open")
    eventually(lambda: not unfinished(dev), "the run ended")
    eventually(lambda: shows(page, "/assets/iu_route_dead_letter?view=checks", "Passed"))
    eventually(lambda: shows(page, "/assets/iu_route_attempt?view=checks", "Passed"))


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
    report.get_by_text(
        re.compile(r"\d+ guarantees proven here, \d+ rest on the project's tests")
    ).first.wait_for()
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
