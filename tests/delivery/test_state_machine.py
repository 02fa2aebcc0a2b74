"""Live delivery under random failures, with the invariants of `invariants.py` after every step.

`IU_LONG=1` runs the long form, which takes a quarter of an hour.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from delivery import variants
from delivery.invariants import Violation
from delivery.simulation import LEASE, ROUTES, TIMEOUT, Simulation
from delivery.variants import Variant
from delivery.world import DEPLOYMENT, World
from iu_pipelines.errors import IuError

LONG = os.environ.get("IU_LONG") == "1"

SEED = 17

COUNTS: Counter[str] = Counter()
"""Examples and steps of this process."""

HELD_SCENARIOS: set[str] = set()
"""Sequences in which every invariant holds as long as nothing is broken."""

SENDERS = st.integers(0, 2)
OWNERS = st.integers(0, 2)
TARGETS = st.sampled_from(["hook", "skipper"])
CODES = st.sampled_from(sorted(ROUTES))
TYPES = st.sampled_from(["version_applied", "version_applied", "structure_piece_split", "sql_link_created"])
SUBJECTS = st.sampled_from([1, 1, 2, 3, None])
LIMITS = st.sampled_from([1, 2, 100])
HELD = st.sampled_from([False, False, False, True])
HOW = st.sampled_from(["plain", "plain", "plain", "held", "clone"])
SECONDS = st.sampled_from([1, 7, LEASE - TIMEOUT, LEASE + 1, 400])
CHANGES = ("promote", "promote", "gate", "list", "demote", "route", "type", "target", "restore")
RATES = st.sampled_from([None, None, 1, 5, 90])


T = TypeVar("T")


def drawn(data: st.DataObject, given: Sequence[T], count: int) -> Sequence[T]:
    """Draw up to `count` neighbours; what is drawn does not depend on how many are given."""
    first = data.draw(st.integers(0, 1000)) % len(given)
    return given[first : first + count]


class Delivery(RuleBasedStateMachine):
    """Three owners and three senders on a new database."""

    new_world: Callable[[], World]

    @initialize(
        at_most_once=st.sampled_from([False, False, True]),
        skips_once=st.booleans(),
        limit=RATES,
    )
    def begin(self, at_most_once: bool, skips_once: bool, limit: int | None) -> None:
        COUNTS["examples"] += 1
        self.simulation = Simulation.begin(
            type(self).new_world(),
            {"at_most_once": at_most_once, "max_per_minute": limit},
            {"at_most_once": skips_once},
        )
        self.simulation.world.owner.execute("set lock_timeout = '40ms'")

    def teardown(self) -> None:
        if hasattr(self, "simulation"):
            try:
                self.simulation.drain()
                COUNTS["claims"] += len(self.simulation.flights)
                COUNTS["arrivals"] += len(self.simulation.arrivals)
                COUNTS["events"] += len(self.simulation.events)
            finally:
                self.simulation.close()

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "simulation"):
            COUNTS["steps"] += 1
            self.simulation.check()

    def is_quiet(self) -> bool:
        return not self.simulation.is_busy

    def is_busy(self) -> bool:
        return self.simulation.is_busy

    def has_flights(self) -> bool:
        return any(self.simulation.held_by(by) for by in range(3))

    def has_recorded(self) -> bool:
        return any(flight.decision for flight in self.simulation.flights.values())

    def is_refused(self) -> bool:
        return self.is_quiet() and self.simulation.is_refused()

    # --- the outbox and its readers ---------------------------------------------------------------------

    @rule(by=OWNERS, subject=SUBJECTS, event_type=TYPES, count=st.integers(1, 3), held=HELD)
    def emit(self, by: int, subject: int | None, event_type: str, count: int, held: bool) -> None:
        if not self.simulation.owners[by].is_open:
            self.simulation.emit(subject, event_type, count, by, held=held)

    @rule(subject=SUBJECTS, count=st.integers(1, 3), event_type=TYPES)
    def feed(self, subject: int | None, count: int, event_type: str) -> None:
        """Emit events, and enqueue everything that is committed."""
        if not self.simulation.owners[0].is_open:
            self.simulation.emit(subject, event_type, count)
            for code in ROUTES:
                self.simulation.enqueue(code)

    @rule(by=OWNERS, code=CODES, limit=LIMITS, held=HELD)
    def enqueue(self, by: int, code: str, limit: int, held: bool) -> None:
        if not self.simulation.owners[by].is_open:
            self.simulation.enqueue(code, limit, by, held=held)

    # --- senders ----------------------------------------------------------------------------------------

    @rule(by=SENDERS, name=TARGETS, limit=LIMITS, sender=st.sampled_from("abcd"), how=HOW)
    def claim(self, by: int, name: str, limit: int, sender: str, how: str) -> None:
        """Claim; `clone` presents the deployment of a copy of the database."""
        if not self.simulation.senders[by].is_open:
            deployment = "staging" if how == "clone" else DEPLOYMENT
            self.simulation.claim(name, limit, by, sender, deployment, held=how == "held")

    @precondition(is_busy)
    @rule(at=st.integers(0, 5), kept=st.sampled_from([True, True, False]))
    def end(self, at: int, kept: bool) -> None:
        """Commit the transaction of an owner or a sender, or roll it back as a crash does."""
        [*self.simulation.owners, *self.simulation.senders][at].finish(kept=kept)

    @precondition(is_busy)
    @rule(kept=st.sampled_from([True, True, False]))
    def end_all(self, kept: bool) -> None:
        self.simulation.finish_all(kept=kept)

    @precondition(has_flights)
    @rule(by=SENDERS, data=st.data(), frozen=st.sampled_from([False, False, True]))
    def send(self, by: int, data: st.DataObject, frozen: bool) -> None:
        flights = self.simulation.held_by(by)
        if flights:
            for flight in drawn(data, flights, data.draw(st.integers(1, 4))):
                self.simulation.send(flight, frozen=frozen)

    @rule(by=SENDERS, name=TARGETS, limit=LIMITS)
    def work(self, by: int, name: str, limit: int) -> None:
        """Claim, send and record, as a sender does when nothing fails."""
        if not self.simulation.senders[by].is_open:
            self.simulation.claim(name, limit, by)
            flights = [f for f in self.simulation.held_by(by) if f.target == name]
            if sent := [f for f in flights if self.simulation.send(f)]:
                self.simulation.record(sent)

    @precondition(has_flights)
    @rule(by=SENDERS, name=TARGETS, seconds=st.sampled_from([LEASE - TIMEOUT, LEASE + 1]), data=st.data())
    def freeze(self, by: int, name: str, seconds: int, data: st.DataObject) -> None:
        """Claim, and stop for about a lease while another sender claims; then send, record or neither."""
        other = (by + 1) % 3
        if self.simulation.senders[by].is_open or self.simulation.senders[other].is_open:
            return
        self.simulation.claim(name, 100, by)
        with suppress(IuError):
            self.simulation.pass_time(seconds)
        self.simulation.claim(name, 100, other)
        decision = data.draw(st.sampled_from(["sent", "retry", "failed", "nothing"]))
        late = [flight for flight in self.simulation.held_by(by) if flight.target == name]
        if decision == "sent":
            late = [flight for flight in late if self.simulation.send(flight, frozen=True)]
        if late and decision != "nothing":
            self.simulation.record(late, decision)

    @rule(by=SENDERS, held=HELD)
    def record_what_was_sent(self, by: int, held: bool) -> None:
        for target in ("hook", "skipper"):
            sent = [f for f in self.simulation.held_by(by) if f.arrived and f.target == target]
            if sent and not self.simulation.senders[by].is_open:
                self.simulation.record(sent, held=held)

    @precondition(has_flights)
    @rule(
        by=SENDERS,
        data=st.data(),
        decision=st.sampled_from(["retry", "failed"]),
        facts=st.sampled_from(
            [{}, {"status_code": 500}, {"status_code": 400}, {"local_fault": True},
             {"status_code": 429, "retry_after_seconds": 600}, {"status_code": 410}]
        ),
        held=HELD,
    )  # fmt: skip
    def record_a_failure(
        self, by: int, data: st.DataObject, decision: str, facts: dict[str, Any], held: bool
    ) -> None:
        flights = self.simulation.held_by(by)
        if flights and not self.simulation.senders[by].is_open:
            self.simulation.record(drawn(data, flights, 1), decision, held=held, **facts)

    @precondition(has_recorded)
    @rule(by=SENDERS, data=st.data())
    def record_again(self, by: int, data: st.DataObject) -> None:
        known = [f for f in self.simulation.flights.values() if f.by == by and f.decision]
        if known and not self.simulation.senders[by].is_open:
            self.simulation.record(drawn(data, known, 1), "retry")

    @precondition(has_flights)
    @rule(by=SENDERS)
    def crash(self, by: int) -> None:
        self.simulation.senders[by].finish(kept=False)
        for flight in self.simulation.held_by(by):
            flight.forgotten = True

    # --- people and time --------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.simulation.shares))
    @rule(by=OWNERS, data=st.data(), verb=st.sampled_from(["replay", "discard"]), held=HELD)
    def settle_by_hand(self, by: int, data: st.DataObject, verb: str, held: bool) -> None:
        dead = "dead_at is not null" if verb == "replay" else "true"
        rows = self.simulation.judge.execute(
            f"select route_no, event_id from public.iu_delivery where {dead} order by route_no, event_seq"
        ).fetchall()
        if rows and not self.simulation.owners[by].is_open:
            (row,) = drawn(data, rows, 1)
            code = next(code for code, number in self.simulation.numbers.items() if number == row["route_no"])
            self.simulation.settle_by_hand(verb, code, row["event_id"], by, held=held)

    @rule(by=OWNERS, code=CODES, held=HELD)
    def retry_now(self, by: int, code: str, held: bool) -> None:
        if not self.simulation.owners[by].is_open:
            self.simulation.retry_now(code, None, by, held=held)

    @precondition(lambda self: bool(self.simulation.shares))
    @rule(by=OWNERS, data=st.data(), held=HELD)
    def retry_one_now(self, by: int, data: st.DataObject, held: bool) -> None:
        """Try to make any delivery of the queue due: only a head that waits for a retry may be."""
        rows = self.simulation.judge.execute(
            "select route_no, event_id from public.iu_delivery order by route_no, event_seq"
        ).fetchall()
        if rows and not self.simulation.owners[by].is_open:
            (row,) = drawn(data, rows, 1)
            code = next(code for code, number in self.simulation.numbers.items() if number == row["route_no"])
            self.simulation.retry_now(code, row["event_id"], by, held=held)

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: int) -> None:
        with suppress(IuError):
            self.simulation.pass_time(seconds)

    @precondition(is_refused)
    @rule()
    def open_everything(self) -> None:
        for gate in ("master", "worker", "delivery"):
            self.simulation.set_gate(gate, is_open=True)
        self.simulation.list_routes(ROUTES)
        for code, promise in self.simulation.promises.items():
            if promise.invalid:
                self.simulation.promote(code, promise.share, promise.max_per_minute)

    @rule(change=st.sampled_from(CHANGES), data=st.data())
    def change(self, change: str, data: st.DataObject) -> None:
        with suppress(IuError):
            if change == "gate":
                gate = data.draw(st.sampled_from(["master", "worker", "delivery"]))
                self.simulation.set_gate(gate, is_open=data.draw(st.booleans()))
            elif change == "list":
                self.simulation.list_routes(data.draw(st.sets(CODES)))
            elif change == "demote":
                self.simulation.demote(data.draw(CODES))
            elif self.is_quiet():
                self._change_in_quiet(change, data)
        if not self.simulation.senders[0].is_open:
            self.simulation.claim(data.draw(TARGETS))

    def _change_in_quiet(self, change: str, data: st.DataObject) -> None:
        if change == "restore":
            self.simulation.restore()
            return
        code = data.draw(CODES)
        event_type, target = ROUTES[code]
        if change == "route":
            self.simulation.edit_route(code)
        elif change == "type":
            self.simulation.edit_type(event_type)
        elif change == "target":
            self.simulation.edit_target(target)
        elif change == "promote":
            terms = data.draw(st.tuples(st.sampled_from([1, 0.6, 0.3]), RATES, st.sampled_from([100, 86400])))
            self.simulation.promote(code, *terms)

    @precondition(lambda self: not self.simulation.is_busy)
    @rule(limit=st.sampled_from([1, 100]))
    def retain(self, limit: int) -> None:
        self.simulation.retain(limit)


@pytest.mark.timeout(7200 if LONG else 600)
def test_deliveries_keep_their_promises_whatever_fails(worlds: Callable[[], World]) -> None:
    machine = type("DeliveryHere", (Delivery,), {"new_world": staticmethod(worlds)})
    for number in range(40 if LONG else 1):
        # The clock of the database is real, so a step can have another result when it is repeated.
        with suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(
                seed(SEED + number)(machine),
                settings=settings(
                    max_examples=20 if LONG else 10,
                    stateful_step_count=80 if LONG else 50,
                    deadline=None,
                    database=None,
                    phases=(Phase.explicit, Phase.generate),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        print(dict(COUNTS), flush=True)


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda variant: variant.name)
def test_the_machine_catches(worlds: Callable[[], World], variant: Variant) -> None:
    if variant.scenario not in HELD_SCENARIOS:
        play(worlds, variant, is_broken=False)
        HELD_SCENARIOS.add(variant.scenario)
    with pytest.raises(Violation) as caught:
        play(worlds, variant, is_broken=True)
    assert caught.value.invariant == variant.invariant


def play(worlds: Callable[[], World], variant: Variant, *, is_broken: bool) -> None:
    """Run the sequence of the variant and what follows, on a new database."""
    simulation = Simulation.begin(worlds(), variant.hook, variant.skipper)
    try:
        if is_broken:
            variant.apply(simulation.judge)
        variant.sequence(simulation)
        simulation.check()
        simulation.drain()
    finally:
        simulation.close()
