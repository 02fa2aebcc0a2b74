"""Runs in this process: how the web UI shows them, and the result of a failed run."""

from __future__ import annotations

import os
import signal
import threading

import dagster as dg
import psycopg
import pytest

from defs.code_location import run_config
from iu_pipelines.definitions import defs
from iu_pipelines.hosting.instance import open_instance
from iu_pipelines.hosting.run_in_process import execute
from iu_pipelines.settings import Settings
from waiting import eventually


@pytest.fixture(autouse=True)
def home(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set IU_HOME to the home of the test, for code that reads the environment."""
    monkeypatch.setenv("IU_HOME", str(chosen.home))


def test_a_run_in_this_process_has_the_job_and_the_origin_of_the_web_ui(chosen: Settings) -> None:
    outcome = execute(
        "route_worker_job", run_config("route_worker_job", {"batch_limit": 10}), settings=chosen
    )
    assert (outcome.success, outcome.status, outcome.stopped_reason) == (True, "SUCCESS", "drained")
    job = defs.resolve_job_def("route_worker_job")
    with open_instance(chosen) as instance:
        run = instance.get_run_by_id(outcome.run_id)
        assert run
        assert run.remote_job_origin
        assert run.remote_job_origin.location_name == "iu_pipelines"
        assert run.remote_job_origin.repository_origin.repository_name == "__repository__"
        assert run.job_snapshot_id
        assert instance.get_job_snapshot(run.job_snapshot_id).name == job.name
        assert instance.get_latest_materialization_event(dg.AssetKey("iu_route_attempt"))


def test_a_run_prints_no_line_for_each_event(chosen: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute("health_audit_job", settings=chosen).success
    assert "DEBUG" not in capfd.readouterr().err


def test_a_failed_run_is_returned_with_its_error(chosen: Settings) -> None:
    outcome = execute(
        "dead_letter_replay_job", {"dead_letter_id": "00000000-0000-0000-0000-000000000000"}, settings=chosen
    )
    assert (outcome.success, outcome.status, outcome.stopped_reason) == (False, "FAILURE", None)
    assert outcome.error
    assert outcome.error.startswith("IU401: ")


def test_ctrl_c_in_a_run_is_raised_and_is_no_failed_run(chosen: Settings) -> None:
    assert chosen.database_url
    url = chosen.database_url.get_secret_value()
    waiting = (
        "select count(*) > 0 from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    def interrupt() -> None:
        with psycopg.connect(url, autocommit=True) as observer:
            eventually(lambda: observer.execute(waiting).fetchone() == (True,))
        os.kill(os.getpid(), signal.SIGINT)

    with psycopg.connect(url) as holder:
        holder.execute("lock table public.dot_config")
        pressing = threading.Thread(target=interrupt)
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            execute("health_audit_job", settings=chosen)
        pressing.join()
