"""`iu metrics`: the numbers for Prometheus, printed once or served."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Final

import typer

from iu_pipelines import extras
from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.connection import database_url
from iu_pipelines.domain import metrics as numbers
from iu_pipelines.errors import IuError, UsageError
from iu_pipelines.hosting import ports
from iu_pipelines.hosting.stop_request import stop_request

_LOOPBACK: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.1

Serve = Annotated[bool, typer.Option("--serve", help="Serve the numbers over HTTP until Ctrl-C.")]
Host = Annotated[
    str | None,
    typer.Option(
        show_default=False,
        help=f"Address for --serve, by default {_LOOPBACK}. The endpoint has no login.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        show_default=False,
        help=f"Port for --serve, by default {ports.METRICS_PORT}.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command `iu metrics`."""
    add_command(app, metrics)


def metrics(call: Invocation, serve: Serve = False, host: Host = None, port: Port = None) -> Answer | None:
    """Print the numbers for Prometheus in its text format, or serve them.

    Without an answer of the database, print iu_up 0 and exit with code 1.

    Examples:
        iu metrics
        iu metrics --serve --host 127.0.0.1 --port 9500
    """
    extras.require("metrics", "prometheus_client")
    if serve:
        _serve(call, host or _LOOPBACK, port or ports.METRICS_PORT)
        return None
    if host or port:
        raise UsageError("--host and --port have no effect without --serve", hint="Add --serve.")
    return _once(call)


def _once(call: Invocation) -> Answer:
    from iu_pipelines.hosting import exposition  # noqa: PLC0415  its package is in an extra

    try:
        with call.connect() as gateway:
            found = numbers.collect(gateway)
    except UsageError:
        raise
    except IuError:
        if not call.as_json:
            sys.stdout.write(exposition.text(None))
        raise
    return Answer(found, lambda: _write(exposition.text(found)))


def _write(text: str) -> None:
    sys.stdout.write(text)


def _serve(call: Invocation, host: str, port: int) -> None:
    """Serve the numbers until SIGINT or SIGTERM."""
    from iu_pipelines.hosting.metrics_server import serving  # noqa: PLC0415  its package is in an extra

    def say(failure: str) -> None:
        call.say_fact("database", failure)

    chosen = call.settings()
    with stop_request() as stop:
        database_url(chosen)
        with serving(host, port, chosen, say):
            call.say_fact("metrics", ports.metrics_url(host, port))
            call.say_fact("stop", "Ctrl-C")
            sys.stdout.flush()
            while not stop.made:
                time.sleep(_POLL_SECONDS)
