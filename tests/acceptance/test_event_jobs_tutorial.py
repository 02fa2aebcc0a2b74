"""The tutorial about event jobs: its commands print what is shown, and each event runs once in the daemon."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

import pages
from acceptance.console import commands, first_difference, without_numbers
from acceptance.delivery_page import EVENT_JOBS, PageShell, files, page_shell
from dev_server import TICKS, Dev
from waiting import eventually

_RUNS: Final = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"
_SENSOR: Final = {
    "repositoryLocationName": "shop_jobs.py",
    "repositoryName": "__repository__",
    "name": "send_receipt_sensor",
}


def test_the_job_of_the_page_has_few_lines() -> None:
    function, _, _ = files(EVENT_JOBS.read_text(encoding="utf-8"))["shop_jobs.py"].partition("\n\n\ndefs")
    declared = function.partition("@")[2]
    assert len(declared.splitlines()) <= 5


def test_no_password_stands_in_an_argument_of_a_command() -> None:
    text = EVENT_JOBS.read_text(encoding="utf-8")
    given = [*(command.text for command in commands(text)), files(text)["people.env"]]
    assert [one for one in given if re.search(r"://[^/@\s]*:[^/@\s]*@|of-the-tutorial", one)] == []


@pytest.mark.timeout(1200)
def test_the_commands_of_the_tutorial_print_the_output_shown(tmp_path: Path) -> None:
    followed = commands(pages.text("docs/tutorial/event-jobs.md"))
    with page_shell(tmp_path, EVENT_JOBS) as shell:
        dev = Dev(tmp_path)
        dev.port = shell.web_port
        for command in followed:
            if "is well" in command.text:
                (reason,) = pages.code("docs/tutorial/event-jobs.md", "A gate holds everything", "text")
                assert_sensor_says(dev, reason.rstrip())
            if command == followed[-1]:
                assert_each_event_ran_once(dev, shell)
            shown, seen = without_numbers(command.output), without_numbers(shell.run(command.text))
            difference = first_difference(shown, seen)
            assert difference is None, f"$ {command.text}\n{difference}"


def assert_sensor_says(dev: Dev, reason: str) -> None:
    """Assert that a tick of the sensor is skipped for the reason that the page shows."""

    def says() -> bool:
        state = dev.ask(TICKS, selector=_SENSOR).get("instigationStateOrError", {})
        return reason in [tick["skipReason"] for tick in state.get("ticks", ())]

    eventually(says, "the sensor gives the reason of the page")


def assert_each_event_ran_once(dev: Dev, shell: PageShell) -> None:
    """Assert the runs by their tags, what the function wrote, and what the database knows."""
    runs: list[dict[str, Any]] = dev.ask(_RUNS)["runsOrError"]["results"]
    made = Counter((run["jobName"], run["status"]) for run in runs)
    assert made == {("send_receipt", "SUCCESS"): 3, ("search_event_job", "SUCCESS"): 2}
    events = [
        tag["value"]
        for run in runs
        if run["jobName"] == "send_receipt"
        for tag in run["tags"]
        if tag["key"] == "iu/event"
    ]
    receipts = (shell.folder / "receipts.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split()[0] for line in receipts) == sorted(events)
    assert len(set(events)) == 3
    claims = "select count(*), count(distinct (event_id, route_no)) from iu_delivery_claim"
    assert shell.run(f'psql -XAtc "{claims}" $OWNER') == ("1006|1006",)
