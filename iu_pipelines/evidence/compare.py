"""The differences between two packs of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from iu_pipelines.evidence.facts import Delivery, Environment, Evidence, Worker

NOT_RUN: Final = "not run"
"""Before or after the lines of probes, in a change of a pack that was made without them."""

_EVENT_TYPE: Final = "event type"
_CAPTURE: Final = "capture"

Facts: TypeAlias = dict[tuple[str, str], str]
"""What is compared: the text of each fact by its area and name."""


@dataclass(frozen=True)
class Change:
    """A fact that differs between two packs; None if one of them does not have it."""

    area: str
    name: str
    before: str | None
    after: str | None


def compare(old: Evidence, new: Evidence) -> list[Change]:
    """Return every fact that differs, in the order of `new`; facts that only `old` has come last.

    If only one of the two was made with probes, one change at the end has the number of their lines that
    passed. Types and captures are compared only if both packs have them.
    """
    before, after = dict(_facts(old)), dict(_facts(new))
    if old.event_types is None or new.event_types is None:
        before, after = _without_configuration(before), _without_configuration(after)
    unprobed: list[Change] = []
    if old.probed and not new.probed:
        before, passed = _without_passed_probes(before)
        unprobed = [Change("probe", "lines that passed", f"{passed:,}", NOT_RUN)]
    elif new.probed and not old.probed:
        after, passed = _without_passed_probes(after)
        unprobed = [Change("probe", "lines that passed", NOT_RUN, f"{passed:,}")]
    keys = [*after, *(key for key in before if key not in after)]
    return [
        Change(*key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)
    ] + unprobed


def _without_configuration(found: Facts) -> Facts:
    return {key: value for key, value in found.items() if key[0] not in (_EVENT_TYPE, _CAPTURE)}


def _without_passed_probes(found: Facts) -> tuple[Facts, int]:
    """Return the facts without the probe lines that passed, and the number of these."""
    kept = {key: value for key, value in found.items() if key[0] != "probe" or value != "PASS"}
    return kept, len(found) - len(kept)


def _facts(evidence: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("verdict", "all lines"), _verdict(evidence.verdict.passed)
    for proof in evidence.proofs:
        for line in proof.lines:
            seen = "PASS" if line.passed else f"FAIL: {line.seen}"
            yield (proof.kind, f"{proof.step}: {line.name}"), seen
    for gate in evidence.gates:
        yield ("gate", gate.key), gate.value if gate.value is not None else "no row"
    for route in evidence.routes:
        state = f"{'enabled' if route.enabled else 'disabled'}{'' if route.dry_run else ', NOT dry-run'}"
        target = f"{route.event_type} to {route.target_kind} {route.target_ref}"
        yield ("route", route.route_code), f"{state}, {target}"
    yield from _configuration(evidence)
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


def _configuration(evidence: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    for found in evidence.event_types or ():
        keys = "any payload key" if found.payload_keys is None else ", ".join(found.payload_keys)
        state = "enabled" if found.enabled else "disabled"
        yield (
            (_EVENT_TYPE, found.event_type),
            f"{state}, domain {found.event_domain}, {keys or 'no payload key'}",
        )
    for capture in evidence.captures or ():
        state = f"{'enabled' if capture.enabled else 'disabled'}, {'dry-run' if capture.dry_run else 'emits'}"
        of = f"{capture.source_op} of {capture.source_table} to {capture.target_event_type}"
        yield (_CAPTURE, capture.route_code), f"{state}, {of}"


def _delivery(delivery: Delivery) -> Iterator[tuple[tuple[str, str], str]]:
    for route in delivery.routes:
        state = route.state if route.held_reason is None else f"{route.state}: {route.held_reason}"
        terms = f"promotion {route.promotion}, share {route.share:g}, deployment {route.deployment}"
        yield ("delivery", f"{route.route_code} promotion"), f"{state}, {terms}, until {route.expires_at}"
        for twin in route.twins:
            name = f"{route.route_code} would {twin.would}, did {twin.did}"
            yield ("delivery", name), f"{twin.deliveries:,}"
    for threshold in delivery.thresholds:
        yield ("threshold", threshold.threshold), f"{threshold.value:,}"
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
