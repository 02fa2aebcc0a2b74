"""`iu demo`: install the schema, ingest a git history, route its events through Dagster, run the probes."""

from __future__ import annotations

import contextlib
import math
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from iu_pipelines import extras
from iu_pipelines.cli import demo_delivery, demo_report
from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.demo_delivery import Delivered
from iu_pipelines.cli.demo_report import Report, Run
from iu_pipelines.cli.ingest import progress_bar
from iu_pipelines.cli.output import working
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, verification
from iu_pipelines.domain import attempts, dead_letters, health, outbox, worker
from iu_pipelines.errors import redact
from iu_pipelines.hosting import instance_file
from iu_pipelines.ingest import git, sample
from iu_pipelines.ingest.git_history import GitFailed, NoGitHistory, open_repository
from iu_pipelines.ingest.tally import IngestResult
from iu_pipelines.settings import Settings, sql_root

if TYPE_CHECKING:
    from iu_pipelines.hosting.run_in_process import RunOutcome

PROBES: Final = ("040", "050")
BATCHES_WANTED: Final = 8


def register(app: typer.Typer) -> None:
    """Add the command `iu demo`."""
    add_command(app, demo, installs_schema=True, writes=True)


def demo(call: Invocation, chosen: Settings) -> Answer:
    """Ingest the git history of this directory, route its events through Dagster, and run the probes.

    Prints what happened, what to click and what to type next in ten lines, and tables below them. Exit code 1
    when a run or a line of a probe failed.

    Examples:
        iu demo
    """
    extras.require("dagster", "dagster", "dagster_postgres")
    with call.connect() as gateway:
        _require_usable_instance(chosen)
        report = _perform(gateway, chosen, " --database-url URL" if call.database_url else "")
    return Answer(report, lambda: demo_report.show(report), failed=not report.passed)


def _perform(gateway: Gateway, chosen: Settings, option: str) -> Report:
    """Do all of it; `option` is what the commands that the summary names need."""
    begun = time.monotonic()
    steps_applied = _install(gateway)
    ingested, notes = ingest_here(gateway)
    runs = tuple(_run_jobs(gateway, chosen))
    with working("probing"):
        proofs = tuple(_probe(gateway, name) for name in PROBES)
    not_delivered = demo_delivery.why_left_out(chosen)
    delivery = None if not_delivered else _deliver(gateway, chosen)
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
        dead_letters=tuple(dead_letters.list_letters(gateway, limit=demo_report.SHOWN)),
        health=health.read(gateway),
        proofs=proofs,
        delivery=delivery,
        not_delivered=not_delivered,
        passed=all(run.status == "SUCCESS" for run in runs)
        and all(proof.passed for proof in proofs)
        and (delivery is None or delivery.passed),
        seconds=time.monotonic() - begun,
        log=str(_log_file(chosen)),
        next=web_ui(option),
        program=program(),
        option=option,
    )


def program() -> str:
    """Return how `iu` is called here: its name if it is on PATH, otherwise its path."""
    own = Path(sys.executable).with_name("iu")
    if not own.is_file() or shutil.which("iu") == str(own):
        return "iu"
    return shlex.quote(str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own))


def web_ui(option: str) -> str:
    """Return the command that opens the web UI; `option` is what `iu` needs."""
    in_checkout = sql_root() == Path("sql").resolve() and Path("Makefile").is_file()
    return "make dev" if in_checkout and not option else f"{program()} dev{option}"


def _deliver(gateway: Gateway, chosen: Settings) -> Delivered:
    with working("delivering one event") as say:
        return demo_delivery.deliver_one(gateway, chosen, say)


def _require_usable_instance(chosen: Settings) -> None:
    """Raise UsageError if dagster.yaml is a user's, and iu or Dagster refuses it."""
    if not instance_file.ensure(chosen).is_own:
        with working("checking dagster.yaml"), _logged(chosen):
            from iu_pipelines.hosting.instance import check  # noqa: PLC0415  importing Dagster takes a second

            check(chosen)


def _install(gateway: Gateway) -> int:
    """Apply every pending step and return how many there were."""
    with working("applying steps") as say:
        return len(migration.apply(gateway, on_step=lambda done: say(done.name)))


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


def _run_jobs(gateway: Gateway, chosen: Settings) -> Iterator[Run]:
    """Run `route_worker_job` until a run ends without reaching a limit, then run `health_audit_job`."""
    while True:
        limit = _batch_limit(health.read(gateway))
        run = _run_job("route_worker_job", chosen, batch_limit=limit)
        yield run
        if run.stopped_reason not in ("max_batches", "max_seconds"):
            break
    yield _run_job("health_audit_job", chosen)


def _run_job(job_name: str, chosen: Settings, **config: int) -> Run:
    with working(job_name), _logged(chosen):
        # Importing Dagster takes a second.
        from iu_pipelines.defs.kit.configuration import Mount  # noqa: PLC0415
        from iu_pipelines.defs.worker import run_config  # noqa: PLC0415
        from iu_pipelines.hosting.run_in_process import execute  # noqa: PLC0415

        values = run_config(Mount(), config) if config else {}
        return _run(execute(job_name, values, settings=chosen))


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
