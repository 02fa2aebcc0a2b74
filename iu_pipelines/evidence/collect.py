"""Gather evidence from a database: run the verify files and probes, verify the ledgers, and count rows.

Nothing is changed: verify files and the verification of the ledgers only read, and probes are rolled back.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import verification
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.domain import (
    attempts,
    configuration,
    deliveries,
    event_types,
    gates,
    health,
    inbound,
    promotions,
    routes,
)
from iu_pipelines.domain.promotions import Promotion
from iu_pipelines.errors import ConnectionFailed, IuError, UsageError
from iu_pipelines.evidence import environment, guarantees, ledgers, timeline
from iu_pipelines.evidence.facts import (
    LEDGERS,
    SCHEMA_VERSION,
    Capture,
    ConfigChange,
    Count,
    Delivery,
    Environment,
    EventType,
    Evidence,
    Gate,
    GateChange,
    LiveRoute,
    Proof,
    ProofKind,
    Route,
    TargetQueue,
    Threshold,
    ThresholdChange,
    Totals,
    Twin,
    UnreadDomain,
    Verdict,
    Worker,
)

_SQL: Final = Statements(__name__)

_LEDGERS_TITLE: Final = "Verification of the ledgers: batches, attempts, replays and the previous pack."
_CHANGES: Final = 50
_COMPARED: Final = 10_000
"""How many of the newest events of a domain a pack shows beside their rehearsals, unless it is about all."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Depth:
    """How many of the newest batches and attempts of each worker are verified; None means all."""

    batches: int | None = 100_000
    attempts: int | None = 100_000


EVERYTHING: Final = Depth(None, None)


def collect(
    gateway: Gateway,
    previous: Evidence | None = None,
    *,
    workers: Sequence[str] = (),
    depth: Depth = Depth(),
    probes: bool = True,
    say: Say = lambda detail: None,
) -> Evidence:
    """Return the evidence of the database.

    The batches that `previous`, the newest pack, recorded must still have the same hash. `workers` are the
    workers whose health is proven, as in `verification.verify`; the ledgers of every worker are verified.
    Without `probes` the role needs only the right to read. `say` is called with the name of each part before
    it runs. Raises StatementFailed if the schema is not installed, PermissionDenied if the role may not run
    the probes, and UsageError if `previous` is about another database.
    """
    where = environment.read(gateway)
    _refuse_another_database(previous, where)
    verify = partial(verification.verify, workers=workers)
    proofs = [*_run_files(gateway, "verify", verify, say)]
    if probes:
        proofs += _run_files(gateway, "probe", verification.probe, say)
    say("verification of the ledgers")
    verified, found = _verify_ledgers(gateway, previous, depth)
    proofs.append(verified)
    lines = [line for proof in proofs for line in proof.lines]
    failed = sum(not line.passed for line in lines)
    say("counts of rows")
    return Evidence(
        schema_version=SCHEMA_VERSION,
        position=None,
        generated_at=_now(gateway),
        verdict=Verdict(failed == 0, len(lines), failed),
        guarantees=guarantees.judge(proofs),
        proofs=tuple(proofs),
        totals=_totals(gateway),
        workers=tuple(found),
        timelines=tuple(
            timeline.read(gateway, worker.worker_name, None if worker.backlog_capped else worker.backlog)
            for worker in found
        ),
        routes=tuple(Route(**asdict(route)) for route in routes.list_routes(gateway)),
        gates=_gates(gateway),
        gate_changes=tuple(GateChange(**asdict(change)) for change in gates.history(gateway, limit=_CHANGES)),
        environment=where,
        unread_domains=tuple(UnreadDomain(**asdict(one)) for one in health.unread_domains(gateway)),
        delivery=_delivery(gateway, depth),
        event_types=_event_types(gateway),
        captures=tuple(Capture(**asdict(found)) for found in inbound.list_routes(gateway)),
        config_changes=tuple(
            ConfigChange(**asdict(change)) for change in configuration.history(gateway, limit=_CHANGES)
        ),
    )


def _refuse_another_database(previous: Evidence | None, here: Environment) -> None:
    before = previous.environment if previous else here
    if (before.database, before.cluster) != (here.database, here.cluster):
        raise UsageError(
            f"the packs in this folder are about database {before.database} in cluster {before.cluster}, "
            f"not about {here.database} in cluster {here.cluster}",
            hint="Name another folder with --out. A chain of packs is about one database.",
        )


def _now(gateway: Gateway) -> datetime:
    now: datetime = gateway.fetch_value(_SQL["now"])
    return now


