"""Packs whose pages differ: each is made from the facts of a pack in which every line passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence import guarantees
from iu_pipelines.evidence.facts import (
    Count,
    Delivery,
    Evidence,
    LiveRoute,
    Moment,
    Proof,
    ProofKind,
    TargetQueue,
    Threshold,
    ThresholdChange,
    Twin,
    UnreadDomain,
    Verdict,
)

PENDING_STEP: Final = "100_route_worker_live_verification"


def judged(evidence: Evidence, proofs: tuple[Proof, ...]) -> Evidence:
    """Return the evidence with other proofs, and the verdict and guarantees that follow from them."""
    lines = [line for proof in proofs for line in proof.lines]
    failed = sum(not line.passed for line in lines)
    verdict = Verdict(failed == 0, len(lines), failed)
    return replace(evidence, proofs=proofs, verdict=verdict, guarantees=guarantees.judge(proofs))


def with_lines(
    evidence: Evidence, step: str, change: Callable[[tuple[Line, ...]], tuple[Line, ...]]
) -> Evidence:
    """Return the evidence with changed lines of one proof."""
    proofs = []
    for proof in evidence.proofs:
        lines = change(proof.lines) if proof.step == step else proof.lines
        proofs.append(replace(proof, lines=lines, passed=all(line.passed for line in lines)))
    return judged(evidence, tuple(proofs))


def busy(evidence: Evidence) -> Evidence:
    """Return the evidence with attempts of every decision, and a backlog."""
    timeline = evidence.timelines[0]
    begun = timeline.moments[-1].starts_at
    moments = tuple(
        Moment(begun + timedelta(hours=hour), 5, 3 + hour, 2, 1, 1, backlog=(hour * 5) % 13)
        for hour in range(12)
    )
    return replace(evidence, timelines=(replace(timeline, seconds=3600, moments=moments),))


def failed(evidence: Evidence) -> Evidence:
    """Return the evidence with a probe that ended early, and an unhealthy worker with a dead letter."""

    def change(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        place = next(place for place, line in enumerate(lines) if line.name.startswith("W2 "))
        return (*lines[:place], replace(lines[place], seen="nothing <at> all", passed=False))

    changed = with_lines(evidence, "090_worker_rules_probe", change)
    sick = replace(changed.workers[0], healthy=False, reasons=("it makes no progress",), backlog=7)
    totals = replace(changed.totals, dead_letters=(Count("open", 3),))
    return replace(changed, workers=(sick, *changed.workers[1:]), totals=totals)


def pending(evidence: Evidence) -> Evidence:
    """Return the evidence of a database in which the last step is not applied."""
    where = evidence.environment
    steps = tuple(
        replace(step, status="pending", checksum=None, applied_at=None, applied_by=None)
        if step.name == PENDING_STEP
        else step
        for step in where.steps
    )

    def change(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(
            replace(line, seen="pending", passed=False) if line.name.startswith("ledger") else line
            for line in lines
        )

    return replace(with_lines(evidence, PENDING_STEP, change), environment=replace(where, steps=steps))


def unprobed(evidence: Evidence) -> Evidence:
    """Return the evidence as `iu evidence --no-probes` gathers it."""
    return judged(evidence, tuple(proof for proof in evidence.proofs if proof.kind != "probe"))


def idle(evidence: Evidence) -> Evidence:
    """Return the evidence of a database in which nothing happened."""
    nothing = replace(evidence.totals, events=0, attempts=(), dead_letters=(), failures=(), captures=())
    return replace(
        evidence,
        totals=nothing,
        workers=(),
        timelines=(),
        routes=(),
        gate_changes=(),
        unread_domains=(),
        event_types=(),
        captures=(),
        config_changes=(),
    )


def live(evidence: Evidence) -> Evidence:
    """Return the evidence of a database with the module iu-delivery, a live and a held route, and a fault."""
    at = evidence.generated_at
    route = LiveRoute(
        route_code="shop.order_paid.a_route_with_a_long_name",
        target="to_a_target_with_a_long_name",
        promotion=7,
        state="live",
        held_reason=None,
        share=0.25,
        deployment="production",
        proposed_by="ada",
        proposed_at=at,
        approved_by="bob",
        approved_at=at,
        expires_at=at + timedelta(days=7),
        sent=1003,
        twins=(Twin("dry_run", "sent", 1001), Twin("skipped", "sent", 2), Twin("none", "outside_canary", 4)),
    )
    held = replace(route, route_code="shop.held", state="held", held_reason="gate_closed", sent=0, twins=())
    target = TargetQueue("to_a_target", "webhook", "half_open", ("gate_closed",), (Count("dead", 3),), True)
    unread = (UnreadDomain("shop", 2, 100, True), UnreadDomain("orders", 1, 0, False))
    thresholds = (Threshold("events", 500, 1000, "distinct events with a first attempt on the route"),)
    change = ThresholdChange(
        3, "events", 1000, 500, "a quiet month", "ada", at, "approve", "bob", at, "agreed in the review"
    )
    changes = (replace(change, number=4, decision=None, decided_by=None, decided_at=None), change)
    delivery = Delivery(10_000, (route, held), (target,), thresholds, changes)
    found = replace(evidence, delivery=delivery, unread_domains=unread)
    return judged(found, _proofs_of_delivery(evidence.proofs))


def _proofs_of_delivery(proofs: tuple[Proof, ...]) -> tuple[Proof, ...]:
    """Return `proofs` and those of the module iu-delivery, with a line for each that a guarantee names."""
    known = {proof.step: proof for proof in proofs}
    for promise in guarantees.promises():
        for step, start in promise.lines if promise.module == "iu-delivery" else ():
            kind: ProofKind = "probe" if step.endswith("_probe") else "verify"
            proof = known.get(step, Proof(kind, step, "A proof of live delivery.", True, 0.1, ()))
            known[step] = replace(
                proof, lines=(*proof.lines, Line(f"{start} of a test", "none", "none", True))
            )
    return tuple(known.values())


def troubled(evidence: Evidence) -> Evidence:
    """Return evidence with everything that a page can show at once."""
    return pending(failed(live(busy(evidence))))


def bare(evidence: Evidence) -> Evidence:
    """Return evidence with nothing that a page can leave out."""
    return idle(unprobed(evidence))


PAGES: Final[Mapping[str, Callable[[Evidence], Evidence]]] = {
    "passed": lambda evidence: evidence,
    "busy": busy,
    "failed": failed,
    "pending": pending,
    "unprobed": unprobed,
    "idle": idle,
    "live": live,
    "troubled": troubled,
    "bare": bare,
}
SHOWN: Final = ("busy", "troubled", "bare")
"""The names of the pages that together have every part of a page."""
