"""The metrics of `iu metrics` and of the endpoint of `iu dev`, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from iu_pipelines import __version__
from iu_pipelines.domain.deliveries import QUEUE_STATES
from iu_pipelines.domain.metrics import Delivery, LiveRoute, Snapshot, Tally
from iu_pipelines.domain.status import COUNTED_LETTERS

Sample = tuple[str, tuple[str, ...], float]
"""The name of a metric, the values of its labels, and its value."""

_DAY: Final = 86_400
_DECISIONS: Final = "decision: failed, sent, or dry_run_or_skipped."


@dataclass(frozen=True)
class Metric:
    """One metric. The name of a counter ends with `_total`."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str

    def family(self) -> GaugeMetricFamily | CounterMetricFamily:
        """Return a family of prometheus_client without samples."""
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return made(self.name, self.help, labels=self.labels)


_OF_OUTBOX: Final = (
    Metric("iu_up", "gauge", (), "1 if the database answered this scrape, else 0."),
    Metric("iu_build_info", "gauge", ("version",), "Always 1; the version of iu_pipelines."),
    Metric("iu_database_info", "gauge", ("server_version",), "Always 1; the version of PostgreSQL."),
    Metric("iu_scrape_duration_seconds", "gauge", (), "How long the database took to answer."),
    Metric("iu_worker_info", "gauge", ("worker", "domain"), "Always 1; the domain that a worker reads."),
    Metric("iu_worker_healthy", "gauge", ("worker",), "1 if the worker makes progress, as iu status says."),
    Metric(
        "iu_worker_backlog_events",
        "gauge",
        ("worker",),
        "Unread events; a lower bound if iu_worker_backlog_capped is 1.",
    ),
    Metric(
        "iu_worker_backlog_capped",
        "gauge",
        ("worker",),
        "1 if there are more unread events than iu_worker_backlog_events.",
    ),
    Metric(
        "iu_worker_oldest_unread_age_seconds",
        "gauge",
        ("worker",),
        "Time since the oldest unread event was emitted; 0 without a backlog.",
    ),
    Metric("iu_worker_last_run_timestamp_seconds", "gauge", ("worker",), "When the worker last ran."),
    Metric(
        "iu_worker_last_progress_timestamp_seconds",
        "gauge",
        ("worker",),
        "When the worker last read an event.",
    ),
    Metric(
        "iu_worker_attempts_total",
        "counter",
        ("worker", "decision"),
        f"Attempts of a worker, without replays. {_DECISIONS}",
    ),
    Metric("iu_replay_attempts_total", "counter", ("decision",), f"Attempts of replays. {_DECISIONS}"),
    Metric(
        "iu_events_emitted_total",
        "counter",
        (),
        "The highest event_seq. It also counts numbers of emits that were rolled back.",
    ),
    Metric(
        "iu_dead_letters_open",
        "gauge",
        ("worker", "route", "failure_code", "sqlstate"),
        f"Open dead letters by cause: the first {COUNTED_LETTERS:,} that are due.",
    ),
    Metric(
        "iu_dead_letters_capped",
        "gauge",
        (),
        "1 if there are more open dead letters than iu_dead_letters_open counts.",
    ),
    Metric("iu_gate_open", "gauge", ("gate",), "1 if the gate is open, 0 if it is closed."),
    Metric("iu_gate_changed_timestamp_seconds", "gauge", ("gate",), "When the gate was last set."),
    Metric(
        "iu_unread_domain_events",
        "gauge",
        ("domain",),
        "Events of a domain that no worker reads; exact up to 100, then a lower bound. At most 10 domains.",
    ),
    Metric(
        "iu_unread_domain_event_types",
        "gauge",
        ("domain",),
        "Enabled event types of a domain that no worker reads.",
    ),
    Metric("iu_routes", "gauge", ("target_kind", "enabled"), "Routes by kind of target."),
    Metric(
        "iu_capture_attached",
        "gauge",
        ("capture",),
        "1 if all triggers of an enabled capture exist, else 0.",
    ),
    Metric("iu_retention_period_seconds", "gauge", (), "How long events are kept; 0 if retention is off."),
    Metric(
        "iu_retention_oldest_event_timestamp_seconds",
        "gauge",
        ("domain",),
        "When the oldest stored event was emitted.",
    ),
    Metric(
        "iu_retention_overdue_seconds",
        "gauge",
        ("domain",),
        "How long the oldest event has been kept beyond the period, in whole days.",
    ),
    Metric(
        "iu_retention_held",
        "gauge",
        ("domain",),
        "1 if something keeps old events from being deleted and somebody has to act.",
    ),
)

