"""`iu dev` in its own IU_HOME, for tests that use the GraphQL API of the web UI."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from defs.code_location import run_config
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.defs.kit.runs import PARTITION_TAG
from iu_pipelines.domain import attempts, outbox, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from waiting import PATIENCE, eventually

REPOSITORY = {"repositoryLocationName": "iu_pipelines", "repositoryName": "__repository__"}
_AS_CHILD = ("-m", "iu_pipelines.hosting.run_as_child")
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
LAUNCH = """mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
EVENTS = """query ($run: ID!) {
  logsForRun(runId: $run) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}"""
SENSOR = """mutation ($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) { __typename }
}"""
QUIET_SECONDS = 3.0
_CHANCE: Final = random.SystemRandom()
_PORTS: Final = range(15_000, 32_768)
"""Ports above those of usual services, and below those of outgoing connections on Linux."""
STOP_SENSOR = """mutation ($id: String!) { stopSensor(id: $id) { __typename } }"""
TICKS = """query ($selector: InstigationSelector!) {
  instigationStateOrError(instigationSelector: $selector) {
    ... on InstigationState { id status ticks(limit: 20) { status skipReason error { message } runIds } }
  }
}"""


class Dev:
    """A process of `iu dev` with its own IU_HOME and ports, and calls of its GraphQL API.

    `python` has the package; in a `folder` it runs without PYTHONPATH.
    """

    def __init__(self, home: Path, python: str = sys.executable, folder: Path | None = None) -> None:
        self.home, self._python, self._folder = home, python, folder
        self.port, self.evidence_port, self.metrics_port = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[str] | None = None
        self.server = EmbeddedServer(home)

    def start(self, *options: str, **environment: str) -> list[str]:
        """Start it, wait until it has printed its addresses, and return the lines that it printed."""
        self.process = subprocess.Popen(
            [
                *(self._python, *_AS_CHILD, self._python, "-m", "iu_pipelines", "dev"),
                *("--port", str(self.port), "--evidence-port", str(self.evidence_port)),
                *("--metrics-port", str(self.metrics_port), *options),
            ],
            cwd=self._folder,
            env={**self._surroundings(), "IU_HOME": str(self.home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if "Ctrl-C" in line:
                return seen
        self.process.communicate(timeout=PATIENCE)
        raise AssertionError("".join(seen))

    def _surroundings(self) -> dict[str, str]:
        left_out = {"PYTHONPATH"} if self._folder else set()
        return {name: value for name, value in os.environ.items() if name not in left_out}

    def stop(self) -> str:
        """Send SIGINT and return the rest of the output."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        return said

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = answer.read()
        except urllib.error.HTTPError as refused:
            body = refused.read()
        data: dict[str, Any] | None = json.loads(body)["data"]
        return data or {}

    def metrics(self) -> str:
        """Return what the endpoint of the metrics answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def launch(
        self, config: dict[str, Any], job: str = "route_worker_job", partition: str | None = DEFAULT_WORKER
    ) -> dict[str, Any]:
        """Launch a job as the launchpad does: a worker is selected as a partition."""
        params: dict[str, Any] = {
            "selector": {**REPOSITORY, "jobName": job},
            "mode": "default",
            "runConfigData": run_config(job, config),
        }
        if job == "route_worker_job" and partition:
            params["executionMetadata"] = {"tags": [{"key": PARTITION_TAG, "value": partition}]}
        answer: dict[str, Any] = self.ask(LAUNCH, params=params).get("launchRun", {})
        return answer

    def run(self, config: dict[str, Any]) -> str:
        """Launch the worker, and retry: after a restart of PostgreSQL, Dagster first has to reconnect."""
        answers: list[dict[str, Any]] = []

        def launched() -> bool:
            answers.append(self.launch(config))
            return "run" in answers[-1]

        eventually(launched, "the run is launched", pause=0.2)
        return str(answers[-1]["run"]["runId"])

    def status(self, run_id: str) -> str:
        query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        return str(self.ask(query, id=run_id).get("runOrError", {}).get("status", "unknown"))

    def wait_for(self, run_id: str) -> str:
        eventually(lambda: self.status(run_id) in FINISHED, f"run {run_id} is finished", pause=0.2)
        return self.status(run_id)

    def worker_pid(self, run_id: str) -> int:
        """Return the process id that a run reports in its events."""
        found: list[int] = []

        def look() -> bool:
            for event in self.ask(EVENTS, run=run_id)["logsForRun"]["events"]:
                message = event.get("message") or ""
                if "Executing steps in process (pid: " in message:
                    found.append(int(message.rsplit("pid: ", 1)[1].rstrip(").")))
            return bool(found)

        eventually(look, "a tick", pause=0.2)
        return found[0]

    def switch_on(self, sensor: str) -> None:
        self.ask(SENSOR, selector={**REPOSITORY, "sensorName": sensor})

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        ticks: list[dict[str, Any]] = self._sensor(sensor)["ticks"]
        return ticks

    def switch_off(self, sensor: str) -> None:
        """Stop a sensor until it stays stopped: at the end of a tick the daemon may write RUNNING again."""
        stopped_at = [time.monotonic()]

        def is_quiet() -> bool:
            state = self._sensor(sensor)
            if state["status"] == "RUNNING":
                self.ask(STOP_SENSOR, id=state["id"])
                stopped_at.append(time.monotonic())
            return time.monotonic() - stopped_at[-1] > QUIET_SECONDS

        eventually(is_quiet, f"{sensor} is stopped", pause=0.2)

    def _sensor(self, sensor: str) -> dict[str, Any]:
        state: dict[str, Any] = self.ask(TICKS, selector={**REPOSITORY, "name": sensor})[
            "instigationStateOrError"
        ]
        return state

    def gateway(self) -> Gateway:
        return Gateway(self.server.url())

    def emit(self, count: int) -> None:
        with self.gateway() as gateway:
            outbox.emit_many(
                gateway,
                [outbox.NewEvent("version_applied", f"t/{n}", uuid4(), "test", {}) for n in range(count)],
            )

    def wait_for_batches(self, run_id: str, batches: int = 3) -> None:
        """Wait until a run has made `batches` batches. A timeout's error lists the runs of all batches."""
        with self.gateway() as gateway:
            try:
                eventually(lambda: len(worker.batches(gateway, run_ref=run_id)) >= batches, pause=0.2)
            except AssertionError:
                newest = [(batch.run_ref, batch.seen) for batch in worker.batches(gateway)]
                raise AssertionError(f"run {run_id} is {self.status(run_id)}; batches: {newest}") from None

    def assert_one_attempt_for_each_event(self) -> None:
        """Run the worker until no event is left, and assert that each event has exactly one attempt."""
        assert self.wait_for(self.run({"batch_limit": 10_000})) == "SUCCESS"
        with self.gateway() as gateway:
            found = gateway.fetch_one(
                """select (select count(*) from public.event_outbox) as events,
                          (select count(*) from public.iu_route_attempt) as attempts,
                          (select count(distinct event_id) from public.iu_route_attempt) as attempted"""
            )
            assert found
            assert found["events"] == found["attempts"] == found["attempted"]
            assert attempts.conservation(gateway, DEFAULT_WORKER).events_unattempted == 0

    def processes(self) -> list[int]:
        """Return the processes of Dagster and of the server of evidence that have this IU_HOME."""
        wanted = f"IU_HOME={self.home}".encode()
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                environment = (directory / "environ").read_bytes().split(b"\0")
                words = (directory / "cmdline").read_bytes()
            except OSError:
                continue
            if wanted in environment and (b"dagster" in words or b"http.server" in words):
                found.append(int(directory.name))
        return found


def free_port() -> int:
    """Return a free port that no outgoing connection can take before a server listens on it."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", _CHANCE.choice(_PORTS)))
            return int(probe.getsockname()[1])


@contextmanager
def running(
    shared: Path,
    *options: str,
    dagster_yaml: str = "",
    prepare: Callable[[Dev], Mapping[str, str]] | None = None,
) -> Iterator[Dev]:
    """Yield a running `iu dev` with an installed schema. Stop all its processes at the end.

    Its IU_HOME is under `shared`, whose servers are stopped even when the tests are killed. `dagster_yaml` is
    the text of a user's dagster.yaml, if it is not empty. What `prepare` returns, which is called before the
    start, is added to the environment.
    """
    home = Path(tempfile.mkdtemp(prefix="dev with a space ", dir=shared))
    if dagster_yaml:
        (home / "dagster").mkdir()
        (home / "dagster" / "dagster.yaml").write_text(dagster_yaml, encoding="utf-8")
    dev = Dev(home)
    dev.server.ensure_running()
    with dev.gateway() as gateway:
        migration.apply(gateway)
    try:
        dev.start(*options, **(prepare(dev) if prepare else {}))
        yield dev
        assert "stopping" in dev.stop()
        eventually(lambda: not dev.processes(), "no process of Dagster is left")
        assert dev.server.is_running(), "iu dev stopped a server that it had not started"
    finally:
        if dev.process and dev.process.poll() is None:
            dev.process.kill()
        dev.server.stop()
        shutil.rmtree(home, ignore_errors=True)
