"""The route worker: `run_once` makes one invocation; a `Drain` repeats it until a limit is reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.outbox import IU_DOMAIN
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import ArgumentInvalid, Unavailable

_SQL: Final = Statements(__name__)

DEFAULT_WORKER: Final = "iu_outbound_default"

NAME_PATTERN: Final = r"[A-Za-z0-9_.:-]{1,100}"
"""The names that `fn_iu_worker_name_require` accepts, unless they begin with a reserved prefix."""

RESERVED_PREFIXES: Final = ("live:", "replay:")
"""Names that begin so belong to live delivery: `fn_iu_worker_name_require` refuses them."""

RunStatus = Literal["ran", "worker_gate_closed", "master_gate_closed", "worker_busy"]
ChangeStatus = Literal["added", "resumed", "exists", "retired", "already_retired", "worker_busy"]
StoppedReason = Literal["drained", "max_batches", "max_seconds", "gate_closed", "worker_busy", "cancelled"]

_LINGER_POLL_SECONDS: Final = 0.1
_LINGER_WAIT_SECONDS: Final = 1.0
_BUSY_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Worker:
    """A worker. `retired_at` is None while it is in use, `last_run_at` before its first run."""

    worker_name: str
    event_domain: str
    last_run_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True)
class Change:
    """The result of adding or retiring a worker. `event_domain` is None for `worker_busy`."""

    status: ChangeStatus
    worker_name: str
    event_domain: str | None
    retired_at: datetime | None


@dataclass(frozen=True)
class BatchResult:
    """The result of one invocation of the worker. The counts are 0 if it read no event."""

    status: RunStatus
    seen: int
    attempts_written: int
    skipped: int
    dead_lettered: int
    cursor_event_id: UUID | None
    cursor_created_at: datetime | None
    batch_id: int | None


@dataclass(frozen=True)
class Batch:
    """One batch: a row of `iu_route_batch`."""

    batch_id: Annotated[int, "ascending in the order of the batches"]
    worker_name: Annotated[str, "the worker"]
    event_domain: Annotated[str, "the domain that the worker reads"]
    run_ref: Annotated[str | None, "the run in Dagster, or another caller's reference"]
    started_at: Annotated[datetime, "when the batch started"]
    finished_at: Annotated[datetime, "when the batch ended"]
    seen: Annotated[int, "integer", "number of events"]
    attempts_written: Annotated[int, "integer", "number of attempts"]
    dry_run: Annotated[int, "integer", "number of attempts that sent nothing, as their route requires"]
    skipped: Annotated[int, "integer", "number of events without an enabled route"]
    failed: Annotated[int, "integer", "number of failed attempts"]
    dead_lettered: Annotated[int, "integer", "number of new dead letters"]
    first_event_seq: Annotated[int, "the lowest event_seq"]
    last_event_seq: Annotated[int, "the highest event_seq"]

    @property
    def seconds(self) -> float:
        """Seconds from start to finish."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def events_per_second(self) -> float | None:
        """Events per second; None if the duration is zero."""
        return self.seen / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Seek:
    """One recorded move of a cursor: a row of `iu_route_worker_seek`, which is append-only.

    An event id is None if the cursor stood before every event.
    """

    worker_name: str
    position: str
    from_event_id: UUID | None
    to_event_id: UUID | None
    reason: str
    sought_at: datetime
    sought_by: str


@dataclass(frozen=True)
class RunTotals:
    """The totals of the batches of one run. The times are None if there is no batch."""

    batches: int
    seen: int
    attempts_written: int
    dry_run: int
    skipped: int
    failed: int
    dead_lettered: int
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def events_per_second(self) -> float:
        """Events per second, from the start of the first batch to the end of the last; 0 without any."""
        if self.started_at is None or self.finished_at is None:
            return 0.0
        seconds = (self.finished_at - self.started_at).total_seconds()
        return self.seen / seconds if seconds else 0.0


@dataclass(frozen=True)
class RunPoint:
    """The progress of a run at one moment: seconds since its first batch, and totals until then."""

    seconds: float
    seen: int
    failed: int


@dataclass(frozen=True)
class RunLimits:
    """The limits of one run.

    `max_batches` and `max_seconds` each set no limit if None. An idle run polls for new events for
    `linger_seconds` after its last batch.
    """

    batch_limit: int = 1000
    max_batches: int | None = None
    max_seconds: float | None = None
    linger_seconds: float = 0.0


def require(gateway: Queries, worker_name: str, *, creates: bool = False) -> None:
    """Raise ArgumentInvalid if no worker of this name exists. The default worker is always accepted.

    The first invocation with a new name creates a worker. It reads from the beginning, and retention cannot
    delete events that it has not read. This check prevents creating a worker by a typing error. With
    `creates`, the hint names the option that creates one.
    """
    if worker_name == DEFAULT_WORKER:
        return
    known = gateway.fetch_all(_SQL["names"], {"worker_name": worker_name})
    names = [str(row["worker_name"]) for row in known]
    if not any(row["is_wanted"] for row in known):
        others = similar_names("workers", worker_name, names)
        create = " Add --create to create a worker, which reads from the beginning." if creates else ""
        raise ArgumentInvalid(f"no such worker: {worker_name!r}", hint=f"{others}{create}")


