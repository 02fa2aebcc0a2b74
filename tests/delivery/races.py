"""Races of two or three sessions, step by step. Each returns what went wrong; an empty list is correct."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from delivery import broken
from delivery.verdict import unsound
from delivery.world import DEPLOYMENT, GATES, Sender, World
from engine.sessions import Session, opened, set_gate, value
from waiting import eventually

_OPTIONS: Final = "-c lock_timeout=20s -c deadlock_timeout=200ms"
_LEASE: Final = 61.0
_WAITS: Final = "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')"
_HEADLESS: Final = "select count(*) from public.fn_iu_delivery_heads_missing()"


class Act:
    """A call in a thread; `said` is its result, and `error` the SQLSTATE if it failed."""

    def __init__(self, session: Session, call: Callable[[], Any]) -> None:
        self.said: Any = None
        self.error: str | None = None
        self.backend = session.info.backend_pid
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.said = self._call()
        except psycopg.Error as error:
            self.error = error.sqlstate or str(error)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def finish(self) -> Any:
        self._thread.join(60)
        assert self.has_ended, "a session hangs"
        return self.said


@dataclass
class Race:
    """The sessions of one race: hands of the owner, and senders; each has a connection of its own."""

    world: World
    hand: Session
    other: Session
    judge: Session
    one: Sender
    two: Sender
    acts: list[Act] = field(default_factory=list)

    def start(self, session: Session | Sender, call: Callable[[], Any]) -> Act:
        """Begin the call in a thread, and return when it has ended or waits for a lock."""
        act = Act(session.session if isinstance(session, Sender) else session, call)
        self.acts.append(act)
        eventually(
            lambda: act.has_ended or value(self.judge, _WAITS, (act.backend,)), "the call ends or waits"
        )
        return act

    def wrong(self, *more: str | bool) -> list[str]:
        """End the calls, and return what went wrong; `more` are findings of the race itself."""
        for act in self.acts:
            act.finish()
        headless = value(self.judge, _HEADLESS)
        return [
            *(f"error {act.error}" for act in self.acts if act.error),
            *([f"{headless} subjects without a head"] if headless else []),
            *(["the ledger is unsound"] if unsound(self.judge) else []),
            *(str(finding) for finding in more if finding),
        ]

    def enqueue(self, session: Session, route_code: str = "shop.paid") -> dict[str, Any]:
        said: dict[str, Any] = value(session, "select public.fn_iu_delivery_enqueue(%s, 1000)", (route_code,))
        return said

    def queue(self, *subjects: int) -> list[UUID]:
        """Emit one event for each of these subjects and enqueue all; return the events."""
        events = [event for number in subjects for event in self.world.emit(number)]
        assert self.enqueue(self.hand)["queued"] == len(subjects)
        return events

    def discard(self, session: Session, event_id: UUID) -> str:
        said = value(session, "select public.fn_iu_delivery_discard('shop.paid', %s, 'test')", (event_id,))
        return str(said["status"])

    def replay(self, session: Session, event_id: UUID, route_code: str = "shop.skip") -> str:
        said = value(
            session, "select public.fn_iu_delivery_replay(%s, %s, 'test', true)", (route_code, event_id)
        )
        return str(said["status"])

    def plan(self, kind: str, **filters: Any) -> str:
        """Make a plan, and return its hash."""
        said = value(
            self.hand, "select public.fn_iu_delivery_plan_make(%s, %s, 'test')", (kind, Jsonb(filters))
        )
        return str(said["plan_hash"])

    def execute(self, session: Session, plan_hash: str, limit: int = 10) -> dict[str, Any]:
        said: dict[str, Any] = value(
            session, "select public.fn_iu_delivery_plan_execute(%s, %s)", (plan_hash, limit)
        )
        return said

    def claim_plan(self, sender: Sender, plan_hash: str) -> list[UUID]:
        claims = sender.session.execute(
            "select event_id from public.fn_iu_delivery_claim_plan(%s, 10, %s)", (plan_hash, sender.name)
        )
        return [row["event_id"] for row in claims]

    def hold_state(self, session: Session, target: str = "hook") -> None:
        """Begin a transaction that locks the state of a target, as a claim does."""
        session.execute("begin")
        session.execute(
            """select from public.iu_delivery_target_state as s inner join public.iu_delivery_target as t
               on t.target_no = s.target_no where t.target_name = %s for update of s""",
            (target,),
        )

    def add_skipping(self) -> None:
        """Add a target that skips dead letters and sends at most once, with the route `shop.skip`."""
        self.world.add_target("skips", on_dead_letter="skip", at_most_once=True)
        self.world.add_route("shop.skip", "version_applied", "skips")
        self.world.open_gates()

    def skipped(self) -> UUID:
        """Queue an event of subject 1 on `shop.skip`, and make it a dead letter."""
        (event,) = self.world.emit(1)
        self.enqueue(self.hand, "shop.skip")
        self.one.record(self.one.claim("skips"), "failed", status_code=422)
        return event


@contextmanager
def race(world: World) -> Iterator[Race]:
    """Yield the sessions of one race."""
    with opened(world.url, 3, _OPTIONS) as (hand, other, judge):
        for session in (hand, other):
            session.execute("set default_transaction_isolation = 'read committed'")
            session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
        # Two sessions of one sender, which share its shards.
        one, two = world.sender("one"), world.sender("one")
        for sender in (one, two):
            sender.session.execute("set lock_timeout = '20s'")
        yield Race(world, hand, other, judge, one, two)


def events(claims: list[dict[str, Any]] | None) -> list[UUID]:
    return [claim["event_id"] for claim in claims or []]


def enqueue_while_the_head_is_settled(race: Race) -> list[str]:
    race.queue(1)
    claims = race.one.claim()
    (second,) = race.world.emit(1)
    race.one.session.execute("begin")
    race.one.record(claims)
    race.start(race.hand, lambda: race.enqueue(race.hand))
    race.one.session.execute("commit")
    wrong = race.wrong()
    return wrong or race.wrong(events(race.two.claim()) != [second] and "the second event is not claimed")


def settle_the_head_while_the_next_is_enqueued(race: Race) -> list[str]:
    race.queue(1)
    claims = race.one.claim()
    (second,) = race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand)
    race.start(race.one, lambda: race.one.record(claims))
    race.hand.execute("commit")
    wrong = race.wrong()
    return wrong or race.wrong(events(race.two.claim()) != [second] and "the second event is not claimed")


def enqueue_while_the_head_is_set_aside(race: Race) -> list[str]:
    """The head is replaced by the next event of its subject while the enqueue waits for its lock."""
    race.add_skipping()
    _, second, third = race.world.emit(1, 3)
    race.enqueue(race.hand, "shop.skip")
    claims = race.one.claim("skips")
    (fourth,) = race.world.emit(1)
    race.one.session.execute("begin")
    race.one.record(claims, "failed", status_code=422)
    act = race.start(race.hand, lambda: race.enqueue(race.hand, "shop.skip"))
    race.one.session.execute("commit")
    assert act.finish() is None or act.said["queued"] == 1
    wrong = race.wrong()
    for event in () if wrong else (second, third, fourth):
        claims = race.one.claim("skips")
        wrong += race.wrong(events(claims) != [event] and f"not {event} is claimed")
        race.one.record(claims)
    return wrong


def set_aside_the_head_while_the_next_is_enqueued(race: Race) -> list[str]:
    race.add_skipping()
    race.world.emit(1)
    race.enqueue(race.hand, "shop.skip")
    claims = race.one.claim("skips")
    (second,) = race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand, "shop.skip")
    act = race.start(race.one, lambda: race.one.record(claims, "failed", status_code=422))
    race.hand.execute("commit")
    act.finish()
    return race.wrong(events(race.two.claim("skips")) != [second] and "the second event is not claimed")


def outcomes_of_two_subjects_beside_an_enqueue(race: Race) -> list[str]:
    """The enqueue waits for the first head; the outcomes must not hold the second meanwhile."""
    race.queue(1, 2)
    claims = race.one.claim()
    race.world.emit(2)
    race.world.emit(1)
    race.other.execute("begin")
    race.other.execute("select from public.iu_delivery order by event_seq limit 1 for update")
    race.start(race.hand, lambda: race.enqueue(race.hand))
    race.start(race.one, lambda: race.one.record(claims[::-1]))
    race.other.execute("rollback")
    return race.wrong()


def a_new_head_before_one_that_is_held(race: Race) -> list[str]:
    """While an enqueue waits for the head of 2, the head of 1 is replaced, and both get an outcome."""
    (first, _, _) = race.queue(1, 1, 2)
    claims = race.one.claim()
    race.world.emit(1)
    race.world.emit(2)
    race.one.session.execute("begin")
    race.one.record([claim for claim in claims if claim["event_id"] == first])
    race.start(race.hand, lambda: race.enqueue(race.hand))
    race.other.execute("begin")
    race.other.execute("select from public.iu_delivery order by event_seq desc limit 1 for update")
    race.one.session.execute("commit")
    rest = [claim for claim in claims if claim["event_id"] != first] + race.two.claim()
    assert len(rest) == 2
    race.start(race.two, lambda: race.two.record(rest))
    race.other.execute("rollback")
    return race.wrong()


def two_claims_of_one_token(race: Race) -> list[str]:
    race.world.add_target("slow", max_per_minute=1)
    race.world.add_route("shop.slow", "version_applied", "slow")
    race.world.open_gates()
    race.world.emit(1)
    race.world.emit(2)
    race.enqueue(race.hand, "shop.slow")
    race.one.session.execute("begin")
    assert len(race.one.claim("slow")) == 1
    act = race.start(race.two, lambda: race.two.claim("slow"))
    race.one.session.execute("commit")
    return race.wrong(bool(act.finish()) and "two claims for one token")


def a_claim_beside_a_decision_that_waits(race: Race) -> list[str]:
    """A discard has locked a head and waits for the state of the target, which the claim holds."""
    first, second, third = race.queue(1, 2, 3)
    race.one.session.execute("begin")
    assert events(race.one.claim(limit=1)) == [first]
    race.start(race.hand, lambda: race.discard(race.hand, second))
    act = race.start(race.one, race.one.claim)
    act.finish()
    race.one.session.execute("rollback" if act.error else "commit")
    return race.wrong(events(act.said) != [third] and "the claim did not skip the head")


def two_records_of_one_claim(race: Race) -> list[str]:
    race.queue(1)
    claims = race.one.claim()
    race.one.session.execute("begin")
    race.one.record(claims, "retry", status_code=500)
    act = race.start(race.two, lambda: race.two.record(claims, "retry", status_code=500))
    race.one.session.execute("commit")
    said = act.finish()
    counted = value(race.judge, "select outcomes from public.iu_delivery_route")
    failures = value(race.judge, "select failures from public.iu_delivery_target_state")
    return race.wrong(
        (said["recorded"], said["known"], said["stale"]) != (0, 1, 0) and f"the second was told {said}",
        (counted, failures) != (1, 1) and f"{counted} outcomes, {failures} failures",
    )


def a_late_outcome_beside_another_claim(race: Race) -> list[str]:
    race.queue(1)
    late = race.one.claim()
    race.world.pass_time(_LEASE)
    race.two.session.execute("begin")
    again = race.two.claim()
    act = race.start(race.one, lambda: race.one.record(late))
    race.two.session.execute("commit")
    stale = act.finish()["stale"]
    return race.wrong(
        stale != 1 and "the late outcome is current",
        race.two.record(again)["sent"] != 1 and "the outcome of the second claim is stale",
    )


def a_late_outcome_after_another_claim(race: Race) -> list[str]:
    race.queue(1)
    late = race.one.claim()
    race.world.pass_time(_LEASE)
    again = race.two.claim()
    stale = race.one.record(late)["stale"]
    return race.wrong(
        stale != 1 and "the late outcome is current",
        race.two.record(again)["sent"] != 1 and "the outcome of the second claim is stale",
    )


def an_outcome_while_its_delivery_is_discarded(race: Race) -> list[str]:
    (event,) = race.queue(1)
    late = race.one.claim()
    race.world.pass_time(_LEASE)
    race.hand.execute("begin")
    assert race.discard(race.hand, event) == "discarded"
    act = race.start(race.one, lambda: race.one.record(late))
    race.hand.execute("commit")
    return race.wrong(act.finish()["stale"] != 1 and "what was discarded is sent")


def a_discard_while_the_outcome_is_recorded(race: Race) -> list[str]:
    (event,) = race.queue(1)
    late = race.one.claim()
    race.world.pass_time(_LEASE)
    race.one.session.execute("begin")
    race.one.record(late)
    act = race.start(race.hand, lambda: race.discard(race.hand, event))
    race.one.session.execute("commit")
    return race.wrong(act.finish() != "not_queued" and "what was sent is discarded")


def a_discard_behind_a_head_that_is_settled(race: Race) -> list[str]:
    """A discard of the third event waits for the first, which is settled; then the second is the head."""
    _, _, third, _ = race.queue(1, 1, 1, 1)
    broken.decisions_that_halt(race.judge)
    race.judge.execute("select pg_advisory_lock(%s)", (broken.HALT,))
    claims = race.one.claim()
    race.one.session.execute("begin")
    race.one.record(claims)
    act = race.start(race.hand, lambda: race.discard(race.hand, third))
    race.one.session.execute("commit")
    halted = "select exists (select from pg_locks where pid = %s and locktype = 'advisory' and not granted)"
    eventually(lambda: value(race.judge, halted, (act.backend,)), "the discard halts")
    if claims := race.two.claim():
        race.start(race.two, lambda: race.two.record(claims))
    race.judge.execute("select pg_advisory_unlock(%s)", (broken.HALT,))
    return race.wrong(act.finish() != "discarded" and "the event is not discarded")


def a_discard_beside_an_enqueue(race: Race) -> list[str]:
    (event,) = race.queue(1)
    race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand)
    act = race.start(race.other, lambda: race.discard(race.other, event))
    race.hand.execute("commit")
    wrong = race.wrong(act.finish() != "busy" and "the discard did not give way")
    race.hand.execute("begin")
    race.discard(race.hand, event)
    race.world.emit(1)
    act = race.start(race.other, lambda: race.enqueue(race.other))
    race.hand.execute("commit")
    return [*wrong, *race.wrong(act.finish()["status"] != "busy" and "the enqueue did not give way")]


def a_replay_beside_an_enqueue(race: Race) -> list[str]:
    race.add_skipping()
    dead = race.skipped()
    race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand, "shop.skip")
    act = race.start(race.other, lambda: race.replay(race.other, dead))
    race.hand.execute("commit")
    return race.wrong(act.finish() != "busy" and "the replay did not give way")


def a_replay_beside_the_outcome_of_the_head(race: Race) -> list[str]:
    race.add_skipping()
    dead = race.skipped()
    race.world.emit(1)
    race.enqueue(race.hand, "shop.skip")
    claims = race.one.claim("skips")
    race.one.session.execute("begin")
    race.one.record(claims)
    act = race.start(race.other, lambda: race.replay(race.other, dead))
    race.one.session.execute("commit")
    assert act.finish() == "queued"
    return race.wrong(events(race.two.claim("skips")) != [dead] and "the replayed event is not claimed")


def a_doubt_that_is_buried_beside_an_enqueue(race: Race) -> list[str]:
    race.add_skipping()
    race.world.emit(1)
    race.enqueue(race.hand, "shop.skip")
    race.one.claim("skips")
    race.world.pass_time(_LEASE)
    (second,) = race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand, "shop.skip")
    race.start(race.two, lambda: race.two.claim("skips"))
    race.hand.execute("commit")
    race.wrong()
    claims = race.one.claim("skips") or race.one.claim("skips")
    return race.wrong(events(claims) != [second] and "the second event is not claimed")


def a_claim_beside_a_demotion(race: Race) -> list[str]:
    race.queue(1, 2)
    claims = race.one.claim(limit=1)
    race.one.session.execute("begin")
    assert race.one.record(claims, "failed", status_code=410)["demoted"] == 1
    act = race.start(race.two, race.two.claim)
    race.one.session.execute("commit")
    return race.wrong(bool(act.finish()) and "a claim after the demotion")


def a_demotion_beside_a_claim(race: Race) -> list[str]:
    race.queue(1, 2, 3)
    gone = race.one.claim(limit=1)
    race.two.session.execute("begin")
    claims = race.two.claim(limit=1)
    act = race.start(race.one, lambda: race.one.record(gone, "failed", status_code=410))
    race.two.session.execute("commit")
    demoted = act.finish()["demoted"]
    return race.wrong(
        demoted != 1 and "the outcome demoted nothing",
        bool(race.one.claim()) and "a claim after the demotion",
        race.two.record(claims)["sent"] != 1 and "an outcome of a claim before the demotion is refused",
    )


def a_gate_that_closes_while_a_claim_waits(race: Race) -> list[str]:
    race.queue(1)
    race.hold_state(race.hand)
    act = race.start(race.one, race.one.claim)
    set_gate(race.other, GATES["delivery"], "false")
    race.hand.execute("rollback")
    return race.wrong(bool(act.finish()) and "a claim after the gate closed")


def shards_that_change_hands_while_claims_are_in_flight(race: Race) -> list[str]:
    race.two.name = "two"
    race.queue(*range(1, 21))
    race.one.session.execute("begin")
    mine = events(race.one.claim(limit=12))
    act = race.start(race.two, lambda: race.two.claim(limit=12))
    race.one.session.execute("commit")
    theirs = events(act.finish())
    race.hand.execute("update public.iu_delivery_shard set lease_until = clock_timestamp()")
    theirs += events(race.two.claim())
    owners = value(race.judge, "select array_agg(distinct owner) from public.iu_delivery_shard")
    return race.wrong(
        len(mine) != 12 and "the first sender did not claim",
        owners != ["two"] and f"the shards belong to {owners}",
        bool(set(mine) & set(theirs)) and "a second claim in flight",
        len(theirs) != 8 and f"{len(theirs)} claims of eight",
    )


def an_enqueue_by_a_promotion_that_was_replaced(race: Race) -> list[str]:
    """A promotion for nearly no subject is approved between an enqueue's look at the route and its lock."""
    race.world.emit(1)
    broken.enqueues_that_halt(race.judge)
    race.judge.execute("select pg_advisory_lock(%s)", (broken.HALT,))
    act = race.start(race.hand, lambda: race.enqueue(race.hand))
    race.world.promote("shop.paid", share=0.00002)
    race.judge.execute("select pg_advisory_unlock(%s)", (broken.HALT,))
    status = act.finish()["status"]
    said = race.enqueue(race.hand)
    return race.wrong(
        status != "busy" and f"the enqueue {status}",
        said["outside_canary"] != 1 and "the event was enqueued by the old promotion",
    )