def _run_files(
    gateway: Gateway, kind: ProofKind, prove: Callable[[Gateway, str], list[verification.Proof]], say: Say
) -> Iterator[Proof]:
    for file in verification.proof_files(gateway, "sandbox" if kind == "probe" else "verify"):
        say(file.label)
        (proof,) = prove(gateway, file.name)
        yield Proof(
            kind=kind,
            step=proof.step,
            title=_title(file.text),
            passed=proof.passed,
            seconds=round(proof.seconds, 3),
            lines=proof.lines,
        )


def _title(text: str) -> str:
    """Return the first sentences of a file: those that begin in its first line, without its number."""
    comment = itertools.takewhile(lambda line: line.startswith("--"), text.splitlines())
    first, *others = [line.removeprefix("--").strip() for line in comment] or [""]
    while others and not first.endswith("."):
        whole, stop, _ = others.pop(0).partition(". ")
        first += f" {whole}{stop.strip()}"
    title = first.partition(": ")[2] or first
    return title[:1].upper() + title[1:]


def _verify_ledgers(gateway: Gateway, previous: Evidence | None, depth: Depth) -> tuple[Proof, list[Worker]]:
    started = time.monotonic()
    lines: list[Line] = []
    workers: list[Worker] = []
    for name in ledgers.worker_names(gateway):
        chain, made = _verify_worker(gateway, name, depth)
        lines += [
            _line(f"chain of {name}", "every batch is unchanged", _fault(chain)),
            _line(f"attempts of {name}", "every attempt is unchanged", _fault(made)),
        ]
        workers.append(_worker(gateway, name, chain, made))
    lines += _delivery_lines(gateway, depth)
    lines.append(_line("replays of dead letters", "every replay is unchanged", _fault_of_replays(gateway)))
    lines.append(_line("pack before: its batches", "all are unchanged", _changed_batches(gateway, previous)))
    passed = all(line.passed for line in lines)
    seconds = round(time.monotonic() - started, 3)
    return Proof(LEDGERS, LEDGERS, _LEDGERS_TITLE, passed, seconds, tuple(lines)), workers


def _verify_worker(
    gateway: Gateway, name: str, depth: Depth
) -> tuple[ledgers.ChainCheck | str, ledgers.AttemptsCheck | str]:
    """Return the results of the two checks of a worker; an error message instead of one that failed."""
    chain: ledgers.ChainCheck | str
    made: ledgers.AttemptsCheck | str
    try:
        since = depth.batches and ledgers.newest_batches_from(gateway, name, depth.batches)
        chain = ledgers.verify_chain(gateway, name, since)
    except IuError as error:
        chain = _failure(error)
    try:
        since = depth.attempts and ledgers.newest_attempts_from(gateway, name, depth.attempts)
        made = ledgers.verify_attempts(gateway, name, since)
    except IuError as error:
        made = _failure(error)
    return chain, made


def _delivery_lines(gateway: Gateway, depth: Depth) -> Iterator[Line]:
    """Yield the lines about deliveries, if their module is installed."""
    if not deliveries.is_installed(gateway):
        return
    try:
        chains = deliveries.verify_chains(gateway, depth.batches).fault
    except IuError as error:
        chains = _failure(error)
    try:
        states = deliveries.misfit(gateway, depth.attempts)
    except IuError as error:
        states = _failure(error)
    try:
        unrehearsed = deliveries.unrehearsed(gateway, depth.attempts)
    except IuError as error:
        unrehearsed = _failure(error)
    yield _line("chains of deliveries", "every row is unchanged", chains)
    yield _line("states of deliveries", "every event is in one state", states)
    yield _line("deliveries as rehearsed", "nothing was sent against its rehearsal", unrehearsed)


