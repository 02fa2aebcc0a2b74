"""A person makes retries due before their time, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from delivery.test_plans import make
from delivery.world import Sender, World
from iu_pipelines.domain import deliveries, delivery_plans
from iu_pipelines.errors import ArgumentInvalid


def retry_now(world: World, event_id: UUID | None = None, limit: int = 1000) -> dict[str, Any]:
    said: dict[str, Any] = world.owner.fetch_value(
        "select public.fn_iu_delivery_retry_now('shop.paid', 'repaired', %s, %s)", (event_id, limit)
    )
    return said


def failed_once(world: World, *subjects: int, each: int = 1) -> tuple[Sender, list[UUID]]:
    """Let the first delivery of each subject fail; return the sender and these events."""
    events = [world.emit(subject, each)[0] for subject in subjects]
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(), "retry", status_code=500)
    return sender, events


def test_every_retry_of_the_route_is_due_now_and_in_order(world: World) -> None:
    sender, events = failed_once(world, 1, 2, 3, each=2)
    before = world.queue()
    assert sender.claim() == []
    assert retry_now(world) == {"status": "ran", "route_code": "shop.paid", "made_due": 3}
    for row, old in zip(world.queue(), before, strict=True):
        due_at = row.pop("due_at")
        assert (due_at < old.pop("due_at")) is row["is_head"]
        assert row == old
    claims = sender.claim()
    assert [claim["event_id"] for claim in claims] == events
    assert {claim["attempt_no"] for claim in claims} == {2}
    assert retry_now(world)["made_due"] == 0


def test_each_retry_is_recorded_with_the_actor_and_the_reason_and_is_chained(world: World) -> None:
    _, (first, second) = failed_once(world, 1, 2)
    retry_now(world, second)
    (row,) = world.owner.fetch_all(
        """select d.event_id, d.decision, d.reason, d.decided_by, l.kind, l.entries
           from public.iu_delivery_decision as d
           inner join public.iu_delivery_ledger as l on l.ledger_no = d.ledger_no"""
    )
    me = world.owner.fetch_value("select session_user::text")
    assert row == {
        "event_id": second, "decision": "made_due", "reason": "repaired", "decided_by": me,
        "kind": "decisions", "entries": 1,
    }  # fmt: skip
    assert deliveries.verify_chains(world.owner).fits
    assert deliveries.misfit(world.owner) is None
    assert [one.state for one in deliveries.why(world.owner, first) if one.route_code == "shop.paid"] == [
        "retry"
    ]
    world.owner.run_script(
        "set session_replication_role = replica; update public.iu_delivery_decision set reason = 'other'"
    )
    assert not deliveries.verify_chains(world.owner).fits


def test_what_is_claimed_dead_settled_or_no_head_stays_as_it_is(world: World) -> None:
    dead, claimed, waiting, settled = [world.emit(subject)[0] for subject in (1, 2, 2, 3)]
    world.enqueue()
    sender = world.sender()
    claims = {claim["event_id"]: claim for claim in sender.claim()}
    sender.record([claims[dead]], "failed", status_code=400)
    sender.record([claims[settled]])
    before = world.queue()
    assert retry_now(world)["made_due"] == 0
    for event_id in (dead, claimed, waiting, settled, UUID(int=0)):
        assert retry_now(world, event_id)["made_due"] == 0
    assert world.queue() == before


def test_the_failures_count_on_to_the_dead_letter(world: World) -> None:
    sender, (event_id,) = failed_once(world, 1)
    tries = len(world.owner.fetch_value("select retry_seconds from public.iu_delivery_target"))
    for _ in range(tries):
        assert retry_now(world, event_id)["made_due"] == 1
        sender.record(sender.claim(), "retry", status_code=400)
    (row,) = world.queue()
    assert (row["failures"], row["dead_at"] is not None) == (tries + 1, True)


def test_gates_rates_and_the_breaker_refuse_a_claim_as_before(world: World) -> None:
    sender, _ = failed_once(world, 1, 2, 3)
    retry_now(world)
    world.set_gate("delivery", "false")
    assert sender.claim() == []
    world.set_gate("delivery", "true")
    world.owner.execute("update public.iu_delivery_target_state set breaker = 'half_open', retry_at = now()")
    assert len(sender.claim()) == 1
    assert sender.claim() == []


def test_parts_end_where_less_than_the_limit_is_made_due(world: World) -> None:
    failed_once(world, 1, 2, 3)
    assert [retry_now(world, limit=2)["made_due"] for _ in range(3)] == [2, 1, 0]
    with pytest.raises(ArgumentInvalid):
        deliveries.retry_now(world.owner, "shop.other", "repaired")
    assert deliveries.retry_now(world.owner, "iu.version_applied.workflow", "repaired").made_due == 0


def test_status_and_a_plan_say_when_what_is_not_due_will_be(world: World) -> None:
    world.emit(9)
    failed_once(world, 1, 2, each=2)
    ready = world.emit(7)
    world.enqueue()
    first, last = sorted(row["due_at"] for row in world.queue() if row["due_at"] > datetime.now(UTC))[::2]
    (queue,) = deliveries.status(world.owner)
    assert (queue.retry, queue.next_due_at) == (3, first)
    plan = delivery_plans.make(world.owner, "drain", "a test", {"target": "hook"})
    assert (plan.entries, plan.due_now, plan.last_due_at) == (6, len(ready), last)
    retry_now(world)
    (queue,) = deliveries.status(world.owner)
    assert queue.next_due_at is None
    plan = delivery_plans.make(world.owner, "drain", "a test", {"target": "hook"})
    assert (plan.entries, plan.due_now, plan.last_due_at) == (6, 6, None)
    said = make(world, "discard", target="hook")
    assert (said["due_now"], said["last_due_at"]) == (None, None)


def test_a_held_route_has_no_next_retry(world: World) -> None:
    failed_once(world, 1)
    world.set_gate("delivery", "false")
    (queue,) = deliveries.status(world.owner)
    assert (queue.held, queue.next_due_at) == (1, None)


def test_dead_letters_that_may_have_arrived_are_counted(world: World) -> None:
    sender, _ = failed_once(world, 1, 2)
    world.pass_time(timedelta(hours=1).total_seconds())
    sender.record(sender.claim(), "failed", status_code=404)
    (queue,) = deliveries.status(world.owner)
    assert (queue.dead, queue.dead_in_doubt) == (2, 0)
    world.owner.execute("update public.iu_delivery set dead_reason = 'in_doubt' where subject_no = 1")
    (queue,) = deliveries.status(world.owner)
    assert (queue.dead, queue.dead_in_doubt) == (2, 1)
