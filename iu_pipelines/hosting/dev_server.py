"""The processes of `iu dev`: Dagster's code servers, web server and daemon, and a server for evidence."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import AnyHttpUrl

from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import plan
from iu_pipelines.domain import deliveries, targets
from iu_pipelines.errors import IuError, UsageError, redact
from iu_pipelines.evidence import store
from iu_pipelines.hosting import instance_file
from iu_pipelines.hosting.child_processes import ChildProcesses
from iu_pipelines.hosting.code_location import read_workspace
from iu_pipelines.hosting.code_servers import SharedWorkspace, shared_workspace
from iu_pipelines.hosting.instance_file import InstanceFile
from iu_pipelines.hosting.ports import Ports
from iu_pipelines.hosting.stop_request import StopRequest, stop_request
from iu_pipelines.settings import Settings, child_environment

_OPEN_INSTANCE: Final = "iu_pipelines.hosting.instance"
_TAIL: Final = 500
_START_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.5
_DATABASE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class DevServer:
    """The processes of `iu dev` and their configuration. Created and stopped by `prepared()`.

    With `read_only` the web UI cannot launch runs, and no daemon is started. `pending_steps` are the schema
    steps that are not applied.
    """

    settings: Settings
    ports: Ports
    workspace: SharedWorkspace
    read_only: bool
    pending_steps: tuple[str, ...]
    children: ChildProcesses
    stop: StopRequest

    def start(self) -> None:
        """Start every process and wait until the web UI responds or a stop is requested.

        Raises:
            IuError: a process exited, or the web UI or a code server was not ready in time.
        """
        for server in self.workspace.servers:
            self.children.start(server.name, *server.arguments, python=server.python)
        self._serve_evidence()
        for server in self.workspace.servers:
            self._wait_for(server.is_ready, f"the code server of {server.location}")
        if self.stop.made:
            return
        self._start_web()
        self._wait_for(self._web_responds, "the web UI")
        if not self.read_only and not self.stop.made:
            self.children.start(
                "daemon", "dagster._daemon", "run", "--log-level", "warning", *self._workspace_option
            )

    def watch(self) -> Iterator[None]:
        """Wait until a stop is requested; yield each time the embedded server was restarted.

        Raises:
            IuError: a process exited.
        """
        embedded = _embedded(self.settings)
        looked = time.monotonic()
        while not self.stop.made:
            self.children.require_alive()
            if embedded is not None and time.monotonic() - looked >= _DATABASE_SECONDS:
                if not embedded.is_running():
                    embedded.ensure_running()
                    yield
                looked = time.monotonic()
            time.sleep(_WATCH_SECONDS)

    def _serve_evidence(self) -> None:
        directory = store.local_directory(self.settings.evidence_location)
        if self.ports.evidence and directory:
            directory.mkdir(parents=True, exist_ok=True)
            self.children.start(
                "evidence", "http.server", str(self.ports.evidence), "--bind", self.ports.host,
                "--directory", str(directory),
            )  # fmt: skip

    def _start_web(self) -> None:
        self.children.start(
            "webserver", "dagster_webserver", "--host", self.ports.host, "--port", str(self.ports.web),
            "--db-pool-max-overflow", "5", "--dagster-log-level", "warning",
            *(["--read-only"] if self.read_only else []), *self._workspace_option,
        )  # fmt: skip

    @property
    def _workspace_option(self) -> tuple[str, str]:
        return "--workspace", str(self.workspace.file)

    def _web_responds(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.ports.web_url}/server_info", timeout=5):  # noqa: S310  our own server
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _wait_for(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.stop.made and not ready():
            self.children.require_alive()
            if time.monotonic() > deadline:
                raise IuError(
                    f"{what} did not respond within {_START_SECONDS:.0f} seconds",
                    hint=f"See the logs in {self.children.logs}.",
                )
            time.sleep(_POLL_SECONDS)


@contextmanager
def prepared(
    settings: Settings, ports: Ports, *, workspace: Path | None = None, read_only: bool = False
) -> Iterator[DevServer]:
    """Start the database and yield a server that is ready to start; at the end stop everything it started.

    Raises:
        UsageError: a port is in use, another `iu dev` runs a daemon on the same instance, or dagster.yaml or
            workspace.yaml cannot be used.
    """
    ports.require_free()
    if ports.evidence_url:
        settings = settings.model_copy(update={"evidence_url": AnyHttpUrl(ports.evidence_url)})
    source = read_workspace(settings, workspace)
    file = instance_file.ensure(settings)
    with ExitStack() as stack:
        if not read_only:
            stack.enter_context(_only_daemon(settings))
        stop = stack.enter_context(stop_request())
        stack.enter_context(_running_database(settings))
        pending = _pending_steps(settings)
        environment = _environment(settings, file)
        if not file.is_own:
            _require_usable(file, environment)
        children = ChildProcesses(settings.dagster_directory, environment)
        shared = stack.enter_context(shared_workspace(source))
        stack.callback(children.stop)
        yield DevServer(settings, ports, shared, read_only, pending, children, stop)


def _environment(settings: Settings, file: InstanceFile) -> dict[str, str]:
    """Return the environment in which Dagster's processes find the instance and both databases."""
    own, packs = settings.database_url, settings.evidence_store
    return child_environment(
        DAGSTER_HOME=str(settings.dagster_directory),
        IU_HOME=str(settings.home),
        IU_EVIDENCE_URL=str(settings.evidence_url or ""),
        IU_DELIVERY_TARGETS=settings.delivery_targets or ",".join(_targets(settings)),
        **({"IU_DATABASE_URL": own.get_secret_value()} if own else {"IU_EMBEDDED": "true"}),
        **({"IU_EVIDENCE_STORE": packs.get_secret_value()} if packs else {}),
        **file.storage_environment(settings),
    )