def _delivery(gateway: Gateway, depth: Depth) -> Delivery | None:
    if not deliveries.is_installed(gateway):
        return None
    sent = deliveries.sent_by_route(gateway)
    newest = max(100, min(depth.attempts, _COMPARED) // max(1, len(sent))) if depth.attempts else None
    return Delivery(
        compared=newest,
        routes=tuple(
            _live_route(gateway, promotion, newest, sent.get(promotion.route_code, 0))
            for promotion in promotions.list_promotions(gateway)
            if promotion.expires_at  # the newest approved one of its route
        ),
        targets=tuple(_target_queue(queue) for queue in deliveries.status(gateway)),
        thresholds=tuple(
            Threshold(one.threshold, one.value, one.initial_value, one.description)
            for one in promotions.thresholds(gateway)
        ),
        threshold_changes=tuple(
            _threshold_change(change) for change in promotions.threshold_changes(gateway, _CHANGES)
        ),
    )


def _threshold_change(change: promotions.ThresholdChange) -> ThresholdChange:
    columns = asdict(change)
    return ThresholdChange(number=columns.pop("change_no"), **columns)


def _live_route(gateway: Gateway, promotion: Promotion, newest: int | None, sent: int) -> LiveRoute:
    return LiveRoute(
        route_code=promotion.route_code,
        target=promotion.target_name,
        promotion=promotion.promotion_no,
        state=promotion.state,
        held_reason=promotion.held_reason,
        share=promotion.share,
        deployment=promotion.deployment,
        proposed_by=promotion.proposed_by,
        proposed_at=promotion.proposed_at,
        approved_by=promotion.decided_by,
        approved_at=promotion.decided_at,
        expires_at=promotion.expires_at,
        sent=sent,
        twins=tuple(
            Twin(twin.would, twin.did, twin.deliveries)
            for twin in deliveries.twins(gateway, promotion.route_code, newest)
        ),
    )


def _target_queue(queue: deliveries.TargetQueue) -> TargetQueue:
    return TargetQueue(
        target=queue.target,
        kind=queue.kind,
        breaker=queue.breaker,
        held_reasons=tuple(sorted(queue.held_reasons or ())),
        states=tuple(
            Count(state, getattr(queue, state)) for state in deliveries.QUEUE_STATES if getattr(queue, state)
        ),
        states_capped=queue.counts_capped,
    )


def _fault(check: ledgers.ChainCheck | ledgers.AttemptsCheck | str) -> str | None:
    return check if isinstance(check, str) else check.fault


def _fault_of_replays(gateway: Gateway) -> str | None:
    try:
        return ledgers.replays_fault(gateway)
    except IuError as error:
        return _failure(error)


def _failure(error: IuError) -> str:
    """Return the text of a check that raised. A lost connection ends the gathering of evidence."""
    if isinstance(error, ConnectionFailed):
        raise error
    return f"could not be verified: {error.message}"


def _changed_batches(gateway: Gateway, previous: Evidence | None) -> str | None:
    """Return a message about the batches whose hashes differ from those in `previous`, or None."""
    changed = [
        f"batch {worker.newest_batch_id} of {worker.worker_name} differs from the previous pack"
        for worker in (previous.workers if previous else ())
        if worker.newest_batch_id is not None
        and worker.newest_hash != ledgers.batch_hash(gateway, worker.worker_name, worker.newest_batch_id)
    ]
    return "; ".join(changed) or None


def _line(name: str, expected: str, fault: str | None) -> Line:
    return Line(name, expected, fault or expected, fault is None)


def _worker(
    gateway: Gateway, name: str, chain: ledgers.ChainCheck | str, made: ledgers.AttemptsCheck | str
) -> Worker:
    report = health.read(gateway, name)
    checked = None if isinstance(chain, str) else chain
    return Worker(
        worker_name=name,
        healthy=report.healthy,
        reasons=report.reasons,
        backlog=report.backlog,
        backlog_capped=report.backlog_capped,
        last_run_at=report.last_run_at,
        batches=ledgers.count_batches(gateway, name),
        newest_batch_id=checked.newest_batch_id if checked else None,
        newest_hash=checked.newest_hash if checked else None,
        batches_checked=checked.batches if checked else 0,
        attempts_checked=0 if isinstance(made, str) else made.attempts,
    )


def _totals(gateway: Gateway) -> Totals:
    return Totals(
        events=gateway.fetch_value(_SQL["events"]),
        attempts=tuple(
            Count(count.decision, count.attempts) for count in attempts.counts_by_decision(gateway)
        ),
        dead_letters=_counts(gateway, _SQL["letters_by_state"]),
        failures=_counts(gateway, _SQL["open_letters_by_failure"]),
        captures=_counts(gateway, _SQL["captures_by_decision"]),
    )


def _counts(gateway: Gateway, statement: str) -> tuple[Count, ...]:
    return tuple(Count(**row) for row in gateway.fetch_all(statement))


def _event_types(gateway: Gateway) -> tuple[EventType, ...]:
    return tuple(
        EventType(
            found.event_type,
            found.event_domain,
            found.enabled,
            None if found.payload_keys is None else tuple(found.payload_keys),
        )
        for found in event_types.list_types(gateway)
    )


def _gates(gateway: Gateway) -> tuple[Gate, ...]:
    return (
        *(Gate(gate.key, gate.value, gate.is_open) for gate in gates.list_gates(gateway)),
        *(Gate(setting.key, setting.value, None) for setting in gates.list_settings(gateway)),
    )
