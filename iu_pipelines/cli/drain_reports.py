"""What is printed about deliveries: the progress and the report of a drain, and the queues of targets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from iu_pipelines.cli.command import Invocation
from iu_pipelines.cli.output import (
    console,
    duration,
    json_line,
    print_line,
    print_table,
    print_warning,
    rate,
    when,
)
from iu_pipelines.delivery.reports import DrainReport, TargetReport
from iu_pipelines.domain import delivery_reasons, promotions
from iu_pipelines.domain.deliveries import QUEUE_STATES, SenderShards, TargetQueue
from iu_pipelines.domain.delivery_plans import Progress
from iu_pipelines.domain.delivery_queue import Waiting
from iu_pipelines.domain.promotions import Promotion
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import sentences

if TYPE_CHECKING:
    from iu_pipelines.delivery.service import Notice

_LINE_SECONDS: Final = 10.0
"""How often progress is a line, where there is no terminal for a bar."""

WHY_STOPPED: Final = {
    "drained": "nothing more is due",
    "max_seconds": "--max-seconds is reached; more may be due",
    "max_deliveries": "the limit of deliveries is reached; more may be due",
    "gate_closed": "a gate is closed; deliveries are held, none is lost",
    "held": "deliveries are held, none is lost",
    "target_changed": "the target was changed, and is not granted to this login any more",
    "left_to_others": "other programs deliver what is left",
    "cancelled": "the drain was interrupted; what had begun was finished and recorded",
    "failed": "the target could not be served",
}
"""What each reason why the drain of a target stopped means."""


@contextmanager
def drain_progress(call: Invocation) -> Iterator[Callable[[DrainReport], None]]:
    """Yield a function that shows the progress of a drain: a line of a terminal, else a line now and then."""
    screen = console(stderr=True)
    if not screen.file.isatty() or call.as_json:
        yield _Lines(call)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("deliver", total=None)
        yield lambda report: bar.update(task, description=_so_far(report))


class _Lines:
    """Says how far a drain is, but not more often than _LINE_SECONDS, and only if it has sent more."""

    def __init__(self, call: Invocation) -> None:
        self._call = call
        self._told_at = time.monotonic()
        self._sent = 0

    def __call__(self, report: DrainReport) -> None:
        now = time.monotonic()
        if now - self._told_at >= _LINE_SECONDS and report.sent > self._sent:
            self._told_at, self._sent = now, report.sent
            self._call.say(_so_far(report))


def _so_far(report: DrainReport) -> str:
    failures = sum(one.retry + one.failed for one in report.targets)
    return f"{report.sent:,} sent, {failures:,} failed, {rate(report.sent, report.seconds)}"


def failed(report: DrainReport) -> bool:
    """Return whether a target could not be served, or the database refused an outcome."""
    return bool(report.problems) or any(
        one.stopped_reason == "failed" or one.unrecorded for one in report.targets
    )


def is_cancelled(report: DrainReport) -> bool:
    """Return whether a signal ended the drain."""
    return any(one.stopped_reason == "cancelled" for one in report.targets)


def print_drain(
    report: DrainReport,
    queues: Sequence[TargetQueue],
    deployment: str | None,
    promoted: Sequence[Promotion],
    listed: str | None,
    plan: Progress | None = None,
) -> None:
    """Print what a drain did for each target, why it stopped, what is left, what is held and what to do.

    `queues` are read after the drain. `deployment` is what the sender presents, and `promoted` are all
    promotions. `listed` is the value of the list of live routes, None if it is not known. If the drain
    carried out a `plan`, what is left is that of the plan.
    """
    by_target = {queue.target: queue for queue in queues}
    for one in report.targets:
        _print_target(one, by_target.get(one.target), plan)
    if not report.targets:
        print_line("no target with a route that was promoted is granted to this login")
        print_line("see: iu target list, iu promote list")
    print_line(
        f"deliveries: {report.sent:,} sent to {counted(len(report.targets), 'target')} "
        f"in {duration(report.seconds)}, {rate(report.sent, report.seconds)}"
    )
    reasons = {word for one in report.targets for word in one.held_reasons}
    unlisted = promotions.unlisted(promoted, listed)
    routes = [route for one in report.targets for route in unlisted.get(one.target, ())]
    _print_reasons(reasons, "", listed, routes)
    named = {one.target for one in report.targets}
    for other in promotions.of_other_deployments(promoted, deployment):
        if other.target_name in named:
            presented = f"is {deployment!r}" if deployment else "is not set"
            print_line(
                f"  {other.route_code}: other_deployment: the promotion is for {other.deployment!r}, and "
                f"IU_DEPLOYMENT {presented}"
            )
    for problem in report.problems:
        print_warning(f"{problem.target}: {sentences(problem.message, problem.hint)}")


def _print_target(one: TargetReport, queue: TargetQueue | None, plan: Progress | None) -> None:
    has_dead = queue is not None and queue.dead > 0
    retried = "failed, to retry or dead" if has_dead else "to retry"
    counts = {
        "sent": one.sent,
        retried: one.retry,
        "dead": one.failed,
        "not sent in time": one.unsent,
        "recorded late": one.stale,
        "not recorded": one.unrecorded,
    }
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count or word == "sent")
    print_line(f"{one.target}: {said} in {duration(one.seconds)}, {rate(one.sent, one.seconds)}")
    for failed_sends in one.failures:
        word = "dead" if failed_sends.decision == "failed" else retried
        print_line(f"  {failed_sends.count:,} {word}: {failed_sends.said}")
    if plan:
        print_line(f"  left of the plan: {_left_of_plan(plan)}")
    elif queue and (left := _left(queue)):
        print_line(f"  left: {left}")
    if one.stopped_reason:
        print_line(f"  stopped: {WHY_STOPPED[one.stopped_reason]}")
    if queue and queue.next_due_at:
        print_line(f"  {_next_retry(queue)}")


def print_notice(notice: Notice, *, as_json: bool) -> None:
    """Print what the service tells: problems on stderr, everything else on stdout."""
    if as_json:
        print(json_line({"at": datetime.now(UTC), **vars(notice)}), flush=True)
        return
    about = f"{notice.target}: " if notice.target else ""
    line = f"{about}{sentences(notice.message, notice.hint)}"
    (print_warning if notice.kind == "problem" else print_line)(line)


def print_end(report: DrainReport, *, as_json: bool) -> None:
    """Print what the service has done until it was stopped."""
    if as_json:
        print(json_line({"at": datetime.now(UTC), "kind": "ended", **vars(report)}), flush=True)
        return
    print_line(
        f"ended: {report.sent:,} sent to {counted(len(report.targets), 'target')} "
        f"in {duration(report.seconds)}; every outcome is recorded"
        if not failed(report)
        else f"ended: {sum(one.unrecorded for one in report.targets):,} outcomes could not be recorded"
    )


def _next_retry(queue: TargetQueue) -> str:
    return (
        f"the next retry is due at {when(queue.next_due_at)}; make all of them due now with: "
        f"{delivery_reasons.RETRY} --target {queue.target} --reason WHY"
    )


def _left(queue: TargetQueue) -> str:
    words = {state: state.replace("_", " ") for state in QUEUE_STATES}
    words |= {
        "retry": "to retry later",
        "held": f"held ({', '.join(queue.held_reasons)})" if queue.held_reasons else "held",
        "parked": "parked behind a dead one",
    }
    return ", ".join(f"{queue.shown(state)} {word}" for state, word in words.items() if getattr(queue, state))


def _left_of_plan(plan: Progress) -> str:
    counts = {"open": plan.open, "in flight": plan.in_flight, "waiting": plan.waiting, "dead": plan.dead}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count) or "nothing"


def print_queues(
    found: Sequence[TargetQueue],
    listed: str | None,
    unlisted: Mapping[str | None, Sequence[str]],
    senders: Sequence[SenderShards] = (),
    unread: Sequence[Waiting] = (),
) -> None:
    """Print the deliveries of targets by state, and below it who delivers, why they are held and what to do.

    `listed` is the value of the list of live routes, None if it is not known, and `unlisted` are the live
    routes that it lacks, by target. Of the routes with `unread` events, those are named that are held.
    """
    rows = [
        (
            one.target,
            one.kind,
            *(one.shown(state) for state in QUEUE_STATES),
            one.max_per_minute,
            f"{one.breaker} until {when(one.breaker_retry_at)}" if one.breaker_retry_at else one.breaker,
            ", ".join(one.held_reasons or ()) or None,
        )
        for one in found
    ]  # fmt: skip
    columns = (
        "target", "kind", "queued", "in flight", "in doubt", "retry", "held", "parked", "dead", "per minute",
        "breaker", "held by",
    )  # fmt: skip
    print_table("Deliveries", columns, rows, empty="no target yet; add one with: iu target add")
    for sender in senders:
        print_line(f"  {sender.target}: {sender.sender} has {sender.shards} of 64 shards")
    for one in found:
        _print_reasons(one.held_reasons or (), f"{one.target}: ", listed, unlisted.get(one.target, ()))
        for route in unread:
            if route.target == one.target and route.refusal:
                print_line(
                    f"  {one.target}: {route.route_code} is held ({route.refusal}) and has read no event "
                    f"since {when(route.unread_since)}; what is for it is queued when it reads again"
                )
        _print_failures(one)


def _print_failures(one: TargetQueue) -> None:
    if one.in_doubt:
        print_line(f"  {one.target}: in doubt: {delivery_reasons.STATES['in_doubt']}")
    if one.next_due_at:
        print_line(f"  {one.target}: {_next_retry(one)}")
    if one.dead:
        print_line(f"  {one.target}: dead: {delivery_reasons.STATES['dead']}, or in bulk: iu deliver plan")
        print_line(f"  {one.target}: list the dead ones with: iu deliver dead --target {one.target}")
    if one.dead_in_doubt:
        print_line(
            f"  {one.target}: {one.shown('dead_in_doubt')} of the dead with the reason in_doubt: "
            f"{delivery_reasons.REFUSALS['in_doubt']}"
        )


def _print_reasons(words: Iterable[str], about: str, listed: str | None, unlisted: Sequence[str]) -> None:
    for word in sorted(words):
        if word == "not_listed" and unlisted:
            said = delivery_reasons.unlisted(unlisted, listed)
        else:
            said = delivery_reasons.with_list(delivery_reasons.REFUSALS.get(word, word), listed)
        print_line(f"  {about}{word}: {said}")