_OF_DELIVERY: Final = (
    Metric(
        "iu_delivery_queue_deliveries",
        "gauge",
        ("target", "state"),
        f"Deliveries that are not settled. state: {', '.join(QUEUE_STATES)}. "
        "Lower bounds if iu_delivery_queue_capped is 1.",
    ),
    Metric(
        "iu_delivery_queue_capped",
        "gauge",
        ("target",),
        "1 if there are more deliveries than iu_delivery_queue_deliveries counts.",
    ),
    Metric(
        "iu_delivery_target_enabled",
        "gauge",
        ("target",),
        "1 if deliveries to the target are claimed, else 0.",
    ),
    Metric("iu_delivery_target_paused", "gauge", ("target",), "1 if a person paused the target."),
    Metric(
        "iu_delivery_target_failover_hold",
        "gauge",
        ("target",),
        "1 if the target waits for a person after a failover of the database.",
    ),
    Metric(
        "iu_delivery_target_breaker_open",
        "gauge",
        ("target",),
        "1 if the breaker of the target is open or half open, 0 if it is closed.",
    ),
    Metric(
        "iu_delivery_target_failures", "gauge", ("target",), "Failures of the target since the last success."
    ),
    Metric("iu_delivery_sent_total", "counter", ("target", "route"), "Deliveries of a route that were sent."),
    Metric(
        "iu_delivery_route_failure_ratio",
        "gauge",
        ("target", "route"),
        "Share of the last outcomes of a route that failed; the promotion says from which one it ends.",
    ),
    Metric(
        "iu_delivery_route_held",
        "gauge",
        ("target", "route", "reason"),
        "1 if nothing of a live route is claimed now, with the first reason; 0 without a reason.",
    ),
    Metric(
        "iu_delivery_oldest_due_age_seconds",
        "gauge",
        ("target", "route"),
        "How long the oldest delivery of a route has been due, dead and parked ones left out; 0 without one.",
    ),
    Metric(
        "iu_delivery_oldest_unread_age_seconds",
        "gauge",
        ("target", "route"),
        "Time since the oldest event was emitted that a live route has not queued; 0 without one.",
    ),
    Metric(
        "iu_delivery_promotion_expiry_timestamp_seconds",
        "gauge",
        ("target", "route"),
        "When the promotion of a route ends, unless it was demoted.",
    ),
)

METRICS: Final = (*_OF_OUTBOX, *_OF_DELIVERY)
"""Every metric, in the order in which they are written. Those of deliveries need the module iu-delivery."""


