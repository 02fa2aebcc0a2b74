"""The route worker: batches, summary, limits, conservation, and the requests of schedule and sensor."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from defs.code_location import Location, checks, failure, materializations
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import gates, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[Any]]

CLOSED = [
    ({gates.MASTER: "false"}, "the master gate is closed"),
    ({gates.WORKER: "false"}, "the worker gate is closed"),
    ({gates.MASTER: "false", gates.WORKER: "false"}, "the master gate is closed"),
]


def test_each_batch_is_one_materialization_and_the_run_ends_with_a_summary(
    location: Location, emit: Emit
) -> None:
    emit(25)
    *batches, summary = materializations(
        location.run("route_worker_job", {"batch_limit": 10}), "iu_route_attempt"
    )
    assert [batch["seen"] for batch in batches] == [10, 10, 5]
    assert [batch["batch_id"] for batch in batches] == sorted(batch["batch_id"] for batch in batches)
    assert all(batch["dry_run"] == batch["seen"] and not batch["dead_lettered"] for batch in batches)
    assert batches[0]["last_event_seq"] < batches[1]["first_event_seq"]
    assert summary["stopped_reason"] == "drained"
    assert (summary["batches"], summary["run_seen"], summary["dagster/row_count"]) == (3, 25, 25)
    assert (summary["backlog_before"], summary["backlog_after"]) == (25, 0)


def test_the_summary_has_a_table_and_a_plot(location: Location, emit: Emit) -> None:
    emit(3)
    summary = materializations(location.run("route_worker_job"), "iu_route_attempt")[-1]
    assert summary["table"].startswith("| batch | seen |")
    assert summary["plot"].startswith("![batches of the run](data:image/png;base64,iVBOR")
    assert len(summary["plot"]) < 60_000


def test_a_run_without_events_is_drained_and_has_no_plot(location: Location) -> None:
    (summary,) = materializations(location.run("route_worker_job"), "iu_route_attempt")
    assert (summary["stopped_reason"], summary["batches"]) == ("drained", 0)
    assert "plot" not in summary


def test_the_run_id_leads_from_every_batch_and_attempt_to_the_run(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(12)
    result = location.run("route_worker_job", {"batch_limit": 5})
    assert {batch.run_ref for batch in worker.batches(gateway)} == {result.run_id}
    refs = gateway.fetch_all("select distinct run_ref from public.iu_route_attempt")
    assert refs == [{"run_ref": result.run_id}]
    summary = materializations(result, "iu_route_attempt")[-1]
    assert gateway.fetch_all(summary["rows_of_this_run"])
    assert summary["batches_of_this_run"] == f"iu batch list --run {result.run_id}"


@pytest.mark.parametrize(
    ("config", "reason", "batches"),
    [
        ({"batch_limit": 2, "max_batches": 3}, "max_batches", 3),
        ({"batch_limit": 2, "max_seconds": 0.000001}, "max_seconds", 0),
        ({"batch_limit": 100}, "drained", 1),
    ],
)
def test_the_limit_that_ended_the_run_is_named(
    location: Location, emit: Emit, config: dict[str, Any], reason: str, batches: int
) -> None:
    emit(10)
    summary = materializations(location.run("route_worker_job", config), "iu_route_attempt")[-1]
    assert (summary["stopped_reason"], summary["batches"]) == (reason, batches)


@pytest.mark.parametrize("gate", [gates.MASTER, gates.WORKER])
def test_a_closed_gate_is_no_failure_and_holds_the_events(
    location: Location, emit: Emit, gateway: Gateway, gate: str
) -> None:
    emit(4)
    gates.set_gate(gateway, gate, "false", "test")
    result = location.run("route_worker_job")
    (summary,) = materializations(result, "iu_route_attempt")
    assert result.success
    assert (summary["stopped_reason"], summary["backlog_after"]) == ("gate_closed", 4)


def test_a_worker_that_is_busy_ends_the_run(location: Location, emit: Emit, gateway: Gateway) -> None:
    emit(4)
    with gateway.transaction() as session:
        worker.run_once(session, worker.DEFAULT_WORKER, 1)
        summary = materializations(location.run("route_worker_job"), "iu_route_attempt")[-1]
    assert summary["stopped_reason"] == "worker_busy"


def test_a_lingering_run_attempts_an_event_within_half_a_second(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    def emit_slowly() -> None:
        for _ in range(5):
            emit(1)
            time.sleep(0.2)

    late = threading.Timer(1.0, emit_slowly)
    late.start()
    result = location.run("route_worker_job", {"linger_seconds": 3, "max_seconds": 20})
    late.join()
    waits = gateway.fetch_all(
        """select extract(epoch from attempt.created_at - event.created_at)::float as seconds
             from public.iu_route_attempt as attempt join public.event_outbox as event using (event_id)
            order by seconds"""
    )
    assert materializations(result, "iu_route_attempt")[-1]["stopped_reason"] == "drained"
    assert len(waits) == 5
    assert waits[0]["seconds"] < 0.5
    assert waits[2]["seconds"] < 3, "before the run stopped waiting"


def test_a_cancelled_run_stops_between_batches_and_loses_nothing(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(5)
    threading.Thread(target=_terminate_after_a_batch, args=(location.instance,)).start()
    assert not location.run("route_worker_job", {"linger_seconds": 60, "max_seconds": 90}).success
    (run,) = location.instance.get_runs()
    assert run.status == dg.DagsterRunStatus.CANCELED
    events = location.instance.fetch_materializations(dg.AssetKey("iu_route_attempt"), limit=1).records
    made = events[0].asset_materialization
    assert made
    assert made.metadata["stopped_reason"].value == "cancelled"
    emit(2)
    assert materializations(location.run("route_worker_job"), "iu_route_attempt")[-1]["run_seen"] == 2
    assert gateway.fetch_value("select count(*) from public.iu_route_attempt") == 7


def _terminate_after_a_batch(instance: dg.DagsterInstance) -> None:
    """Cancel the run after its first batch, as Dagster does for Terminate."""
    while not instance.fetch_materializations(dg.AssetKey("iu_route_attempt"), limit=1).records:
        time.sleep(0.05)
    (run,) = instance.get_runs()
    instance.report_run_canceling(run)
    signal.raise_signal(signal.SIGINT)


def test_a_run_has_the_tag_of_the_worker_in_its_config(location: Location) -> None:
    result = location.run("route_worker_job", {"worker_name": "other", "max_seconds": 60})
    run = location.instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags[tags.WORKER] == "other"
    assert run.tags["dagster/max_runtime"] == "240"


def test_a_failed_attempt_is_reported_on_the_asset_of_dead_letters(
    location: Location, emit: Emit, live_route: Callable[[bool], None]
) -> None:
    live_route(True)
    emit(1)
    result = location.run("route_worker_job")
    assert materializations(result, "iu_route_attempt")[0]["dead_lettered"] == 1
    assert materializations(result, "iu_route_dead_letter")[0]["dead_lettered"] == 1


def test_the_conservation_check_passes_after_a_run(location: Location, emit: Emit) -> None:
    emit(30)
    check = checks(location.run("route_worker_job", {"batch_limit": 7}))["conservation"]
    assert check.passed
    assert check.metadata["batches_checked"].value == 5


def test_the_conservation_check_fails_the_run_when_an_attempt_is_missing(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(8)
    assert location.run("route_worker_job").success
    gateway.run_script(
        """
        alter table public.iu_route_attempt_log disable trigger user;
        delete from public.iu_route_attempt_log where attempt_id = 3;
        alter table public.iu_route_attempt_log enable trigger user;
        """
    )
    check = checks(location.run("route_worker_job"))["conservation"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.metadata["events_unattempted"].value == 1
    assert check.metadata["batches_differing"].value == 1


def test_an_error_of_the_engine_fails_the_run_with_one_line(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(1)
    location.run("route_worker_job")
    gateway.execute("update public.iu_route_worker_cursor set anchor_no = 0")
    result = location.run("route_worker_job")
    assert not result.success
    assert failure(result).startswith("IU501: ")
    assert "\n" not in failure(result)


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


@pytest.mark.stored
def test_the_schedule_runs_the_worker_while_the_gates_are_open(location: Location) -> None:
    (request,) = location.schedule("route_worker_schedule").run_requests
    assert request.run_config == {"worker_name": DEFAULT_WORKER}
    assert request.tags[tags.WORKER] == DEFAULT_WORKER
    assert not request.run_key


@pytest.mark.stored
@pytest.mark.usefixtures("old_events")
@pytest.mark.parametrize(("values", "reason"), CLOSED)
@pytest.mark.parametrize("name", ["route_worker_schedule", "backlog_sensor"])
def test_a_closed_gate_is_named_with_the_number_of_held_events(
    location: Location, gateway: Gateway, values: dict[str, str], reason: str, name: str
) -> None:
    for key, value in values.items():
        gates.set_gate(gateway, key, value, "test")
    tick = location.schedule(name) if name.endswith("schedule") else location.tick(name)
    assert not tick.run_requests
    assert tick.skip_message == f"{DEFAULT_WORKER}: {reason}; 3 events are waiting"


@pytest.mark.stored
@pytest.mark.usefixtures("old_events")
@pytest.mark.parametrize("name", ["route_worker_schedule", "backlog_sensor"])
def test_no_second_run_is_requested_while_one_is_unfinished(location: Location, name: str) -> None:
    run_id = location.add_started_run("route_worker_job", {tags.WORKER: DEFAULT_WORKER})
    tick = location.schedule(name) if name.endswith("schedule") else location.tick(name)
    assert tick.skip_message == f"{DEFAULT_WORKER}: run {run_id} is already queued or running"


@pytest.mark.usefixtures("old_events")
def test_a_run_of_another_worker_does_not_prevent_a_request(location: Location) -> None:
    location.add_started_run("route_worker_job", {tags.WORKER: "another"})
    assert location.tick("backlog_sensor").run_requests


def test_the_sensor_skips_while_the_backlog_is_small_and_young(location: Location, emit: Emit) -> None:
    emit(3)
    message = location.tick("backlog_sensor").skip_message
    assert message.startswith(f"{DEFAULT_WORKER}: 3 events waiting, the oldest for ")
    assert message.endswith("a run starts at 1,000 events or after 10 s")


def test_the_sensor_says_that_no_event_waits(location: Location) -> None:
    assert location.tick("backlog_sensor").skip_message.startswith(f"{DEFAULT_WORKER}: 0 events waiting")


@pytest.mark.usefixtures("old_events")
def test_an_old_event_is_a_reason_for_a_run(location: Location) -> None:
    (request,) = location.tick("backlog_sensor").run_requests
    assert request.run_key is None
    assert request.run_config == {"worker_name": DEFAULT_WORKER}


def test_a_large_backlog_is_a_reason_for_a_run(
    database: str, instance: dg.DagsterInstance, emit: Emit
) -> None:
    gateway = GatewayResource(database_url=database)
    eager = Location(build_defs(Mount(backlog_threshold=3), resources={"gateway": gateway}), instance)
    emit(2)
    assert eager.tick("backlog_sensor").skip_message
    emit(1)
    assert eager.tick("backlog_sensor").run_requests


@pytest.mark.usefixtures("old_events")
def test_the_sensor_requests_a_run_after_one_that_failed(location: Location) -> None:
    run_id = location.add_started_run("route_worker_job", {tags.WORKER: DEFAULT_WORKER})
    run = location.instance.get_run_by_id(run_id)
    assert run
    location.instance.report_run_failed(run)
    assert location.tick("backlog_sensor").run_requests


def test_the_sensor_observes_the_outbox_only_when_it_has_changed(location: Location, emit: Emit) -> None:
    emit(4)
    first = location.tick("backlog_sensor")
    (observed,) = first.asset_events
    assert observed.asset_key == dg.AssetKey("event_outbox")
    assert observed.metadata["backlog"].value == 4
    assert observed.metadata["events"].value == 4
    assert not location.tick("backlog_sensor", first.cursor).asset_events
    emit(1)
    assert location.tick("backlog_sensor", first.cursor).asset_events


@pytest.mark.stored
def test_each_worker_is_scheduled_separately(
    database: str, instance: dg.DagsterInstance, gateway: Gateway
) -> None:
    resource = GatewayResource(database_url=database)
    two = Location(build_defs(Mount(workers=("one", "two")), resources={"gateway": resource}), instance)
    two.add_started_run("route_worker_job", {tags.WORKER: "one"})
    (request,) = two.schedule("route_worker_schedule").run_requests
    assert request.run_config == {"worker_name": "two"}
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    assert two.schedule("route_worker_schedule").skip_message.count("gate is closed") == 2


def test_the_first_worker_is_the_default_of_the_launchpad(
    database: str, instance: dg.DagsterInstance, emit: Emit
) -> None:
    gateway = GatewayResource(database_url=database)
    location = Location(build_defs(Mount(workers=("mine", "two")), resources={"gateway": gateway}), instance)
    emit(1)
    summary = materializations(location.run("route_worker_job"), "iu_route_attempt")[-1]
    assert summary["worker_name"] == "mine"
