"""Broken protocols: each function edits functions of the module in a test database."""

from __future__ import annotations

from typing import Final

from engine.broken import edit
from engine.sessions import Session

HALT: Final = 4714
"""The advisory lock at which an edited function waits."""


def heads_not_held(session: Session) -> None:
    """Read the heads of subjects without a lock when events are enqueued."""
    edit(session, "fn_iu_delivery_heads_hold", (" for key share", ""))


def heads_looked_up_once(session: Session) -> None:
    """Take the heads that could be locked at the first attempt."""
    edit(
        session,
        "fn_iu_delivery_heads_hold",
        ("raise exception using errcode = 'serialization_failure';", "return v_held;"),
    )


def heads_kept_between_attempts(session: Session) -> None:
    """Keep the locks of an attempt while the next one waits."""
    edit(
        session,
        "fn_iu_delivery_heads_hold",
        ("raise exception using errcode = 'serialization_failure';", "null;"),
    )


def outcomes_under_a_weak_lock(session: Session) -> None:
    """Take a lock for outcomes that does not conflict with that of enqueueing."""
    edit(session, "fn_iu_delivery_reports_lock", ("limit 1 for update", "limit 1 for no key update"))


def outcomes_without_a_lock(session: Session) -> None:
    """Read the deliveries of outcomes without a lock."""
    edit(session, "fn_iu_delivery_reports_lock", ("limit 1 for update", "limit 1"))


def outcomes_in_reverse(session: Session) -> None:
    """Lock the deliveries of outcomes in the opposite order."""
    edit(
        session,
        "fn_iu_delivery_reports_lock",
        (
            "unnest(reports) as r",
            "(select q.* from unnest(reports) as q order by q.event_seq desc) as r",
        ),
    )


def no_fence(session: Session) -> None:
    """Let the outcome of any claim settle a delivery."""
    edit(
        session,
        "fn_iu_delivery_reports_lock",
        ("and d.claim_id = r.claim_id", ""),
        ("and d.claims = r.fence", ""),
    )
    edit(
        session,
        "fn_iu_delivery_reports_hold",
        ("h.claim_id = r.claim_id", "(h.route_no, h.event_seq) = (r.route_no, r.event_seq)"),
    )


def outcomes_counted_twice(session: Session) -> None:
    """Do not notice that another session has recorded an outcome of the same claim."""
    edit(session, "fn_iu_delivery_outcomes_write", ("if v_entry.entries < (", "if false and 0 < ("))


def numbers_before_the_lock(session: Session) -> None:
    """Draw the number of the ledger before the lock of the target."""
    edit(
        session,
        "fn_iu_delivery_outcomes_write",
        ("perform public.fn_iu_target_state_lock(given.target_no);", ""),
    )


def claims_side_by_side(session: Session) -> None:
    """Do not lock the state of a target."""
    edit(session, "fn_iu_target_state_lock", (" for no key update;", ";"))


def claims_that_wait(session: Session) -> None:
    """Wait for a head that another session has locked."""
    edit(session, "fn_iu_delivery_due", (" skip locked", ""))


def shares_that_are_rounded_up(session: Session) -> None:
    """Let every sender have a larger share, so that the last ones find no shard left."""
    edit(session, "fn_iu_delivery_shards_lease", ("mod(64, count(*) over ())", "64"))


def leases_prolonged_under_a_lock_that_waits(session: Session) -> None:
    """Wait for a delivery whose outcome is being recorded."""
    edit(session, "fn_iu_delivery_prolong", ("for no key update skip locked", "for no key update"))


def leases_of_any_claim(session: Session) -> None:
    """Prolong the lease of a delivery by a claim that is not its newest."""
    edit(session, "fn_iu_delivery_prolong", ("and (d.claim_id + 0) = any (claim_ids)", ""))


def claims_without_a_lease(session: Session) -> None:
    """Leave a claimed delivery due."""
    edit(
        session,
        "fn_iu_delivery_claims_write",
        ("due_at = clock_timestamp() + make_interval(secs => given.lease_seconds)", "due_at = d.due_at"),
    )


def gates_read_before_the_lock(session: Session) -> None:
    """Ask the gates before a claim waits for the state of the target, and not after."""
    edit(
        session,
        "fn_iu_delivery_claim_lock",
        ("if public.fn_iu_target_refusal(given, v_state) is not null then", "if false then"),
        (
            "    v_state := public.fn_iu_target_state_lock(",
            "    if public.fn_iu_target_refusal(given, (select s from public.iu_delivery_target_state "
            "as s where s.target_no = given.target_no)) is not null then return; end if;\n"
            "    v_state := public.fn_iu_target_state_lock(",
        ),
    )


