"""The domain functions of attempts."""

from __future__ import annotations

from domain.samples import add_letter, emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, dead_letters, worker


def test_counts_by_decision_agree_with_the_rows_of_the_audit(gateway: Gateway) -> None:
    for _ in range(3):
        emit(gateway)
    emit(gateway, event_type="sql_link_created")
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=2)))
    list(worker.drain(gateway, "second", worker.RunLimits()))
    worker.seek(gateway, "second", "beginning", "test")
    list(worker.drain(gateway, "second", worker.RunLimits()))
    dead_letters.replay(gateway, add_letter(gateway))
    dead_letters.replay(gateway, add_letter(gateway, "iu.unknown", "test:2"))
    counted = gateway.fetch_all(
        "select decision, count(*) as n from public.iu_route_attempt group by decision"
    )
    found = {count.decision: count.attempts for count in attempts.counts_by_decision(gateway)}
    assert found == {row["decision"]: row["n"] for row in counted}
    assert found == {"dry_run": 7, "skipped": 3}


def test_conservation_counts_the_event_and_the_batch_of_a_deleted_attempt(gateway: Gateway) -> None:
    for _ in range(3):
        emit(gateway)
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=2)))
    whole = attempts.Conservation(events_unattempted=0, batches_checked=2, batches_differing=0)
    assert attempts.conservation(gateway, worker.DEFAULT_WORKER) == whole
    gateway.run_script(
        "set session_replication_role = replica; delete from public.iu_route_attempt_log where attempt_id = 1"
    )
    lost = attempts.Conservation(events_unattempted=1, batches_checked=2, batches_differing=1)
    assert attempts.conservation(gateway, worker.DEFAULT_WORKER) == lost


def test_an_attempt_is_found_by_each_of_its_keys(gateway: Gateway) -> None:
    emit(gateway)
    (batch,) = worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(), "a run")
    (attempt,) = attempts.recent(gateway)
    assert batch.batch_id is not None
    assert attempts.attempt(gateway, attempt.attempt_id) == attempt
    assert attempts.attempt(gateway, attempt.attempt_id + 1) is None
    assert attempts.for_event(gateway, attempt.event_id) == [attempt]
    assert attempts.for_key(gateway, attempt.idempotency_key) == [attempt]
    assert attempts.for_batch(gateway, batch.batch_id) == [attempt]
    assert attempts.for_run(gateway, "a run") == [attempt]
    assert attempts.for_worker(gateway, worker.DEFAULT_WORKER) == [attempt]
    assert attempts.recent(gateway, before=attempt.attempt_id) == []
