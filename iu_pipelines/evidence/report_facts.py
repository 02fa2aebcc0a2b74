"""The parts of `report.html` about the database: what was tested, its numbers, activity and environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.times import in_utc
from iu_pipelines.evidence import charts
from iu_pipelines.evidence.charts import Chart
from iu_pipelines.evidence.facts import Count, Evidence, LiveRoute, ProofKind, Timeline, Worker
from iu_pipelines.evidence.report_proofs import Tone

_WORDS: Final = (
    ("Verify file", "A file of statements that only read, and compare what they find with what is expected."),
    ("Ledger", "Rows that record batches, each with a hash that covers the one before it."),
    ("Line", "One comparison. It passes if the value that was found is the expected one."),
    ("Route", "Where the events of one type go. A dry run records that, and delivers nothing."),
    ("Dead letter", "An event whose processing failed, set aside until it is replayed or discarded."),
    ("Gate", "A setting that stops the workers, or deliveries, unless it is true."),
)
_WORDS_OF_PROBES: Final = (
    (
        "Probe",
        "A test that acts on this database in a transaction that is rolled back, so it leaves no trace.",
    ),
)
_WORDS_OF_DELIVERY: Final = (
    ("Promotion", "One login proposes to deliver the events of a route, another one approves, for a time."),
    ("Live", "A promoted route. Workers go on with the dry run of its events, and a sender delivers them."),
    ("Threshold", "What a proposal must show. One login proposes another value, another one approves it."),
    ("Target", "What receives the events of a promoted route."),
    ("Breaker", "Part of a target. While it is open, nothing is sent, because too many sends failed."),
)

_WOULD: Final = ("dry_run", "skipped", "failed", "none")
_DID: Final = (
    "sent", "queued", "in_flight", "in_doubt", "retry", "held", "parked", "dead", "discarded",
    "outside_canary",
)  # fmt: skip


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page; `note` says what a `tone` other than plain means."""

    value: str
    label: str
    tone: Tone = "plain"
    note: str = ""


@dataclass(frozen=True)
class Matrix:
    """Events of a live route: `rows` have a decision of the rehearsal and the number in each of `states`."""

    states: list[str]
    rows: list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Drawing:
    """A chart with its title and a note; `svg` is its element."""

    title: str
    note: str
    chart: Chart

    @property
    def svg(self) -> Markup:
        """The SVG element, which has no text of users."""
        return Markup(self.chart.svg)  # noqa: S704


@dataclass(frozen=True)
class Activity:
    """The drawings of one worker; none if there is no data."""

    worker: Worker
    drawings: list[Drawing]


