"""What holds for live delivery at any time, computed over the tables without calling the module.

Each check reads the rows and compares them with what a `Simulation` did and with what its receiver got.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from delivery.simulation import Simulation

Row = dict[str, Any]


class Violation(AssertionError):
    """An invariant does not hold; `invariant` is its name."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(f"{invariant}: {message}")
        self.invariant = invariant


@dataclass(frozen=True, slots=True)
class Event:
    """A committed event; `subject` is itself if it has no subject."""

    event_id: UUID
    event_seq: int
    xid: int
    event_type: str
    subject: UUID


@dataclass(slots=True)
class Flight:
    """A committed claim, as its sender knows it. `began` and `ended` enclose the moment of the claim."""

    claim_id: int
    fence: int
    key: str
    event_id: UUID
    route: str
    subject: UUID
    subject_no: int
    target: str
    by: int
    began: float
    ended: float
    lease: int
    replays: int
    arrived: bool = False
    decision: str | None = None
    recorded_at: float = float("inf")
    forgotten: bool = False


@dataclass(frozen=True)
class State:
    """The rows of one snapshot."""

    queue: list[Row]
    claims: dict[int, Row]
    outcomes: list[Row]
    decisions: list[Row]
    cursors: dict[str, Row]
    routes: dict[int, Row]


def read(simulation: Simulation) -> State:
    """Read everything that the checks compare, in one snapshot."""
    judge = simulation.judge
    with judge.transaction():
        judge.execute("set transaction isolation level repeatable read, read only")

        def rows(query: str) -> list[Row]:
            return judge.execute(query).fetchall()

        return State(
            rows("select * from public.iu_delivery order by route_no, subject_no"),
            {row["claim_id"]: row for row in rows("select * from public.iu_delivery_claim")},
            rows("select * from public.iu_delivery_outcome"),
            rows("select * from public.iu_delivery_decision order by decision_no"),
            {
                row["worker_name"]: row
                for row in rows(
                    """select worker_name, consumed_snapshot::text, window_snapshot::text, position_seq
                       from public.iu_route_worker_cursor where worker_name like 'live:%'"""
                )
            },
            {
                row["route_no"]: row
                for row in rows(
                    """select route_no, passed_seq, passed_snapshot::text as passed
                       from public.iu_delivery_route"""
                )
            },
        )


def shows(snapshot: str | None, xid: int) -> bool:
    """Return whether a snapshot, in its text form, shows the transaction."""
    if snapshot is None:
        return False
    _, end, running = snapshot.split(":")
    return xid < int(end) and str(xid) not in running.split(",")


def consumed(state: State, simulation: Simulation, route: str, event: Event) -> bool:
    """Return whether the cursor of the route has read the event."""
    cursor = state.cursors[f"live:{simulation.numbers[route]}"]
    return shows(cursor["consumed_snapshot"], event.xid) or (
        shows(cursor["window_snapshot"], event.xid) and event.event_seq <= cursor["position_seq"]
    )


def in_canary(subject: UUID, share: float) -> bool:
    digest = hashlib.sha256(subject.bytes).digest()
    return digest[1] * 256 + digest[2] < share * 65536


def check(simulation: Simulation) -> None:
    """Raise `Violation` for the first invariant that does not hold."""
    state = read(simulation)
    _check_outcomes(state)
    _check_conservation(state, simulation)
    _check_rows(state)
    _check_heads(state, simulation)
    _check_flights(simulation)
    _check_doubts(simulation)
    _check_keys(state, simulation)
    _check_order(simulation)
    _check_rates(simulation)


def _check_outcomes(state: State) -> None:
    for claim_id, count in Counter(row["claim_id"] for row in state.outcomes).items():
        if count > 1 or claim_id not in state.claims:
            raise Violation("outcomes", f"{count} outcomes of claim {claim_id}")