def doubts_buried_under_a_weak_lock(session: Session) -> None:
    """Make a dead letter of a head that an enqueue holds."""
    edit(session, "fn_iu_delivery_doubts_bury", ("for update skip locked", ""))


def decisions_without_the_head(session: Session) -> None:
    """Go on without the head of a subject if it was replaced while a decision waited for it."""
    edit(session, "fn_iu_delivery_lock", ("exit when v_head is null or exists", "exit when true or exists"))


def decisions_without_a_lock(session: Session) -> None:
    """Read the delivery that is decided on without a lock."""
    edit(session, "fn_iu_delivery_lock", (" for update;", ";"))


def discards_beside_an_enqueue(session: Session) -> None:
    """Discard without the lock of the cursor."""
    _without_cursor(session, "fn_iu_delivery_discard")


def replays_beside_an_enqueue(session: Session) -> None:
    """Replay without the lock of the cursor."""
    _without_cursor(session, "fn_iu_delivery_replay")


def replays_that_leave_the_head(session: Session) -> None:
    """Leave it to an outcome to make a head of the delivery that is replayed."""
    edit(
        session,
        "fn_iu_delivery_requeue",
        ("perform public.fn_iu_delivery_heads_advance(", "perform array("),
        ("array_agg(a.route_no), array_agg(a.subject))\n    from unnest(about) as a", "select 1)"),
    )


def drains_of_what_arrived_later(session: Session) -> None:
    """Claim by a drain whatever its subjects have."""
    edit(
        session,
        "fn_iu_delivery_plan_scan",
        ("and named.is_named", ""),
        ("last.is_there is null as is_finished", "false as is_finished"),
    )


def plans_executed_side_by_side(session: Session) -> None:
    """Execute a plan without a lock of it and of the cursor."""
    edit(session, "fn_iu_delivery_plan_execute", (" for update skip locked", ""))
    plans_beside_an_enqueue(session)


def plans_beside_an_enqueue(session: Session) -> None:
    """Execute a plan without the lock of the cursor."""
    edit(
        session,
        "fn_iu_delivery_plan_execute",
        ("(public.fn_iu_cursor_lock('live:' || v_route_no)).worker_name is not null", "true"),
    )


def plans_without_a_lock(session: Session) -> None:
    """Read the deliveries of a plan without a lock."""
    edit(session, "fn_iu_delivery_rows_lock", (" for update", ""))


def promotion_read_once(session: Session) -> None:
    """Enqueue by the promotion that was read before the cursor was locked."""
    edit(
        session,
        "fn_iu_delivery_enqueue",
        ("is distinct from (v_route.promotion_no, v_route.held_reason)", "is null"),
    )


def bounds_raised_blindly(session: Session) -> None:
    """Raise the bound of due heads although a batch was enqueued meanwhile."""
    edit(session, "fn_iu_delivery_routes_admit", ("coalesce(d.batch_id, 0)", "9223372036854775807"))


def retention_that_ignores_the_queue(session: Session) -> None:
    """Hold no event that is queued."""
    edit(
        session,
        "fn_iu_delivery_retention_hold",
        ("r.event_domain = fn_iu_delivery_retention_hold.event_domain", "false"),
    )


def demotions_that_hold_nothing(session: Session) -> None:
    """Record the demotion of a route, and leave its promotion in force."""
    edit(session, "fn_iu_route_demote_apply", ("set held_reason = 'demoted'", "set held_reason = null"))


def any_isolation(session: Session) -> None:
    """Accept every isolation level."""
    edit(session, "fn_iu_delivery_isolation_require", ("not in ('read", "in ('never', 'read"))


def decisions_that_halt(session: Session) -> None:
    """Make a discard wait for the advisory lock when it has locked what it decides on."""
    edit(
        session,
        "fn_iu_delivery_discard",
        (
            "v_delivery := public.fn_iu_delivery_lock(v_route, event_id);",
            "v_delivery := public.fn_iu_delivery_lock(v_route, event_id);\n"
            f"        perform pg_advisory_xact_lock_shared({HALT});",
        ),
    )


def enqueues_that_halt(session: Session) -> None:
    """Make an enqueue wait for the advisory lock before it locks the cursor."""
    edit(
        session,
        "fn_iu_cursor_lock",
        ("\nbegin\n", f"\nbegin\n    perform pg_advisory_xact_lock_shared({HALT});\n"),
    )


def _without_cursor(session: Session, function: str) -> None:
    edit(
        session,
        function,
        ("(public.fn_iu_cursor_lock('live:' || v_route.route_no)).worker_name is null", "false"),
    )
