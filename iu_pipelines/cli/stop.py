"""``iu stop``: the embedded server."""

from __future__ import annotations

import typer

from iu_pipelines import settings
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import print_json, print_line
from iu_pipelines.db.embedded.server import EmbeddedServer


def register(app: typer.Typer) -> None:
    """Add the command about the embedded server."""
    app.command()(stop)


def stop(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Stop the embedded server under IU_HOME; a server of your own is left alone."""
    chosen = settings.load()
    stopped = EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin).stop()
    if as_json:
        print_json({"stopped": stopped, "home": str(chosen.home)})
    else:
        print_line(f"{'stopped' if stopped else 'not running'}: the embedded server under {chosen.home}")