def _check_conservation(state: State, simulation: Simulation) -> None:
    """Check that each event has exactly one fate on each route, and none before the route has read it."""
    from delivery.simulation import ROUTES

    queued = Counter((row["route_no"], row["event_id"]) for row in state.queue)
    sent = {
        (claim["route_no"], claim["event_id"])
        for outcome in state.outcomes
        if outcome["decision"] == "sent" and not outcome["stale"]
        for claim in [state.claims[outcome["claim_id"]]]
    }
    decided = {
        decision: {
            (row["route_no"], row["event_id"]) for row in state.decisions if row["decision"] == decision
        }
        for decision in ("outside_canary", "discarded")
    }
    arrived = {(simulation.numbers[flight.route], flight.event_id) for flight in simulation.arrivals}
    if missing := sent - arrived:
        raise Violation("conservation", f"recorded as sent, never arrived: {missing}")
    for code, (event_type, _) in ROUTES.items():
        number = simulation.numbers[code]
        for event in simulation.events.values():
            key = (number, event.event_id)
            passed = state.routes[number]
            is_read = consumed(state, simulation, code, event)
            fates = Counter(
                other=is_read and event.event_type != event_type,
                passed=is_read
                and event.event_type == event_type
                and (
                    event.event_id in simulation.skipped[code]
                    or (shows(passed["passed"], event.xid) and event.event_seq <= passed["passed_seq"])
                ),
                outside=key in decided["outside_canary"],
                queued=queued[key],
                sent=key in sent,
                discarded=key in decided["discarded"],
            )
            if fates.total() != int(is_read):
                raise Violation("conservation", f"{code} {event} read: {is_read}, fates: {+fates}")
            if is_read and (code, event.event_id) in simulation.shares and event.event_type == event_type:
                _check_canary(simulation, code, event, is_outside=bool(fates["outside"]))


def _check_canary(simulation: Simulation, code: str, event: Event, *, is_outside: bool) -> None:
    if event.event_id in simulation.skipped[code]:
        return
    share = simulation.shares[code, event.event_id]
    if is_outside == in_canary(event.subject, share):
        raise Violation("canary", f"{code} {event} with share {share}: outside {is_outside}")


def _check_rows(state: State) -> None:
    """Check each row of the queue against the claims and outcomes of its event."""
    claims = Counter((row["route_no"], row["event_id"]) for row in state.claims.values())
    recorded = {row["claim_id"] for row in state.outcomes}
    for row in state.queue:
        states = Counter(
            waiting=not row["is_head"] and row["dead_at"] is None and row["claim_id"] is None,
            dead=row["dead_at"] is not None,
            claimed=row["is_head"] and row["dead_at"] is None and row["claim_id"] is not None,
            due=row["is_head"] and row["dead_at"] is None and row["claim_id"] is None,
        )
        if states.total() != 1:
            raise Violation("conservation", f"in {states.total()} states: {row}")
        if row["claims"] != claims[row["route_no"], row["event_id"]]:
            raise Violation("intent", f"{claims[row['route_no'], row['event_id']]} intents: {row}")
        if row["claim_id"] is not None:
            claim = state.claims.get(row["claim_id"])
            if claim is None or claim["attempt_no"] != row["claims"]:
                raise Violation("intent", f"claim without its intent: {row}")
            if states["claimed"] and row["claim_id"] in recorded:
                raise Violation("conservation", f"in flight although its outcome is recorded: {row}")


def _check_heads(state: State, simulation: Simulation) -> None:
    rows: dict[tuple[int, UUID], list[Row]] = {}
    for row in state.queue:
        rows.setdefault((row["route_no"], row["subject"]), []).append(row)
    codes = {number: code for code, number in simulation.numbers.items()}
    for (number, subject), of_subject in rows.items():
        heads = [row for row in of_subject if row["is_head"]]
        alive = [row for row in of_subject if row["dead_at"] is None]
        if len(heads) > 1 or (alive and not heads):
            raise Violation("head", f"{len(heads)} heads of {len(alive)} deliveries of {subject}")
        if heads and parks(simulation, codes[number]) and heads[0] is not of_subject[0]:
            raise Violation("head", f"not the first delivery of its subject: {heads[0]}")