def list_workers(gateway: Queries) -> list[Worker]:
    """Return all workers, also the retired ones, by name."""
    return [rows.read(Worker, row) for row in gateway.fetch_all(_SQL["list_workers"])]


def domains(gateway: Queries, names: Sequence[str]) -> tuple[str, ...]:
    """Return the domains that the named workers read, each once, in the order of the names.

    A worker that does not exist would read the domain `iu`.
    """
    known = {one.worker_name: one.event_domain for one in list_workers(gateway)}
    return tuple(dict.fromkeys(known.get(name, IU_DOMAIN) for name in names))


def add(gateway: Queries, worker_name: str, event_domain: str, reason: str) -> Change:
    """Add a worker that reads a domain from the beginning, or resume a retired one where it stopped.

    Raises:
        ArgumentInvalid: an argument is malformed, or the worker exists and reads another domain.
        Unavailable: another transaction is adding the worker, or retention is running, for two seconds.
    """
    given = {"worker_name": worker_name, "event_domain": event_domain, "reason": reason}
    return rows.read(Change, _answer(gateway, _SQL["add"], given))


def retire(gateway: Queries, worker_name: str, reason: str) -> Change:
    """Retire a worker that has read everything: it runs no more, and retention does not wait for it.

    Raises:
        ArgumentInvalid: there is no such worker, or it has unread events or open dead letters.
        CursorPositionUnknown: the cursor does not belong to the newest anchor of the outbox.
        Unavailable: the worker is running, for two seconds.
    """
    given = {"worker_name": worker_name, "reason": reason}
    return rows.read(Change, _answer(gateway, _SQL["retire"], given))