def _targets(settings: Settings) -> list[str]:
    """Return the names of the targets in the database, or none if it has no module that delivers.

    Of names that are the same in Dagster, where `.` and `-` are written as `_`, one is returned.
    """
    with suppress(IuError), Gateway(resolve_database_url(settings)) as gateway:
        if deliveries.is_installed(gateway):
            names = [target.target_name for target in targets.list_targets(gateway)]
            return list({name.replace(".", "_").replace("-", "_"): name for name in names}.values())
    return []


def _require_usable(file: InstanceFile, environment: Mapping[str, str]) -> None:
    """Raise UsageError if Dagster cannot open the instance that a user's file configures."""
    done = subprocess.run(
        [sys.executable, "-m", _OPEN_INSTANCE],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == UsageError.exit_code and done.stdout:
        message, hint = json.loads(done.stdout.splitlines()[-1])
        raise UsageError(message, hint=hint)
    if done.returncode:
        raise IuError(f"{file.path} cannot be checked: {redact(done.stderr.strip()[-_TAIL:])}")


@contextmanager
def _only_daemon(settings: Settings) -> Iterator[None]:
    """Hold the lock that allows one daemon for an instance."""
    directory = settings.dagster_directory
    with (directory / "dev.lock").open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another iu dev runs on {directory}, and an instance can have only one daemon",
                hint="Use that one, set IU_HOME to another directory, or start a second web UI: "
                "iu dev --read-only --port PORT",
            ) from None
        yield


@contextmanager
def _running_database(settings: Settings) -> Iterator[None]:
    """Start the embedded server unless it runs, and stop it at the end if it was started here."""
    embedded = _embedded(settings)
    found = embedded is None or embedded.is_running()
    try:
        resolve_database_url(settings)
        yield
    finally:
        if embedded is not None and not found:
            embedded.stop()


def _pending_steps(settings: Settings) -> tuple[str, ...]:
    with Gateway(resolve_database_url(settings)) as gateway:
        return tuple(state.name for state in plan.states(gateway) if state.status != "applied")


def _embedded(settings: Settings) -> EmbeddedServer | None:
    return None if settings.database_url else EmbeddedServer(settings.home, pg_bin=settings.pg_bin)