def a_claim_beside_an_enqueue_that_leaves_the_bound(race: Race) -> list[str]:
    """A claim must not raise the bound of due heads above a head that is not yet committed."""
    (first,) = race.queue(1)
    (second,) = race.world.emit(2)
    race.hand.execute("begin")
    race.enqueue(race.hand)
    race.other.execute(
        "update public.iu_delivery set due_at = clock_timestamp() where event_id = %s", (first,)
    )
    act = race.start(race.one, race.one.claim)
    race.hand.execute("commit")
    claimed = events(act.finish()) + events(race.two.claim())
    return race.wrong(second not in claimed and "the second event is not claimed at once")


def retention_beside_a_queue(race: Race) -> list[str]:
    set_gate(race.other, "iu_core.retention_days", "1")
    race.other.execute(
        "alter table public.event_outbox alter created_at set default now() - interval '30 days'"
    )
    made = [event for number in range(1, 7) for event in race.world.emit(number)]
    value(race.other, "select public.fn_iu_route_worker_run('iu_outbound_default', 1000)")
    race.hand.execute("begin")
    race.enqueue(race.hand)
    value(race.other, "select public.fn_iu_retention_run('test')")
    race.hand.execute("commit")
    value(race.other, "select public.fn_iu_retention_run('test')")
    act = race.start(race.one, race.one.claim)
    return race.wrong(events(act.finish()) != made and "an event of the queue is missing")


