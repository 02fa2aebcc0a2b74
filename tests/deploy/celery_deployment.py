"""Dagster with the run launcher of Celery: a daemon and two workers that read sample files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import dagster as dg
import pytest

import pages
import process_groups
from databases import Server
from iu_pipelines.db.gateway import Gateway
from process_groups import ProcessGroup
from programs import PROJECT
from waiting import eventually

SAMPLES: Final = PROJECT / "deploy" / "celery"
_BIN: Final = Path(sys.executable).parent
_STARTED: Final = "Started process for run (pid: "
_WORKSPACE: Final = str(PROJECT / "workspace.yaml")


@dataclass
class Deployment:
    """A daemon and Celery workers with one instance of Dagster, and the database whose events they route.

    `environment` is that of every process, `samples` is the directory of the files, and `instance` is opened
    in this process to read the runs.
    """

    home: Path
    samples: Path
    environment: dict[str, str]
    instance: dg.DagsterInstance
    groups: dict[str, ProcessGroup] = field(default_factory=dict)

    def start_daemon(self) -> None:
        self._start("daemon", "dagster-daemon", "run", "--workspace", _WORKSPACE)

    def start_worker(self, name: str) -> None:
        """Start a Celery worker with the command of the page, and wait until it accepts runs."""
        program, *arguments = self._worker_command()
        self._start(name, program, *arguments)
        self.groups[name].wait_for(" ready.")

    def _worker_command(self) -> list[str]:
        placed = {"/etc/iu/celery.yaml": str(self.samples / "celery.yaml")}
        return [placed.get(word, word) for word in documented()[0].split()]

    def listed_workers(self) -> str:
        """Return what the command of the page says about the workers."""
        command = documented()[1].split()
        done = subprocess.run(
            [_BIN / command[0], *command[1:]],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def _start(self, name: str, program: str, *arguments: str) -> None:
        log = self.home / f"{name}.log"
        self.groups[name] = process_groups.start(log, self.environment, str(_BIN / program), *arguments)

    def gateway(self) -> Gateway:
        return Gateway(self.environment["IU_DATABASE_URL"])

    def switch_on(self, sensor: str) -> None:
        """Switch on a sensor with Dagster's command line."""
        subprocess.run(
            [_BIN / "dagster", "sensor", "start", sensor, "--workspace", _WORKSPACE],
            env=self.environment,
            capture_output=True,
            check=True,
        )

    def status(self, run_id: str) -> str:
        run = self.instance.get_run_by_id(run_id)
        return run.status.value if run else "unknown"

    def wait_for(self, run_id: str, status: str) -> None:
        """Wait until a run has this status. AssertionError shows the status that it has instead."""
        try:
            eventually(lambda: self.status(run_id) == status, pause=0.2)
        except AssertionError:
            messages = "\n".join(self.messages(run_id))
            raise AssertionError(f"run {run_id} is {self.status(run_id)}: {messages}") from None

    def newer_run(self, run_id: str) -> str | None:
        """Return the id of the newest other run of the same job, or None."""
        runs = self.instance.get_runs(dg.RunsFilter(job_name="route_worker_job"), limit=1)
        return next((run.run_id for run in runs if run.run_id != run_id), None)

    def messages(self, run_id: str) -> list[str]:
        """Return the messages of a run, the oldest first."""
        return [event.message for event in self.instance.all_logs(run_id)]

    def pid(self, run_id: str) -> int:
        """Return the process that executes a run."""
        started = next(message for message in self.messages(run_id) if _STARTED in message)
        return int(started.rsplit(_STARTED, 1)[1].rstrip(")."))

    def worker_of(self, run_id: str) -> ProcessGroup:
        """Return the Celery worker that executes a run."""
        group = os.getpgid(self.pid(run_id))
        return next(worker for worker in self.groups.values() if worker.id == group)


def documented() -> list[str]:
    """Return the commands by which the page starts a worker and lists the workers."""
    (text,) = pages.code("docs/operate/celery.md", "Start and stop workers", "sh")
    return text.splitlines()


@contextmanager
def deployed(
    server: Server,
    template: str,
    shared: Path,
    samples: Path,
    addresses: Mapping[str, str],
    prepare: Callable[[str], Mapping[str, str]] = lambda _: {},
) -> Iterator[Deployment]:
    """Yield a deployment with a daemon and two workers.

    `addresses`, and what `prepare` returns for the URL of the database, are added to their environment.
    """
    name = f"iu_celery_{uuid4().hex[:8]}"
    home = Path(tempfile.mkdtemp(prefix="celery-", dir=shared))
    shutil.copy(samples / "dagster.yaml", home)
    url = server.create(name, template)
    given = {
        "DAGSTER_HOME": str(home),
        "IU_DATABASE_URL": url,
        "IU_DAGSTER_DATABASE_URL": with_driver(server.create(f"{name}_dagster")),
        "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        **addresses,
        **prepare(url),
    }
    groups: dict[str, ProcessGroup] = {}
    try:
        with _opened(home, given) as instance:
            deployment = Deployment(home, samples, {**os.environ, **given}, instance, groups)
            deployment.start_worker("first")
            deployment.start_worker("second")
            deployment.start_daemon()
            yield deployment
    finally:
        for group in groups.values():
            group.kill()
        server.drop(name)
        server.drop(f"{name}_dagster")
        shutil.rmtree(home)


def with_driver(url: str) -> str:
    """Return a URL for SQLAlchemy with the driver psycopg2."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


@contextmanager
def _opened(home: Path, given: dict[str, str]) -> Iterator[dg.DagsterInstance]:
    """Open the instance of the deployment in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance
