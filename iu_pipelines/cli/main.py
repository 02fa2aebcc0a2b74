"""The command `iu` with all its commands, and the boundary where errors become messages and exit codes.

Exit codes: 0 success, 1 an error or a failed check, 2 bad usage, 3 a difference (`iu plan`), 130 interrupted.
"""

from __future__ import annotations

import importlib
import shlex
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final

import typer

from iu_pipelines import __version__
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import print_error
from iu_pipelines.errors import IuError, redact

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "demo": ("demo",),
    "dev": ("dev",),
    "steps": ("migrate", "verify", "probe", "rollback", "steps"),
    "ingest": ("ingest",),
    "status": ("status",),
    "metrics": ("metrics",),
    "doctor": ("doctor", "wait"),
    "outbox": ("emit",),
    "events": ("why", "event"),
    "tail": ("tail",),
    "event_types": ("type", "types"),
    "worker": ("run", "seek", "batch", "worker"),
    "dead_letters": ("replay", "discard"),
    "gates": ("gate",),
    "retention": ("retention",),
    "plans": ("plan", "apply", "export", "schema"),
    "simulations": ("simulate",),
    "routes": ("route",),
    "captures": ("capture",),
    "attempts": ("audit",),
    "evidence": ("evidence",),
    "stop": ("stop",),
}
"""The modules of `iu_pipelines.cli` with commands, in the order of the help, and the commands of each."""

_BUG: Final = (
    "This is a bug in iu-pipelines. Run it again with --debug before the command, and report the traceback."
)
_HELP_OPTIONS: Final = ("-h", "--help")
_HELP: Final = "See: iu --help, or iu COMMAND --help"
_GIVEN_CHARACTERS: Final = 200
_INTERRUPTED: Final = 130


def build_app(modules: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the command line with the commands of some modules, by default with every command."""
    app = typer.Typer(
        name="iu",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(_HELP_OPTIONS)},
        help="Route events on PostgreSQL: emit them, route them by rules, record every attempt, "
        "replay failures.",
    )
    app.callback()(_root)
    for name in modules:
        importlib.import_module(f"iu_pipelines.cli.{name}").register(app)
    return app


def modules_for(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that a call needs: that of its command, none for its version, otherwise all.

    Importing every module takes half a second.
    """
    words = iter(arguments)
    for word in words:
        if word == "--version":
            return ()
        if word in _HELP_OPTIONS:
            break
        if word == "--database-url":
            next(words, None)
        elif not word.startswith("-"):
            return tuple(name for name, commands in COMMANDS.items() if word in commands) or tuple(COMMANDS)
    return tuple(COMMANDS)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"iu-pipelines {__version__}")
        raise typer.Exit


def _root(
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


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Print errors on stderr, with a traceback only for --debug."""
    try:
        answer = build_app(modules_for(arguments))(
            args=list(arguments), prog_name="iu", standalone_mode=False
        )
    except Exception as error:  # noqa: BLE001  the boundary of errors
        if "--debug" in arguments:
            traceback.print_exc()
        return _report(error, arguments)
    if answer == _INTERRUPTED:
        print_error(
            "interrupted",
            "What was committed is kept; the next run continues from there.",
            None,
            (),
            as_json=False,
        )
    return answer if isinstance(answer, int) else 0


def _report(error: Exception, arguments: Sequence[str]) -> int:
    """Print `error` and return its exit code."""
    as_json = "--json" in arguments
    if isinstance(error, IuError):
        notes = getattr(error, "__notes__", ())
        print_error(error.message, error.hint, error.code, notes, as_json=as_json)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        given = redact(shlex.join(["iu", *arguments]))[:_GIVEN_CHARACTERS]
        print_error(error.format_message(), _HELP, None, (f"given: {given}",), as_json=as_json)
        return error.exit_code
    print_error(f"unexpected {type(error).__name__}: {error}", _BUG, None, (), as_json=as_json)
    return 1
