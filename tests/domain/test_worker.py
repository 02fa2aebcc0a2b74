"""The domain functions of the worker: batches, drains, limits and seeks."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, gates, outbox, worker
from iu_pipelines.errors import (
    ArgumentInvalid,
    BatchLimitInvalid,
    CursorPositionUnknown,
    Unavailable,
)


def emit(gateway: Gateway, number: int, event_type: str = "version_applied") -> None:
    outbox.emit_many(
        gateway, [outbox.NewEvent(event_type, f"docs/{n}", uuid4(), "test", {"n": n}) for n in range(number)]
    )


def drained(gateway: Gateway, limits: worker.RunLimits, name: str = worker.DEFAULT_WORKER) -> worker.Drain:
    drain = worker.drain(gateway, name, limits)
    list(drain)
    return drain


def test_a_batch_returns_its_counts_and_the_cursor(gateway: Gateway) -> None:
    emit(gateway, 3)
    result = worker.run_once(gateway, worker.DEFAULT_WORKER, 10, "run-1")
    assert (result.status, result.seen, result.attempts_written) == ("ran", 3, 3)
    assert (result.skipped, result.dead_lettered) == (0, 0)
    assert result.batch_id is not None
    batch = worker.batch(gateway, result.batch_id)
    assert batch is not None
    assert (batch.run_ref, batch.seen, batch.dry_run, batch.failed) == ("run-1", 3, 3, 0)
    assert result.cursor_event_id == attempts.for_batch(gateway, result.batch_id)[-1].event_id


def test_an_event_without_a_route_is_recorded_as_skipped(gateway: Gateway) -> None:
    emit(gateway, 2, "sql_link_created")
    result = worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
    assert (result.seen, result.skipped, result.attempts_written) == (2, 2, 2)
    assert {attempt.decision for attempt in attempts.recent(gateway)} == {"skipped"}


def test_a_drain_runs_batches_until_no_event_is_left(gateway: Gateway) -> None:
    emit(gateway, 25)
    drain = worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=10))
    assert [result.seen for result in drain] == [10, 10, 5]
    assert drain.stopped_reason == "drained"
    assert (drain.batches, drain.seen, drain.attempts_written) == (3, 25, 25)
    assert drain.last is not None
    assert drain.last.seen == 0


def test_a_drain_without_events_yields_no_batch(gateway: Gateway) -> None:
    drain = drained(gateway, worker.RunLimits())
    assert (drain.batches, drain.stopped_reason) == (0, "drained")
    assert worker.batches(gateway) == []


def test_a_drain_stops_after_max_batches(gateway: Gateway) -> None:
    emit(gateway, 25)
    drain = drained(gateway, worker.RunLimits(batch_limit=10, max_batches=2))
    assert (drain.batches, drain.seen, drain.stopped_reason) == (2, 20, "max_batches")


def test_a_drain_starts_no_batch_after_max_seconds(gateway: Gateway) -> None:
    emit(gateway, 5)
    drain = drained(gateway, worker.RunLimits(max_seconds=0))
    assert (drain.batches, drain.stopped_reason) == (0, "max_seconds")


def test_a_stop_request_ends_a_drain_between_batches(gateway: Gateway) -> None:
    emit(gateway, 25)
    seen: list[int] = []
    drain = worker.drain(
        gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=10), should_stop=lambda: len(seen) >= 1
    )
    seen.extend(result.seen for result in drain)
    assert seen == [10]
    assert drain.stopped_reason == "cancelled"


def test_a_lingering_drain_processes_later_events(gateway: Gateway, database: str) -> None:
    def emit_later() -> None:
        with Gateway(database) as other:
            other.fetch_value("select 1")
            time.sleep(0.5)
            emit(other, 2)

    later = threading.Thread(target=emit_later)
    later.start()
    drain = drained(gateway, worker.RunLimits(linger_seconds=2.0))
    later.join()
    assert (drain.seen, drain.stopped_reason) == (2, "drained")


@pytest.mark.parametrize(
    ("gate", "status"), [(gates.WORKER, "worker_gate_closed"), (gates.MASTER, "master_gate_closed")]
)
def test_a_closed_gate_ends_the_drain_and_keeps_the_events(gateway: Gateway, gate: str, status: str) -> None:
    emit(gateway, 3)
    gates.set_gate(gateway, gate, "false", "test")
    drain = drained(gateway, worker.RunLimits())
    assert (drain.seen, drain.stopped_reason) == (0, "gate_closed")
    assert drain.last is not None
    assert drain.last.status == status
    gates.set_gate(gateway, gate, "true", "test")
    assert drained(gateway, worker.RunLimits()).seen == 3


def test_a_concurrent_invocation_of_the_same_worker_returns_worker_busy(gateway: Gateway) -> None:
    emit(gateway, 3)
    with gateway.transaction() as first:
        assert worker.run_once(first, worker.DEFAULT_WORKER, 10).seen == 3
        drain = drained(gateway, worker.RunLimits())
    assert (drain.seen, drain.stopped_reason) == (0, "worker_busy")


def test_workers_with_different_names_are_independent(gateway: Gateway) -> None:
    emit(gateway, 3)
    assert drained(gateway, worker.RunLimits(), "second").seen == 3
    assert drained(gateway, worker.RunLimits()).seen == 3
    cursors = gateway.fetch_all("select worker_name from public.iu_route_worker_cursor order by worker_name")
    assert [row["worker_name"] for row in cursors] == [worker.DEFAULT_WORKER, "second"]
    assert [batch.worker_name for batch in worker.batches(gateway, "second")] == ["second"]


@pytest.mark.parametrize("limit", [0, -1, None, 1_000_000])
def test_a_batch_limit_out_of_range_is_refused_with_its_value(gateway: Gateway, limit: int | None) -> None:
    with pytest.raises(BatchLimitInvalid, match="null" if limit is None else str(limit)) as refused:
        worker.run_once(gateway, worker.DEFAULT_WORKER, limit)
    assert refused.value.hint


@pytest.mark.parametrize("name", ["", " ", "two words", "x" * 101])
def test_an_invalid_worker_name_is_refused(gateway: Gateway, name: str) -> None:
    with pytest.raises(ArgumentInvalid, match="worker_name") as refused:
        worker.run_once(gateway, name, 10)
    assert refused.value.hint


def test_after_a_seek_to_the_beginning_events_are_read_again_without_new_attempts(gateway: Gateway) -> None:
    emit(gateway, 3)
    drained(gateway, worker.RunLimits())
    worker.seek(gateway, worker.DEFAULT_WORKER, "beginning", "test")
    drain = drained(gateway, worker.RunLimits())
    assert (drain.seen, drain.attempts_written) == (3, 0)


def test_after_a_seek_to_the_latest_existing_events_are_not_read(gateway: Gateway) -> None:
    emit(gateway, 3)
    worker.seek(gateway, worker.DEFAULT_WORKER, "latest", "test")
    assert drained(gateway, worker.RunLimits()).seen == 0


@pytest.mark.parametrize("position", ["nowhere", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_position_is_refused_with_its_value(gateway: Gateway, position: str) -> None:
    with pytest.raises(CursorPositionUnknown, match=position):
        worker.seek(gateway, worker.DEFAULT_WORKER, position, "test")


def test_batches_and_attempts_are_found_by_run(gateway: Gateway) -> None:
    emit(gateway, 4)
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=2), "run-7"))
    emit(gateway, 1)
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(), "run-8"))
    assert [batch.seen for batch in worker.batches(gateway, run_ref="run-7")] == [2, 2]
    assert len(attempts.for_run(gateway, "run-7")) == 4
    assert {attempt.run_ref for attempt in attempts.recent(gateway)} == {"run-7", "run-8"}


SHOP = """
insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane)
values ('order_paid', 'shop', 'update', 'immediate')
"""


def test_a_worker_is_added_with_a_domain_and_reads_it(gateway: Gateway) -> None:
    gateway.execute(SHOP)
    emit(gateway, 2, "order_paid")
    assert worker.add(gateway, "shop_worker", "shop", "test").status == "added"
    assert worker.add(gateway, "shop_worker", "shop", "test").status == "exists"
    assert drained(gateway, worker.RunLimits(), "shop_worker").seen == 2
    assert worker.domains(gateway, ["shop_worker", "nobody", worker.DEFAULT_WORKER]) == ("shop", "iu")
    with pytest.raises(ArgumentInvalid, match="reads domain shop, not 'iu'"):
        worker.add(gateway, "shop_worker", "iu", "test")


def test_a_worker_is_retired_after_it_has_read_everything_and_resumed(gateway: Gateway) -> None:
    gateway.execute(SHOP)
    worker.add(gateway, "shop_worker", "shop", "test")
    emit(gateway, 2, "order_paid")
    with pytest.raises(ArgumentInvalid, match="has 2 unread events"):
        worker.retire(gateway, "shop_worker", "test")
    drained(gateway, worker.RunLimits(), "shop_worker")
    assert worker.retire(gateway, "shop_worker", "test").status == "retired"
    (listed,) = [one for one in worker.list_workers(gateway) if one.worker_name == "shop_worker"]
    assert listed.retired_at
    with pytest.raises(ArgumentInvalid, match="was retired at") as refused:
        worker.run_once(gateway, "shop_worker", 10)
    assert "iu worker add shop_worker --domain shop" in (refused.value.hint or "")
    assert worker.add(gateway, "shop_worker", "shop", "test").status == "resumed"


def test_adding_and_retiring_give_up_after_two_seconds_of_a_busy_worker(gateway: Gateway) -> None:
    emit(gateway, 1)
    with gateway.transaction() as first:
        worker.run_once(first, worker.DEFAULT_WORKER, 10)
        with pytest.raises(Unavailable, match="is busy"):
            worker.retire(gateway, worker.DEFAULT_WORKER, "test")


def test_create_neither_resumes_a_retired_worker_nor_changes_a_domain(gateway: Gateway) -> None:
    worker.create(gateway, "shop_worker", "shop", "test")
    worker.retire(gateway, "shop_worker", "test")
    worker.create(gateway, "shop_worker", "shop", "test")
    with pytest.raises(ArgumentInvalid, match="was retired"):
        worker.run_once(gateway, "shop_worker", 10)
    with pytest.raises(ArgumentInvalid, match="reads domain shop"):
        worker.create(gateway, "shop_worker", "iu", "test")
