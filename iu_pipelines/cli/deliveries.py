"""`iu deliver`: the sender, the states of deliveries, frozen plans, and single dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from iu_pipelines.cli.command import (
    Answer,
    DeliveryGateway,
    Invocation,
    add_command,
    add_group,
    sender_advice,
)
from iu_pipelines.cli.connection import database_url
from iu_pipelines.cli.drain_reports import (
    drain_progress,
    failed,
    is_cancelled,
    print_drain,
    print_end,
    print_notice,
    print_queues,
)
from iu_pipelines.cli.interrupts import EXIT_CODE
from iu_pipelines.cli.options import Limit, Reason, Since, Until, parse_uuid
from iu_pipelines.cli.output import duration, print_facts, print_line, print_table, when, working
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery.reports import DrainLimits, DrainReport
from iu_pipelines.domain import (
    deliveries,
    delivery_plans,
    delivery_queue,
    delivery_reasons,
    gates,
    promotions,
    targets,
)
from iu_pipelines.domain.deliveries import MOST_CLAIMED, DeadDelivery, DeliveryChange, MadeDue, TargetQueue
from iu_pipelines.domain.delivery_plans import Executed, Plan, Progress
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import ReplayOutOfOrder, Unavailable, UsageError

_BUSY_SECONDS: Final = 30.0
_WAIT_SECONDS: Final = 0.2
_MOST_ENTRIES: Final = 1_000_000
_DELIVER: Final = "deliver with: iu deliver, or for a job of Dagster with its sensor"


class PlanKind(StrEnum):
    """What a plan does with its entries."""

    DRAIN = "drain"
    REPLAY = "replay"
    DISCARD = "discard"


MaxSeconds = Annotated[
    float | None,
    typer.Option(min=0, show_default=False, help="Claim nothing more after this many seconds."),
]
BatchLimit = Annotated[
    int, typer.Option(min=1, max=MOST_CLAIMED, help="Maximum number of deliveries in a claim.")
]
RunRef = Annotated[
    str | None, typer.Option(show_default=False, help="A name for this run, recorded in its claims.")
]
PlanHash = Annotated[
    str, typer.Argument(metavar="HASH", show_default=False, help="The hash that iu deliver plan printed.")
]
EventId = Annotated[
    UUID, typer.Argument(parser=parse_uuid, metavar="EVENT_ID", help="The id of the event, a UUID.")
]
Route = Annotated[str, typer.Option("--route", metavar="ROUTE", help="The route of the delivery.")]
OutOfOrder = Annotated[
    bool,
    typer.Option("--out-of-order", help="Replay even if later events of the subject were delivered."),
]


def register(app: typer.Typer) -> None:
    """Add the commands about deliveries."""
    group = add_group(app, "deliver", deliver, writes=True, as_sender=True)
    add_command(group, status)
    add_command(group, dead)
    add_command(group, plan, writes=True)
    add_command(group, execute, writes=True)
    add_command(group, progress)
    add_command(group, retry, writes=True)
    add_command(group, replay, writes=True)
    add_command(group, discard, writes=True)


def deliver(
    call: Invocation,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target", metavar="NAME", show_default=False, help="Only this target. May be repeated."
        ),
    ] = None,
    batch_limit: BatchLimit = 200,
    max_seconds: MaxSeconds = None,
    linger_seconds: Annotated[
        float,
        typer.Option(
            min=0, help="When nothing is due, wait for more until this many seconds after the last delivery."
        ),
    ] = 0.0,
    run_ref: RunRef = None,
    stays: Annotated[
        bool,
        typer.Option(
            "--stay",
            help="Go on until SIGTERM or Ctrl-C, as a service: wait while a gate is closed, nothing is due "
            "or the database is away, and serve what is granted or promoted later.",
        ),
    ] = False,
) -> Answer | None:
    """Deliver what is due to the targets that are granted to this login.

    It connects as the login that delivers (IU_SENDER_DATABASE_URL), for the deployment IU_DEPLOYMENT. Exit
    code 1 if a target could not be served, or the database refused something. With --stay it is 0 after
    SIGTERM or Ctrl-C, and 1 if the login is refused or an outcome could not be recorded.

    Examples:
        iu deliver
        iu deliver --target shop-hook --max-seconds 50
        iu deliver --stay
    """
    if stays:
        if max_seconds is not None or linger_seconds:
            raise UsageError(
                "--stay has no end, so it cannot be given with --max-seconds or --linger-seconds",
                hint="Leave the other option out.",
            )
        _stay(call, DrainLimits(batch_limit=batch_limit), run_ref, targets)
        return None
    limits = DrainLimits(batch_limit=batch_limit, max_seconds=max_seconds, linger_seconds=linger_seconds)
    return _drain(call, limits, run_ref, targets=targets)


def _stay(call: Invocation, limits: DrainLimits, run_ref: str | None, targets: list[str] | None) -> None:
    """Run the service and print a line for each notice and one at the end, with --json one object each."""
    from iu_pipelines.delivery import service  # noqa: PLC0415  as in `_drain`

    chosen = call.sender_settings()
    with sender_advice():
        report = service.stay(
            database_url(chosen),
            chosen,
            targets=targets,
            limits=limits,
            run_ref=run_ref,
            on_notice=lambda notice: print_notice(notice, as_json=call.as_json),
        )
    print_end(report, as_json=call.as_json)
    if failed(report):
        raise typer.Exit(1)


def _drain(
    call: Invocation,
    limits: DrainLimits,
    run_ref: str | None,
    *,
    targets: Sequence[str] | None = None,
    plan_hash: str | None = None,
) -> Answer:
    from iu_pipelines.delivery import drain  # noqa: PLC0415  asyncio, which `iu deliver status` does not need

    chosen = call.sender_settings()
    with call.connect_as_sender() as gateway:
        with drain_progress(call) as tell:
            report = drain.drain(
                database_url(chosen),
                chosen,
                targets=targets,
                limits=limits,
                run_ref=run_ref,
                plan_hash=plan_hash,
                on_progress=tell,
            )
        promoted, listed = promotions.list_promotions(gateway), gates.listed_routes(gateway)
        queues = _queues(gateway, report, chosen.deployment)
        left = delivery_plans.progress(gateway, plan_hash) if plan_hash else None

    def print_all() -> None:
        print_drain(report, queues, chosen.deployment, promoted, listed, left)
        if left:
            print_facts(_progress_facts(left))

    return Answer(
        {**vars(report), "queues": queues} | ({"plan": left} if left else {}),
        print_all,
        failed=failed(report),
        exit_code=EXIT_CODE if is_cancelled(report) else 0,
    )


def _queues(gateway: Gateway, report: DrainReport, deployment: str | None) -> list[TargetQueue]:
    """Return the queues of the targets of a drain, as they are for its deployment."""
    with gateway.transaction() as session:
        deliveries.present_deployment(session, deployment)
        found = deliveries.status(session)
    names = {one.target for one in report.targets}
    return [one for one in found if one.target in names]


def status(gateway: DeliveryGateway) -> Answer:
    """Show the deliveries of each target by state, and why they are held.

    Examples:
        iu deliver status
    """
    found = deliveries.status(gateway)
    listed = gates.listed_routes(gateway)
    unlisted = promotions.unlisted(promotions.list_promotions(gateway), listed)
    senders = deliveries.senders(gateway)
    unread = [one for one in delivery_queue.waiting(gateway) if one.unread_since]
    rows = [
        {
            **vars(one),
            "senders": [sender for sender in senders if sender.target == one.target],
            "unread": {
                route.route_code: route.unread_since for route in unread if route.target == one.target
            },
        }
        for one in found
    ]
    return Answer(rows, lambda: print_queues(found, listed, unlisted, senders, unread))


def dead(
    gateway: DeliveryGateway,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Only deliveries to this target.")
    ] = None,
    limit: Limit = 20,
) -> Answer:
    """List the deliveries that are dead letters, those of the newest events first, and why they are.

    Examples:
        iu deliver dead --target hook
    """
    found = deliveries.dead_letters(gateway, target, limit)
    return Answer(found, lambda: _print_dead(found, limit))


def _print_dead(found: Sequence[DeadDelivery], limit: int) -> None:
    names = ("event", "route", "since", "attempts", "reason")
    cells = [(one.event_id, one.route_code, one.dead_at, one.attempts, one.reason) for one in found]
    print_table("Dead letters of deliveries", names, cells, empty="none")
    if len(found) == limit:
        print_line("there may be more; show them with: --limit")
    if found:
        print_line("when the cause is gone: iu deliver replay EVENT_ID --route ROUTE --reason WHY")
        print_line("many at once: iu deliver plan --kind replay --reason WHY")


def plan(
    gateway: DeliveryGateway,
    kind: Annotated[
        PlanKind,
        typer.Option(help="drain: deliver what is queued; replay or discard: what became of dead letters."),
    ],
    reason: Reason,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Only deliveries to this target.")
    ] = None,
    route_code: Annotated[
        str | None,
        typer.Option("--route", metavar="ROUTE", show_default=False, help="Only deliveries of this route."),
    ] = None,
    cause: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", show_default=False, help="Only dead letters whose reason contains this text."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    subject: Annotated[
        UUID | None,
        typer.Option(
            parser=parse_uuid, metavar="UUID", show_default=False, help="Only deliveries of this subject."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_ENTRIES, show_default=False, help="At most this many, oldest first."),
    ] = None,
    out_of_order: OutOfOrder = False,
) -> Answer:
    """Freeze what is queued or dead now into a plan, and print its hash. Nothing is done yet.

    What arrives later is not in the plan.

    Examples:
        iu deliver plan --kind drain --route shop.order_paid.hook --limit 10 --reason "the receiver is back"
        iu deliver plan --kind replay --target shop-hook --cause 5xx --since 12h
            --reason "the receiver is repaired"
    """
    filters = {
        "target": target,
        "route_code": route_code,
        "cause": cause,
        "since": since,
        "until": until,
        "subject": subject,
        "limit": limit,
        "out_of_order": out_of_order or None,
    }
    chosen = {name: value for name, value in filters.items() if value is not None}
    with _orders():
        made = delivery_plans.make(gateway, kind.value, reason, chosen)
    return Answer(made, lambda: _print_plan(made))


def _print_plan(made: Plan) -> None:
    if made.plan_hash is None:
        kind = "delivery that is queued" if made.kind == "drain" else "dead letter"
        print_line(f"nothing to {made.kind}: no {kind} matches")
        return
    print_facts(
        {
            "plan": made.plan_hash,
            "kind": made.kind,
            "deliveries": made.entries,
            "routes": ", ".join(made.routes),
            "oldest": made.oldest_at,
            "newest": made.newest_at,
            **_when_sent(made),
        }
    )
    print_line(f"carry it out with: iu deliver execute {made.plan_hash}")
    if made.last_due_at:
        routes = " or ".join(f"{delivery_reasons.RETRY} --route {code} --reason WHY" for code in made.routes)
        print_line(f"make the retries due now with: {routes}")


def _when_sent(made: Plan) -> dict[str, str]:
    """Return what is known about when the deliveries of a plan are sent."""
    if made.last_due_at:
        return {"due now": f"{made.due_now:,}", "last is due": when(made.last_due_at)}
    if made.kind == "discard":
        return {}
    if made.drain_seconds is None:
        return {"rate": "no limit"}
    return {"takes": duration(made.drain_seconds)}


def execute(
    call: Invocation,
    plan_hash: PlanHash,
    max_seconds: MaxSeconds = None,
    batch_limit: BatchLimit = 200,
    run_ref: RunRef = None,
) -> Answer:
    """Carry out a frozen plan and no other. Run it again to go on where it stopped.

    A drain is delivered by the login that delivers (IU_SENDER_DATABASE_URL); replays and discards are carried
    out by a member of workflow_admin (IU_DATABASE_URL).

    Examples:
        iu deliver execute $PLAN_HASH
    """
    with call.connect_as_sender() as gateway:
        found = delivery_plans.progress(gateway, plan_hash)
    if found.kind == "drain":
        limits = DrainLimits(batch_limit=batch_limit, max_seconds=max_seconds)
        return _drain(
            call, limits, run_ref, targets=[found.target] if found.target else None, plan_hash=plan_hash
        )
    with call.connect_to_module() as module:
        done = _execute(call, module, found, max_seconds)
    verb = "carried out" if found.open else "were carried out before, and nothing is done again"
    lines = [
        f"{found.kind}: {done.done:,} of {counted(done.entries, 'entry', 'entries')} {verb}, "
        f"{done.changed:,} had changed, {done.left:,} left"
    ]
    if done.left:
        lines.append(f"go on with: iu deliver execute {plan_hash}")
    if found.kind == "replay" and done.done:
        lines.append(f"they are queued, not sent; {_DELIVER}")
    return Answer(done, lambda: print_line("\n".join(lines)))


def _execute(
    call: Invocation, gateway: DeliveryGateway, found: Progress, max_seconds: float | None
) -> Executed:
    """Execute a plan part by part, until it is done or the time is over.

    Raises:
        Unavailable: another session executes it.
    """
    began = waited_since = time.monotonic()
    with _told(call, found) as tell:
        while True:
            done = delivery_plans.execute(gateway, found.plan_hash)
            now = time.monotonic()
            if done.status == "busy":
                if now - waited_since > _BUSY_SECONDS:
                    raise Unavailable(
                        "another session executes the plan or writes its queue",
                        hint=f"See how far it is with: iu deliver progress {found.plan_hash}",
                    )
                time.sleep(_WAIT_SECONDS)
                continue
            waited_since = now
            tell(done)
            if done.status == "done" or (max_seconds is not None and now - began >= max_seconds):
                return done


@contextmanager
def _told(call: Invocation, found: Progress) -> Iterator[Callable[[Executed], None]]:
    """Yield a function that shows how far a plan is. An interruption says what is left."""
    left = found.entries
    with working(found.kind) as update:

        def tell(done: Executed) -> None:
            nonlocal left
            left = done.left
            update(f"{done.entries - done.left:,} of {done.entries:,}")

        try:
            yield tell
        except KeyboardInterrupt:
            call.say(f"about {left:,} left; go on with: iu deliver execute {found.plan_hash}")
            raise


def progress(gateway: DeliveryGateway, plan_hash: PlanHash) -> Answer:
    """Show how far a frozen plan is carried out.

    Examples:
        iu deliver progress $PLAN_HASH
    """
    found = delivery_plans.progress(gateway, plan_hash)
    return Answer(found, lambda: print_facts(_progress_facts(found)))


def _progress_facts(found: Progress) -> dict[str, Any]:
    return {
        "plan": found.plan_hash,
        "kind": found.kind,
        "made": f"{found.created_by}, {when(found.created_at)}: {found.reason}",
        "deliveries": found.entries,
        "open": found.open,
        "in flight": found.in_flight,
        "waiting": found.waiting,
        "dead": found.dead,
        "settled": found.settled,
    }


def retry(
    gateway: DeliveryGateway,
    reason: Reason,
    event_id: Annotated[
        UUID | None,
        typer.Argument(parser=parse_uuid, metavar="EVENT_ID", show_default=False, help="Only this event."),
    ] = None,
    route_code: Annotated[
        str | None,
        typer.Option("--route", metavar="ROUTE", show_default=False, help="Only retries of this route."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Only retries to this target.")
    ] = None,
) -> Answer:
    """Make retries due now that wait for their time, when the receiver is repaired.

    The next iu deliver sends them. Attempts, gates, breaker and rates count as for any delivery.

    Examples:
        iu deliver retry --target shop-hook --reason "the receiver is repaired"
        iu deliver retry 0199c1d2-0000-7000-8000-000000000042 --reason "the receiver is repaired"
    """
    if not (event_id or route_code or target):
        raise UsageError(
            "nothing names the retries", hint="Give the id of an event, or one of --route and --target."
        )
    if target:
        targets.get(gateway, target)
    live = [
        one.route_code
        for one in delivery_queue.waiting(gateway)
        if (target is None or one.target == target) and (route_code is None or one.route_code == route_code)
    ]
    # A route that is unknown is refused, and one that was never promoted has no retries.
    chosen = [route_code] if route_code and target is None else live
    found = [MadeDue("ran", code, _made_due(gateway, code, reason, event_id)) for code in chosen]
    is_missed = event_id is not None and not any(one.made_due for one in found)
    return Answer(found, lambda: _print_retries(found, event_id), failed=is_missed)


def _made_due(gateway: Gateway, route_code: str, reason: str, event_id: UUID | None) -> int:
    """Make the retries of a route due, part by part, and return their number.

    Raises:
        Unavailable: another session writes its queue.
    """
    total, waited_since = 0, time.monotonic()
    while True:
        done = deliveries.retry_now(gateway, route_code, reason, event_id)
        total += done.made_due
        if done.status == "busy":
            if time.monotonic() - waited_since > _BUSY_SECONDS:
                raise Unavailable(f"another session writes the queue of {route_code}", hint="Try it again.")
            time.sleep(_WAIT_SECONDS)
        elif done.made_due < MOST_CLAIMED:
            return total


def _print_retries(found: Sequence[MadeDue], event_id: UUID | None) -> None:
    for one in found:
        if one.made_due:
            print_line(f"{one.route_code}: {counted(one.made_due, 'retry', 'retries')} due now")
    if any(one.made_due for one in found):
        print_line(_DELIVER)
    elif event_id:
        print_line(f"unchanged: event {event_id} waits for no retry; see its state with: iu why {event_id}")
    else:
        print_line("unchanged: no delivery waits for a retry")


def replay(
    gateway: DeliveryGateway,
    event_id: EventId,
    route_code: Route,
    reason: Reason,
    out_of_order: OutOfOrder = False,
) -> Answer:
    """Queue the dead letter of one event again.

    Examples:
        iu deliver replay 0199c1d2-0000-7000-8000-000000000042 --route shop.order_paid.hook
            --reason "the receiver is repaired"
    """
    with _orders():
        change = deliveries.replay(gateway, route_code, event_id, reason, out_of_order=out_of_order)
    return _changed(change)


@contextmanager
def _orders() -> Iterator[None]:
    """Name the option in the hint of a replay that is refused because of the order."""
    try:
        yield
    except ReplayOutOfOrder as error:
        error.hint = "The target skips dead letters. If the receiver can take that, add: --out-of-order"
        raise


def discard(gateway: DeliveryGateway, event_id: EventId, route_code: Route, reason: Reason) -> Answer:
    """Settle one dead letter, or one queued delivery, without sending it.

    Examples:
        iu deliver discard 0199c1d2-0000-7000-8000-000000000042 --route shop.order_paid.hook
            --reason "a test order"
    """
    return _changed(deliveries.discard(gateway, route_code, event_id, reason))


_CHANGES: Final = {
    "queued": "queued again; deliver with: iu deliver",
    "discarded": "discarded; the next event of its subject is not held by it any more",
    "not_queued": "unchanged: there is no such delivery in the queue",
    "in_flight": "unchanged: it is in flight; try again when its outcome is known",
    "busy": "unchanged: the subject is being written; try again",
}


def _changed(change: DeliveryChange) -> Answer:
    line = f"{change.event_id} on {change.route_code}: {_CHANGES[change.status]}"
    return Answer(
        change, lambda: print_line(line), failed=change.status in ("not_queued", "in_flight", "busy")
    )