def scope(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield what was tested, when and by whom, as names and values."""
    where = evidence.environment
    yield "Database", f"{where.database}, in the cluster with the system identifier {where.cluster}"
    yield "When", in_utc(evidence.generated_at)
    yield "By", f"login {where.role}, with iu-pipelines {where.product}"
    yield "Read", _extent(evidence, "verify", "verify file")
    if evidence.probed:
        yield "Tried and rolled back", _extent(evidence, "probe", "probe")
    checked = sum(worker.batches_checked for worker in evidence.workers)
    tries = sum(worker.attempts_checked for worker in evidence.workers)
    recomputed = f"{counted(checked, 'batch', 'batches')} and {counted(tries, 'attempt')}"
    yield "Recomputed", f"the ledgers of {counted(len(evidence.workers), 'worker')}: {recomputed}"


def _extent(evidence: Evidence, kind: ProofKind, noun: str) -> str:
    proofs = [proof for proof in evidence.proofs if proof.kind == kind]
    lines = sum(len(proof.lines) for proof in proofs)
    return f"{counted(len(proofs), noun)}, {counted(lines, 'line')}"


def words(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the words that the page explains, with their meanings."""
    return [
        *(_WORDS_OF_PROBES if evidence.probed else ()),
        *_WORDS,
        *(_WORDS_OF_DELIVERY if evidence.delivery else ()),
    ]


def tiles(evidence: Evidence) -> Iterator[Tile]:
    """Yield the main numbers of the database."""
    by_worker = _named(evidence.totals.attempts, "sent")
    waiting = _named(evidence.totals.dead_letters, "open")
    judged = _judged(evidence)
    backlog = sum(worker.backlog for worker in judged)
    more = "+" if any(worker.backlog_capped for worker in judged) else ""
    unhealthy = [worker for worker in judged if not worker.healthy]
    yield Tile(number(evidence.totals.events), "events in the outbox")
    yield Tile(number(_total(evidence.totals.attempts)), "attempts in the audit")
    if by_worker:
        delivered = by_worker + sent(evidence)
        yield Tile(number(delivered), "delivered", "bad", f"{number(by_worker)} by a worker")
    elif evidence.delivery:
        yield Tile(number(sent(evidence)), "delivered")
    if unhealthy:
        note = counted(len(unhealthy), "unhealthy worker")
        yield Tile(number(backlog) + more, "events waiting", "bad", note)
    else:
        yield Tile(number(backlog) + more, "events waiting")
    if waiting:
        yield Tile(number(waiting), "dead letters open", "wait", "to be replayed or discarded")
    else:
        yield Tile("0", "dead letters open")
    yield Tile(number(sum(worker.batches for worker in evidence.workers)), "batches in the ledgers")


def _judged(evidence: Evidence) -> Sequence[Worker]:
    """Return the workers whose health is a line of a proof; every worker if there is no such line."""
    lines = {line.name for proof in evidence.proofs for line in proof.lines}
    judged = [worker for worker in evidence.workers if f"health of {worker.worker_name}" in lines]
    return judged or evidence.workers


def activities(evidence: Evidence) -> list[Activity]:
    """Return the workers whose history is known, with the drawings of it."""
    past = {timeline.worker_name: timeline for timeline in evidence.timelines}
    return [
        Activity(worker, _drawings(past[worker.worker_name]))
        for worker in evidence.workers
        if worker.worker_name in past
    ]


def _drawings(timeline: Timeline) -> list[Drawing]:
    attempts, backlog = charts.attempts(timeline), charts.backlog(timeline)
    interval = f"in intervals of {_interval(timeline)}"
    drawings = []
    if attempts:
        drawings.append(Drawing("Attempts by decision", f"{interval}, UTC", attempts))
    if backlog:
        note = (
            f"at the end of {interval.removeprefix('in ')}, UTC; computed back from the present backlog, "
            "with the events emitted and consumed since; seeks are ignored"
        )
        drawings.append(Drawing("Backlog: events that wait", note, backlog))
    return drawings


def _interval(timeline: Timeline) -> str:
    """Return the length of an interval of `timeline`, such as `1 hour`."""
    for length, word in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if timeline.seconds >= length:
            return counted(timeline.seconds // length, word)
    return "0 seconds"


def environment(evidence: Evidence) -> Iterator[tuple[str, str | Markup]]:
    """Yield the versions of the server, the software and its code, as names and values."""
    where = evidence.environment
    durable = "fsync and synchronous_commit on"
    if not where.durable:
        durable = "fsync or synchronous_commit off: a crash may lose commits"
    libraries = "".join(f", {name} {found}" for name, found in sorted(where.libraries.items()))
    commit = "none: an installed package"
    if where.git_commit:
        commit = f"{where.git_commit}{', with uncommitted changes' if where.git_modified else ''}"
    yield "PostgreSQL", f"{where.server}, {durable}"
    yield "iu-pipelines", f"{where.product} on Python {where.python}{libraries}"
    yield "Git commit", _hash(commit) if where.git_commit else commit
    yield "Functions and triggers", _hash(f"sha256 {where.code_digest}")


def chain(evidence: Evidence, evidence_hash: str) -> Iterator[tuple[str, str | Markup]]:
    """Yield the position of the pack and the hashes that its page can name, as names and values."""
    if position := evidence.position:
        yield "This pack", f"number {position.number}"
        previous = _hash(position.previous_hash) if position.number > 1 else "none: this is the first"
        yield "Hash of the previous pack", previous
    yield "sha256 of evidence.json", _hash(evidence_hash)


def _hash(text: str) -> Markup:
    return Markup('<span class="hash">{}</span>').format(text)


def matrix(route: LiveRoute) -> Matrix:
    """Return what the rehearsal of a route would have done, beside what its delivery did."""
    found = {(twin.would, twin.did): twin.deliveries for twin in route.twins}
    states = [did for did in _DID if any(one == did for _, one in found)]
    states += sorted({did for _, did in found} - {*_DID})
    decisions = [would for would in _WOULD if any(one == would for one, _ in found)]
    return Matrix(states, [(would, [found.get((would, did), 0) for did in states]) for would in decisions])


def is_fault(would: str, did: str, events: int) -> bool:
    """Return whether events were sent against their rehearsal."""
    return bool(events) and did == "sent" and would in ("skipped", "failed")


def sent(evidence: Evidence) -> int:
    """Return the number of live deliveries that were sent."""
    return sum(route.sent for route in evidence.delivery.routes) if evidence.delivery else 0


def _total(counts: Sequence[Count]) -> int:
    return sum(count.count for count in counts)


def _named(counts: Sequence[Count], name: str) -> int:
    return sum(count.count for count in counts if count.name == name)


def number(value: int) -> str:
    """Return a number with commas between thousands."""
    return f"{value:,}"
