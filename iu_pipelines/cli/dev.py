"""`iu dev`: Dagster's web UI, daemon and code location on the same database, in one command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from iu_pipelines import extras
from iu_pipelines.cli.command import Invocation, add_command
from iu_pipelines.cli.output import working
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.errors import redact
from iu_pipelines.evidence import store
from iu_pipelines.hosting import ports as default_ports
from iu_pipelines.hosting.code_location import LOCATION
from iu_pipelines.hosting.dev_server import DevServer, prepared
from iu_pipelines.hosting.ports import Ports
from iu_pipelines.settings import Settings

Port = Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port of the web UI.")]
EvidencePort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        show_default=False,
        help="Port that serves the evidence reports, to which runs link; default: 1000 above --port.",
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        show_default=False,
        help="Port that serves the metrics to Prometheus; default: 1500 above --port.",
    ),
]
Host = Annotated[
    str, typer.Option("--host", help="Address to listen on. Dagster has no login: use a loopback address.")
]
ReadOnly = Annotated[
    bool,
    typer.Option("--read-only", help="Start no daemon, and refuse to launch runs or switch schedules."),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        show_default=False,
        help="The workspace.yaml to load; default: the one in this directory.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command `iu dev`."""
    add_command(app, dev, writes=True)


def dev(
    call: Invocation,
    chosen: Settings,
    port: Port = 3000,
    evidence_port: EvidencePort = None,
    metrics_port: MetricsPort = None,
    host: Host = "127.0.0.1",
    read_only: ReadOnly = False,
    workspace: Workspace = None,
) -> None:
    """Run Dagster's web UI and daemon on the same database until Ctrl-C.

    Examples:
        iu dev
        iu dev --port 3100 --workspace deploy/workspace.yaml
    """
    extras.require("dagster", "dagster", "dagster_graphql", "dagster_postgres", "dagster_webserver")
    is_served = chosen.evidence_url or not store.local_directory(chosen.evidence_location)
    ports = Ports(
        host,
        port,
        evidence=None if is_served else evidence_port or default_ports.evidence_port(port),
        metrics=(metrics_port or default_ports.metrics_port(port)) if _can_serve_metrics() else None,
    )
    with (
        prepared(chosen, ports, workspace=workspace, read_only=read_only) as server,
        _metrics(call, server),
    ):
        if server.pending_steps:
            count = len(server.pending_steps)
            call.say_fact("schema", f"{count} steps are not applied; in another terminal: iu migrate")
        with working("starting Dagster"):
            server.start()
        if not server.stop.made:
            for name, value in _facts(server):
                call.say_fact(name, value)
            sys.stdout.flush()
        for _ in server.watch():
            call.say_fact("database", "had stopped, and was restarted")
        call.say_fact("stopping", "Dagster")


def _can_serve_metrics() -> bool:
    return extras.is_installed("prometheus_client")


@contextmanager
def _metrics(call: Invocation, server: DevServer) -> Iterator[None]:
    """Serve the metrics of the database, if the extra is installed."""
    if server.ports.metrics is None:
        yield
        return
    from iu_pipelines.hosting import metrics_server  # noqa: PLC0415  its package is in an extra

    def say(failure: str) -> None:
        call.say_fact("metrics", failure)

    with metrics_server.serving(server.ports.host, server.ports.metrics, server.settings, say):
        yield


def _facts(server: DevServer) -> Iterator[tuple[str, str]]:
    """Yield the lines to print: the URLs of pages and of the database, and the folder of the logs."""
    url = server.ports.web_url
    job = f"{url}/locations/{LOCATION}/jobs/route_worker_job"
    yield "web UI", f"{url}{' (read-only, no daemon)' if server.read_only else ''}"
    if LOCATION in {loaded.location for loaded in server.workspace.servers}:
        yield "route", f"{job}{'' if server.read_only else '/playground'}"
    yield "batches", f"{url}/assets/iu_route_attempt"
    yield "runs", f"{url}/runs"
    yield "schedules", f"{url}/automation"
    yield "evidence", str(server.settings.evidence_url or "in a remote store: see IU_EVIDENCE_STORE")
    yield (
        "metrics",
        server.ports.metrics_url or (f"not served: {extras.install_command('metrics')} adds the endpoint"),
    )
    yield "database", redact(resolve_database_url(server.settings))
    yield "logs", str(server.settings.dagster_directory)
    yield "stop", "Ctrl-C"
