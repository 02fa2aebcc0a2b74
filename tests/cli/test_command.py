"""What every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from cli.running import Iu
from iu_pipelines.cli import main


def test_options_count_before_the_command_as_well(command: Iu, kept_database: str) -> None:
    done = command("--json", "--database-url", kept_database, "types")
    assert len(done.json) == 3
    group = command("--json", "gate", "show", "--database-url", kept_database)
    assert len(group.json["gates"]) == 5


def test_the_url_after_the_command_wins_over_the_one_before_it(command: Iu, kept_database: str) -> None:
    done = command("--database-url", "postgresql://127.0.0.1:1/x", "types", "--database-url", kept_database)
    assert done.code == 0


def test_the_environment_names_the_database(
    command: Iu, kept_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", kept_database)
    assert command("types").code == 0


def test_help_and_version_exit_with_0(command: Iu) -> None:
    assert "Usage: iu" in command("--help").out
    assert "Usage: iu gate set" in command("gate", "set", "--help").out
    assert command("--version").out.startswith("iu-pipelines ")


def test_every_command_takes_the_url_and_json() -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        children = getattr(command, "commands", {})
        for name, child in children.items():
            yield from leaves(child, (*path, name))
        if not children:
            yield path, command

    found = dict(leaves(typer.main.get_command(main.build_app())))
    assert len(found) > 20
    for path, leaf in found.items():
        given = {option for parameter in leaf.params for option in parameter.opts}
        assert {"--database-url", "--json"} <= given, " ".join(path)
        assert leaf.help, " ".join(path)