def numbers_of_the_ledger_beside_claims(race: Race) -> list[str]:
    race.queue(1, 2, 3)
    claims = race.two.claim(limit=1)
    race.one.session.execute("begin")
    race.one.claim(limit=1)
    race.start(race.two, lambda: race.two.record(claims))
    race.one.claim(limit=1)
    race.one.session.execute("commit")
    return race.wrong()


def two_claims_of_one_drain(race: Race) -> list[str]:
    made = race.queue(1, 2)
    plan_hash = race.plan("drain", target="hook")
    race.one.session.execute("begin")
    claimed = race.claim_plan(race.one, plan_hash)
    act = race.start(race.two, lambda: race.claim_plan(race.two, plan_hash))
    race.one.session.execute("commit")
    return race.wrong(
        claimed != made and "the first sender did not claim",
        bool(act.finish()) and "a second claim in flight",
    )


def a_claim_beside_one_of_a_drain(race: Race) -> list[str]:
    race.queue(1, 2)
    plan_hash = race.plan("drain", target="hook")
    race.one.session.execute("begin")
    claimed = events(race.one.claim(limit=1))
    act = race.start(race.two, lambda: race.claim_plan(race.two, plan_hash))
    race.one.session.execute("commit")
    both = claimed + (act.finish() or [])
    return race.wrong(
        len(both) != 2 and f"{len(both)} claims", len(set(both)) != len(both) and "claimed twice"
    )


