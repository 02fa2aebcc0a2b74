"""The verdict of a storm: compare what arrived with what was emitted, claimed, recorded and decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from engine.sessions import Session, value


@dataclass(frozen=True)
class Evidence:
    """What is known outside the database.

    emitted: each committed event and its type. routes: each live route and its event type. in_order: the
    routes that promise an order. arrivals: one object for each send, in the order of arrival. reports: what
    the senders asked to be recorded, and what they were told. headless: subjects without a head that an
    observer saw.
    """

    emitted: Mapping[UUID, str]
    routes: Mapping[str, str]
    in_order: frozenset[str]
    arrivals: Sequence[Mapping[str, Any]]
    reports: Sequence[Mapping[str, Any]]
    headless: int = 0
    deadlocks: int = 0
    surprises: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The number of violations of each guarantee. A storm passes if all are zero.

    lost: pairs of route and event that neither arrived nor were discarded. disordered: first arrivals after a
    later one of their subject. unclaimed: arrivals without a committed claim of their own. misnamed: arrivals
    under another key than that of their route and event. repeated: arrivals beyond the first of a key that
    no claim in doubt explains. headless: subjects without a head. overlapping: pairs of claims in flight for
    one subject. misreported: outcomes that differ from the reports. unsound: faults of the chains, and sums
    that differ. deadlocks: in the log of the server. surprises: errors that no scene provokes.
    """

    lost: int = 0
    disordered: int = 0
    unclaimed: int = 0
    misnamed: int = 0
    repeated: int = 0
    headless: int = 0
    overlapping: int = 0
    misreported: int = 0
    unsound: int = 0
    deadlocks: int = 0
    surprises: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name):,}" for field in fields(self))


@dataclass(frozen=True)
class Claim:
    """A committed claim, and its outcome: `decision` is null without one.

    `answered` is whether the outcome has a status of the receiver.
    """

    route_code: str
    event_id: UUID
    event_seq: int
    subject: UUID
    subject_no: int
    decision: str | None
    stale: bool
    answered: bool = True

    @property
    def is_in_doubt(self) -> bool:
        """Return whether nobody knows by the queue that the receiver accepted it."""
        return self.decision is None or self.stale or (self.decision != "sent" and not self.answered)


def judge(session: Session, evidence: Evidence) -> Verdict:
    """Return the verdict. Every queue must have been drained."""
    claims = read_claims(session)
    discarded = {
        (code, event_id) for code, event_id in session.execute(_DECIDED.encode(), ("discarded",)).fetchall()
    }
    return Verdict(
        lost=len(_owed(evidence) - discarded - _arrived(evidence)),
        disordered=_disordered(evidence, claims, discarded),
        unclaimed=_unclaimed(evidence, claims),
        misnamed=_misnamed(session, evidence),
        repeated=_repeated(evidence, claims),
        headless=evidence.headless + value(session, _HEADLESS),
        overlapping=value(session, _OVERLAPPING),
        misreported=_misreported(evidence, claims),
        unsound=unsound(session),
        deadlocks=evidence.deadlocks,
        surprises=len(evidence.surprises),
    )


def read_claims(session: Session) -> dict[int, Claim]:
    """Return each committed claim by its number."""
    return {row[0]: Claim(*row[1:]) for row in session.execute(_CLAIMS.encode()).fetchall()}


def doubts(claims: Mapping[int, Claim]) -> int:
    """Return the number of claims without an outcome or an answer, or whose outcome came too late."""
    return sum(claim.is_in_doubt for claim in claims.values())


def duplicates(evidence: Evidence) -> int:
    """Return the number of arrivals beyond the first of each key."""
    return len(evidence.arrivals) - len({arrival["delivery_key"] for arrival in evidence.arrivals})


def summary(
    verdict: Verdict,
    evidence: Evidence,
    claims: Mapping[int, Claim],
    counts: Mapping[str, int],
    seconds: float,
) -> str:
    """Return the numbers of a storm, to be printed."""
    return (
        f"\n{seconds:.0f} s: {len(evidence.emitted):,} events emitted, "
        f"{len(claims):,} claims, {len(evidence.arrivals):,} arrivals, "
        f"{duplicates(evidence):,} duplicates, {doubts(claims):,} claims in doubt\n{verdict}\n"
        + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    )


def _owed(evidence: Evidence) -> set[tuple[str, UUID]]:
    return {
        (code, event_id)
        for code, event_type in evidence.routes.items()
        for event_id, emitted_type in evidence.emitted.items()
        if emitted_type == event_type
    }


def _arrived(evidence: Evidence) -> set[tuple[str, UUID]]:
    return {(arrival["route_code"], UUID(arrival["event_id"])) for arrival in evidence.arrivals}


def _disordered(evidence: Evidence, claims: Mapping[int, Claim], discarded: set[tuple[str, UUID]]) -> int:
    """Count first arrivals after a later event of their subject, by number or by place in the queue.

    What was discarded may arrive late: its send may have been under way.
    """
    last: dict[tuple[str, UUID], tuple[int, int]] = {}
    seen: set[tuple[str, UUID]] = set()
    count = 0
    for arrival in evidence.arrivals:
        claim = claims.get(arrival["claim_id"])
        if claim is None or claim.route_code not in evidence.in_order:
            continue
        event = (claim.route_code, claim.event_id)
        if event in seen or event in discarded:
            continue
        seen.add(event)
        place, subject = (claim.event_seq, claim.subject_no), (claim.route_code, claim.subject)
        before = last.get(subject, (0, 0))
        count += place[0] < before[0] or place[1] < before[1]
        last[subject] = max(before, place)
    return count