def _answer(gateway: Queries, statement: str, given: dict[str, str]) -> Any:
    """Execute a statement that changes a worker, again while it is `worker_busy`, and return its answer."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        answer = gateway.fetch_value(statement, given)
        if answer["status"] != "worker_busy":
            return answer
        if time.monotonic() >= until:
            raise Unavailable(
                f"worker {given['worker_name']} is busy: a run of it, or retention, has not ended",
                hint="Try again when it has ended.",
            )
        time.sleep(_LINGER_POLL_SECONDS)


def create(gateway: Queries, worker_name: str, event_domain: str, reason: str) -> None:
    """Add a worker of a domain if no worker has this name. A retired one stays retired.

    Raises:
        ArgumentInvalid, Unavailable: as `add` does.
    """
    known = {one.worker_name: one.event_domain for one in list_workers(gateway)}
    if known.get(worker_name) != event_domain:
        add(gateway, worker_name, event_domain, reason)


def run_once(
    gateway: Queries, worker_name: str, batch_limit: int | None, run_ref: str | None = None
) -> BatchResult:
    """Invoke the worker once, in one transaction. It reads at most one batch.

    Raises:
        BatchLimitInvalid: the batch limit is null or out of range.
        BatchFlooded: too many events of the batch failed.
        CursorPositionUnknown: the cursor does not belong to the newest anchor of the outbox.
        ArgumentInvalid: the worker name is not valid, or the worker is retired.
    """
    answer = gateway.fetch_value(
        _SQL["run_once"], {"worker_name": worker_name, "batch_limit": batch_limit, "run_ref": run_ref}
    )
    return rows.read(BatchResult, answer)


class Drain:
    """A run: a loop of invocations of a worker. Iterating over it yields the result of each batch.

    Invocations that read no event are not yielded. After the iteration, `stopped_reason` says why the run
    ended, `last` is the result of the last invocation, possibly with no events, and the other attributes are
    totals of all batches. It can be iterated only once.
    """

    def __init__(
        self,
        gateway: Queries,
        worker_name: str,
        limits: RunLimits,
        run_ref: str | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._gateway = gateway
        self._limits = limits
        self._should_stop = should_stop or (lambda: False)
        self._started = time.monotonic()
        self._last_event_at = self._started
        self.worker_name = worker_name
        self.run_ref = run_ref
        self.stopped_reason: StoppedReason | None = None
        self.last: BatchResult | None = None
        self.batches = 0
        self.seen = 0
        self.attempts_written = 0
        self.skipped = 0
        self.dead_lettered = 0

    @property
    def seconds(self) -> float:
        """Seconds since this object was created."""
        return time.monotonic() - self._started

    def __iter__(self) -> Iterator[BatchResult]:
        while (reason := self._limit_reached()) is None:
            result = self._invoke()
            if result.seen:
                yield result
            elif (reason := self._stop_reason(result)) is not None:
                break
            else:
                self._wait_for_event()
        self.stopped_reason = reason

    def _wait_for_event(self) -> None:
        """Wait until an event is pending or a stop is requested, at most one second.

        The next invocation checks the gates, so a gate that was closed in the meantime ends the run.
        """
        until = time.monotonic() + _LINGER_WAIT_SECONDS
        while time.monotonic() < until and not self._should_stop():
            time.sleep(_LINGER_POLL_SECONDS)
            if is_pending(self._gateway, self.worker_name):
                return

    def _limit_reached(self) -> StoppedReason | None:
        limits = self._limits
        if self._should_stop():
            return "cancelled"
        if limits.max_batches is not None and self.batches >= limits.max_batches:
            return "max_batches"
        if limits.max_seconds is not None and self.seconds >= limits.max_seconds:
            return "max_seconds"
        return None

    def _invoke(self) -> BatchResult:
        result = run_once(self._gateway, self.worker_name, self._limits.batch_limit, self.run_ref)
        self.last = result
        if result.seen:
            self._last_event_at = time.monotonic()
            self.batches += 1
            self.seen += result.seen
            self.attempts_written += result.attempts_written
            self.skipped += result.skipped
            self.dead_lettered += result.dead_lettered
        return result

    def _stop_reason(self, empty: BatchResult) -> StoppedReason | None:
        """Return why an invocation without events ends the run, or None if the run waits for events."""
        if empty.status == "worker_busy":
            return "worker_busy"
        if empty.status in ("worker_gate_closed", "master_gate_closed"):
            return "gate_closed"
        idle = time.monotonic() - self._last_event_at
        return None if idle < self._limits.linger_seconds else "drained"


def drain(
    gateway: Queries,
    worker_name: str,
    limits: RunLimits,
    run_ref: str | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Drain:
    """Return a run that ends when no event is left, a limit is reached, or `should_stop` returns true.

    `should_stop` is called between batches. A batch is never interrupted.
    """
    return Drain(gateway, worker_name, limits, run_ref, should_stop)


def is_pending(gateway: Queries, worker_name: str) -> bool:
    """Return whether the worker has unread events. Takes no row lock and assigns no transaction id."""
    pending: bool = gateway.fetch_value(_SQL["is_pending"], {"worker_name": worker_name})
    return pending


def seek(gateway: Queries, worker_name: str, position: str, reason: str) -> dict[str, Any]:
    """Move the cursor of a worker to `beginning`, `latest` or an event id, and record the reason.

    Raises:
        CursorPositionUnknown: there is no such position.
        ArgumentInvalid: the worker name or the reason is not valid.
    """
    answer: dict[str, Any] = gateway.fetch_value(
        _SQL["seek"], {"worker_name": worker_name, "position": position, "reason": reason}
    )
    return answer


def seeks(gateway: Queries, worker_name: str, limit: int = 20) -> list[Seek]:
    """Return up to `limit` seeks of a worker, newest first, from the newest 1,000 of all workers."""
    found = gateway.fetch_all(_SQL["seeks"], {"worker_name": worker_name, "max_rows": limit})
    return [rows.read(Seek, row) for row in found]


def batches(
    gateway: Queries, worker_name: str | None = None, run_ref: str | None = None, limit: int = 20
) -> list[Batch]:
    """Return up to `limit` batches, newest first, optionally only those of one worker, one run, or both."""
    found = gateway.fetch_all(
        _SQL["batches"], {"worker_name": worker_name, "run_ref": run_ref, "max_rows": limit}
    )
    return [rows.read(Batch, row) for row in found]


def batches_after(gateway: Queries, worker_name: str, run_ref: str, batch_id: int, limit: int) -> list[Batch]:
    """Return up to `limit` batches of one worker and run that follow `batch_id`, oldest first."""
    found = gateway.fetch_all(
        _SQL["batches_after"],
        {"worker_name": worker_name, "run_ref": run_ref, "batch_id": batch_id, "max_rows": limit},
    )
    return [rows.read(Batch, row) for row in found]


def run_totals(gateway: Queries, run_ref: str) -> RunTotals:
    """Return the totals of all batches of one run. They are added up in the database."""
    return rows.read(RunTotals, gateway.fetch_one(_SQL["run_totals"], {"run_ref": run_ref}))


def run_curve(gateway: Queries, run_ref: str, points: int) -> list[RunPoint]:
    """Return the progress of one run at up to `points` moments, oldest first."""
    found = gateway.fetch_all(_SQL["run_curve"], {"run_ref": run_ref, "points": points})
    return [rows.read(RunPoint, row) for row in found]


def batch(gateway: Queries, batch_id: int) -> Batch | None:
    """Return one batch, or None if there is no such batch."""
    row = gateway.fetch_one(_SQL["batch"], {"batch_id": batch_id})
    return None if row is None else rows.read(Batch, row)
