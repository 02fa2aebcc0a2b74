"""Pruning deletes old runs and ticks of the outbox and keeps everything else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from sqlalchemy import text

from defs.code_location import Location, schedules_and_sensors
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import factory
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain import attempts

pytestmark = pytest.mark.stored


@pytest.fixture
def history(location: Location) -> list[str]:
    """Three old runs of the outbox and one of another job, and an old observation without a run."""
    for job in ("route_worker_job", "route_worker_job", "health_audit_job"):
        location.run(job)
    _add_finished_run(location.instance, "another")
    location.instance.report_runless_asset_event(dg.AssetObservation("another"))
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


def _add_finished_run(instance: dg.DagsterInstance, job: str) -> None:
    """Record a successful run of `job`."""
    instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid4()), status=dg.DagsterRunStatus.SUCCESS))


@pytest.mark.usefixtures("history")
def test_old_runs_are_deleted_but_not_the_newest_of_a_job_or_those_of_other_jobs(location: Location) -> None:
    assert location.run("prune_job").success
    assert _jobs(location.instance) == ["another", "health_audit_job", "prune_job", "route_worker_job"]


@pytest.mark.usefixtures("history")
def test_observations_of_another_project_are_kept(location: Location) -> None:
    assert location.run("prune_job").success
    assert len(location.instance.fetch_observations(dg.AssetKey("another"), limit=10).records) == 1


def test_old_ticks_of_other_sensors_are_kept(location: Location) -> None:
    own, other = (_tick_of(location.instance, name) for name in ("backlog_sensor", "another"))
    assert location.run("prune_job").success
    assert not location.instance.get_ticks(own.instigator_origin_id, own.selector_id)
    assert len(location.instance.get_ticks(other.instigator_origin_id, other.selector_id)) == 1


def _tick_of(instance: dg.DagsterInstance, sensor: str) -> InstigatorState:
    """Record a schedule or sensor that is running, and a tick of it 60 days ago."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="any"), "any")
    origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(sensor)
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
def test_history_younger_than_keep_days_is_kept(location: Location) -> None:
    before = len(location.instance.get_runs())
    assert location.run("prune_job", {"keep_days": 90}).success
    assert len(location.instance.get_runs()) == before + 1


def test_attempts_are_kept_when_the_run_that_made_them_is_pruned(
    location: Location, emit: Callable[[int], list[Any]], gateway: Gateway
) -> None:
    emit(3)
    first = location.run("route_worker_job")
    location.run("route_worker_job")
    _age(location.instance, timedelta(days=60))
    location.run("prune_job")
    assert location.instance.get_run_by_id(first.run_id) is None
    assert {attempt.run_ref for attempt in attempts.recent(gateway)} == {first.run_id}


def _not_pruned(location: Location) -> set[str]:
    """Add old history of every definition, prune, and return the names whose history is still there."""
    repository = location.definitions.get_repository_def()
    jobs = [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")]
    ticking = [one.name for one in schedules_and_sensors(location.definitions)]
    for name in [*jobs, *jobs]:
        _add_finished_run(location.instance, name)
    states = {name: _tick_of(location.instance, name) for name in ticking}
    _age(location.instance, timedelta(days=60))
    (prune_job,) = (name for name in jobs if name.endswith("prune_job"))
    pruning = location.run(prune_job)
    assert pruning.success
    left = [run.job_name for run in location.instance.get_runs() if run.run_id != pruning.run_id]
    return {
        *(name for name in jobs if left.count(name) > 1),
        *(name for name, state in states.items() if _ticks(location.instance, state)),
    }


def _ticks(instance: dg.DagsterInstance, state: InstigatorState) -> int:
    return len(instance.get_ticks(state.instigator_origin_id, state.selector_id))


def test_the_history_of_every_job_schedule_and_sensor_is_pruned(location: Location) -> None:
    assert _not_pruned(location) == set()


def test_the_history_of_a_new_noun_is_pruned_once_the_factory_names_its_module(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factory, "NOUNS", (*factory.NOUNS, SimpleNamespace(definitions=_scratch)))
    mount = Mount(running=frozenset({"scratch_schedule"}))
    location = Location(build_defs(mount), instance)
    schedule = location.definitions.resolve_schedule_def("scratch_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert location.definitions.resolve_job_def("scratch_job")
    assert _not_pruned(location) == set()


def _scratch(mount: Mount) -> dg.Definitions:
    """A noun with a job and a schedule."""

    @dg.asset(key=mount.key("scratch"))
    def scratch() -> None: ...

    job = dg.define_asset_job(mount.named("scratch_job"), selection=[scratch])
    schedule = dg.ScheduleDefinition(
        name=mount.named("scratch_schedule"),
        job=job,
        cron_schedule="0 0 * * *",
        default_status=mount.schedule_status("scratch_schedule"),
    )
    return dg.Definitions(assets=[scratch], jobs=[job], schedules=[schedule])


def test_an_outbox_prunes_only_its_own_history(instance: dg.DagsterInstance) -> None:
    location = Location(build_defs(Mount(name="orders")), instance)
    for name in ("orders_route_worker_job", "route_worker_job") * 2:
        _add_finished_run(instance, name)
    _age(instance, timedelta(days=60))
    assert location.run("orders_prune_job").success
    assert _jobs(instance) == [
        "orders_prune_job",
        "orders_route_worker_job",
        "route_worker_job",
        "route_worker_job",
    ]
