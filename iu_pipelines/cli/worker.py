"""`iu run`, `iu seek`, `iu worker` and `iu batch`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from iu_pipelines import settings
from iu_pipelines.cli.attempts import print_attempts
from iu_pipelines.cli.command import Answer, Invocation, add_command, add_group
from iu_pipelines.cli.options import Limit, Reason, Worker, row_number
from iu_pipelines.cli.output import duration, print_line, print_table, rate
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, gates, status, worker
from iu_pipelines.domain.health import at_least
from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.status import WorkerStatus
from iu_pipelines.errors import ArgumentInvalid, UsageError

_WHY_STOPPED: Final = {
    "drained": "nothing is left to read",
    "max_batches": "the limit of batches is reached; events may be left",
    "max_seconds": "--max-seconds is reached; events may be left",
    "worker_busy": "another invocation of this worker is running",
    "cancelled": "the run was cancelled",
}
Create = Annotated[
    bool, typer.Option("--create", help="Create the worker if it is new; it reads from the beginning.")
]

_CLOSED: Final = {"worker_gate_closed": gates.WORKER, "master_gate_closed": gates.MASTER}


def register(app: typer.Typer) -> None:
    """Add the commands about the worker."""
    add_command(app, run, writes=True)
    add_command(app, seek, writes=True)
    workers = add_group(app, "worker", "Add, list and retire workers.")
    add_command(workers, add_worker, "add", writes=True)
    add_command(workers, list_workers, "list")
    add_command(workers, retire_worker, "retire", writes=True)
    group = add_group(app, "batch", "Show the batches of workers.")
    add_command(group, list_batches, "list")
    add_command(group, show_batch, "show")


def run(
    call: Invocation,
    worker_name: Worker = None,
    batch_limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            show_default=False,
            help="Maximum number of events in a batch (also IU_BATCH_LIMIT).",
        ),
    ] = None,
    max_batches: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Stop after this many batches.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, show_default=False, help="Start no batch after this many seconds.")
    ] = None,
    linger_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="When no event is left, wait for new ones until this many seconds after the last batch.",
        ),
    ] = 0.0,
    once: Annotated[bool, typer.Option("--once", help="Run one batch; the same as --max-batches 1.")] = False,
    run_ref: Annotated[
        str | None,
        typer.Option(show_default=False, help="A name for this run, recorded in its batches and attempts."),
    ] = None,
    create: Create = False,
    domain: Annotated[
        str | None,
        typer.Option(show_default=False, help="With --create: the domain of a new worker (default: iu)."),
    ] = None,
) -> Answer:
    """Run the worker, batch by batch, until nothing is left or a limit is reached.

    Examples:
        iu run
        iu run --worker rehearsal --create
        iu run --max-seconds 50 --linger-seconds 5
    """
    if domain and not create:
        raise UsageError("--domain needs --create", hint="The domain of an existing worker does not change.")
    chosen = settings.load(worker_name=worker_name)
    limits = worker.RunLimits(
        batch_limit=chosen.batch_limit if batch_limit is None else batch_limit,
        max_batches=1 if once else max_batches,
        max_seconds=max_seconds,
        linger_seconds=linger_seconds,
    )
    with call.connect() as gateway:
        if not create:
            worker.require(gateway, chosen.worker_name, creates=True)
        elif domain:
            worker.create(gateway, chosen.worker_name, domain, "iu run --create")
        drain = worker.drain(gateway, chosen.worker_name, limits, run_ref)
        made = list(_printed(drain, call))
    return Answer(_totals(drain) | {"batches": made}, lambda: _print_totals(drain))


def _printed(drain: worker.Drain, call: Invocation) -> Iterator[worker.BatchResult]:
    """Yield each batch of `drain` after printing a line about it."""
    before = 0.0
    for result in drain:
        seconds, before = drain.seconds - before, drain.seconds
        call.say(
            f"batch {result.batch_id}: {counted(result.seen, 'event')}, "
            f"{counted(result.attempts_written, 'attempt')}, {result.skipped:,} skipped, "
            f"{counted(result.dead_lettered, 'dead letter')}, "
            f"{duration(seconds)}, {rate(result.seen, seconds)}"
        )
        yield result


def _totals(drain: worker.Drain) -> dict[str, object]:
    return {
        "worker_name": drain.worker_name,
        "stopped_reason": drain.stopped_reason,
        "status": drain.last.status if drain.last else None,
        "seen": drain.seen,
        "attempts_written": drain.attempts_written,
        "skipped": drain.skipped,
        "dead_lettered": drain.dead_lettered,
        "seconds": round(drain.seconds, 3),
    }


def _print_totals(drain: worker.Drain) -> None:
    print_line(
        f"{drain.worker_name}: {counted(drain.seen, 'event')} "
        f"in {counted(drain.batches, 'batch', 'batches')}, "
        f"{counted(drain.attempts_written, 'attempt')}, {drain.skipped:,} skipped, "
        f"{counted(drain.dead_lettered, 'dead letter')} in "
        f"{duration(drain.seconds)}, {rate(drain.seen, drain.seconds)}"
    )
    status = drain.last.status if drain.last else ""
    if status in _CLOSED:
        print_line(f"stopped: the gate {_CLOSED[status]} is closed; events are held, none is lost")
        print_line(f"open it with: iu gate set {_CLOSED[status]} true --reason WHY")
    elif drain.stopped_reason:
        print_line(f"stopped: {_WHY_STOPPED[drain.stopped_reason]}")


def seek(
    gateway: Gateway,
    position: Annotated[str, typer.Argument(help="beginning, latest, or an event id.")],
    reason: Reason,
    worker_name: Worker = None,
    create: Create = False,
) -> Answer:
    """Move the worker's cursor, and record the reason.

    Examples:
        iu seek latest --worker rehearsal --reason "a new trial"
        iu seek 0199c1d2-0000-7000-8000-000000000042 --reason "restored from the dump of 2 May"
    """
    chosen = settings.load(worker_name=worker_name)
    if not create:
        worker.require(gateway, chosen.worker_name, creates=True)
    answer = worker.seek(gateway, chosen.worker_name, position, reason)
    title = f"Seek of {chosen.worker_name}"
    return Answer(answer, lambda: print_table(title, ("", "value"), answer.items(), empty="no answer"))


Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The name of the worker.")]


def add_worker(
    gateway: Gateway,
    worker_name: Name,
    domain: Annotated[str, typer.Option("--domain", help="The domain of the events that the worker reads.")],
    reason: Reason = "iu worker add",
) -> Answer:
    """Add a worker that reads a domain from the beginning, or resume a retired one where it stopped.

    Examples:
        iu worker add shop_outbound --domain shop --reason "orders go to billing"
    """
    change = worker.add(gateway, worker_name, domain, reason)
    lines = [f"{change.worker_name}: {change.status}, reads domain {change.event_domain}"]
    if change.status == "added":
        lines.append(f"run it with: iu run --worker {change.worker_name}")
    return Answer(change, lambda: print_line("\n".join(lines)))


def list_workers(gateway: Gateway) -> Answer:
    """Show all workers with their domains and backlogs.

    Examples:
        iu worker list
    """
    found = status.list_workers(gateway)
    return Answer(found, lambda: print_workers(found))


def print_workers(workers: Sequence[WorkerStatus], limit: int | None = None) -> None:
    """Print workers as a table, the unhealthy ones first, and below it why a worker is unhealthy.

    With `limit`, at most that many workers are printed, and as many reasons.
    """
    ordered = sorted(workers, key=lambda one: (one.retired_at is not None, one.healthy, one.worker_name))
    shown = ordered[:limit]
    rows = [
        (
            one.worker_name,
            one.event_domain,
            _state(one),
            at_least(one.backlog, capped=one.backlog_capped),
            duration(one.backlog_oldest_seconds),
            _ago(one.last_run_at),
            _ago(one.last_progress_at),
        )
        for one in shown
    ]
    columns = ("worker", "domain", "state", "backlog", "oldest", "ran", "progressed")
    left_out = f" (the first {len(rows)} of {len(workers)})" if len(rows) < len(workers) else ""
    print_table(f"Workers{left_out}", columns, rows, empty="none yet")
    for one in shown:
        for fault in one.faults if one.retired_at is None else ():
            print_line(f"  reason: {one.worker_name}: {fault}")


def _state(one: WorkerStatus) -> str:
    """Return the state of a worker as one word."""
    if one.retired_at:
        return "retired"
    return "healthy" if one.healthy else "UNHEALTHY"


def _ago(moment: datetime | None) -> str:
    """Return how long ago a moment was, by the clock of this machine."""
    if moment is None:
        return "never"
    return f"{duration(max((datetime.now(UTC) - moment).total_seconds(), 0))} ago"


def retire_worker(gateway: Gateway, worker_name: Name, reason: Reason) -> Answer:
    """Retire a worker that has read everything: it runs no more, and retention does not wait for it.

    Examples:
        iu worker retire shop_outbound --reason "billing reads the orders itself"
    """
    change = worker.retire(gateway, worker_name, reason)
    return Answer(change, lambda: print_line(f"{change.worker_name}: {change.status}"))


def list_batches(
    gateway: Gateway,
    worker_name: Annotated[
        str | None, typer.Option("--worker", show_default=False, help="Only the batches of this worker.")
    ] = None,
    run_ref: Annotated[
        str | None, typer.Option("--run", show_default=False, help="Only the batches of this run.")
    ] = None,
    limit: Limit = 20,
) -> Answer:
    """Show the newest batches.

    Examples:
        iu batch list --worker shop_outbound --limit 50
        iu batch list --run 617fbc6a-ddca-430a-a093-ded01d425097
    """
    found = worker.batches(gateway, worker_name, run_ref, limit)
    return Answer(found, lambda: print_batches(found))


def print_batches(found: list[worker.Batch]) -> None:
    """Print batches as a table."""
    columns = (
        "batch",
        "worker",
        "run",
        "started",
        "time",
        "events",
        "dry run",
        "skipped",
        "failed",
        "letters",
        "rate",
    )
    rows = [
        (
            str(batch.batch_id),
            batch.worker_name,
            batch.run_ref,
            batch.started_at,
            duration(batch.seconds),
            batch.seen,
            batch.dry_run,
            batch.skipped,
            batch.failed,
            batch.dead_lettered,
            rate(batch.seen, batch.seconds),
        )
        for batch in found
    ]
    print_table("Batches", columns, rows, empty="none yet")


def show_batch(
    gateway: Gateway,
    batch_id: Annotated[
        int, typer.Argument(metavar="ID", callback=row_number, help="The id of a batch, from iu batch list.")
    ],
    limit: Limit = 20,
) -> Answer:
    """Show one batch and its newest attempts.

    Examples:
        iu batch show 2
    """
    batch = worker.batch(gateway, batch_id)
    if batch is None:
        raise ArgumentInvalid(f"no such batch: {batch_id}", hint="Choose one from: iu batch list")
    tries = attempts.for_batch(gateway, batch_id, limit)

    def show() -> None:
        print_batches([batch])
        print_attempts(f"Attempts of batch {batch_id}", tries)

    return Answer({"batch": batch, "attempts": tries}, show)
