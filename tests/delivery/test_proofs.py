"""What became of an event: `fn_iu_delivery_why`, conservation, chains, heads, and status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from delivery.world import World
from iu_pipelines.errors import IuError

_WITHOUT_TRIGGERS = "set session_replication_role = replica; {}; reset session_replication_role"


def tamper(world: World, statement: str) -> None:
    """Run a statement as an administrator without the triggers that refuse it."""
    world.owner.run_script(_WITHOUT_TRIGGERS.format(statement))


def why(world: World, event_id: UUID, route_code: str = "shop.paid") -> dict[str, Any]:
    (row,) = (
        row
        for row in world.owner.fetch_all("select * from public.fn_iu_delivery_why(%s)", (event_id,))
        if row["route_code"] == route_code
    )
    return row


def said(world: World, event_id: UUID, route_code: str = "shop.paid") -> tuple[str, str | None]:
    row = why(world, event_id, route_code)
    return row["state"], row["reason"]


def conservation(world: World, route_code: str = "shop.paid") -> dict[str, int]:
    return {
        row["state"]: row["deliveries"]
        for row in world.owner.fetch_all(
            "select * from public.fn_iu_delivery_conservation(%s, 0, 1000000)", (route_code,)
        )
    }


def misfit(world: World, newest: int | None = None) -> str | None:
    found: str | None = world.owner.fetch_value("select public.fn_iu_delivery_misfit(%s)", (newest,))
    return found


def chains(world: World, newest: int | None = None) -> dict[str, Any]:
    return dict(world.owner.fetch_value("select public.fn_iu_delivery_chain_verify(%s)", (newest,)))


def status(world: World) -> dict[str, Any]:
    (row,) = world.owner.fetch_all("select * from public.fn_iu_delivery_status()")
    return row


def test_each_state_of_a_delivery_is_told_with_its_reason(world: World) -> None:
    first, second = world.emit(1, 2)
    (other,) = world.emit(2)
    assert said(world, first) == ("unread", None)
    world.enqueue()
    assert said(world, first) == ("queued", None)
    assert said(world, second) == ("queued", "not_head")
    sender = world.sender()
    claims = sender.claim(run_ref="run-1")
    row = why(world, first)
    assert (row["state"], row["attempts"], row["run_ref"]) == ("in_flight", 1, "run-1")
    assert row["next_at"] > row["since"]
    world.pass_time(3600)
    assert said(world, first) == ("in_doubt", None)
    (claim,) = (claim for claim in claims if claim["event_id"] == other)
    sender.record([claim], "retry", status_code=503)
    assert said(world, other) == ("retry", "not_due")
    (claim,) = (claim for claim in claims if claim["event_id"] == first)
    sender.record([claim], "failed", status_code=400, error="no such order")
    assert said(world, first) == ("dead", "no such order")
    assert said(world, second) == ("parked", f"behind the dead letter of event {first}")
    world.owner.fetch_value("select public.fn_iu_delivery_discard('shop.paid', %s, 'wrong order')", (first,))
    assert said(world, first) == ("discarded", "wrong order")
    (claim,) = sender.claim()
    sender.record([claim])
    assert said(world, second) == ("sent", None)
    assert conservation(world) == {"discarded": 1, "retry": 1, "sent": 1}
    assert misfit(world) is None


def test_the_first_refusal_in_the_order_of_the_claim_is_the_reason(world: World) -> None:
    (event,) = world.emit(1)
    world.enqueue()
    state = "update public.iu_delivery_target_state set {}"
    refusals: list[tuple[str, Callable[[], object]]] = [
        ("rate_limit", lambda: world.owner.execute(
            "update public.iu_delivery_route set tokens = 0, refilled_at = clock_timestamp() + interval '1h'"
        )),
        ("breaker_open", lambda: world.owner.execute(
            state.format("breaker = 'open', retry_at = clock_timestamp() + interval '1h'")
        )),
        ("failover_hold", lambda: world.owner.execute(state.format("failover_hold = true"))),
        ("target_paused", lambda: world.owner.execute(state.format("paused = true"))),
        ("target_disabled", lambda: world.owner.execute(
            "update public.iu_delivery_target set enabled = false"
        )),
        ("demoted", lambda: world.owner.execute(
            "update public.iu_delivery_route set held_reason = 'demoted'"
        )),
        ("not_listed", lambda: world.set_gate("live_routes", "")),
        ("delivery_gate_closed", lambda: world.set_gate("delivery", "false")),
        ("master_gate_closed", lambda: world.set_gate("master", "false")),
    ]  # fmt: skip
    world.promote("shop.paid", max_per_minute=60)
    for reason, refuse in refusals:
        refuse()
        assert said(world, event) == ("held", reason)
        assert world.sender().claim() == []
        assert status(world)["held_reasons"] == [reason]
    assert (status(world)["held"], status(world)["queued"]) == (1, 0)


def test_an_event_that_is_not_read_says_why_the_route_does_not_go_on(world: World) -> None:
    (event,) = world.emit(1)
    assert said(world, event) == ("unread", None)
    world.owner.execute("update public.iu_delivery_route set held_reason = 'promotion_expired'")
    assert said(world, event) == ("unread", "promotion_expired")
    world.set_gate("delivery", "false")
    assert said(world, event) == ("unread", "delivery_gate_closed")


def test_routes_that_an_event_is_not_for_are_told_too(world: World) -> None:
    world.owner.execute(
        """insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
           values ('shop.later', 'version_applied', true, 'webhook', 'hook')"""
    )
    world.add_route("shop.other", "structure_piece_split", "hook")
    (event,) = world.emit(1)
    world.enqueue("shop.other")
    states = {
        row["route_code"]: row["state"]
        for row in world.owner.fetch_all("select * from public.fn_iu_delivery_why(%s)", (event,))
    }
    assert {code: states[code] for code in ("shop.later", "shop.other", "shop.paid")} == {
        "shop.later": "not_promoted", "shop.other": "not_for_route", "shop.paid": "unread",
    }  # fmt: skip
    assert conservation(world, "shop.other") == {"not_for_route": 1}


def test_an_event_outside_the_canary_or_before_the_first_promotion_is_told(world: World) -> None:
    (passed,) = world.emit(1)
    world.owner.execute(
        """update public.iu_delivery_route set passed_snapshot = pg_current_snapshot(),
           passed_seq = (select max(event_seq) from public.event_outbox)"""
    )
    world.owner.execute(
        """update public.iu_route_worker_cursor set consumed_snapshot = pg_current_snapshot()
           where worker_name like 'live:%'"""
    )
    world.promote("shop.paid", share=0.00001)
    (outside,) = world.emit(2)
    assert world.enqueue()["outside_canary"] == 1
    assert said(world, passed) == ("passed_over", None)
    state, reason = said(world, outside)
    assert (state, str(reason).partition(" ")[0]) == ("outside_canary", "promotion")
    assert conservation(world) == {"outside_canary": 1, "passed_over": 1}
    assert misfit(world) is None


def test_events_that_were_read_under_another_event_type_of_the_route_are_not_missing(world: World) -> None:
    (merged,) = world.emit(1, event_type="structure_piece_split")
    world.enqueue()
    world.owner.execute(
        """update public.iu_outbound_route set event_type = 'structure_piece_split'
           where route_code = 'shop.paid'"""
    )
    world.promote("shop.paid")
    world.owner.execute("update public.iu_delivery_route set event_type = 'structure_piece_split'")
    assert said(world, merged) == ("not_for_route", None)
    assert misfit(world) is None


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("delete from public.iu_delivery where is_head", "missing"),
        ("delete from public.iu_delivery_claim", "missing"),
        ("delete from public.iu_delivery_outcome", "missing"),
        ("update public.iu_delivery_outcome set stale = true", "missing"),
        (
            "insert into public.iu_delivery_decision (route_no, event_seq, event_id, decision, reason)"
            " select route_no, event_seq, event_id, 'discarded', 'x' from public.iu_delivery_claim limit 1",
            "conflicting",
        ),
        (
            "insert into public.iu_delivery_decision (route_no, event_seq, event_id, decision, reason)"
            " select route_no, event_seq, event_id, 'outside_canary', 'x' from public.iu_delivery limit 1",
            "conflicting",
        ),
        (
            "delete from public.event_outbox where event_id in (select event_id from public.iu_delivery)",
            "no_event",
        ),
    ],
)  # fmt: skip
def test_an_event_without_a_state_or_with_two_is_a_fault(world: World, statement: str, fault: str) -> None:
    world.emit(1, 2)
    world.emit(2, 2)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim())
    assert conservation(world) == {"queued": 2, "sent": 2}
    assert misfit(world) is None
    tamper(world, statement)
    assert conservation(world)[fault] >= 1
    assert fault in str(misfit(world))
    assert fault in str(misfit(world, 10))


def life(world: World) -> None:
    """Make rows of each kind: claims, outcomes, decisions, and two batches."""
    world.emit(1, 3)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim())
    world.emit(2, 2)
    world.enqueue()
    claims = sender.claim()
    sender.record(claims[:1])
    sender.record(claims[1:], "failed")
    world.pass_time(3600)
    sender.record(sender.claim())


def test_chains_of_a_life_fit_and_are_counted(world: World) -> None:
    assert chains(world) == {"fits": True, "batches": 0, "ledger_rows": 0, "entries": 0, "fault": None}
    life(world)
    found = chains(world)
    assert (found["fits"], found["fault"], found["batches"], found["ledger_rows"]) == (True, None, 2, 8)
    assert found["entries"] == 9
    found = chains(world, 2)
    assert (found["fits"], found["ledger_rows"]) == (True, 2)


LEDGER = "public.iu_delivery_ledger"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update public.iu_delivery_batch set seen = 7", "batch 1 of route shop.paid was altered"),
        ("delete from public.iu_delivery_batch where batch_id = 1", "does not follow the one before"),
        ("delete from public.iu_delivery_batch where batch_id = 2", "hash of a batch that was deleted"),
        ("delete from public.iu_delivery_batch", "hash of a batch that was deleted"),
        (f"update {LEDGER} set sender = 'x' where ledger_no = 3", "row 3 of the ledger was altered"),
        (f"update {LEDGER} set run_ref = '' where ledger_no = 3", "row 3 of the ledger was altered"),
        (f"delete from {LEDGER} where ledger_no = 1", "row 2 of the ledger does not follow"),
        (f"delete from {LEDGER} where ledger_no = 3", "row 4 of the ledger does not follow"),
        (f"delete from {LEDGER} where ledger_no = 8", "the state of target hook has the hash of a row"),
        (f"delete from {LEDGER}", "the state of target hook has the hash of a row"),
        ("update public.iu_delivery_claim set body_hash = '' where claim_id = 2", "claims of row"),
        ("delete from public.iu_delivery_claim where claim_id = 1", "0 of 1 claims of row 1"),
        ("delete from public.iu_delivery_claim", "0 of 1 claims of row 1"),
        (
            "insert into public.iu_delivery_claim (ledger_no, event_seq, event_id, subject, subject_no,"
            " route_no, attempt_no, promotion_no, body_hash) select 99, event_seq, event_id, subject,"
            " subject_no, route_no, attempt_no, promotion_no, body_hash from public.iu_delivery_claim"
            " limit 1",
            "claims of row 99 of the ledger, which is missing",
        ),
        ("update public.iu_delivery_outcome set status_code = 200", "outcomes of row 2"),
        ("delete from public.iu_delivery_outcome where claim_id = 1", "0 of 1 outcomes of row 2"),
        ("update public.iu_delivery_decision set reason = 'x'", "decisions of row"),
        ("delete from public.iu_delivery_decision", "0 of 1 decisions of row"),
        ("update public.iu_delivery_target_state set last_ledger_hash = '\\x'", "the state of target hook"),
    ],
)  # fmt: skip
def test_a_row_that_was_altered_moved_or_deleted_breaks_a_chain(
    world: World, statement: str, fault: str
) -> None:
    life(world)
    tamper(world, statement)
    found = chains(world)
    assert (found["fits"], fault in found["fault"]) == (False, True), found


@pytest.mark.parametrize(
    ("function", "row", "other"),
    [
        ("ledger_hash", {"sender": "a", "run_ref": "b|c"}, {"sender": "a|b", "run_ref": "c"}),
        ("ledger_hash", {"run_ref": "a", "login": "b|c"}, {"run_ref": "a|b", "login": "c"}),
        ("decision_content", {"reason": "a", "decided_by": "b|c"}, {"reason": "a|b", "decided_by": "c"}),
        ("outcome_content", {"error_detail": None}, {"error_detail": ""}),
        ("batch_hash", {"run_ref": None}, {"run_ref": ""}),
    ],
)
def test_text_that_moves_to_another_column_changes_the_hash(
    world: World, function: str, row: dict[str, str], other: dict[str, str]
) -> None:
    kind = function.partition("_")[0]
    sql = (
        f"select public.fn_iu_delivery_{function}"
        f"(jsonb_populate_record(null::public.iu_delivery_{kind}, %s::jsonb))"
    )
    assert world.owner.fetch_value(sql, (row,)) != world.owner.fetch_value(sql, (other,))


@pytest.mark.parametrize(
    "statement",
    [
        "delete from public.iu_route_promotion_decision",
        "update public.iu_route_promotion_decision set decided_by = 'proposer', decision = 'reject'",
        "update public.iu_route_promotion_decision set decided_at = now() + interval '1 hour'",
        "update public.iu_route_promotion_decision set decided_at = now() - interval '2 days'",
        "update public.iu_route_promotion set target_no = 9",
        "update public.iu_route_promotion set route_no = 99",
        "alter table public.iu_route_promotion_decision drop constraint two_people;"
        " update public.iu_route_promotion_decision set decided_by = proposed_by",
        "insert into public.iu_route_promotion_decision (promotion_no, decision, reason, proposed_by,"
        " decided_at, previous_hash, row_hash) select promotion_no, 'demote', 'x', 'x', decided_at, 'x', 'x'"
        " from public.iu_route_promotion_decision; update public.iu_delivery_ledger"
        " set recorded_at = recorded_at + interval '2 minutes'",
    ],
)  # fmt: skip
def test_a_claim_that_no_promotion_covers_is_found(world: World, statement: str) -> None:
    life(world)
    tally = "select sent, unpromoted from public.fn_iu_delivery_sent_tally()"
    assert world.owner.fetch_one(tally) == {"sent": 3, "unpromoted": 0}
    tamper(world, statement)
    found = world.owner.fetch_one(tally)
    assert found == {"sent": 3, "unpromoted": 4}
    if "update public.iu_delivery_ledger" not in statement:
        assert chains(world)["fault"] == "claim 1 was made without a valid promotion"


def test_a_subject_without_a_head_is_found_and_repaired(world: World) -> None:
    events = world.emit(1, 3)
    world.enqueue()
    missing = "select * from public.fn_iu_delivery_heads_missing()"
    assert world.owner.fetch_all(missing) == []
    world.owner.execute("update public.iu_delivery set is_head = false")
    sender = world.sender()
    assert sender.claim() == []
    (row,) = world.owner.fetch_all(missing)
    assert (row["route_code"], row["event_id"], row["waiting"]) == ("shop.paid", events[0], 3)
    repair = "select public.fn_iu_delivery_heads_repair('test')"
    assert world.owner.fetch_value(repair) == {"status": "ran", "repaired": 1, "busy_routes": 0}
    assert world.owner.fetch_value(repair) == {"status": "ran", "repaired": 0, "busy_routes": 0}
    assert world.owner.fetch_all(missing) == []
    assert [claim["event_id"] for claim in sender.claim()] == [events[0]]
    decided = world.owner.fetch_one("select decision, reason from public.iu_delivery_decision")
    assert decided == {"decision": "repaired", "reason": "test"}
    assert (chains(world)["fault"], misfit(world)) == (None, None)


def test_an_unknown_event_is_refused(world: World) -> None:
    with pytest.raises(IuError) as raised:
        why(world, UUID(int=1))
    assert raised.value.code == "IU104"