def _unclaimed(evidence: Evidence, claims: Mapping[int, Claim]) -> int:
    """Count arrivals whose claim was never committed, was for another event, or arrived before."""
    used: set[int] = set()
    count = 0
    for arrival in evidence.arrivals:
        claim = claims.get(arrival["claim_id"])
        fits = claim is not None and claim.event_id == UUID(arrival["event_id"])
        count += not fits or arrival["claim_id"] in used
        used.add(arrival["claim_id"])
    return count


def _misnamed(session: Session, evidence: Evidence) -> int:
    numbers = dict(session.execute("select route_code, route_no from public.iu_delivery_route").fetchall())
    return sum(
        arrival["delivery_key"] != f"evt_{UUID(arrival['event_id']).hex}_{numbers[arrival['route_code']]}"
        for arrival in evidence.arrivals
    )


def _repeated(evidence: Evidence, claims: Mapping[int, Claim]) -> int:
    """Count, for each key, the arrivals beyond one and beyond its claims in doubt."""
    arrivals: dict[tuple[str, UUID], int] = defaultdict(int)
    allowed: dict[tuple[str, UUID], int] = defaultdict(int)
    for arrival in evidence.arrivals:
        arrivals[(arrival["route_code"], UUID(arrival["event_id"]))] += 1
    for claim in claims.values():
        allowed[(claim.route_code, claim.event_id)] += claim.is_in_doubt
    return sum(max(0, count - 1 - allowed[event]) for event, count in arrivals.items())


def _misreported(evidence: Evidence, claims: Mapping[int, Claim]) -> int:
    """Count outcomes that nobody asked for, and reports that were acknowledged and are not there."""
    asked: dict[int, set[str]] = defaultdict(set)
    told = {report["told"]: report["said"] for report in evidence.reports if "told" in report}
    count = 0
    for report in evidence.reports:
        if "asked" not in report:
            continue
        for claim_id, decision in report["outcomes"]:
            asked[claim_id].add(decision)
        if said := told.get(report["asked"]):
            count += said["recorded"] + said["known"] != len(report["outcomes"])
            count += said["sent"] + said["retry"] + said["failed"] + said["stale"] != said["recorded"]
            count += any(claims[claim_id].decision is None for claim_id, _ in report["outcomes"])
    outcomes = {claim_id: claim.decision for claim_id, claim in claims.items() if claim.decision}
    return count + sum(decision not in asked[claim_id] for claim_id, decision in outcomes.items())


def unsound(session: Session) -> int:
    """Count faults of the chains and of the sums of entries, and tallies of the routes that differ."""
    said = value(session, "select public.fn_iu_delivery_chain_verify()")
    faults = [said.get("fault"), *(value(session, sql) or None for sql in _SUMS)]
    return sum(fault is not None for fault in faults) + int(value(session, _CHAIN))


_CLAIMS = """
select c.claim_id, r.route_code, c.event_id, c.event_seq, c.subject, c.subject_no, o.decision,
    coalesce(o.stale, false), o.status_code is not null
from public.iu_delivery_claim as c
inner join public.iu_delivery_route as r on r.route_no = c.route_no
left join public.iu_delivery_outcome as o on o.claim_id = c.claim_id
"""
_DECIDED = """
select r.route_code, d.event_id from public.iu_delivery_decision as d
inner join public.iu_delivery_route as r on r.route_no = d.route_no
where d.decision = %s
"""
_HEADLESS = """
select count(*) from (
    select from public.iu_delivery where dead_at is null
    group by route_no, subject having not bool_or(is_head)
) as g
"""
_OVERLAPPING = """
select count(*) from (
    select c.claim_id, l.recorded_at, lead(l.recorded_at) over w as next_at,
        least(
            l.recorded_at + make_interval(secs => l.lease_seconds) - interval '0.5 s', e.recorded_at
        ) as until
    from public.iu_delivery_claim as c
    inner join public.iu_delivery_ledger as l on l.ledger_no = c.ledger_no
    left join public.iu_delivery_outcome as o on o.claim_id = c.claim_id
    left join public.iu_delivery_ledger as e on e.ledger_no = o.ledger_no
    window w as (partition by c.route_no, c.subject order by c.claim_id)
) as pair where next_at < until
"""
_SUMS = (
    """
    select sum(l.entries) filter (where l.kind = 'claims')
        <> (select count(*) from public.iu_delivery_claim)
        or sum(l.entries) filter (where l.kind = 'outcomes')
        <> (select count(*) from public.iu_delivery_outcome)
    from public.iu_delivery_ledger as l
    """,
    """
    select exists (
        select from public.iu_delivery_target_state as s where s.last_ledger_hash <> coalesce((
            select l.row_hash from public.iu_delivery_ledger as l
            where l.target_no = s.target_no order by l.ledger_no desc limit 1
        ), '')
    )
    """,
)
_CHAIN = """
select count(*) from (
    select l, lag(l.row_hash) over (partition by l.target_no order by l.ledger_no) as before
    from public.iu_delivery_ledger as l
) as r
where (r.l).row_hash <> public.fn_iu_delivery_ledger_hash(r.l)
    or (r.l).previous_hash is distinct from coalesce(r.before, '')
    or (r.l).entries_hash <> public.fn_iu_delivery_entries_hash((r.l).kind, (r.l).ledger_no, 0)
"""