def a_drain_beside_an_enqueue(race: Race) -> list[str]:
    """The next event of a subject that the drain names is enqueued while the drain delivers it."""
    (first,) = race.queue(1)
    plan_hash = race.plan("drain", target="hook")
    (second,) = race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand)
    act = race.start(race.one, lambda: race.claim_plan(race.one, plan_hash))
    race.hand.execute("commit")
    claimed = act.finish()
    claims = value(race.judge, "select jsonb_agg(jsonb_build_object('claim_id', claim_id, 'fence', "
                   "attempt_no)) from public.iu_delivery_claim")  # fmt: skip
    race.one.record(claims)
    wrong = race.wrong(claimed != [first] and "the drain did not claim the first event")
    wrong += race.wrong(bool(race.claim_plan(race.one, plan_hash)) and "the drain claimed the second event")
    return wrong + race.wrong(events(race.two.claim()) != [second] and "the second event is not claimed")


def two_executions_of_one_plan(race: Race) -> list[str]:
    race.queue(1, 2)
    race.one.record(race.one.claim(), "failed", status_code=422)
    plan_hash = race.plan("replay")
    race.hand.execute("begin")
    race.execute(race.hand, plan_hash, 1)
    act = race.start(race.other, lambda: race.execute(race.other, plan_hash, 1))
    race.hand.execute("commit")
    status = act.finish()["status"]
    said = race.execute(race.other, plan_hash)
    decided = value(
        race.judge, "select count(*) from public.iu_delivery_decision where decision = 'replayed'"
    )
    return race.wrong(
        status != "busy" and f"the second execution is {status}",
        (said["done"], said["changed"], said["left"]) != (2, 0, 0) and f"executed {said}",
        decided != 2 and f"{decided} decisions",
    )


