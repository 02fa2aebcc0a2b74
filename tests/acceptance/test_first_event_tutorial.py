"""The first tutorial: its commands print what is shown, and the web UI answers what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

import pages
from acceptance.console import commands, first_difference
from acceptance.delivery_page import files
from acceptance.first_event_page import PAGE, first_event_shell
from dev_server import EVENTS

TYPED: Final = 1_500
"""The characters that a person types in five minutes."""

EXPLAINED: Final = "dry_run: route shop.order_paid.receipt is a dry run: nothing is sent"


def test_the_first_event_is_five_minutes_of_typing() -> None:
    first, _, _ = PAGE.read_text(encoding="utf-8").partition("## 5.")
    typed = [*files(first).values(), *(command.text for command in commands(first))]
    assert 500 < sum(map(len, typed)) <= TYPED


@pytest.mark.timeout(600)
def test_the_commands_of_the_tutorial_print_the_output_shown(tmp_path: Path) -> None:
    waited = 0
    with first_event_shell(tmp_path) as shell:
        for command in commands(pages.text("docs/tutorial/README.md")):
            difference = first_difference(command.output, shell.run(command.text))
            assert difference is None, f"$ {command.text}\n{difference}"
            if command.text.startswith("until iu audit") and not waited:
                waited += 1
                events = shell.dev.ask(EVENTS, run=shell.explain())["logsForRun"]["events"]
                assert any(EXPLAINED in (event.get("message") or "") for event in events)
    assert waited == 1
