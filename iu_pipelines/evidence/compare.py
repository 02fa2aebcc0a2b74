"""The differences between two packs of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iu_pipelines.evidence.facts import Delivery, Environment, Evidence, Worker


@dataclass(frozen=True)
class Change:
    """A fact that differs between two packs; None if one of them does not have it."""

    area: str
    name: str
    before: str | None
    after: str | None


def compare(old: Evidence, new: Evidence) -> list[Change]:
    """Return every fact that differs, in the order of `new`; facts that only `old` has come last."""
    before, after = dict(_facts(old)), dict(_facts(new))
    keys = [*after, *(key for key in before if key not in after)]
    return [
        Change(*key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)
    ]


def _facts(evidence: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("verdict", "all lines"), _verdict(evidence.verdict.passed)
    for proof in evidence.proofs:
        for line in proof.lines:
            seen = "PASS" if line.passed else f"FAIL: {line.seen}"
            yield (proof.kind, f"{proof.step}: {line.name}"), seen
    for gate in evidence.gates:
        yield ("gate", gate.key), gate.value if gate.value is not None else "no row"
    for route in evidence.routes:
        state = f"{'enabled' if route.enabled else 'disabled'}, {'dry-run' if route.dry_run else 'LIVE'}"
        target = f"{route.event_type} to {route.target_kind} {route.target_ref}"
        yield ("route", route.route_code), f"{state}, {target}"
    yield from _totals(evidence)
    for worker in evidence.workers:
        yield from _worker(worker)
    for domain in evidence.unread_domains:
        capped = "+" if domain.unread_events_capped else ""
        unread = (
            f"no reader, {domain.event_types} event types, {domain.unread_events:,}{capped} unread events"
        )
        yield ("domain", domain.event_domain), unread
    if evidence.delivery:
        yield from _delivery(evidence.delivery)
    yield from _environment(evidence.environment)


def _delivery(delivery: Delivery) -> Iterator[tuple[tuple[str, str], str]]:
    for route in delivery.routes:
        state = route.state if route.held_reason is None else f"{route.state}: {route.held_reason}"
        terms = f"promotion {route.promotion}, share {route.share:g}, deployment {route.deployment}"
        yield ("delivery", f"{route.route_code} promotion"), f"{state}, {terms}, until {route.expires_at}"
        for twin in route.twins:
            name = f"{route.route_code} would {twin.would}, did {twin.did}"
            yield ("delivery", name), f"{twin.deliveries:,}"
    for target in delivery.targets:
        capped = "+" if target.states_capped else ""
        counts = ", ".join(f"{count.name} {count.count:,}{capped}" for count in target.states)
        yield ("target", target.target), f"breaker {target.breaker}, {counts or 'nothing queued'}"


def _verdict(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def _totals(evidence: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    totals = evidence.totals
    yield ("count", "events"), f"{totals.events:,}"
    for noun, counts in (
        ("attempts", totals.attempts),
        ("dead letters", totals.dead_letters),
        ("captures", totals.captures),
    ):
        for count in counts:
            yield ("count", f"{noun} {count.name}"), f"{count.count:,}"


def _worker(worker: Worker) -> Iterator[tuple[tuple[str, str], str]]:
    name = worker.worker_name
    health = "healthy" if worker.healthy else f"unhealthy: {'; '.join(worker.reasons)}"
    yield ("worker", f"{name} health"), health
    yield ("worker", f"{name} backlog"), f"{worker.backlog:,}{'+' if worker.backlog_capped else ''}"
    yield ("worker", f"{name} batches"), f"{worker.batches:,}"


def _environment(environment: Environment) -> Iterator[tuple[tuple[str, str], str]]:
    for field in ("database", "cluster", "server", "role", "product", "python", "git_commit", "code_digest"):
        yield ("environment", field), str(getattr(environment, field))
    yield ("environment", "durable"), "yes" if environment.durable else "no"
    for library, found in environment.libraries.items():
        yield ("environment", library), found
    for step in environment.steps:
        yield ("step", step.name), f"{step.status}, {step.checksum or 'no checksum'}"