def a_plan_beside_an_enqueue(race: Race) -> list[str]:
    race.add_skipping()
    race.skipped()
    plan_hash = race.plan("replay", target="skips", out_of_order=True)
    race.world.emit(1)
    race.hand.execute("begin")
    race.enqueue(race.hand, "shop.skip")
    act = race.start(race.other, lambda: race.execute(race.other, plan_hash))
    race.hand.execute("commit")
    status = (act.finish() or {}).get("status")
    return race.wrong(status != "busy" and f"the plan did not give way, it is {status}")


def a_plan_beside_the_outcome_of_the_head(race: Race) -> list[str]:
    race.add_skipping()
    dead = race.skipped()
    plan_hash = race.plan("replay", target="skips", out_of_order=True)
    race.world.emit(1)
    race.enqueue(race.hand, "shop.skip")
    claims = race.one.claim("skips")
    race.one.session.execute("begin")
    race.one.record(claims)
    act = race.start(race.other, lambda: race.execute(race.other, plan_hash))
    race.one.session.execute("commit")
    assert act.finish()["done"] == 1
    return race.wrong(events(race.two.claim("skips")) != [dead] and "the replayed event is not claimed")


def a_plan_beside_a_late_outcome(race: Race) -> list[str]:
    """What was given up because it was in doubt is sent after all, while a plan discards it."""
    race.add_skipping()
    race.world.emit(1)
    race.enqueue(race.hand, "shop.skip")
    late = race.one.claim("skips")
    race.world.pass_time(_LEASE)
    race.two.claim("skips")
    plan_hash = race.plan("discard", target="skips")
    race.one.session.execute("begin")
    race.one.record(late)
    act = race.start(race.other, lambda: race.execute(race.other, plan_hash))
    race.one.session.execute("commit")
    said = act.finish()
    return race.wrong((said["done"], said["changed"]) != (0, 1) and "what was sent is discarded")


