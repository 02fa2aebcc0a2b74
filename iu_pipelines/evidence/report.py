"""`report.html` of a pack: one self-contained page for people without access to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from iu_pipelines.evidence import charts
from iu_pipelines.evidence.facts import Count, Evidence, LiveRoute, Proof, ProvenBy, Timeline, Worker

_TEMPLATE: Final = "report.html.j2"
_STYLE: Final = "report.css"
_KINDS: Final = (
    (
        "probe",
        "Probes",
        "Each probe acts like a user in one transaction, which is rolled back; its last lines compare the "
        "database before and after. Codes such as IU103 are errors of iu-pipelines. 42501 is PostgreSQL's "
        "insufficient_privilege, 23514 its check_violation.",
    ),
    (
        "ledgers",
        "Ledgers",
        "Verification of the ledgers: hashes and counts are recomputed. A line that fails names "
        "the first row that was altered, removed or moved.",
    ),
    ("verify", "Verification", "Each file only reads, and proves one step of the installation."),
)


_WOULD: Final = ("dry_run", "skipped", "failed", "none")
_DID: Final = (
    "sent", "queued", "in_flight", "in_doubt", "retry", "held", "parked", "dead", "discarded",
    "outside_canary",
)  # fmt: skip


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page; `tone` is good, bad or plain."""

    value: str
    label: str
    tone: str


@dataclass(frozen=True)
class Matrix:
    """Events of a live route: `rows` have a decision of the rehearsal and the number in each of `states`."""

    states: list[str]
    rows: list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Charts:
    """The charts of one worker; empty if there is no data."""

    worker: Worker
    interval: str
    attempts: Markup
    backlog: Markup


def render(evidence: Evidence, evidence_hash: str) -> str:
    """Return the page; `evidence_hash` is the sha256 of `evidence.json`, which the page shows."""
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_resource),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(time=_time, number=_number, proof_label=_proof_label)
    return environment.get_template(_TEMPLATE).render(
        evidence=evidence,
        evidence_hash=evidence_hash,
        style=Markup(_resource(_STYLE)),  # noqa: S704  a file of this package
        failed=[(proof, line) for proof in evidence.proofs for line in proof.lines if not line.passed],
        kinds=[(title, text, _of_kind(evidence, kind)) for kind, title, text in _KINDS],
        tiles=_tiles(evidence),
        charts=_charts(evidence),
        total=_total,
        sent=_sent(evidence),
        matrix=_matrix,
        is_fault=_is_fault,
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _of_kind(evidence: Evidence, kind: str) -> list[Proof]:
    return [proof for proof in evidence.proofs if proof.kind == kind]


def _tiles(evidence: Evidence) -> list[Tile]:
    sent = _named(evidence.totals.attempts, "sent")
    delivered = Tile(_number(sent + _sent(evidence)), "delivered", "bad" if sent else "good")
    if _sent(evidence) and not sent:
        delivered = Tile(_number(_sent(evidence)), "delivered", "plain")
    waiting = _named(evidence.totals.dead_letters, "open")
    judged = _judged(evidence)
    backlog = sum(worker.backlog for worker in judged)
    more = "+" if any(worker.backlog_capped for worker in judged) else ""
    unhealthy = [worker for worker in judged if not worker.healthy]
    return [
        Tile(_number(evidence.totals.events), "events in the outbox", "plain"),
        Tile(_number(_total(evidence.totals.attempts)), "attempts in the audit", "plain"),
        delivered,
        Tile(_number(backlog) + more, "events waiting", "bad" if unhealthy else "plain"),
        Tile(_number(waiting), "dead letters open", "bad" if waiting else "good"),
        Tile(_number(sum(worker.batches for worker in evidence.workers)), "batches in the chain", "plain"),
    ]


def _judged(evidence: Evidence) -> Sequence[Worker]:
    """Return the workers whose health is a line of a proof; every worker if there is no such line."""
    lines = {line.name for proof in evidence.proofs for line in proof.lines}
    judged = [worker for worker in evidence.workers if f"health of {worker.worker_name}" in lines]
    return judged or evidence.workers


def _charts(evidence: Evidence) -> list[Charts]:
    past = {timeline.worker_name: timeline for timeline in evidence.timelines}
    return [
        Charts(
            worker,
            _interval(past[worker.worker_name]),
            Markup(charts.attempts(past[worker.worker_name])),  # noqa: S704  no text of users
            Markup(charts.backlog(past[worker.worker_name])),  # noqa: S704
        )
        for worker in evidence.workers
        if worker.worker_name in past
    ]


def _interval(timeline: Timeline) -> str:
    """Return the length of an interval of `timeline`, such as `1 hour`."""
    for length, word in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if timeline.seconds >= length:
            number = timeline.seconds // length
            return f"{number} {word}" if number == 1 else f"{number} {word}s"
    return "0 seconds"


def _sent(evidence: Evidence) -> int:
    """Return the number of live deliveries that were sent."""
    return sum(route.sent for route in evidence.delivery.routes) if evidence.delivery else 0


def _matrix(route: LiveRoute) -> Matrix:
    found = {(twin.would, twin.did): twin.deliveries for twin in route.twins}
    states = [did for did in _DID if any(one == did for _, one in found)]
    states += sorted({did for _, did in found} - {*_DID})
    decisions = [would for would in _WOULD if any(one == would for one, _ in found)]
    return Matrix(states, [(would, [found.get((would, did), 0) for did in states]) for would in decisions])


def _is_fault(would: str, did: str, events: int) -> bool:
    """Return whether events were sent against their rehearsal."""
    return bool(events) and did == "sent" and would in ("skipped", "failed")


def _total(counts: Sequence[Count]) -> int:
    return sum(count.count for count in counts)


def _named(counts: Sequence[Count], name: str) -> int:
    return sum(count.count for count in counts if count.name == name)


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "never"


def _number(value: int) -> str:
    return f"{value:,}"


def _proof_label(proof: Proof | ProvenBy) -> str:
    """Return the short name of a proof, such as `probe 040` or `ledgers`."""
    if not proof.step[:3].isdigit():
        return proof.step.partition("_")[0]
    return f"{'probe' if proof.step.endswith('_probe') else 'verify'} {proof.step[:3]}"
