"""`iu exec`, which runs a program of yours on the same database."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from iu_pipelines.cli.command import add_command
from iu_pipelines.cli.connection import database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import libpq_environment
from iu_pipelines.errors import UsageError
from iu_pipelines.settings import Settings, child_environment

Program = Annotated[
    list[str], typer.Argument(metavar="PROGRAM", help="The program, and its own arguments and options.")
]


def register(app: typer.Typer) -> None:
    """Add the command `iu exec`."""
    add_command(app, execute, "exec", takes_rest=True)


def execute(chosen: Settings, program: Program) -> NoReturn:
    """Run a program that connects to the same database, such as psql or one of yours.

    The program finds the connection in its environment: PGHOST, PGUSER, PGPASSWORD and the others that psql,
    psycopg and every driver with libpq read, and the URL in IU_DATABASE_URL. It replaces this process, so
    that its output, its signals and its exit code are its own. The psql of the embedded server is found if
    there is no other.

    Examples:
        iu exec psql
        iu exec psql --file shop.sql
        iu exec python shop.py
    """
    url = database_url(chosen)
    environment = child_environment(IU_DATABASE_URL=url, **libpq_environment(url))
    environment.pop("PGSERVICE", None)  # its file would win over the other variables
    if chosen.database_url is None:
        programs = EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin).programs()
        environment["PATH"] = os.pathsep.join(filter(None, (environment.get("PATH"), str(programs))))
    sys.stdout.flush()
    # Python ignores SIGPIPE, and the program would inherit that.
    ignored = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(program[0], program, environment)  # noqa: S606  the program is the user's
    except OSError as error:
        signal.signal(signal.SIGPIPE, ignored)
        raise UsageError(
            f"{program[0]!r} cannot be run: {error.strerror}",
            hint="Name a program on PATH, or give its path.",
        ) from error