def retention_beside_a_plan(race: Race) -> list[str]:
    set_gate(race.other, "iu_core.retention_days", "1")
    race.other.execute(
        "alter table public.event_outbox alter created_at set default now() - interval '30 days'"
    )
    made = race.queue(1, 2)
    value(race.other, "select public.fn_iu_route_worker_run('iu_outbound_default', 1000)")
    race.one.record(race.one.claim(), "failed", status_code=422)
    plan_hash = race.plan("replay")
    value(race.other, "select public.fn_iu_retention_run('test')")
    race.hand.execute("begin")
    race.execute(race.hand, plan_hash)
    value(race.other, "select public.fn_iu_retention_run('test')")
    race.hand.execute("commit")
    act = race.start(race.one, race.one.claim)
    return race.wrong(events(act.finish()) != made and "an event of the plan is missing")


def _claim_by_key(sender: Sender, events_named: list[UUID], number: int) -> list[dict[str, Any]]:
    keys = [f"evt_{event.hex}_{number}" for event in events_named]
    return sender.session.execute(
        "select * from public.fn_iu_delivery_claim_named('hook', %s, %s)", (keys, sender.name)
    ).fetchall()


def _prolong(sender: Sender, claims: list[dict[str, Any]]) -> int:
    ids = [one["claim_id"] for one in claims]
    row = sender.session.execute("select public.fn_iu_delivery_prolong(%s) as said", (ids,)).fetchone()
    assert row
    return int(row["said"])


