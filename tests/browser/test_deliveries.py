"""Live delivery in the web UI: the lineage to the target, a run, and what needs a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.test_web_ui import CHROMIUM, FLAGS, run_id
from defs.delivering import prepared, trouble
from delivery.receiver import Receiver
from dev_server import Dev, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: install the distribution's package"
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def dev(shared: Path, receiver: Receiver) -> Iterator[Dev]:
    """One running `iu dev` whose database has a target, for the tests of this module."""
    with running(shared, prepare=lambda dev: prepared(dev, receiver, "hook")) as dev:
        yield dev


@pytest.fixture(scope="module")
def page(dev: Dev) -> Iterator[Page]:
    """A page of a browser with the address of the web UI as its base."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            base_url=f"http://127.0.0.1:{dev.port}", viewport={"width": 1600, "height": 1000}
        )
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def test_a_person_delivers_and_sees_lineage_run_and_what_needs_a_person(
    dev: Dev, page: Page, receiver: Receiver
) -> None:
    dev.emit(5)
    page.goto("/locations/iu_pipelines/jobs/delivery_job/playground")
    page.locator("button:enabled", has_text="Launch Run").click()
    run = run_id(page)
    page.get_by_text("Success", exact=True).first.wait_for()
    page.get_by_text("hook stopped: drained; 5 sent, 0 to retry, 0 failed").first.wait_for()
    assert len([one for one in receiver.requests() if one.status == 200]) == 5

    page.goto("/assets/iu_delivery_target/hook?view=lineage&lineageScope=upstream&lineageDepth=2")
    for name in ("event_outbox", "dot_config", "iu_outbound_route", "to_hook", "hook"):
        page.get_by_text(name, exact=True).first.wait_for()

    trouble(dev, receiver, "hook")
    page.goto("/assets/iu_delivery/to_hook?view=events")
    page.get_by_text("Nothing can be approved in this web UI").first.wait_for()
    page.goto("/assets/iu_delivery/to_hook?view=checks")
    for check, said in (
        ("no_deliveries_in_doubt", "a sender that was lost"),
        ("no_parked_subjects", "iu deliver plan --kind replay"),
        ("promotions_do_not_expire_soon", "iu promote propose shop.hook"),
    ):
        page.goto(f"/assets/iu_delivery/to_hook?view=checks&checkDetail={check}")
        page.get_by_text(said).first.wait_for()
    assert page.get_by_role("button", name=re.compile("approve|propose|demote", re.IGNORECASE)).count() == 0
    assert dev.status(run) == "SUCCESS"
