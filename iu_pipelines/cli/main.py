"""The command `iu` with all its commands, and the boundary where errors become messages and exit codes.

Exit codes: 0 success, 1 an error or a failed check, 2 bad usage, 3 a difference (`iu plan`), 130 interrupted.
"""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Final

import typer

from iu_pipelines.cli import (
    attempts,
    dead_letters,
    demo,
    dev,
    event_types,
    evidence,
    gates,
    health,
    ingest,
    outbox,
    plans,
    retention,
    routes,
    steps,
    stop,
    worker,
)
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import print_error
from iu_pipelines.errors import IuError, redact

_NOUNS: Final = (
    demo,
    dev,
    steps,
    ingest,
    health,
    outbox,
    event_types,
    worker,
    dead_letters,
    gates,
    retention,
    plans,
    routes,
    attempts,
    evidence,
    stop,
)
_BUG: Final = (
    "This is a bug in iu-pipelines. Run it again with --debug before the command, and report the traceback."
)
_HELP: Final = "See: iu --help, or iu COMMAND --help"
_GIVEN_CHARACTERS: Final = 200
_INTERRUPTED: Final = 130


def build_app() -> typer.Typer:
    """Return the command line with every command."""
    app = typer.Typer(
        name="iu",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Route events on PostgreSQL: emit them, route them by rules, record every attempt, "
        "replay failures.",
    )
    app.callback()(_root)
    for noun in _NOUNS:
        noun.register(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"iu-pipelines {_installed_version()}")
        raise typer.Exit


def _installed_version() -> str:
    try:
        return version("iu-pipelines")
    except PackageNotFoundError:
        return "(not installed)"


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
        answer = build_app()(args=list(arguments), prog_name="iu", standalone_mode=False)
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
