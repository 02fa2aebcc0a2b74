"""Schedules and sensors in every state of the gates: what they ask for, and why they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from code_location import Location

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import gates
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[Any]]

CLOSED = [
    ({gates.MASTER: "false"}, "the master gate is closed"),
    ({gates.WORKER: "false"}, "the worker gate is closed"),
    ({gates.MASTER: "false", gates.WORKER: "false"}, "the master gate is closed"),
]


@pytest.fixture
def old_events(emit: Emit, gateway: Gateway) -> None:
    """Three events that have waited for a minute."""
    emit(3)
    gateway.run_script(
        """
        alter table public.event_outbox disable trigger user;
        update public.event_outbox set created_at = created_at - interval '1 minute';
        alter table public.event_outbox enable trigger user;
        """
    )


def test_the_schedule_runs_the_worker_while_the_gates_are_open(location: Location) -> None:
    (request,) = location.schedule("route_worker_schedule").run_requests
    assert request.run_config == {"worker_name": DEFAULT_WORKER}
    assert request.tags[tags.WORKER] == DEFAULT_WORKER
    assert not request.run_key


@pytest.mark.usefixtures("old_events")
@pytest.mark.parametrize(("values", "reason"), CLOSED)
@pytest.mark.parametrize("name", ["route_worker_schedule", "backlog_sensor"])
def test_a_closed_gate_is_named_with_what_is_held(
    location: Location, gateway: Gateway, values: dict[str, str], reason: str, name: str
) -> None:
    for key, value in values.items():
        gates.set_gate(gateway, key, value, "test")
    tick = location.schedule(name) if name.endswith("schedule") else location.tick(name)
    assert not tick.run_requests
    assert tick.skip_message == f"{DEFAULT_WORKER}: {reason}, 3 events are held"


@pytest.mark.usefixtures("old_events")
@pytest.mark.parametrize("name", ["route_worker_schedule", "backlog_sensor"])
def test_no_second_run_is_asked_for_while_one_is_under_way(location: Location, name: str) -> None:
    run_id = location.under_way("route_worker_job", {tags.WORKER: DEFAULT_WORKER})
    tick = location.schedule(name) if name.endswith("schedule") else location.tick(name)
    assert tick.skip_message == f"{DEFAULT_WORKER}: run {run_id} is already queued or running"


@pytest.mark.usefixtures("old_events")
def test_a_run_of_another_worker_is_in_nobodys_way(location: Location) -> None:
    location.under_way("route_worker_job", {tags.WORKER: "another"})
    assert location.tick("backlog_sensor").run_requests


def test_the_sensor_waits_while_the_backlog_is_small_and_young(location: Location, emit: Emit) -> None:
    emit(3)
    message = location.tick("backlog_sensor").skip_message
    assert message.startswith(f"{DEFAULT_WORKER}: 3 events waiting, the oldest for ")
    assert message.endswith("a run begins at 1,000 events or 10 s")


def test_the_sensor_says_that_nothing_waits(location: Location) -> None:
    assert location.tick("backlog_sensor").skip_message.startswith(f"{DEFAULT_WORKER}: 0 events waiting")


@pytest.mark.usefixtures("old_events")
def test_an_old_event_is_reason_enough(location: Location) -> None:
    (request,) = location.tick("backlog_sensor").run_requests
    assert request.run_key is None
    assert request.run_config == {"worker_name": DEFAULT_WORKER}


def test_so_is_a_large_backlog(database: str, instance: dg.DagsterInstance, emit: Emit) -> None:
    gateway = GatewayResource(database_url=database)
    eager = Location(build_defs(Mount(backlog_threshold=3), resources={"gateway": gateway}), instance)
    emit(2)
    assert eager.tick("backlog_sensor").skip_message
    emit(1)
    assert eager.tick("backlog_sensor").run_requests


@pytest.mark.usefixtures("old_events")
def test_the_sensor_asks_again_after_a_run_that_failed(location: Location) -> None:
    run_id = location.under_way("route_worker_job", {tags.WORKER: DEFAULT_WORKER})
    run = location.instance.get_run_by_id(run_id)
    assert run
    location.instance.report_run_failed(run)
    assert location.tick("backlog_sensor").run_requests


def test_the_sensor_observes_the_outbox_when_it_has_moved_and_only_then(
    location: Location, emit: Emit
) -> None:
    emit(4)
    first = location.tick("backlog_sensor")
    (observed,) = first.asset_events
    assert observed.asset_key == dg.AssetKey("event_outbox")
    assert observed.metadata["backlog"].value == 4
    assert observed.metadata["events"].value == 4
    assert not location.tick("backlog_sensor", first.cursor).asset_events
    emit(1)
    assert location.tick("backlog_sensor", first.cursor).asset_events


def test_each_worker_is_asked_for_itself(
    database: str, instance: dg.DagsterInstance, gateway: Gateway
) -> None:
    resource = GatewayResource(database_url=database)
    two = Location(build_defs(Mount(workers=("one", "two")), resources={"gateway": resource}), instance)
    two.under_way("route_worker_job", {tags.WORKER: "one"})
    (request,) = two.schedule("route_worker_schedule").run_requests
    assert request.run_config == {"worker_name": "two"}
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    assert two.schedule("route_worker_schedule").skip_message.count("gate is closed") == 2


@pytest.mark.parametrize("name", ["backlog_sensor", "dead_letter_replay_sensor", "route_worker_schedule"])
def test_a_database_that_is_down_skips_in_one_line_and_the_next_tick_recovers(
    location: Location, instance: dg.DagsterInstance, name: str
) -> None:
    nowhere = GatewayResource(database_url="postgresql://nobody:secret@127.0.0.1:1/none")
    lost = Location(build_defs(resources={"gateway": nowhere}), instance)
    for place, expected in ((lost, True), (location, False)):
        tick = place.schedule(name) if name.endswith("schedule") else place.tick(name)
        message = tick.skip_message or ""
        assert message.startswith("the database cannot be asked; the next tick tries again: ") is expected
        assert "\n" not in message
        assert "secret" not in message


def test_the_health_audit_is_scheduled_whatever_the_gates_say(location: Location, gateway: Gateway) -> None:
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    assert len(location.schedule("health_audit_schedule").run_requests) == 1


def test_a_failed_run_asks_for_an_audit_that_names_it(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    emit(1)
    location.run("route_worker_job")
    gateway.execute("update public.iu_route_worker_cursor set system_identifier = 1")
    result = location.run("route_worker_job")
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure_sensor",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=location.instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()
    request = location.definitions.resolve_sensor_def("run_failure_sensor")(context)
    assert request.job_name == "health_audit_job"
    assert request.tags == {tags.FAILED_RUN: result.run_id}
