"""`iu demo`: install the schema, ingest a git history, route its events through Dagster, run the probes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from iu_pipelines import extras
from iu_pipelines.cli import demo_delivery
from iu_pipelines.cli.attempts import print_counts
from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.dead_letters import print_letters
from iu_pipelines.cli.demo_delivery import Delivered
from iu_pipelines.cli.health import print_health
from iu_pipelines.cli.ingest import progress_bar, summary
from iu_pipelines.cli.outbox import print_events
from iu_pipelines.cli.output import duration, print_line, print_table, rate, working
from iu_pipelines.cli.steps import print_proof
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, verification
from iu_pipelines.domain import attempts, dead_letters, health, outbox, worker
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import redact
from iu_pipelines.hosting import instance_file
from iu_pipelines.ingest import git, sample
from iu_pipelines.ingest.git_history import GitFailed, NoGitHistory, open_repository
from iu_pipelines.ingest.tally import IngestResult
from iu_pipelines.settings import Settings

if TYPE_CHECKING:
    from iu_pipelines.hosting.run_in_process import RunOutcome

PROBES: Final = ("040", "050")
BATCHES_WANTED: Final = 8
SHOWN: Final = 12

Say = Callable[[str], None]


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
    """The result of a demo."""

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
    passed: bool
    next: str


def register(app: typer.Typer) -> None:
    """Add the command `iu demo`."""
    add_command(app, demo, installs_schema=True, writes=True)


def demo(call: Invocation, chosen: Settings) -> Answer:
    """Ingest the git history of this directory, route its events through Dagster, and run the probes.

    Exit code 1 when a run or a line of a probe failed.

    Examples:
        iu demo
    """
    extras.require("dagster", "dagster", "dagster_postgres")
    with call.connect() as gateway:
        _require_usable_instance(chosen)
        report = _perform(gateway, chosen, call.say)
    return Answer(report, lambda: _show(report, chosen), failed=not report.passed)


def _perform(gateway: Gateway, chosen: Settings, say: Say) -> Report:
    say(f"database: {redact(gateway.url)}")
    steps_applied = _install(gateway, say)
    ingested, notes = ingest_here(gateway)
    for line in [*(line for result in ingested for line in summary(result)), *notes]:
        say(line)
    runs = tuple(_run_jobs(gateway, chosen, say))
    with working("probing"):
        proofs = tuple(_probe(gateway, name) for name in PROBES)
    delivery = _deliver(gateway, chosen, say)
    return Report(
        database=redact(gateway.url),
        steps_applied=steps_applied,
        ingested=tuple(ingested),
        notes=tuple(notes),
        runs=runs,
        batches=_batches_of(gateway, runs),
        events=outbox.overview(gateway),
        attempts_by_decision=tuple(attempts.counts_by_decision(gateway)),
        dead_letter_open=dead_letters.count_open(gateway),
        dead_letters=tuple(dead_letters.list_letters(gateway, limit=SHOWN)),
        health=health.read(gateway),
        proofs=proofs,
        delivery=delivery,
        passed=all(run.status == "SUCCESS" for run in runs)
        and all(proof.passed for proof in proofs)
        and (delivery is None or delivery.passed),
        next="make dev" if Path("Makefile").is_file() else "iu dev",
    )


def _deliver(gateway: Gateway, chosen: Settings, say: Say) -> Delivered | None:
    """Deliver one event to a receiver of the demo, unless this is a user's server or an extra is missing."""
    if reason := demo_delivery.why_left_out(chosen):
        say(f"delivery: left out, because {reason}")
        return None
    with working("delivering one event"):
        return demo_delivery.deliver_one(gateway, chosen, say)


def _require_usable_instance(chosen: Settings) -> None:
    """Raise UsageError if dagster.yaml is a user's, and iu or Dagster refuses it."""
    if not instance_file.ensure(chosen).is_own:
        with working("checking dagster.yaml"), _logged(chosen):
            from iu_pipelines.hosting.instance import check  # noqa: PLC0415  importing Dagster takes a second

            check(chosen)


def _install(gateway: Gateway, say: Say) -> int:
    """Apply every pending step and return how many there were."""
    with working("applying steps"):
        applied = migration.apply(gateway)
    done = f"{counted(len(applied), 'step')} applied" if applied else "every step is already applied"
    say(f"schema: {done}")
    return len(applied)


