"""The route worker: batches, summary, limits, conservation, and the requests of schedule and sensor."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from defs.code_location import Location, checks, failure, materializations, observations, records
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import batch_plot
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.defs.kit.runs import PARTITION_TAG, earlier_run
from iu_pipelines.domain import gates, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[Any]]

CLOSED = [
    ({gates.MASTER: "false"}, "the master gate is closed"),
    ({gates.WORKER: "false"}, "the worker gate is closed"),
    ({gates.MASTER: "false", gates.WORKER: "false"}, "the master gate is closed"),
]


def test_the_run_is_one_materialization_and_its_batches_are_rows_of_observations(
    location: Location, emit: Emit
) -> None:
    emit(25)
    result = location.run("route_worker_job", {"batch_limit": 10}, partition=DEFAULT_WORKER)
    (summary,) = materializations(result, "iu_route_attempt")
    seen = observations(result, "iu_route_batch")
    rows = [row for one in seen for row in records(one["table"])]
    assert [row["events"] for row in rows] == [10, 10, 5]
    assert [int(row["batch"]) for row in rows] == sorted(int(row["batch"]) for row in rows)
    assert all(row["dry run"] == row["events"] and not row["failed"] for row in rows)
    assert sum(one["events"] for one in seen) == 25
    assert summary["stopped_reason"] == "drained"
    assert (summary["batches"], summary["run_seen"], summary["dagster/row_count"]) == (3, 25, 25)
    assert (summary["backlog_before"], summary["backlog_after"]) == (25, 0)
    assert records(summary["table"]) == rows


def test_ten_thousand_batches_are_a_few_observations(location: Location, emit: Emit) -> None:
    emit(1_000)
    result = location.run("route_worker_job", {"batch_limit": 1, "max_batches": 1_000})
    seen = observations(result, "iu_route_batch")
    assert sum(len(records(one["table"])) for one in seen) == 1_000
    assert len(seen) <= 100
    assert materializations(result, "iu_route_attempt")[0]["batches"] == 1_000


def test_ids_are_text_and_moments_are_timestamps(location: Location, emit: Emit) -> None:
    emit(3)
    result = location.run("route_worker_job")
    (made,) = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    assert isinstance(made.metadata["newest_batch_at"], dg.TimestampMetadataValue)
    plotted = {
        label
        for label, value in made.metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    }
    assert not {label for label in plotted if label.endswith(("_id", "_seq"))}


def test_the_summary_has_a_table_and_a_plot_that_the_web_ui_shows_in_place(
    location: Location, emit: Emit
) -> None:
    emit(300)
    result = location.run("route_worker_job", {"batch_limit": 1, "max_batches": 1_000})
    summary = materializations(result, "iu_route_attempt")[-1]
    assert len(records(summary["table"])) == 20
    assert summary["plot"].startswith("![batches of the run](data:image/svg+xml;base64,")
    assert len(summary["plot"]) < batch_plot.SHOWN_IN_PLACE


def test_the_longest_plot_is_still_shown_in_place() -> None:
    curve = [worker.RunPoint(3_600.0 * step, 10**9 * step, 0) for step in range(1, 25)]
    assert len(batch_plot.plot(curve, 10**6)) < batch_plot.SHOWN_IN_PLACE


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
    while not instance.fetch_observations(dg.AssetKey("iu_route_batch"), limit=1).records:
        time.sleep(0.05)
    (run,) = instance.get_runs()
    instance.report_run_canceling(run)
    signal.raise_signal(signal.SIGINT)


def test_a_run_has_the_tag_of_the_worker_of_its_partition(two_workers: Location) -> None:
    result = two_workers.run("route_worker_job", {"max_seconds": 60}, partition="two")
    run = two_workers.instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags[tags.WORKER] == "two"
    assert run.tags["dagster/max_runtime"] == "240"


def test_each_worker_is_a_partition_of_the_attempts(
    two_workers: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(3)
    assert two_workers.run("route_worker_job", partition="one").success
    assert two_workers.materialize("iu_route_attempt", partition_key="two").success
    events = two_workers.instance.fetch_materializations(dg.AssetKey("iu_route_attempt"), limit=10).records
    assert {event.partition_key for event in events} == {"one", "two"}
    assert gateway.fetch_value("select count(distinct worker_name) from public.iu_route_attempt") == 2


def test_the_config_may_name_a_worker_of_the_mount_and_no_other(two_workers: Location) -> None:
    result = two_workers.run("route_worker_job", {"worker_name": "two"})
    assert materializations(result, "iu_route_attempt")[0]["worker_name"] == "two"
    with pytest.raises(dg.DagsterInvalidConfigError, match="not in enum type"):
        two_workers.run("route_worker_job", {"worker_name": "three"})


def test_a_worker_in_the_config_that_is_not_that_of_the_partition_is_refused(two_workers: Location) -> None:
    result = two_workers.run("route_worker_job", {"worker_name": "two"}, partition="one")
    assert failure(result).startswith("worker_name is 'two', but the selected partition is 'one'")


def test_a_second_run_of_a_worker_ends_as_worker_busy_and_names_the_first(
    location: Location, emit: Emit, gateway: Gateway
) -> None:
    emit(4)
    first = location.add_started_run("route_worker_job", {tags.WORKER: DEFAULT_WORKER})
    result = location.run("route_worker_job", partition=DEFAULT_WORKER)
    (summary,) = materializations(result, "iu_route_attempt")
    assert result.success
    assert (summary["stopped_reason"], summary["batches"], summary["backlog_after"]) == ("worker_busy", 0, 4)
    lines = [entry.user_message for entry in location.instance.all_logs(result.run_id)]
    assert (
        f"worker_busy: {DEFAULT_WORKER}: run {first} executes it; this run ends, and no event is lost"
        in lines
    )
    assert not gateway.fetch_value("select count(*) from public.iu_route_attempt")


def test_a_run_whose_maximum_runtime_is_over_does_not_block_its_worker(
    location: Location, emit: Emit
) -> None:
    emit(4)
    gone = {tags.WORKER: DEFAULT_WORKER, dg.MAX_RUNTIME_SECONDS_TAG: "0"}
    location.add_started_run("route_worker_job", gone)
    assert materializations(location.run("route_worker_job"), "iu_route_attempt")[0]["run_seen"] == 4


@pytest.mark.parametrize(("other", "is_busy"), [("shop", True), ("warehouse", False)])
def test_a_run_of_another_code_location_with_the_same_tags_does_not_count(
    instance: dg.DagsterInstance, other: str, is_busy: bool
) -> None:
    first, second = (add_run_of(instance, name) for name in (other, "shop"))
    assert earlier_run(instance, second, {tags.WORKER: "one"}) == (first if is_busy else None)


def add_run_of(instance: dg.DagsterInstance, code_location: str) -> str:
    """Record a run that executes the worker `one` of a code location, and return its id."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(code_location), "__repository__")
    run = dg.DagsterRun(
        job_name="route_worker_job",
        tags={tags.WORKER: "one"},
        status=dg.DagsterRunStatus.STARTED,
        remote_job_origin=RemoteJobOrigin(repository, "route_worker_job"),
    )
    instance.add_run(run)
    return run.run_id


