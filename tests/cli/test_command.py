"""Registration of commands: common options, passed objects, answers and groups."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.running import Iu
from iu_pipelines.cli import main
from iu_pipelines.cli.command import Answer, Function, Invocation, add_command, add_group
from iu_pipelines.cli.output import print_line
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.settings import Settings


def test_common_options_may_precede_the_command(command: Iu, kept_database: str) -> None:
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


def test_the_table_of_modules_has_the_commands_that_each_registers() -> None:
    folder = Path(main.__file__).parent
    registering = {file.stem for file in folder.glob("*.py") if "\ndef register(" in file.read_text("utf-8")}
    assert registering == {*main.COMMANDS}
    for module, commands in main.COMMANDS.items():
        registered: Any = typer.main.get_command(main.build_app([module]))
        assert {*registered.commands} == {*commands}, module


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        (("run", "--create"), ("worker",)),
        (("audit", "verify", "--help"), ("attempts",)),
        (("--json", "--database-url", "migrate", "status"), ("status",)),
        (("--database-url=migrate", "--debug", "status"), ("status",)),
        (("--version", "status"), ()),
        (("--help", "status"), tuple(main.COMMANDS)),
        (("staus",), tuple(main.COMMANDS)),
        ((), tuple(main.COMMANDS)),
        (("--database-url",), tuple(main.COMMANDS)),
    ],
)
def test_only_the_module_of_the_command_is_imported(words: tuple[str, ...], modules: tuple[str, ...]) -> None:
    assert main.modules_for(words) == modules


def test_database_url_is_the_only_option_with_a_value_before_a_command() -> None:
    root: Any = typer.main.get_command(main.build_app([]))
    assert [one.opts for one in root.params if not one.is_flag and one.name != "help"] == [["--database-url"]]


def test_the_version_is_printed_without_pydantic_and_psycopg() -> None:
    code = (
        "import sys; from iu_pipelines.cli.main import run; run(['--version']); "
        "print([one for one in ('pydantic', 'psycopg') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[1] == "[]"


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


def called(function: Function, *words: str) -> int:
    """Register a function as the only command, call it, and return its exit code."""
    app = typer.Typer()
    app.callback()(lambda: None)
    add_command(app, function, "tried")
    return app(["tried", *words], standalone_mode=False) or 0


def count(limit: int = 3) -> Answer:
    """Answer with the limit, and fail if it is more than 9."""
    return Answer({"limit": limit}, lambda: print_line(f"up to {limit}"), failed=limit > 9)


def test_an_answer_is_shown_or_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(count) == 0
    assert capsys.readouterr().out == "up to 3\n"
    assert called(count, "--limit", "4", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"limit": 4}


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_failed_answer_is_printed_and_exits_with_1(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(count, "--limit", "10", *words) == 1
    assert "10" in capsys.readouterr().out


def test_lines_of_progress_are_left_out_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    def work(call: Invocation) -> Answer:
        call.say("at work")
        return Answer([], lambda: print_line("done"))

    called(work)
    assert capsys.readouterr().out == "at work\ndone\n"
    called(work, "--json")
    assert json.loads(capsys.readouterr().out) == []


def test_a_fact_is_a_line_of_text_or_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    def tell(call: Invocation) -> None:
        call.say_fact("logs", "/tmp")

    called(tell)
    assert capsys.readouterr().out == "logs        /tmp\n"
    called(tell, "--json")
    assert capsys.readouterr().out == '{"logs": "/tmp"}\n'


def test_a_gateway_and_the_settings_are_passed_to_a_command_that_takes_them(kept_database: str) -> None:
    seen = []

    def look(gateway: Gateway, chosen: Settings) -> None:
        assert chosen.database_url
        seen.append((gateway.fetch_value("select 1"), chosen.database_url.get_secret_value()))

    called(look, "--database-url", kept_database)
    assert seen == [(1, kept_database)]


def test_a_subcommand_does_not_run_the_function_of_its_group() -> None:
    seen = []
    app = typer.Typer()
    group = add_group(app, "audit", lambda: seen.append("audit"))
    add_command(group, lambda: seen.append("verify"), "verify")
    app(["audit", "verify"], standalone_mode=False)
    assert seen == ["verify"]
    app(["audit"], standalone_mode=False)
    assert seen == ["verify", "audit"]