def _route(race: Race) -> int:
    return int(value(race.judge, "select route_no from public.iu_delivery_route"))


def two_claims_of_one_key(race: Race) -> list[str]:
    made, number = race.queue(1, 2), _route(race)
    race.one.session.execute("begin")
    claimed = events(_claim_by_key(race.one, made, number))
    act = race.start(race.two, lambda: _claim_by_key(race.two, made, number))
    race.one.session.execute("commit")
    return race.wrong(
        sorted(claimed) != sorted(made) and "the first run did not claim",
        bool(act.finish()) and "a second claim in flight",
    )


def a_claim_beside_one_by_key(race: Race) -> list[str]:
    made, number = race.queue(1, 2), _route(race)
    race.one.session.execute("begin")
    claimed = events(_claim_by_key(race.one, made[:1], number))
    act = race.start(race.two, race.two.claim)
    race.one.session.execute("commit")
    both = claimed + events(act.finish())
    return race.wrong(sorted(both) != sorted(made) and f"claimed {both}")


def a_claim_by_key_that_waits_while_its_lease_ends(race: Race) -> list[str]:
    """Another claim is first; the claim by key gets it when its lease has passed, with the next fence."""
    made, number = race.queue(1), _route(race)
    race.one.session.execute("begin")
    race.one.claim()
    act = race.start(race.two, lambda: _claim_by_key(race.two, made, number))
    race.one.session.execute("commit")
    early = act.finish()
    race.world.pass_time(_LEASE)
    late = _claim_by_key(race.two, made, number)
    return race.wrong(
        bool(early) and "a second claim in flight",
        [one["fence"] for one in late] != [2] and f"claimed {late}",
    )


def a_lease_prolonged_beside_an_outcome(race: Race) -> list[str]:
    """Prolonging must not wait for an outcome, nor change what is due after it."""
    race.queue(1, 2)
    claims = race.one.claim()
    race.one.session.execute("begin")
    race.one.record(claims[1:], "retry", retry_after_seconds=3_600)
    act = race.start(race.two, lambda: _prolong(race.two, claims))
    waited = not act.has_ended
    race.one.session.execute("commit")
    prolonged = act.finish()
    left = "select count(*) from public.iu_delivery where due_at > clock_timestamp() + interval '50 min'"
    return race.wrong(
        waited and "prolonging waits for an outcome",
        prolonged != 1 and f"{prolonged} leases are prolonged",
        value(race.judge, left) != 1 and "a retry is due at another time",
    )


def a_lease_prolonged_beside_another_claim(race: Race) -> list[str]:
    made, number = race.queue(1), _route(race)
    first = race.one.claim()
    race.world.pass_time(_LEASE)
    second = _claim_by_key(race.two, made, number)
    race.world.pass_time(30)
    prolonged = _prolong(race.one, first)
    return race.wrong(
        prolonged != 0 and "a claim that is not the newest is prolonged",
        _prolong(race.two, second) != 1 and "the newest claim is not prolonged",
    )


def an_outcome_after_a_claim_by_key(race: Race) -> list[str]:
    made, number = race.queue(1), _route(race)
    late = _claim_by_key(race.one, made, number)
    race.world.pass_time(_LEASE)
    again = _claim_by_key(race.two, made, number)
    stale = race.one.record(late)["stale"]
    return race.wrong(
        stale != 1 and "the late outcome is current",
        race.two.record(again)["sent"] != 1 and "the outcome of the second claim is stale",
    )