def test_a_run_is_not_busy_because_of_a_waiting_run_or_another_worker(location: Location, emit: Emit) -> None:
    emit(4)
    location.add_started_run("route_worker_job", {tags.WORKER: "another"})
    waiting = {tags.WORKER: DEFAULT_WORKER}
    location.add_started_run("route_worker_job", waiting, status=dg.DagsterRunStatus.NOT_STARTED)
    assert materializations(location.run("route_worker_job"), "iu_route_attempt")[0]["run_seen"] == 4


def test_a_new_dead_letter_turns_its_check_to_a_warning_in_the_same_run(
    location: Location, emit: Emit, live_route: Callable[[bool], None]
) -> None:
    assert location.run("dead_letter_replay_job").success
    live_route(True)
    emit(1)
    result = location.run("route_worker_job")
    assert checks(result)["dead_letters_open"].severity == dg.AssetCheckSeverity.WARN
    assert not checks(result)["dead_letters_open"].passed
    assert not materializations(result, "iu_route_dead_letter")
    key = dg.AssetCheckKey(dg.AssetKey("iu_route_dead_letter"), "dead_letters_open")
    assert not passed(location.instance, key)


@pytest.mark.parametrize("asset", ["iu_route_attempt", "iu_route_dead_letter", "iu_health_audit"])
def test_no_job_leaves_the_checks_of_an_asset_without_a_result(
    location: Location, emit: Emit, asset: str
) -> None:
    emit(2)
    for job in ("health_audit_job", "route_worker_job", "dead_letter_replay_job"):
        assert location.run(job).success
    latest = location.instance.fetch_materializations(dg.AssetKey(asset), limit=1).records[0]
    keys = [
        key
        for key in location.definitions.resolve_asset_graph().asset_check_keys
        if key.asset_key == dg.AssetKey(asset)
    ]
    assert keys
    for key in keys:
        record = location.instance.get_latest_asset_check_evaluation_record(key)
        assert record
        assert record.run_id == latest.run_id, key


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
def two_workers(database: str, instance: dg.DagsterInstance) -> Location:
    """A code location with the workers `one` and `two`."""
    resource = GatewayResource(database_url=database)
    return Location(build_defs(Mount(workers=("one", "two")), resources={"gateway": resource}), instance)


