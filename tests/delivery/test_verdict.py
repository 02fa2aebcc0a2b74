"""The verdict of a storm counts each kind of violation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from delivery.verdict import Evidence, Verdict, doubts, duplicates, judge, read_claims
from delivery.world import World
from engine.sessions import Session, opened

FACTS: Final = ("claim_id", "delivery_key", "event_id", "route_code", "subject", "subject_no")


def arrival(claim: dict[str, Any]) -> dict[str, Any]:
    return {name: str(claim[name]) if name == "event_id" else claim[name] for name in FACTS}


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    with opened(world.url) as (session,):
        yield session


@pytest.fixture
def evidence(world: World) -> Evidence:
    """Two events of one subject and one of another, sent and recorded; the first was in doubt."""
    world.add_target("short", timeout_seconds=1, lease_seconds=2)
    world.add_route("shop.short", "version_applied", "short")
    world.open_gates()
    emitted = [*world.emit(1, 2), *world.emit(2)]
    world.enqueue("shop.short")
    sender = world.sender()
    arrivals, reports = [arrival(claim) for claim in sender.claim("short", 1)], []
    time.sleep(2.1)
    for number in range(2):
        claims = sender.claim("short")
        arrivals += [arrival(claim) for claim in claims]
        reports.append({"asked": number, "outcomes": [[claim["claim_id"], "sent"] for claim in claims]})
        reports.append({"told": number, "said": sender.record(claims)})
    return Evidence(
        emitted=dict.fromkeys(emitted, "version_applied"),
        routes={"shop.short": "version_applied"},
        in_order=frozenset({"shop.short"}),
        arrivals=arrivals,
        reports=reports,
    )


def changed(place: int, **facts: Any) -> Callable[[Evidence], Evidence]:
    """Return a function that changes facts of one arrival."""

    def change(evidence: Evidence) -> Evidence:
        arrivals = [*evidence.arrivals]
        arrivals[place] = {**arrivals[place], **facts}
        return replace(evidence, arrivals=arrivals)

    return change


def without_the_last(evidence: Evidence) -> Evidence:
    return replace(evidence, arrivals=evidence.arrivals[:-1])


def in_reverse(evidence: Evidence) -> Evidence:
    return replace(evidence, arrivals=evidence.arrivals[::-1])


def with_a_line_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, arrivals=[*evidence.arrivals, evidence.arrivals[-1]])


def without_reports(evidence: Evidence) -> Evidence:
    return replace(evidence, reports=[])


def told_more(evidence: Evidence) -> Evidence:
    told = evidence.reports[-1]
    return replace(
        evidence,
        reports=[*evidence.reports[:-1], {**told, "said": {**told["said"], "recorded": 9}}],
    )


CHANGES: Final[Mapping[str, tuple[Callable[[Evidence], Evidence], set[str]]]] = {
    "an arrival is missing": (without_the_last, {"lost"}),
    "the order is reversed": (in_reverse, {"disordered"}),
    "a line is there twice": (with_a_line_twice, {"repeated", "unclaimed"}),
    "a claim is unknown": (changed(1, claim_id=99), {"unclaimed"}),
    "a key is another": (changed(1, delivery_key="evt_another"), {"misnamed"}),
    "nothing was asked": (without_reports, {"misreported"}),
    "an answer counts more": (told_more, {"misreported"}),
    "no head was seen": (lambda evidence: replace(evidence, headless=1), {"headless"}),
    "a deadlock was logged": (lambda evidence: replace(evidence, deadlocks=1), {"deadlocks"}),
    "an error came": (lambda evidence: replace(evidence, surprises=("an error",)), {"surprises"}),
}

RECORDS: Final[Mapping[str, tuple[str, set[str]]]] = {
    "a sender is another": (
        "update public.iu_delivery_ledger set sender = 'another' where ledger_no = 1",
        {"unsound"},
    ),
    "a claim is changed": (
        "update public.iu_delivery_claim set event_id = gen_random_uuid() where claim_id = 1",
        {"unsound", "unclaimed", "repeated"},
    ),
    "an outcome is missing": (
        "delete from public.iu_delivery_outcome where claim_id = 2",
        {"unsound", "misreported"},
    ),
    "a lease was longer": (
        "update public.iu_delivery_ledger set lease_seconds = 600",
        {"unsound", "overlapping"},
    ),
    "a head is missing": (
        "insert into public.iu_delivery (route_no, event_seq, event_id, subject, promotion_no, "
        "route_version, target_version, shard, is_head) "
        "select route_no, 99, event_id, subject, 1, 1, 1, 1, false from public.iu_delivery_claim limit 1",
        {"headless"},
    ),
}


def test_a_duplicate_of_a_claim_in_doubt_is_no_violation_and_every_change_is(
    session: Session, evidence: Evidence
) -> None:
    assert judge(session, evidence) == Verdict()
    claims = read_claims(session)
    assert (duplicates(evidence), doubts(claims), len(claims)) == (1, 1, 4)
    for name, (change, violations) in CHANGES.items():
        assert violated(judge(session, change(evidence))) == violations, name


def test_every_change_of_the_records_is_counted(session: Session, evidence: Evidence) -> None:
    for name, (sql, violations) in RECORDS.items():
        session.execute("begin")
        session.execute("set local session_replication_role = replica")
        session.execute(sql.encode())
        assert violated(judge(session, evidence)) == violations, name
        session.execute("rollback")


def violated(verdict: Verdict) -> set[str]:
    return {name for name in Verdict.__dataclass_fields__ if getattr(verdict, name)}
