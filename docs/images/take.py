"""Take the screenshots of the documentation from the web UI, with the history of this repository as input.

python docs/images/take.py [VIEW ...]    (needs Chromium and playwright; writes PNGs with 256 colours).
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

# They need the path set above.
from acceptance.console import commands  # noqa: E402
from acceptance.delivery_page import EVENT_JOBS, page_shell  # noqa: E402
from acceptance.first_event_page import PAGE, first_event_shell  # noqa: E402
from defs.delivering import prepared, trouble  # noqa: E402
from delivery.receiver import Receiver  # noqa: E402
from dev_server import Dev, running  # noqa: E402

SIZE: ViewportSize = {"width": 1200, "height": 720}
View = Callable[[Page], None]


def launchpad(page: Page) -> None:
    """Open the launchpad of the worker job, with the descriptions of its fields."""
    page.goto("/locations/iu_pipelines/jobs/route_worker_job/playground")
    page.get_by_text("batch_limit").last.wait_for()


def batch(page: Page) -> None:
    """Open the batches of a run on the page of the asset `iu_route_batch`."""
    page.goto("/assets/iu_route_batch?view=events")
    page.get_by_text(re.compile("^batches ")).first.click()
    page.get_by_text("events_per_second").first.wait_for()


def plot(page: Page) -> None:
    """Open the summary of a worker's last run, with its plot, on the page of the asset `iu_route_attempt`."""
    page.goto("/assets/iu_route_attempt?view=partitions&partition=iu_outbound_default")
    page.get_by_role("img", name="batches of the run").first.scroll_into_view_if_needed()


def lineage(page: Page) -> None:
    """Open the graph of assets and their dependencies."""
    page.goto("/locations/iu_pipelines/asset-groups/iu_core/lineage")
    page.get_by_text("iu_evidence").first.wait_for()


def checks(page: Page) -> None:
    """Open the checks of the asset `iu_health_audit`."""
    page.goto("/assets/iu_health_audit?view=checks")
    page.get_by_text("backlog_moving").first.wait_for()


def automation(page: Page) -> None:
    """Open the list of schedules and sensors."""
    page.goto("/automation")
    page.get_by_text("run_failure_sensor").wait_for()


def evidence(page: Page) -> None:
    """Open the page of an evidence pack by the link in its run of `evidence_job`."""
    page.goto("/assets/iu_evidence?view=events")
    page.goto(page.get_by_role("link", name="report.html").first.get_attribute("href") or "")
    page.get_by_text("guarantees proven here").first.wait_for()


def deliveries(page: Page) -> None:
    """Open the states of the deliveries and the promotions in the events of the asset of a target."""
    page.goto("/assets/iu_delivery/to_hook?view=events")
    page.get_by_text("held_because").first.wait_for()
    page.get_by_text("who_decides").first.scroll_into_view_if_needed()


def delivery_checks(page: Page) -> None:
    """Open the check of the promotions on the page of the asset of a target."""
    page.goto("/assets/iu_delivery/to_hook?view=checks&checkDetail=promotions_do_not_expire_soon")
    page.get_by_text("who_decides").first.wait_for()


def event_jobs(page: Page) -> None:
    """Open the lineage from the outbox to the assets of the tutorial about event jobs, and to the record."""
    page.set_viewport_size({"width": SIZE["width"], "height": 760})
    page.goto("/assets/iu_delivery/to_search?view=lineage&lineageScope=neighbors&lineageDepth=2")
    page.get_by_text("recorded_search").first.wait_for()


def first_event(page: Page) -> None:
    """Open the answer of `event_why_job` about the event of the first tutorial."""
    page.set_viewport_size({"width": SIZE["width"], "height": 900})
    page.goto("/locations/iu_pipelines/jobs/event_why_job/runs")
    page.locator("a[href^='/runs/']").first.click()
    page.get_by_text("View full message").last.click()
    page.get_by_text("capture shop.orders.paid").last.wait_for()


VIEWS: tuple[View, ...] = (
    *(launchpad, batch, plot, lineage, checks, automation, evidence),
    *(deliveries, delivery_checks),
)


def main() -> None:
    """Take the screenshots that are named, or all."""
    of_tutorials = {first_event: _of_the_first_tutorial, event_jobs: _of_event_jobs}
    chosen = {view for view in (*VIEWS, *of_tutorials) if not sys.argv[1:] or view.__name__ in sys.argv[1:]}
    for view, take in of_tutorials.items():
        if view in chosen:
            take()
    if wanted := [view for view in VIEWS if view in chosen]:
        _of_this_repository(wanted)


def _of_the_first_tutorial() -> None:
    """Run the commands of the first tutorial up to the first attempt, and have the event explained."""
    with tempfile.TemporaryDirectory() as folder, first_event_shell(Path(folder)) as shell:
        for command in commands(PAGE.read_text(encoding="utf-8")):
            shell.run(command.text)
            if command.text.startswith("until iu audit"):
                break
        shell.explain()
        _take(shell.web_port, [first_event])


def _of_event_jobs() -> None:
    """Run the commands of the tutorial about event jobs except the last, which stops Dagster."""
    with tempfile.TemporaryDirectory() as folder, page_shell(Path(folder), EVENT_JOBS) as shell:
        for command in commands(EVENT_JOBS.read_text(encoding="utf-8"))[:-1]:
            shell.run(command.text)
        _take(shell.web_port, [event_jobs])


def _of_this_repository(wanted: Sequence[View]) -> None:
    """Ingest and route the history of this repository in Dagster."""
    with (
        tempfile.TemporaryDirectory() as home,
        Receiver(Path(home) / "receiver") as receiver,
        running(Path(home), prepare=lambda dev: prepared(dev, receiver, "hook", "partner")) as dev,
    ):
        _work(dev)
        trouble(dev, receiver, "hook")
        _take(dev.port, wanted)


def _take(port: int, wanted: Sequence[View]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{port}", viewport=SIZE)
        page.set_default_timeout(120_000)
        for view in wanted:
            view(page)
            page.wait_for_timeout(6_000)
            _keep(page.screenshot(), HERE / f"{view.__name__}.png")
        browser.close()


def _work(dev: Dev) -> None:
    url = dev.server.url()
    ingest = [sys.executable, "-m", "iu_pipelines", "ingest", "git", str(REPOSITORY), "--database-url", url]
    subprocess.run(ingest, check=True)
    dev.emit(4_000)
    for _ in range(4):
        dev.wait_for(dev.run({"batch_limit": 500}))
        dev.emit(3_000)
    dev.wait_for(dev.launch({}, "delivery_job")["run"]["runId"])
    for job in ("health_audit_job", "evidence_job"):
        dev.wait_for(dev.launch({}, job)["run"]["runId"])


def _keep(png: bytes, path: Path) -> None:
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