def passed(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> bool:
    """Return whether the latest evaluation of a check passed."""
    record = instance.get_latest_asset_check_evaluation_record(key)
    assert record
    assert record.evaluation
    return bool(record.evaluation.passed)


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
def test_the_schedule_runs_the_worker_while_the_gates_are_open(location: Location, emit: Emit) -> None:
    emit(1)
    (request,) = location.schedule("route_worker_schedule").run_requests
    assert request.partition_key == DEFAULT_WORKER
    assert request.tags[tags.WORKER] == DEFAULT_WORKER
    assert not request.run_key


@pytest.mark.stored
def test_the_schedule_starts_no_run_that_would_be_empty(location: Location) -> None:
    assert location.schedule("route_worker_schedule").skip_message == f"{DEFAULT_WORKER}: no event is waiting"


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
@pytest.mark.parametrize("tag", [tags.WORKER, PARTITION_TAG])
@pytest.mark.parametrize("name", ["route_worker_schedule", "backlog_sensor"])
def test_no_second_run_is_requested_while_one_is_unfinished(location: Location, name: str, tag: str) -> None:
    run_id = location.add_started_run("route_worker_job", {tag: DEFAULT_WORKER})
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
    assert request.partition_key == DEFAULT_WORKER


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


def test_a_sensor_writes_no_event(location: Location, emit: Emit) -> None:
    emit(4)
    assert not location.tick("backlog_sensor").asset_events


def test_the_outbox_is_unsynced_only_while_events_are_unread(location: Location, emit: Emit) -> None:
    emit(4)
    location.run("route_worker_job", {"batch_limit": 2, "max_batches": 1}, partition=DEFAULT_WORKER)
    assert stale(location) == StaleStatus.STALE
    location.run("route_worker_job", partition=DEFAULT_WORKER)
    assert stale(location) == StaleStatus.FRESH
    location.run("health_audit_job")
    assert stale(location) == StaleStatus.FRESH
    emit(1)
    location.run("health_audit_job")
    assert stale(location) == StaleStatus.STALE
    location.run("route_worker_job", partition=DEFAULT_WORKER)
    assert stale(location) == StaleStatus.FRESH


def test_a_gate_that_changed_after_a_run_makes_its_attempts_unsynced(
    location: Location, gateway: Gateway
) -> None:
    location.run("route_worker_job", partition=DEFAULT_WORKER)
    assert stale(location) == StaleStatus.FRESH
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    location.run("health_audit_job")
    assert stale(location) == StaleStatus.STALE


def stale(location: Location) -> StaleStatus:
    """Return the status that the web UI shows as Synced or Unsynced."""
    graph = location.definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(location.instance, graph, LoadingContextForTest(location.instance))
    return resolver.get_status(dg.AssetKey("iu_route_attempt"), DEFAULT_WORKER)


@pytest.mark.stored
def test_each_worker_is_scheduled_separately(two_workers: Location, gateway: Gateway, emit: Emit) -> None:
    emit(1)
    two_workers.add_started_run("route_worker_job", {tags.WORKER: "one"})
    (request,) = two_workers.schedule("route_worker_schedule").run_requests
    assert request.partition_key == "two"
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    assert two_workers.schedule("route_worker_schedule").skip_message.count("gate is closed") == 2


def test_a_run_without_partition_and_worker_is_one_of_the_first_worker(two_workers: Location) -> None:
    summary = materializations(two_workers.run("route_worker_job"), "iu_route_attempt")[-1]
    assert summary["worker_name"] == "one"


@pytest.mark.parametrize("asset", ["iu_route_attempt", "iu_route_dead_letter"])
def test_materialize_with_a_value_out_of_bounds_is_refused_before_a_run(
    location: Location, asset: str
) -> None:
    field = "batch_limit" if asset == "iu_route_attempt" else "limit"
    with pytest.raises(
        dg.DagsterInvalidConfigError, match=f"{field}: Input should be greater than or equal to 1"
    ):
        location.materialize(asset, run_config={"ops": {asset: {"config": {field: 0}}}})
    assert not location.instance.get_runs()
