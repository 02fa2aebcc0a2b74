"""`iu dev`: Dagster's web UI, daemon and code location on the same database, in one command."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer
from pydantic import AnyHttpUrl

from iu_pipelines import settings
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import print_line, working
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import plan
from iu_pipelines.errors import IuError, UsageError, redact
from iu_pipelines.hosting.child_processes import Services
from iu_pipelines.hosting.instance_configuration import STORAGE_VARIABLE, render, storage_url
from iu_pipelines.settings import Settings, child_environment

_LOCATION: Final = "iu_pipelines"
_WORKSPACE: Final = f"""load_from:
  - python_module:
      module_name: {_LOCATION}.definitions
      location_name: {_LOCATION}
"""
_START_SECONDS: Final = 180.0
_WATCH_SECONDS: Final = 0.5
_HEAL_SECONDS: Final = 2.0

Say = Callable[[str, str], None]

Port = Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port of the web UI.")]
EvidencePort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_535,
        show_default=False,
        help="Port of the pages of evidence, to which runs link; by default 1000 above that of the web UI.",
    ),
]
Host = Annotated[
    str, typer.Option("--host", help="Address to listen on. Dagster has no login: keep it on loopback.")
]
ReadOnly = Annotated[
    bool,
    typer.Option("--read-only", help="For viewers: nothing can be launched or switched, and no daemon runs."),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        show_default=False,
        help="workspace.yaml to load; by default the one of this directory.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command that runs Dagster."""
    app.command()(dev)


def dev(
    database_url: DatabaseUrl = None,
    port: Port = 3000,
    evidence_port: EvidencePort = None,
    host: Host = "127.0.0.1",
    read_only: ReadOnly = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Run Dagster's web UI and daemon on the same database, until Ctrl-C."""
    say = partial(_say, as_json)
    chosen = settings.load(database_url=database_url)
    ports = Ports(host, port, None if chosen.evidence_url else evidence_port or _far_from(port))
    if ports.web == ports.evidence:
        raise UsageError(
            f"port {port} is asked for twice, by --port and by --evidence-port", hint="choose another for one"
        )
    for wanted in filter(None, (ports.web, ports.evidence)):
        _require_free(host, wanted)
    if ports.evidence:
        chosen = chosen.model_copy(update={"evidence_url": AnyHttpUrl(ports.url(ports.evidence))})
    with ExitStack() as stack:
        if not read_only:
            stack.enter_context(_only_daemon(chosen))
        stop = stack.enter_context(_stop_requested())
        stack.enter_context(_database(chosen, say))
        services = Services(chosen.dagster_directory, _environment(chosen))
        stack.callback(services.stop)
        _start(services, Plan(chosen, ports, _workspace_file(chosen, workspace), read_only, say), stop)
        _watch(services, chosen, say, stop)


@dataclass(frozen=True)
class Ports:
    """Where we listen; ``evidence`` is None where somebody else serves the packs."""

    host: str
    web: int
    evidence: int | None

    def url(self, port: int) -> str:
        """Return the address of one of the ports."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"


@dataclass(frozen=True)
class Plan:
    """What is to be started, and where."""

    chosen: Settings
    ports: Ports
    workspace: Path
    read_only: bool
    say: Say


@dataclass
class Stop:
    """Whether somebody asked us to stop."""

    requested: bool = False


def _environment(chosen: Settings) -> dict[str, str]:
    """Return what Dagster's processes need to find the instance and both databases."""
    own = chosen.database_url
    return child_environment(
        DAGSTER_HOME=str(chosen.dagster_directory),
        IU_HOME=str(chosen.home),
        IU_EVIDENCE_URL=str(chosen.evidence_url or ""),
        **({"IU_DATABASE_URL": own.get_secret_value()} if own else {}),
        **{STORAGE_VARIABLE: storage_url(chosen)},
    )


def _far_from(port: int) -> int:
    """Return a port that nobody takes for the next web UI."""
    return port + 1000 if port <= 64_535 else port - 1000


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host} port {port}: {error.strerror}",
                hint="stop what listens there, or choose others: iu dev --port PORT --evidence-port PORT",
            ) from None


@contextmanager
def _only_daemon(chosen: Settings) -> Iterator[None]:
    """Hold the lock of the one daemon that an instance may have."""
    directory = render(chosen)
    with (directory / "dev.lock").open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another iu dev runs on {directory}, and an instance has one daemon",
                hint="use that one, look on with: iu dev --read-only --port PORT, or set IU_HOME elsewhere",
            ) from None
        yield


