"""`iu dev` with its web server and daemon: the backlog sensor, refusals, and recovery after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev_server import FINISHED, Dev, free_port, running
from iu_pipelines.domain import attempts, worker
from metrics_endpoint import UP
from waiting import eventually

# A run that waits for events, so that it is still running when a test kills it, however fast its batches are.
WAITING = {"batch_limit": 50, "linger_seconds": 30}
WITHOUT_METRICS = """
import importlib.machinery

find = importlib.machinery.PathFinder.find_spec

def find_others(name, path=None, target=None):
    return None if name.partition(".")[0] == "prometheus_client" else find(name, path, target)

importlib.machinery.PathFinder.find_spec = find_others
"""
"""A `sitecustomize` with which Python does not find the package of the extra [metrics]."""


@pytest.fixture(scope="module")
def dev(shared: Path) -> Iterator[Dev]:
    """One running `iu dev` for the tests of this module."""
    with running(shared) as dev:
        yield dev


def test_the_sensor_starts_a_run_that_attempts_new_events(dev: Dev) -> None:
    dev.switch_on("backlog_sensor")
    dev.emit(1_000)
    with dev.gateway() as gateway:
        eventually(lambda: len(attempts.recent(gateway, limit=1_000)) == 1_000, "1,000 attempts")
        (made,) = worker.batches(gateway)
    assert made.run_ref
    assert dev.wait_for(made.run_ref) == "SUCCESS"
    (asked,) = [tick for tick in dev.ticks("backlog_sensor") if tick["runIds"]]
    assert asked["runIds"] == [made.run_ref]
    eventually(lambda: any(tick["skipReason"] for tick in dev.ticks("backlog_sensor")), "a skip reason")
    dev.switch_off("backlog_sensor")


def test_a_limit_of_zero_is_refused_and_no_run_is_made(dev: Dev) -> None:
    answer = dev.launch({"batch_limit": 0})
    assert answer["__typename"] == "PythonError"
    assert "batch_limit: Input should be greater than or equal to 1 (it is 0)" in answer["message"]


def test_a_run_that_is_terminated_stops_between_batches(dev: Dev) -> None:
    run_id = dev.run(WAITING)
    dev.worker_pid(run_id)
    dev.emit(5_000)
    dev.wait_for_batches(run_id)
    dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
    assert dev.wait_for(run_id) == "CANCELED"
    with dev.gateway() as gateway:
        assert {batch.seen for batch in worker.batches(gateway, run_ref=run_id, limit=500)} == {
            WAITING["batch_limit"]
        }
    dev.assert_one_attempt_for_each_event()


def test_a_killed_run_worker_loses_nothing(dev: Dev) -> None:
    run_id = dev.run(WAITING)
    pid = dev.worker_pid(run_id)
    dev.emit(5_000)
    dev.wait_for_batches(run_id)
    os.kill(pid, signal.SIGKILL)
    assert dev.wait_for(run_id) == "FAILURE"
    dev.assert_one_attempt_for_each_event()


def test_a_killed_postgresql_is_restarted_and_has_lost_nothing(dev: Dev) -> None:
    run_id = dev.run(WAITING)
    dev.worker_pid(run_id)
    dev.emit(5_000)
    dev.wait_for_batches(run_id)
    pid = int((dev.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not dev.server.is_running(), "the server stopped")
    eventually(dev.server.is_running, "the server runs")
    eventually(lambda: UP in dev.metrics(), "the endpoint of the metrics connects again", pause=0.2)
    assert dev.wait_for(run_id) in FINISHED
    dev.assert_one_attempt_for_each_event()


def test_a_killed_daemon_ends_iu_dev_with_the_reason_and_a_restart_continues(dev: Dev) -> None:
    dev.emit(2_000)
    (daemon,) = [
        pid for pid in dev.processes() if b"dagster._daemon" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(daemon, signal.SIGKILL)
    assert dev.process
    said, _ = dev.process.communicate(timeout=60)
    assert dev.process.returncode == 1
    assert "daemon exited with code -9" in said
    eventually(lambda: not dev.processes(), "no process of Dagster is left")
    dev.start()
    dev.assert_one_attempt_for_each_event()


def test_a_taken_port_and_a_second_daemon_are_refused_with_the_reason(dev: Dev) -> None:
    def refused(*options: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "iu_pipelines", "dev", *options],
            env={**os.environ, "IU_HOME": str(dev.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 2
        return done.stderr

    assert f"cannot listen on 127.0.0.1 port {dev.port}" in refused("--port", str(dev.port))
    assert f"cannot listen on 127.0.0.1 port {dev.evidence_port}" in refused(
        "--port", str(free_port()), "--evidence-port", str(dev.evidence_port)
    )
    assert f"cannot listen on 127.0.0.1 port {dev.metrics_port}" in refused(
        *("--port", str(free_port()), "--evidence-port", str(free_port())),
        *("--metrics-port", str(dev.metrics_port)),
    )
    assert "port 4000 is given twice" in refused("--port", "4000", "--evidence-port", "4000")
    assert "another iu dev runs on" in refused("--port", str(free_port()))


def test_a_read_only_server_without_the_extra_metrics_shows_runs_and_launches_none(
    dev: Dev, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_METRICS, encoding="utf-8")
    viewer = Dev(dev.home)
    said = viewer.start("--read-only", PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    try:
        (line,) = [line for line in said if line.startswith("metrics")]
        assert "not served: pip install 'iu-pipelines[metrics]'" in line
        answer = viewer.launch({})
        assert answer["__typename"] == "UnauthorizedError"
        assert viewer.ask("{ runsOrError { ... on Runs { results { runId } } } }")
    finally:
        viewer.stop()
