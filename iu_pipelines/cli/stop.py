"""`iu stop`, which stops the embedded server."""

from __future__ import annotations

import typer

from iu_pipelines.cli.command import Answer, add_command
from iu_pipelines.cli.output import print_line
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command `iu stop`."""
    add_command(app, stop)


def stop(chosen: Settings) -> Answer:
    """Stop the embedded server under IU_HOME. Does not stop any other server.

    Examples:
        iu stop
    """
    stopped = EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin).stop()
    state = "stopped" if stopped else "not running"
    return Answer(
        {"stopped": stopped, "home": str(chosen.home)},
        lambda: print_line(f"{state}: the embedded server under {chosen.home}"),
    )