@contextmanager
def _stop_requested() -> Iterator[Stop]:
    """Turn Ctrl-C and SIGTERM into a request, so that what was started is always ended in order."""
    stop = Stop()

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _database(chosen: Settings, say: Say) -> Iterator[None]:
    """Have the database up, and stop the embedded server again if it was we who started it."""
    embedded = _embedded(chosen)
    found = embedded is None or embedded.is_running()
    render(chosen)
    try:
        with Gateway(resolve_database_url(chosen)) as gateway:
            _say_what_is_missing(gateway, say)
        yield
    finally:
        if embedded is not None and not found:
            embedded.stop()


def _say_what_is_missing(gateway: Gateway, say: Say) -> None:
    pending = [state.name for state in plan.states(gateway) if state.status != "applied"]
    if pending:
        say("schema", f"{len(pending)} steps are not applied; in another terminal: iu migrate")


def _embedded(chosen: Settings) -> EmbeddedServer | None:
    return None if chosen.database_url else EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin)


def _workspace_file(chosen: Settings, given: Path | None) -> Path:
    """Return the workspace that was named or lies here, or else one with our own code location."""
    if given is not None and not given.is_file():
        raise UsageError(f"there is no workspace file {given}")
    here = given or Path("workspace.yaml")
    if here.is_file():
        return here.resolve()
    ours = chosen.dagster_directory / "workspace.yaml"
    ours.write_text(_WORKSPACE, encoding="utf-8")
    return ours


def _start(services: Services, plan: Plan, stop: Stop) -> None:
    url = plan.ports.url(plan.ports.web)
    workspace = ("--workspace", str(plan.workspace))
    flags = ["--read-only"] if plan.read_only else []
    with working("starting Dagster"):
        services.start(
            "webserver", "dagster_webserver", "--host", plan.ports.host, "--port", str(plan.ports.web),
            "--db-pool-max-overflow", "5", *flags, *workspace,
        )  # fmt: skip
        _serve_evidence(services, plan)
        _wait_for(url, services, stop)
        if not plan.read_only and not stop.requested:
            services.start("daemon", "dagster._daemon", "run", *workspace)
    if not stop.requested:
        _say_where_to_click(url, plan)


def _serve_evidence(services: Services, plan: Plan) -> None:
    if plan.ports.evidence:
        directory = plan.chosen.evidence_directory
        directory.mkdir(parents=True, exist_ok=True)
        services.start(
            "evidence", "http.server", str(plan.ports.evidence), "--bind", plan.ports.host,
            "--directory", str(directory),
        )  # fmt: skip


def _wait_for(url: str, services: Services, stop: Stop) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not stop.requested:
        services.require_alive()
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise IuError(f"the web UI did not answer within {_START_SECONDS:.0f} seconds") from None
        time.sleep(_WATCH_SECONDS)


def _say_where_to_click(url: str, plan: Plan) -> None:
    job = f"{url}/locations/{_LOCATION}/jobs/route_worker_job"
    lines: Sequence[tuple[str, str]] = (
        ("web UI", f"{url}{' (read-only, no daemon)' if plan.read_only else ''}"),
        ("route", f"{job}{'' if plan.read_only else '/playground'}"),
        ("batches", f"{url}/assets/iu_route_attempt"),
        ("runs", f"{url}/runs"),
        ("schedules", f"{url}/automation"),
        ("evidence", str(plan.chosen.evidence_url)),
        ("database", redact(resolve_database_url(plan.chosen))),
        ("logs", str(plan.chosen.dagster_directory)),
        ("stop", "Ctrl-C"),
    )
    for name, value in lines:
        plan.say(name, value)
    sys.stdout.flush()


def _say(as_json: bool, name: str, value: str) -> None:
    """Print one fact: a line for a person, or a line with one JSON object."""
    print_line(json.dumps({name: value}) if as_json else f"{name:<11} {value}")


def _watch(services: Services, chosen: Settings, say: Say, stop: Stop) -> None:
    """Stay until asked to stop; bring the embedded server back where it was killed."""
    embedded = _embedded(chosen)
    healed = time.monotonic()
    while not stop.requested:
        services.require_alive()
        if embedded is not None and time.monotonic() - healed >= _HEAL_SECONDS:
            if not embedded.is_running():
                embedded.ensure_running()
                say("database", "was gone, and is back")
            healed = time.monotonic()
        time.sleep(_WATCH_SECONDS)
    say("stopping", "Dagster")