def parks(simulation: Simulation, code: str) -> bool:
    from delivery.simulation import ROUTES

    return bool(simulation.terms[ROUTES[code][1]]["on_dead_letter"] == "park")


def _check_flights(simulation: Simulation) -> None:
    """Check that no delivery was claimed while the lease of another claim of its subject was valid."""
    open_until: dict[tuple[str, UUID], tuple[float, Flight]] = {}
    for flight in sorted(simulation.flights.values(), key=lambda f: f.claim_id):
        key = (flight.route, flight.subject)
        until, before = open_until.get(key, (0.0, flight))
        if flight.ended < min(until, before.recorded_at):
            raise Violation("flight", f"{flight} was claimed during {before}")
        open_until[key] = (flight.began + flight.lease, flight)


def _check_doubts(simulation: Simulation) -> None:
    """Check how often a delivery was claimed again without an outcome, and not once if at most once."""
    doubts: Counter[tuple[str, UUID, int]] = Counter()
    for flight in sorted(simulation.flights.values(), key=lambda f: f.claim_id):
        key = (flight.route, flight.event_id, flight.replays)
        terms = simulation.terms[flight.target]
        if doubts[key] and terms["at_most_once"]:
            raise Violation("at most once", f"claimed again after an unknown outcome: {flight}")
        if doubts[key] >= terms.get("max_in_doubt", 3):
            raise Violation("doubts", f"claimed after {doubts[key]} unknown outcomes: {flight}")
        doubts[key] += flight.decision is None


def _check_keys(state: State, simulation: Simulation) -> None:
    keys: dict[str, tuple[UUID, str]] = {}
    known: dict[tuple[UUID, str], str] = {}
    for flight in simulation.arrivals:
        about = (flight.event_id, flight.route)
        if keys.setdefault(flight.key, about) != about or known.setdefault(about, flight.key) != flight.key:
            raise Violation("key", f"{about} arrived as {flight.key} and as {known.get(about)}")
        if flight.claim_id not in state.claims:
            raise Violation("intent", f"{flight} arrived and has no intent")


def _check_order(simulation: Simulation) -> None:
    """Compare the first arrivals of each subject with the order in which its events were queued."""
    first: dict[tuple[str, UUID], list[Flight]] = {}
    seen: set[tuple[str, UUID]] = set()
    for flight in simulation.arrivals:
        if (flight.route, flight.event_id) not in seen | simulation.discarded and parks(
            simulation, flight.route
        ):
            first.setdefault((flight.route, flight.subject), []).append(flight)
        seen.add((flight.route, flight.event_id))
    for key, flights in first.items():
        places = [simulation.order[key].index(flight.event_id) for flight in flights]
        if places != sorted(places):
            raise Violation("order", f"{key} arrived in the order {places}")
        numbers = [flight.subject_no for flight in flights]
        if any(before >= after for before, after in pairwise(numbers)):
            raise Violation("order", f"{key} arrived with the sequence numbers {numbers}")


def _check_rates(simulation: Simulation) -> None:
    """Check the claims in any minute since the limit of the target or the route was set."""
    flights = sorted(simulation.flights.values(), key=lambda f: f.claim_id)
    for target, terms in simulation.terms.items():
        _check_rate(simulation, target, terms["max_per_minute"], [f for f in flights if f.target == target])
    for code, promise in simulation.promises.items():
        _check_rate(simulation, code, promise.max_per_minute, [f for f in flights if f.route == code])


def _check_rate(simulation: Simulation, name: str, limit: int | None, flights: list[Flight]) -> None:
    if limit is None:
        return
    since = [flight for flight in flights if flight.began > simulation.reset_at.get(name, 0)]
    for before, after in zip(since, since[limit:], strict=False):
        # Certainly less than a minute apart.
        if after.ended - before.began < 59.5:
            raise Violation("rate", f"more than {limit} claims of {name} in a minute")
