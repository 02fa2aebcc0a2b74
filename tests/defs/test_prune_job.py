"""Pruning: old runs, ticks and observations of ours go; everything else stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from code_location import Location
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from sqlalchemy import text

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts


@pytest.fixture
def history(location: Location) -> list[str]:
    """Three old runs of ours, one of somebody else's, and an old observation of ours and of theirs."""
    for job in ("route_worker_job", "route_worker_job", "health_audit_job"):
        location.run(job)
    foreign = dg.DagsterRun(
        job_name="somebody_elses", run_id=str(uuid4()), status=dg.DagsterRunStatus.SUCCESS
    )
    location.instance.add_run(foreign)
    for asset in ("event_outbox", "somebody_elses"):
        location.instance.report_runless_asset_event(dg.AssetObservation(asset))
    _age(location.instance, timedelta(days=60))
    return [run.run_id for run in location.instance.get_runs()]


def _age(instance: dg.DagsterInstance, by: timedelta) -> None:
    then = (datetime.now(UTC) - by).replace(tzinfo=None)
    runs, events = instance.run_storage, instance.event_log_storage
    assert isinstance(runs, SqlRunStorage)
    assert isinstance(events, SqlEventLogStorage)
    with runs.connect() as connection:
        connection.execute(text("update runs set create_timestamp = :then"), {"then": then})
    with events.index_connection() as connection:
        connection.execute(text("update event_logs set timestamp = :then"), {"then": then})


def _jobs(instance: dg.DagsterInstance) -> list[str]:
    return sorted(run.job_name for run in instance.get_runs())


def _observed(instance: dg.DagsterInstance, asset: str) -> int:
    return len(instance.fetch_observations(dg.AssetKey(asset), limit=10).records)


@pytest.mark.usefixtures("history")
def test_old_runs_go_but_the_newest_of_each_job_and_what_is_not_ours_stay(location: Location) -> None:
    assert location.run("prune_job").success
    assert _jobs(location.instance) == ["health_audit_job", "prune_job", "route_worker_job", "somebody_elses"]


@pytest.mark.usefixtures("history")
def test_old_observations_of_ours_go_and_those_of_others_stay(location: Location) -> None:
    assert location.run("prune_job").success
    runless = [_observed(location.instance, asset) for asset in ("event_outbox", "somebody_elses")]
    assert runless == [1, 1]  # the one that the audit of health made belongs to a run that stays


def test_old_ticks_of_ours_go_and_those_of_others_stay(location: Location) -> None:
    ours, theirs = (_tick_of(location.instance, name) for name in ("backlog_sensor", "somebody_elses"))
    assert location.run("prune_job").success
    assert not location.instance.get_ticks(ours.instigator_origin_id, ours.selector_id)
    assert len(location.instance.get_ticks(theirs.instigator_origin_id, theirs.selector_id)) == 1


def _tick_of(instance: dg.DagsterInstance, sensor: str) -> InstigatorState:
    """Record a sensor that is running, and a tick that it had long ago."""
    place = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="any"), "any")
    origin = RemoteRepositoryOrigin(place, "__repository__").get_instigator_origin(sensor)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    instance.add_instigator_state(state)
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            selector_id=state.selector_id,
            instigator_name=sensor,
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.SKIPPED,
            timestamp=(datetime.now(UTC) - timedelta(days=60)).timestamp(),
        )
    )
    return state


@pytest.mark.usefixtures("history")
def test_a_preview_deletes_nothing(location: Location) -> None:
    before = len(location.instance.get_runs())
    assert location.run("prune_job", {"preview": True}).success
    assert len(location.instance.get_runs()) == before + 1


@pytest.mark.usefixtures("history")
def test_what_is_young_enough_stays(location: Location) -> None:
    before = len(location.instance.get_runs())
    assert location.run("prune_job", {"keep_days": 90}).success
    assert len(location.instance.get_runs()) == before + 1


def test_the_audit_outlives_the_runs_that_made_it(
    location: Location, emit: Callable[[int], list[Any]], gateway: Gateway
) -> None:
    emit(3)
    first = location.run("route_worker_job")
    location.run("route_worker_job")
    _age(location.instance, timedelta(days=60))
    location.run("prune_job")
    assert location.instance.get_run_by_id(first.run_id) is None
    assert {attempt.run_ref for attempt in attempts.recent(gateway)} == {first.run_id}
