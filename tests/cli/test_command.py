"""Registration of commands: common options, passed objects, answers and groups."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from cli.running import Iu, commands
from iu_pipelines.cli import main
from iu_pipelines.cli.command import Answer, Function, Invocation, add_command, add_group
from iu_pipelines.cli.help_pages import example_lines
from iu_pipelines.cli.output import print_line
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.settings import Settings
from waiting import PATIENCE


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


def test_the_table_has_the_commands_that_each_module_registers_and_their_first_sentences() -> None:
    folder = Path(main.__file__).parent
    registering = {file.stem for file in folder.glob("*.py") if "\ndef register(" in file.read_text("utf-8")}
    assert registering == {*main.COMMANDS}
    for module, described in main.COMMANDS.items():
        registered: Any = get_command(main.build_app([module]))
        assert {name: one.short_help for name, one in registered.commands.items()} == described, module


def test_the_help_lists_every_command_with_its_sentence(command: Iu) -> None:
    shown = " ".join(command("--help").out.split())
    for described in main.COMMANDS.values():
        for name, sentence in described.items():
            assert f"{name} {sentence}" in shown


IMPORTED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.__stderr__))
from iu_pipelines.__main__ import main
main()
"""


def imported_by(*words: str) -> set[str]:
    """Run `iu` in a child process, and return the names of all modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return {*done.stderr.splitlines()[-1].split()}


def test_the_version_is_printed_without_pydantic_rich_and_psycopg() -> None:
    found = imported_by("--version")
    assert "typer" in found
    assert not {"pydantic", "rich", "psycopg", "stamina"} & found


@pytest.mark.parametrize("words", [("--help",), ("staus",), ()])
def test_help_and_an_unknown_command_import_no_command(words: tuple[str, ...]) -> None:
    found = imported_by(*words)
    assert not {f"iu_pipelines.cli.{module}" for module in main.COMMANDS} & found
    assert not {"psycopg", "pydantic_settings"} & found


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (("run", "--help"), "worker"),
        (("audit", "verify", "--help"), "attempts"),
        (("--json", "--database-url", "migrate", "gate", "--help"), "gates"),
        (("--database-url=migrate", "--debug", "stop", "--help"), "stop"),
    ],
)
def test_a_command_imports_its_module_and_not_every_other(words: tuple[str, ...], module: str) -> None:
    found = imported_by(*words)
    assert f"iu_pipelines.cli.{module}" in found
    assert "iu_pipelines.cli.evidence" not in found


def test_common_options_may_precede_a_command_of_a_group(command: Iu, kept_database: str) -> None:
    done = command("audit", "--json", "--database-url", kept_database, "verify")
    assert done.code == 0
    assert done.json


def test_every_command_takes_the_url_and_json() -> None:
    found = {path: one for path, one in commands() if not hasattr(one, "commands")}
    assert len(found) > 20
    for path, leaf in found.items():
        given = {option for parameter in leaf.params for option in parameter.opts}
        assert {"--database-url", "--json"} <= given, " ".join(path)
        assert leaf.help, " ".join(path)


def test_every_command_prints_one_json_document_or_one_error_in_json(
    kept_iu: Iu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = {("dev",), ("demo",), ("stop",), ("evidence",), ("evidence", "verify"), ("steps", "stamp")}
    elsewhere.add(("tail",))  # One JSON object for each line.
    arguments = {"verify": ["040"], "probe": ["040"], "seek": ["latest", "--reason", "test"]}
    tried = [path for path, one in commands() if path not in elsewhere and not hasattr(one, "commands")]
    printed = 0
    for path in [*tried, ("audit",)]:
        done = kept_iu(*path, *arguments.get(path[0], ()), "--json")
        if done.out:
            assert (done.code == 0 or path == ("doctor",), done.err) == (True, ""), path
            json.loads(done.out)
            printed += 1
        else:
            assert done.code in {1, 2}, path
            assert {*done.error} == {"code", "message", "hint", "notes"}, path
    assert printed > 15


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


def send(name: str) -> None:
    """Send something to someone.

    Examples:
        tried bob
        tried "bob and carla who are both away"
            --json
    """


def test_the_help_ends_with_the_examples_of_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    add_command(app, send, "tried")
    app(["tried", "--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    before, _, examples = shown.partition("\nExamples:\n")
    assert "Send something to someone.\n" in before
    assert before.endswith("Show this message and exit.\n")
    assert examples == '  tried bob\n  tried "bob and carla who are both away" --json\n'


def test_the_help_of_a_group_that_can_be_called_ends_with_examples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = typer.Typer(rich_markup_mode=None)
    group = add_group(app, "tried", send)
    add_command(group, count)
    app(["tried", "--help"], standalone_mode=False)
    _, _, examples = capsys.readouterr().out.partition("\nExamples:\n")
    assert examples.startswith("  tried bob\n")


@pytest.mark.parametrize(
    ("example", "lines"),
    [
        ("iu gate show", ["iu gate show"]),
        (
            'iu gate set iu_core.routes_enabled false --reason "maintenance of the storage"',
            ["iu gate set iu_core.routes_enabled false \\", '    --reason "maintenance of the storage"'],
        ),
        (
            """iu emit order_paid orders/17 --actor shop --payload '{"total_cents": 3, "item_count": 1}'""",
            [
                "iu emit order_paid orders/17 --actor shop \\",
                """    --payload '{"total_cents": 3, "item_count": 1}'""",
            ],
        ),
    ],
)
def test_an_example_is_broken_only_before_an_option_or_an_argument(example: str, lines: list[str]) -> None:
    assert example_lines(example) == lines


def test_every_example_fits_60_columns_and_is_one_command() -> None:
    examples = [line for _, one in commands() for line in (one.epilog or "").splitlines()]
    assert len(examples) > 90
    for example in examples:
        lines = example_lines(example)
        assert max(len(line) for line in lines) <= 58, example
        assert "\n".join(lines).replace(" \\\n    ", " ") == example
        assert all(line.endswith(" \\") for line in lines[:-1])


def test_the_help_names_the_extra_in_brackets(kept_iu: Iu) -> None:
    shown = " ".join(kept_iu("status", "--help").out.split())
    assert "server, if the extra [embedded] is installed." in shown
