"""Broken variants of the functions of the module, each with a short sequence that shows what it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg

from delivery.simulation import LEASE, Simulation

Sequence = Callable[[Simulation], None]


@dataclass(frozen=True)
class Variant:
    """Edits of functions of the module, and the invariant that the sequence then violates.

    An edit is the name of a function, a part of its text, and what replaces it. `statements` run as well.
    """

    name: str
    invariant: str
    sequence: Sequence
    edits: tuple[tuple[str, str, str], ...] = ()
    statements: tuple[str, ...] = ()
    hook: Mapping[str, Any] = field(default_factory=dict)
    skipper: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scenario(self) -> str:
        """Return what the sequence and the targets are, in one text."""
        return f"{self.sequence} {dict(self.hook)} {dict(self.skipper)}"

    def apply(self, judge: psycopg.Connection[dict[str, Any]]) -> None:
        """Edit the functions of the database."""
        for name, old, new in self.edits:
            row = judge.execute(
                "select pg_get_functiondef(%s::regproc) as definition", (f"public.fn_iu_{name}",)
            ).fetchone()
            assert row is not None
            assert old in row["definition"], f"{old!r} is not in {name}"
            judge.execute(row["definition"].replace(old, new).encode())
        for statement in self.statements:
            judge.execute(statement.encode())


def queued(simulation: Simulation, count: int = 1, route: str = "shop.paid") -> None:
    simulation.emit(count=count)
    simulation.enqueue(route)


def deliver(simulation: Simulation, by: int = 0, target: str = "hook", limit: int = 100) -> None:
    simulation.claim(target, limit, by)
    flights = [flight for flight in simulation.held_by(by) if flight.target == target]
    sent = [flight for flight in flights if simulation.send(flight)]
    if sent:
        simulation.record(sent)
    simulation.check()


def _event(simulation: Simulation, place: int = 0, route: str = "shop.paid") -> UUID:
    return simulation.order[route, UUID(int=1)][place]


def late_event_beside_an_outcome(simulation: Simulation) -> None:
    """Queue the next event of a subject in an open transaction while the first is settled."""
    queued(simulation)
    simulation.claim()
    (flight,) = simulation.held_by(0)
    simulation.send(flight)
    simulation.emit()
    simulation.enqueue(by=1, held=True)
    simulation.meanwhile(lambda: simulation.record([flight]), simulation.owners[1].finish)


def late_event_beside_a_doubt(simulation: Simulation) -> None:
    """Queue the next event of a subject in an open transaction while the first is given up."""
    queued(simulation, route="shop.copy")
    simulation.claim("skipper")
    simulation.pass_time(LEASE + 1)
    simulation.emit()
    simulation.enqueue("shop.copy", by=1, held=True)
    simulation.claim("skipper", by=1)
    simulation.owners[1].finish()


def enqueue_waits_for_a_dead_letter(simulation: Simulation) -> None:
    """Queue the next event of a subject while the first becomes a dead letter that is skipped."""
    queued(simulation, route="shop.copy")
    simulation.claim("skipper")
    simulation.record(simulation.held_by(0), "failed", held=True)
    simulation.emit()
    simulation.meanwhile(lambda: simulation.enqueue("shop.copy", by=1), simulation.senders[0].finish)


def two_events_in_turn(simulation: Simulation) -> None:
    queued(simulation, 2)
    deliver(simulation)
    deliver(simulation)


def retry_after_another_claim(simulation: Simulation) -> None:
    """Record a failure of a claim whose lease has passed, while another sender sends."""
    queued(simulation)
    simulation.claim()
    simulation.pass_time(LEASE + 1)
    simulation.claim(by=1)
    simulation.record(simulation.held_by(0), "retry")
    simulation.check()
    simulation.pass_time(10)
    simulation.claim(by=2)


def sent_after_another_claim(simulation: Simulation) -> None:
    queued(simulation)
    simulation.claim()
    simulation.pass_time(LEASE + 1)
    simulation.claim(by=1)
    (late,) = simulation.held_by(0)
    simulation.send(late, frozen=True)
    simulation.record([late])


def claim_twice_at_once(simulation: Simulation) -> None:
    queued(simulation)
    simulation.claim()
    simulation.claim(by=1)


def after(action: Callable[[Simulation], None]) -> Sequence:
    """Return a sequence that queues an event, does something and claims."""

    def sequence(simulation: Simulation) -> None:
        queued(simulation)
        action(simulation)
        simulation.claim()
        simulation.check()

    return sequence


def clone_claims(simulation: Simulation) -> None:
    queued(simulation)
    simulation.claim(deployment="staging")


def canary_narrowed(simulation: Simulation) -> None:
    """Queue events of many subjects, and promote for fewer of them."""
    for subject in range(1, 9):
        simulation.emit(subject)
    simulation.enqueue()
    simulation.promote("shop.paid", share=0.1)
    deliver(simulation)


def canary_of_subjects(simulation: Simulation) -> None:
    simulation.promote("shop.paid", share=0.5)
    for subject in range(1, 9):
        simulation.emit(subject)
    simulation.enqueue()


def dead_letter_and_the_next(simulation: Simulation) -> None:
    """Park a subject behind a dead letter, deliver what may be, and replay the dead letter."""
    queued(simulation, 2)
    simulation.claim()
    simulation.record(simulation.held_by(0), "failed")
    deliver(simulation, by=1)
    simulation.settle_by_hand("replay", "shop.paid", _event(simulation))
    deliver(simulation)


def discard_in_flight(simulation: Simulation) -> None:
    """Discard a delivery while its claim is valid, and claim the next of its subject."""
    queued(simulation, 2)
    simulation.claim()
    simulation.settle_by_hand("discard", "shop.paid", _event(simulation))
    simulation.claim(by=1)


def retry_in_flight(simulation: Simulation) -> None:
    """Make everything due while a claim is valid, and claim it from another sender."""
    queued(simulation, 2)
    simulation.claim()
    simulation.retry_now("shop.paid", _event(simulation))
    simulation.retry_now("shop.paid")
    simulation.claim(by=1)


def unknown_outcomes(simulation: Simulation) -> None:
    queued(simulation)
    for by in (0, 1, 2, 0):
        simulation.claim(by=by)
        for flight in simulation.held_by(by):
            flight.forgotten = True
        simulation.pass_time(LEASE + 1)
    simulation.check()


def send_once_more(simulation: Simulation) -> None:
    queued(simulation)
    simulation.claim()
    simulation.send(*simulation.held_by(0))
    simulation.pass_time(LEASE + 1)
    deliver(simulation, by=1)


def record_twice(simulation: Simulation) -> None:
    queued(simulation)
    simulation.claim()
    (flight,) = simulation.held_by(0)
    simulation.send(flight)
    simulation.record([flight])
    simulation.record([flight])


def many_claims(simulation: Simulation) -> None:
    for subject in range(1, 9):
        simulation.emit(subject)
    simulation.enqueue()
    for _ in range(8):
        deliver(simulation)


def many_claims_of_a_route(simulation: Simulation) -> None:
    simulation.promote("shop.paid", max_per_minute=2)
    many_claims(simulation)


def forever(simulation: Simulation) -> None:
    """Do nothing more: the drain of the simulation shows what is wrong."""
    queued(simulation, 2)


VARIANTS: Final = (
    Variant(
        "enqueue_does_not_lock_heads", "head", late_event_beside_an_outcome,
        (("delivery_heads_hold", "order by d.event_seq for key share", "order by d.event_seq"),),
    ),
    Variant(
        "a_doubt_does_not_wait_for_enqueue", "head", late_event_beside_a_doubt,
        (("delivery_doubts_bury", "for update skip locked", "for no key update skip locked"),),
        skipper={"at_most_once": True},
    ),
    Variant(
        "the_next_is_not_advanced", "head", two_events_in_turn,
        (("delivery_heads_advance", "w.dead_at is null", "w.dead_at is null and false"),),
    ),
    Variant(
        "a_passed_fence_counts_for_a_retry", "flight", retry_after_another_claim,
        (
            ("delivery_reports_lock", "and d.claim_id = r.claim_id\n", "\n"),
            ("delivery_reports_lock", "and d.claims = r.fence", ""),
            ("delivery_reports_hold", "h.claim_id = r.claim_id", "h.event_seq = r.event_seq"),
            ("delivery_settle", "(d.claim_id + 0) = r.claim_id", "d.event_seq = r.event_seq"),
        ),
    ),
    Variant(
        "a_stale_outcome_removes_the_delivery", "conservation", sent_after_another_claim,
        ((
            "delivery_settle", "r.is_current and r.decision = 'sent';\n    delete",
            "r.decision = 'sent';\n    delete",
        ),),
    ),
    Variant(
        "a_claim_has_no_lease", "flight", claim_twice_at_once,
        (("delivery_claims_write", "make_interval(secs => given.lease_seconds)", "make_interval()"),),
    ),
    Variant(
        "waiting_deliveries_are_claimed", "flight", two_events_in_turn,
        (
            ("delivery_due", "h.is_head and", ""),
        ),
    ),
    Variant(
        "a_claim_has_no_intent", "intent", two_events_in_turn,
        (
            ("delivery_claims_write", "from rendered as r\n    )", "from rendered as r where false\n    )"),
        ),
    ),
    *(
        Variant(
            f"a_promotion_counts_although_{name}", "promotion", after(action),
            (("promotion_misfit", f"WHEN {part}", f"WHEN false AND {part}"),),
        )
        for name, action, part in (
            ("it_expired", lambda s: s.pass_time(90_000),
             "((given).expires_at"),
            ("the_route_changed", lambda s: s.edit_route("shop.paid"),
             "(route_version"),
            ("the_type_changed", lambda s: s.edit_type("version_applied"),
             "(configuration"),
            ("the_target_changed", lambda s: s.edit_target("hook"),
             "(target_version"),
            ("the_cluster_changed", lambda s: s.restore(),
             "(cluster"),
        )
    ),
    Variant(
        "a_promotion_counts_in_a_clone", "promotion", clone_claims,
        (
            ("promotion_misfit", "WHEN (deployment", "WHEN false AND (deployment"),
            ("delivery_is_due", ") = v_deployment", ") is not null"),
            ("delivery_routes_due", ") = public.fn_iu_deployment()", ") is not null"),
        ),
    ),
    Variant(
        "a_demoted_route_is_claimed", "promotion", after(lambda s: s.demote("shop.paid")),
        (
            ("promotion_misfit", "WHEN ((given).held_reason", "WHEN false AND ((given).held_reason"),
            ("delivery_is_due", "and r.held_reason is null", ""),
            ("delivery_routes_due", "and r.held_reason is null", ""),
        ),
    ),
    *(
        Variant(
            f"the_{gate}_gate_is_ignored", "promotion",
            after(lambda s, gate=gate: s.set_gate(gate, is_open=False)),  # type: ignore[misc]
            (("target_refusal", f"not public.fn_iu_gate_open(public.fn_iu_gate_key('{gate}'))", "false"),),
        )
        for gate in ("master", "delivery")
    ),
    Variant(
        "the_list_of_routes_is_ignored", "promotion", after(lambda s: s.list_routes([])),
        (
            ("delivery_is_due", "and r.route_code = any (v_listed)", ""),
            ("delivery_routes_due", "and r.route_code = any (v_listed)", ""),
        ),
    ),
    Variant(
        "the_canary_is_decided_again_at_the_claim", "progress", canary_narrowed,
        ((
            "delivery_due", "h.is_head and",
            "public.fn_iu_delivery_in_canary(h.subject, (select p.share from public.iu_route_promotion as p "
            "inner join public.iu_delivery_route as k on k.promotion_no = p.promotion_no "
            "where k.route_no = h.route_no)) and h.is_head and",
        ),),
    ),
    Variant(
        "the_canary_is_one_of_events", "canary", canary_of_subjects,
        (("delivery_queue_write", "fn_iu_delivery_in_canary(e.subject", "fn_iu_delivery_in_canary(e.id"),),
    ),
    Variant(
        "what_is_outside_the_canary_is_forgotten", "conservation", canary_of_subjects,
        ((
            "delivery_queue_write", "where not public.fn_iu_delivery_in_canary",
            "where false and public.fn_iu_delivery_in_canary",
        ),),
    ),
    Variant(
        "a_dead_letter_does_not_park", "order", dead_letter_and_the_next,
        (
            ("delivery_bury", "is_head = given.on_dead_letter = 'park'", "is_head = false"),
            ("delivery_bury", "given.on_dead_letter = 'skip'", "true"),
        ),
    ),
    Variant(
        "a_delivery_in_flight_is_discarded", "flight", discard_in_flight,
        (("delivery_discard", "then 'in_flight'", "then 'discarded'"),),
    ),
    Variant(
        "a_delivery_in_flight_is_made_due", "flight", retry_in_flight,
        (("delivery_retry_now", "d.dead_at is null and d.claim_id is null and", "d.dead_at is null and"),),
    ),
    Variant(
        "at_most_once_is_ignored", "at most once", unknown_outcomes,
        (("delivery_doubts_bury", "given.at_most_once or", ""),),
        hook={"at_most_once": True},
    ),
    Variant(
        "doubts_have_no_bound", "doubts", unknown_outcomes,
        (("delivery_doubts_bury", "d.doubts + 1 >= given.max_in_doubt", "false"),),
    ),
    Variant(
        "the_key_is_one_of_tries", "key", send_once_more,
        (
            ("delivery_claims_write", "public.fn_iu_delivery_key(c.event_id, c.route_no) as key",
          "public.fn_iu_delivery_key(c.event_id, c.route_no) || '_' || c.claims as key"),
        ),
    ),
    Variant(
        "an_outcome_is_recorded_twice", "outcomes", record_twice,
        (
            ("delivery_reports_read", "o.claim_id is not null, false", "false, false"),
            ("delivery_outcomes_write", "on conflict do nothing", ""),
        ),
        ("alter table public.iu_delivery_outcome drop constraint iu_delivery_outcome_pkey",),
    ),
    Variant(
        "claims_take_no_tokens_of_the_target", "rate", many_claims,
        (("delivery_claim_lock", "v_state.tokens := v_state.tokens - cardinality(due);", ""),),
        hook={"max_per_minute": 2},
    ),
    Variant(
        "claims_take_no_tokens_of_the_route", "rate", many_claims_of_a_route,
        (("delivery_rate_cut", "v_bucket.tokens - v_wanted", "v_bucket.tokens"),),
    ),
    Variant(
        "shards_are_never_taken_over", "progress", forever,
        (("delivery_shards_lease", "else m.is_mine end", "else false end"),),
    ),
)  # fmt: skip
