"""What `iu demo` did: the result, a summary of ten lines, and the tables below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iu_pipelines.cli.attempts import print_counts
from iu_pipelines.cli.dead_letters import print_letters
from iu_pipelines.cli.demo_delivery import Delivered
from iu_pipelines.cli.health import print_health
from iu_pipelines.cli.outbox import print_events
from iu_pipelines.cli.output import duration, print_line, print_table, rate
from iu_pipelines.cli.steps import print_proof
from iu_pipelines.db.steps import verification
from iu_pipelines.domain import attempts, dead_letters, health, outbox, worker
from iu_pipelines.domain.quantities import counted
from iu_pipelines.ingest.tally import IngestResult

SHOWN: Final = 12
"""The number of batches and of dead letters in the tables."""

RUNS: Final = "Runs"
"""What Dagster's web UI calls the list of runs."""


@dataclass(frozen=True)
class Run:
    """One run of a Dagster job. `materializations` is the number of materializations in it."""

    job_name: str
    run_id: str
    status: str
    stopped_reason: str | None
    materializations: int
    error: str | None


@dataclass(frozen=True)
class Report:
    """The result of a demo.

    `not_delivered` is why nothing was delivered. `next` is the command that opens the web UI, `program` is
    `iu` as it is called here, and `option` is what its commands need. Dagster logged to the file `log`.
    """

    database: str
    steps_applied: int
    ingested: tuple[IngestResult, ...]
    notes: tuple[str, ...]
    runs: tuple[Run, ...]
    batches: tuple[worker.Batch, ...]
    events: outbox.Overview
    attempts_by_decision: tuple[attempts.DecisionCount, ...]
    dead_letter_open: int
    dead_letters: tuple[dead_letters.DeadLetter, ...]
    health: health.HealthReport
    proofs: tuple[verification.Proof, ...]
    delivery: Delivered | None
    not_delivered: str | None
    passed: bool
    seconds: float
    log: str
    next: str
    program: str
    option: str


def show(report: Report) -> None:
    """Print what happened, what to click and what to type next; then the tables."""
    for line in summary(report):
        print_line(line)
    print_line("")
    _show_runs(report.runs)
    _show_batches(report.batches)
    print_events(report.events)
    print_counts(report.attempts_by_decision)
    print_letters(f"Open dead letters ({report.dead_letter_open:,})", report.dead_letters)
    print_health(report.health)
    for proof in report.proofs:
        _show_proof(proof)
    print_line(f"log of the runs: {report.log}")
    print_line(f"next: {report.next}   (the first lines say what to click)")


def summary(report: Report) -> list[str]:
    """Return ten lines; more only if something failed or was left out."""
    verdict = "PASS" if report.passed else "FAIL"
    happened = [
        ("schema", _schema(report)),
        ("events", _events(report)),
        ("routed", _routed(report)),
        ("probes", _probes(report)),
        ("delivery", _delivery(report)),
    ]
    return [
        f"{verdict} in {duration(report.seconds)}. What happened:",
        *(f"  {name:<9} {text}" for name, text in happened),
        *(f"  FAIL      {text}" for text in _failures(report)),
        "What to type and click next:",
        *(f"  {command}   {text}" for command, text in _commands(report)),
    ]


def _schema(report: Report) -> str:
    steps = report.steps_applied
    applied = f"{counted(steps, 'step')} applied" if steps else "every step was already applied"
    return f"{applied} on {report.database.partition('?')[0]}"


def _events(report: Report) -> str:
    texts = [_ingested(result) for result in report.ingested]
    return "; ".join([*texts, *report.notes]) or "none"


def _ingested(result: IngestResult) -> str:
    """Return what was read; about the sample a note says where it is from."""
    where = "" if result.source == "sample" else f" in {result.source}"
    if not result.versions_added:
        return f"nothing new{where}"
    read = f"{counted(result.versions_read, 'file version')} of {counted(result.commits_read, 'commit')}"
    return f"{counted(result.events_emitted, 'event')} from {read}{where}"


def _routed(report: Report) -> str:
    events = sum(batch.seen for batch in report.batches)
    batches = counted(len(report.batches), "batch", "batches")
    return f"{counted(events, 'event')} in {batches} by a run of Dagster; dry runs, nothing left the database"


def _probes(report: Report) -> str:
    lines = [line for proof in report.proofs for line in proof.lines]
    passed = sum(line.passed for line in lines)
    return f"{passed} PASS, {len(lines) - passed} FAIL, all rolled back"


def _delivery(report: Report) -> str:
    if report.delivery is None:
        return f"none, because {report.not_delivered}"
    given = report.delivery
    state = ", ".join(one.state for one in given.states) or "no state"
    arrived = f"{counted(len(given.received), 'event')} arrived at a receiver ({state})"
    return f"{arrived}: {given.proposed_by} proposed it, {given.approved_by} approved it"


def _failures(report: Report) -> Iterator[str]:
    for run in report.runs:
        if run.status != "SUCCESS":
            yield f"{run.job_name} {run.status}: {run.error or 'see the log below'}"
    for proof in report.proofs:
        if not proof.passed:
            yield f"{proof.step}: see its lines below"


def _commands(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the commands to type next, each with what it shows."""
    run = next((run.run_id[:8] for run in report.runs if run.job_name == "route_worker_job"), "the newest")
    yield report.next, f"the web UI of Dagster: click {RUNS}, then {run}: its log shows each batch"
    if report.delivery:
        why = f"{report.program} why {report.delivery.event_id}{report.option}"
        yield why, "what became of the delivered event"
    yield f"{report.program} status{report.option}", "workers, gates, routes and dead letters"


def _show_runs(runs: Sequence[Run]) -> None:
    rows: list[Sequence[Any]] = [
        (run.job_name, run.run_id, run.status, run.stopped_reason, run.materializations) for run in runs
    ]
    print_table(
        "Dagster runs",
        ("job", "run id", "status", "stopped", "materializations"),
        rows,
        empty="none",
    )
    for run in runs:
        if run.error:
            print_line(f"{run.job_name} failed: {run.error}")


def _show_batches(batches: Sequence[worker.Batch]) -> None:
    shown = batches[-SHOWN:]
    title = "Batches" if len(shown) == len(batches) else f"Batches (the last {SHOWN} of {len(batches)})"
    columns = (
        "batch",
        "events",
        "dry run",
        "skipped",
        "failed",
        "dead letters",
        "time",
        "rate",
    )
    rows: list[Sequence[Any]] = [
        (
            str(batch.batch_id),
            batch.seen,
            batch.dry_run,
            batch.skipped,
            batch.failed,
            batch.dead_lettered,
            duration(batch.seconds),
            rate(batch.seen, batch.seconds),
        )
        for batch in shown
    ]
    print_table(title, columns, rows, empty="none: no event was waiting")


def _show_proof(proof: verification.Proof) -> None:
    """Print the lines of a proof, with the expected values if a line failed."""
    if not proof.passed:
        print_proof(proof)
        return
    rows = [("PASS", line.name, line.seen) for line in proof.lines]
    print_table(
        f"{proof.step} ({duration(proof.seconds)})", ("", "proof", "seen, as expected"), rows, empty=""
    )
