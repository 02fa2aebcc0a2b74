"""The command `iu` with all its commands, and the boundary where errors become messages and exit codes.

Exit codes: 0 success, 1 an error or a failed check, 2 bad usage, 3 a difference (`iu plan`), 130 interrupted,
141 the reader of the output is gone.
"""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

from iu_pipelines import __version__
from iu_pipelines.cli.help_pages import Command, Group
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.usage_errors import CommandMissing, describe
from iu_pipelines.errors import IuError, redact

COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    "demo": {
        "demo": "Ingest the git history of this directory, route its events through Dagster, "
        "and run the probes",
    },
    "dev": {
        "dev": "Run Dagster's web UI and daemon on the same database until Ctrl-C",
    },
    "steps": {
        "migrate": "Apply every pending step, each in its own transaction",
        "verify": "Verify every step with its read-only proof",
        "probe": "Run the probes, in transactions that are rolled back",
        "rollback": "Undo all steps of a module after STEP, or none of them if one refuses because data "
        "would be lost",
        "steps": "List the steps, and stamp their files",
        "sql": "The SQL files of this package, for psql",
    },
    "ingest": {
        "ingest": "Read history into information units and versions",
    },
    "status": {
        "status": "Show all workers and domains, gates, routes, dead letters, events and steps on one screen",
    },
    "fleet": {
        "fleet": "Many outboxes that one file names, each in a database of its own",
    },
    "metrics": {
        "metrics": "Print the numbers for Prometheus in its text format, or serve them",
    },
    "doctor": {
        "doctor": "Examine environment, server, schema, roles, ports and Dagster",
        "wait": "Wait until the database answers and is migrated to this version",
    },
    "outbox": {
        "emit": "Emit one event, and print its id",
    },
    "events": {
        "why": "Explain what happened to one event: worker, route, rule, gate, batch, run and dead letter",
        "event": "List and show events",
    },
    "tail": {
        "tail": "Print new events, one line each, when they are committed",
    },
    "event_types": {
        "types": "Show the registered event types",
        "type": "Event types: which events may be emitted",
    },
    "worker": {
        "run": "Run the worker, batch by batch, until nothing is left or a limit is reached",
        "seek": "Move the worker's cursor, and record the reason",
        "worker": "Add, list and retire workers",
        "batch": "Show the batches of workers",
    },
    "dead_letters": {
        "replay": "Replay one dead letter, or with --due every open one that is due",
        "discard": "Discard one dead letter: close it without a replay",
    },
    "gates": {
        "gate": "Show and set the gates and other settings",
    },
    "retention": {
        "retention": "Delete old events that every worker has read, and show the state of retention",
    },
    "plans": {
        "plan": "Show the difference between a file and the database; exit 3 if there is one",
        "apply": "Show the difference between a file and the database, ask, and carry it out in one "
        "transaction",
        "export": "Print the outbox file of what is in the database",
        "schema": "Print the JSON schema of the outbox file, for editors",
    },
    "simulations": {
        "simulate": "Compare what was decided about past events with what a file would decide",
    },
    "routes": {
        "route": "Outbound routes (event type to target) and inbound routes (table change to event)",
    },
    "targets": {
        "target": "Targets of live delivery: where the events of live routes are sent",
    },
    "promotions": {
        "promote": "Make a route live: one person proposes it with evidence, another one approves it",
        "demote": "End the promotion of a route: nothing more is queued or claimed",
    },
    "deliveries": {
        "deliver": "Deliver what is due to the targets that are granted to this login",
    },
    "captures": {
        "capture": "Captures: events for changed rows of your tables",
    },
    "attempts": {
        "audit": "Show attempts by decision, the newest attempts, and the open dead letters",
    },
    "evidence": {
        "evidence": "Run every proof and probe, and write a pack of evidence: an HTML page, JSON and JUnit",
    },
    "exec": {
        "exec": "Run a program that connects to the same database, such as psql or one of yours",
    },
    "stop": {
        "stop": "Stop the embedded server under IU_HOME",
    },
}
"""The modules of `iu_pipelines.cli` with commands, in the order of the help, and the commands of each with
the sentence about them in `iu --help`, which imports no module.
"""