@dataclass(frozen=True)
class DatabaseCollector(Collector):
    """A collector of prometheus_client, which calls `read` for each scrape.

    `read` returns the numbers, or None if the database did not answer.
    """

    read: Callable[[], Snapshot | None]

    def describe(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield every family without samples, so that registering it does not read the database."""
        return (metric.family() for metric in METRICS)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the families that have samples."""
        families = {metric.name: metric.family() for metric in METRICS}
        for name, labels, value in samples(self.read()):
            families[name].add_metric(labels, value)
        return (family for family in families.values() if family.samples)


def registry(read: Callable[[], Snapshot | None]) -> CollectorRegistry:
    """Return a registry of its own, which has no metrics of this process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(DatabaseCollector(read))
    return made


def text(snapshot: Snapshot | None) -> str:
    """Return the numbers in the text format; None stands for a database that did not answer."""
    return generate_latest(registry(lambda: snapshot)).decode()


def samples(snapshot: Snapshot | None) -> Iterator[Sample]:
    """Yield the samples of a snapshot; without one, only `iu_up` and `iu_build_info`."""
    yield "iu_up", (), float(snapshot is not None)
    yield "iu_build_info", (__version__,), 1.0
    if snapshot is None:
        return
    yield "iu_database_info", (snapshot.status.server_version,), 1.0
    yield "iu_scrape_duration_seconds", (), snapshot.seconds
    yield from _of_workers(snapshot)
    yield from _of_attempts(snapshot)
    yield from _of_letters(snapshot)
    yield from _of_gates(snapshot)
    yield from _of_configuration(snapshot)
    yield from _of_retention(snapshot)
    if snapshot.delivery:
        yield from _of_queues(snapshot.delivery)
        yield from _of_live_routes(snapshot.delivery.routes)


def _of_workers(snapshot: Snapshot) -> Iterator[Sample]:
    for worker in snapshot.workers:
        name = (worker.worker_name,)
        yield "iu_worker_info", (worker.worker_name, worker.event_domain), 1.0
        yield "iu_worker_healthy", name, float(worker.healthy)
        yield "iu_worker_backlog_events", name, float(worker.backlog)
        yield "iu_worker_backlog_capped", name, float(worker.backlog_capped)
        yield "iu_worker_oldest_unread_age_seconds", name, worker.backlog_oldest_seconds or 0.0
        yield from _time("iu_worker_last_run_timestamp_seconds", name, worker.last_run_at)
        yield from _time("iu_worker_last_progress_timestamp_seconds", name, worker.last_progress_at)


def _of_attempts(snapshot: Snapshot) -> Iterator[Sample]:
    tallies = {tally.worker_name: tally for tally in snapshot.tallies}
    for worker in snapshot.workers:
        tally = tallies.get(worker.worker_name, Tally(worker.worker_name, 0, 0, 0))
        for decision, count in _by_decision(tally.attempts, tally.failed, tally.sent).items():
            yield "iu_worker_attempts_total", (worker.worker_name, decision), count
    totals = snapshot.totals
    for decision, count in _by_decision(totals.replays, totals.replays_failed, totals.replays_sent).items():
        yield "iu_replay_attempts_total", (decision,), count
    yield "iu_events_emitted_total", (), float(totals.emitted or 0)


def _of_letters(snapshot: Snapshot) -> Iterator[Sample]:
    for cause in snapshot.status.causes:
        labels = (cause.worker_name, cause.route_code or "", cause.failure_code, cause.sqlstate or "")
        yield "iu_dead_letters_open", labels, float(cause.letters)
    yield "iu_dead_letters_capped", (), float(snapshot.status.causes_capped)


def _of_gates(snapshot: Snapshot) -> Iterator[Sample]:
    for gate in snapshot.status.gates:
        yield "iu_gate_open", (gate.key,), float(gate.is_open)
        yield from _time("iu_gate_changed_timestamp_seconds", (gate.key,), gate.updated_at)


def _of_configuration(snapshot: Snapshot) -> Iterator[Sample]:
    for domain in snapshot.status.unread_domains:
        yield "iu_unread_domain_events", (domain.event_domain,), float(domain.unread_events)
        yield "iu_unread_domain_event_types", (domain.event_domain,), float(domain.event_types)
    for route in snapshot.status.routes:
        yield "iu_routes", (route.target_kind, "true"), float(route.enabled)
        yield "iu_routes", (route.target_kind, "false"), float(route.disabled)
    for capture in snapshot.captures:
        yield "iu_capture_attached", (capture.route_code,), float(capture.attached)


def _of_retention(snapshot: Snapshot) -> Iterator[Sample]:
    for state in snapshot.retention[:1]:
        yield "iu_retention_period_seconds", (), float(state.retention_days * _DAY)
    for state in snapshot.retention:
        domain = (state.event_domain,)
        yield from _time("iu_retention_oldest_event_timestamp_seconds", domain, state.oldest_event_at)
        yield "iu_retention_overdue_seconds", domain, float(state.overdue_days * _DAY)
        yield "iu_retention_held", domain, float(state.note is not None)


def _of_queues(delivery: Delivery) -> Iterator[Sample]:
    for queue in delivery.queues:
        name = (queue.target,)
        for state in QUEUE_STATES:
            yield "iu_delivery_queue_deliveries", (queue.target, state), float(getattr(queue, state))
        yield "iu_delivery_queue_capped", name, float(queue.counts_capped)
        yield "iu_delivery_target_breaker_open", name, float(queue.breaker != "closed")
    for target in delivery.targets:
        name = (target.target,)
        yield "iu_delivery_target_enabled", name, float(target.enabled)
        yield "iu_delivery_target_paused", name, float(target.paused)
        yield "iu_delivery_target_failover_hold", name, float(target.failover_hold)
        yield "iu_delivery_target_failures", name, float(target.failures)


def _of_live_routes(routes: Iterable[LiveRoute]) -> Iterator[Sample]:
    for route in routes:
        labels = (route.target, route.route_code)
        yield "iu_delivery_sent_total", labels, float(route.sent)
        yield "iu_delivery_route_failure_ratio", labels, route.failed_outcomes / max(route.outcomes, 1)
        held = (*labels, route.held_reason or "")
        yield "iu_delivery_route_held", held, float(route.held_reason is not None)
        yield "iu_delivery_oldest_due_age_seconds", labels, route.due_seconds
        yield "iu_delivery_oldest_unread_age_seconds", labels, route.unread_seconds
        ends_at = None if route.is_demoted else route.expires_at
        yield from _time("iu_delivery_promotion_expiry_timestamp_seconds", labels, ends_at)


def _time(name: str, labels: tuple[str, ...], at: datetime | None) -> Iterator[Sample]:
    """Yield a time in seconds since 1970, or nothing if there is none."""
    if at is not None:
        yield name, labels, at.timestamp()


def _by_decision(attempts: int, failed: int, sent: int) -> Mapping[str, float]:
    return {"failed": failed, "sent": sent, "dry_run_or_skipped": attempts - failed - sent}
