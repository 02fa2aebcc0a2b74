"""The page about event types: its commands print the output shown, on a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pages
from acceptance.console import Shell, commands, first_difference


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.run("iu stop")


def test_the_commands_of_the_page_print_the_output_shown(shell: Shell) -> None:
    found = commands(pages.text("docs/how-to/add-an-event-type.md"))
    assert len(found) > 10
    for command in found:
        difference = first_difference(command.output, shell.run(command.text))
        assert difference is None, f"$ {command.text}\n{difference}"