def ingest_here(gateway: Gateway) -> tuple[list[IngestResult], list[str]]:
    """Ingest the history of the working directory, and the sample history if the outbox is still empty.

    Return the results, and notes to print. A history that cannot be read adds a note and raises no error.
    """
    results: list[IngestResult] = []
    try:
        with progress_bar() as report:
            results.append(git.ingest_git(gateway, open_repository(Path()), on_progress=report))
        reason = "no file in this history has a second version"
    except (NoGitHistory, GitFailed) as error:
        reason = error.message
    except git.ForeignHistory as error:
        return results, [f"nothing was ingested: {error.message}"]
    if outbox.overview(gateway).events:
        return results, []
    results.append(sample.ingest_sample(gateway))
    return results, [f"used the sample history of the package, because {reason}"]


def _run_jobs(gateway: Gateway, chosen: Settings, say: Say) -> Iterator[Run]:
    """Run `route_worker_job` until a run ends without reaching a limit, then run `health_audit_job`."""
    while True:
        limit = _batch_limit(health.read(gateway))
        run = _run_job("route_worker_job", chosen, say, batch_limit=limit)
        yield run
        if run.stopped_reason not in ("max_batches", "max_seconds"):
            break
    yield _run_job("health_audit_job", chosen, say)


def _run_job(job_name: str, chosen: Settings, say: Say, **config: int) -> Run:
    with working(job_name), _logged(chosen):
        # Importing Dagster takes a second.
        from iu_pipelines.defs.kit.configuration import Mount  # noqa: PLC0415
        from iu_pipelines.defs.worker import run_config  # noqa: PLC0415
        from iu_pipelines.hosting.run_in_process import execute  # noqa: PLC0415

        values = run_config(Mount(), config) if config else {}
        outcome = execute(job_name, values, settings=chosen)
    say(f"{job_name}: run {outcome.run_id} {outcome.status}")
    return _run(outcome)


def _run(outcome: RunOutcome) -> Run:
    return Run(
        job_name=outcome.job_name,
        run_id=outcome.run_id,
        status=outcome.status,
        stopped_reason=outcome.stopped_reason if outcome.job_name == "route_worker_job" else None,
        materializations=outcome.materializations,
        error=outcome.error,
    )


def _batch_limit(report: health.HealthReport) -> int:
    """Return a batch limit that divides the backlog into several batches, so that the demo shows several."""
    return 10_000 if report.backlog_capped else max(10, math.ceil(report.backlog / BATCHES_WANTED))


def _log_file(chosen: Settings) -> Path:
    return chosen.dagster_directory / "demo.log"


@contextmanager
def _logged(chosen: Settings) -> Iterator[None]:
    """Redirect what Dagster writes to stderr to the log file of the demo."""
    log = _log_file(chosen)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
        yield


def _probe(gateway: Gateway, name: str) -> verification.Proof:
    (proof,) = verification.probe(gateway, name)
    return proof


def _batches_of(gateway: Gateway, runs: Sequence[Run]) -> tuple[worker.Batch, ...]:
    return tuple(
        batch
        for run in runs
        if run.job_name == "route_worker_job"
        for batch in reversed(worker.batches(gateway, run_ref=run.run_id, limit=200))
    )


def _show(report: Report, chosen: Settings) -> None:
    print_line("")
    _show_runs(report.runs)
    _show_batches(report.batches)
    print_events(report.events)
    print_counts(report.attempts_by_decision)
    print_letters(f"Open dead letters ({report.dead_letter_open:,})", report.dead_letters)
    print_health(report.health)
    for proof in report.proofs:
        _show_proof(proof)
    _show_verdict(report, chosen)


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


def _show_delivery(delivery: Delivered) -> None:
    state = ", ".join(one.state for one in delivery.states) or "no state"
    print_line(
        f"delivered {counted(len(delivery.received), 'event')}, proposed by {delivery.proposed_by} "
        f"and approved by {delivery.approved_by}: {', '.join(delivery.received) or 'none'} ({state})"
    )
    print_line(f"look at it: iu why {delivery.event_id}")


def _show_verdict(report: Report, chosen: Settings) -> None:
    lines = [line for proof in report.proofs for line in proof.lines]
    passed = sum(line.passed for line in lines)
    events = sum(batch.seen for batch in report.batches)
    print_line(f"routed {counted(events, 'event')} in {counted(len(report.batches), 'batch', 'batches')}")
    print_line(f"probes: {passed} PASS, {len(lines) - passed} FAIL, all rolled back")
    if report.delivery:
        _show_delivery(report.delivery)
    print_line(f"log of the runs: {_log_file(chosen)}")
    print_line(f"next: {report.next}   (opens the web UI, which shows these runs)")
