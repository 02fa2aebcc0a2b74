"""The reference of the command line has every command, each with an example that calls it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from cli.running import commands
from generators import IncompletePageError, command_line
from generators.command_line import entries
from iu_pipelines.cli import main
from iu_pipelines.cli.command import add_command, add_group


def section(path: str) -> str:
    (found,) = re.findall(rf"^##+ {path}\n.*?(?=^##|\Z)", command_line.page(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_page_has_a_heading_for_every_command_and_group() -> None:
    headings = re.findall(r"^##+ (iu.*)$", command_line.page(), re.MULTILINE)
    assert sorted(headings) == sorted(" ".join(["iu", *path]) for path, _ in commands())


def test_the_page_has_every_argument_and_option_of_every_command() -> None:
    page = {entry.path: section(entry.path) for entry in entries()}
    for path, command in commands():
        for parameter in command.params:
            if parameter.name not in ("database_url", "as_json"):
                is_option = parameter.param_type_name == "option"
                name = parameter.opts[0] if is_option else parameter.metavar or parameter.name
                cells = page[" ".join(["iu", *path])].replace("<code>", "`")
                assert re.search(rf"^\| `[^`|]*{re.escape(name)}", cells, re.MULTILINE), (path, name)


def test_a_section_has_description_usage_options_ranges_defaults_and_examples() -> None:
    found = section("iu deliver")
    for line in (
        "Deliver what is due to the targets that are granted to this login.",
        "iu deliver [OPTIONS] COMMAND [ARGS]...",
        "It may write to the database.",
        "| `--batch-limit <int>` | Maximum number of deliveries in a claim. From 1 to 1,000. | `200` |",
        "| `--max-seconds <float>` | Claim nothing more after this many seconds. At least 0. |  |",
        "iu deliver --stay",
    ):
        assert line in found.splitlines()
    assert "Exit code 1 if a target could not be served" in found


def test_a_command_that_only_reads_is_not_said_to_write() -> None:
    assert "write" not in section("iu gate show")
    assert "| [`iu gate show`](#iu-gate-show) | Show every gate and setting, and the newest changes |  |" in (
        command_line.page()
    )


def test_a_required_argument_is_called_required() -> None:
    assert "| `key <str>` | A gate or setting from iu gate show. | required |" in section("iu gate set")


def one_command(function: Any) -> typer.Typer:
    app = typer.Typer(help="A shop.")
    group = add_group(app, "shop", "The shop.")
    add_command(group, function, "sell")
    return app


@pytest.mark.parametrize(
    "docstring",
    [
        "Sell it.",
        "Sell it.\n\nExamples:\n    iu shop buy\n",
        "Sell it.\n\nExamples:\n    iu shop\n",
    ],
)
def test_a_command_without_an_example_that_calls_it_is_refused(
    docstring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sell() -> None: ...

    sell.__doc__ = docstring
    monkeypatch.setattr(command_line, "build_app", lambda: one_command(sell))
    monkeypatch.setattr(command_line, "COMMANDS", {"shop": {"shop": "The shop."}})
    with pytest.raises(IncompletePageError, match="iu shop sell has no example"):
        command_line.page()


def test_an_example_of_a_command_of_a_group_is_none_of_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver() -> None:
        """Deliver.

        Examples:
            iu shop sell
        """

    app = typer.Typer(help="A shop.")
    add_command(add_group(app, "shop", deliver), deliver, "sell")
    monkeypatch.setattr(command_line, "build_app", lambda: app)
    monkeypatch.setattr(command_line, "COMMANDS", {"shop": {"shop": "Deliver."}})
    with pytest.raises(IncompletePageError, match="iu shop has no example"):
        command_line.page()


def test_a_command_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def sell() -> None: ...

    monkeypatch.setattr(command_line, "build_app", lambda: one_command(sell))
    monkeypatch.setattr(command_line, "COMMANDS", {"shop": {"shop": "The shop."}})
    with pytest.raises(IncompletePageError, match="iu shop sell has no description"):
        command_line.page()


def test_an_option_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def sell(price: int = 3) -> None:
        """Sell it.

        Examples:
            iu shop sell
        """

    monkeypatch.setattr(command_line, "build_app", lambda: one_command(sell))
    monkeypatch.setattr(command_line, "COMMANDS", {"shop": {"shop": "The shop."}})
    with pytest.raises(IncompletePageError, match=r"iu shop sell --price .* has no description"):
        command_line.page()


def test_the_commands_are_in_the_order_of_the_help() -> None:
    first_words = [entry.path.split()[1] for entry in entries()[1:]]
    listed = [name for described in main.COMMANDS.values() for name in described]
    assert list(dict.fromkeys(first_words)) == listed