_BUG: Final = (
    "This is a bug in iu-pipelines. Run it again with --debug before the command, and report the traceback."
)
_HELP_OPTIONS: Final = ("-h", "--help")
_GIVEN_CHARACTERS: Final = 200
_MAY_BE_SECRET: Final = ("--option", "--secret")


class _Commands(Group):
    """Every command, of which only the one that is called is imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for commands in COMMANDS.values():
            for name, sentence in commands.items():
                self.commands[name] = Command(name, short_help=sentence)

    def resolve_command(self, *called: Any) -> Any:
        """Return the name of the command that is called, the command, and its arguments."""
        name, _, arguments = super().resolve_command(*called)
        return name, _load(name) if name else None, arguments


def _load(name: str) -> Any:
    (module,) = (module for module, commands in COMMANDS.items() if name in commands)
    group: Any = get_command(build_app([module]))
    return group.commands[name]


def build_app(modules: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the command line with the commands of some modules, by default with every command."""
    app = _app(Group)
    for name in modules:
        importlib.import_module(f"iu_pipelines.cli.{name}").register(app)
    return app


def _app(kind: type[Group]) -> typer.Typer:
    """Return the command line without commands. Its help is plain text, which fits every terminal."""
    app = typer.Typer(
        name="iu",
        cls=kind,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": list(_HELP_OPTIONS)},
        help="Route events on PostgreSQL: emit them, route them by rules, record every attempt, "
        "replay failures.",
    )
    app.callback()(_root)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"iu-pipelines {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the Python traceback of an error.")] = False,
) -> None:
    """Accept options before the name of a command; the callbacks in `options` read them."""
    if context.invoked_subcommand is None:
        raise CommandMissing(context)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Print errors on stderr, with a traceback only for --debug.

    The code of a command that Ctrl-C ended is 130, and nothing is printed about it. Raises BrokenPipeError if
    nobody reads the output.
    """
    try:
        answer = _app(_Commands)(args=list(arguments), prog_name="iu", standalone_mode=False)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the boundary of errors
        if "--debug" in arguments:
            traceback.print_exc()
        return report(error, arguments)
    return answer if isinstance(answer, int) else 0


def _path(arguments: Sequence[str]) -> str:
    """Return `iu` and the words that name the command that was called."""
    group: Any = get_command(_app(_Commands))
    path = ["iu"]
    for word in arguments:
        if word in getattr(group, "commands", {}):
            group = group.commands[word] if path[1:] else _load(word)
            path.append(word)
    return " ".join(path)


def _without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return arguments with `***` for what is given to an option that a secret may be given to by mistake."""
    kept: list[str] = []
    for word in arguments:
        if kept and kept[-1] in _MAY_BE_SECRET:
            kept.append("***")
        else:
            option, is_pair, _ = word.partition("=")
            kept.append(f"{option}=***" if is_pair and option in _MAY_BE_SECRET else word)
    return kept


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Print `error` and return its exit code."""
    from iu_pipelines.cli.output import print_error  # noqa: PLC0415  rich takes longer than `iu --version`

    as_json = "--json" in arguments
    if isinstance(error, IuError):
        if isinstance(error, CommandMissing) and not as_json:
            print(error.help_page, end="\n\n", file=sys.stderr)
        notes = getattr(error, "__notes__", ())
        print_error(error.message, error.hint, error.code, notes, as_json=as_json)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        given = redact(shlex.join(["iu", *_without_secrets(arguments)]))[:_GIVEN_CHARACTERS]
        message, hint = describe(error, _path(arguments))
        print_error(message, hint, None, (f"given: {given}",), as_json=as_json)
        return error.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that what is still buffered fails only once
        print_error(
            "no space is left on the device", "Free some, or write elsewhere.", None, (), as_json=as_json
        )
        return 1
    print_error(f"unexpected {type(error).__name__}: {error}", _BUG, None, (), as_json=as_json)
    return 1
