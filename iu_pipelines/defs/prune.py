"""Pruning: a job that deletes old runs and ticks from Dagster's storage.

Dagster keeps both forever by default. A Dagster instance may be shared, so the job deletes only the history
of the jobs, schedules and sensors of this outbox. It deletes nothing from the outbox. Events without a run,
which no API of Dagster deletes, are written only when the state of a check changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from pydantic import Field

from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.runs import FINISHED
from iu_pipelines.defs.kit.validated_config import validated

JOB: Final = "prune_job"


class PruneConfig(dg.Config):
    """What to delete."""

    keep_days: float = Field(
        default=30.0, ge=1, le=3_650, description="Keep the history of this many days, 1 to 3,650."
    )
    max_runs: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="Maximum number of runs to delete, oldest first, 1 to 100,000.",
    )
    preview: bool = Field(default=False, description="Only count what would be deleted.")


@dataclass(frozen=True)
class Names:
    """The names of the definitions of one outbox, by which Dagster's storage identifies their history."""

    jobs: frozenset[str]
    schedules_and_sensors: frozenset[str]


def definitions(mount: Mount, others: dg.Definitions) -> dg.Definitions:
    """Return the job that prunes its own history and that of `others`, and its schedule."""
    prune_job = job(mount, lambda: names_of(dg.Definitions.merge(others, own)))
    own = dg.Definitions(jobs=[prune_job], schedules=[schedule(mount, prune_job)])
    return own


def names_of(built: dg.Definitions) -> Names:
    """Return the names of the definitions in `built`."""
    return Names(
        jobs=frozenset(job.name for job in built.jobs or ()),
        schedules_and_sensors=frozenset(
            one.name for one in (*(built.schedules or ()), *(built.sensors or ()))
        ),
    )


def job(mount: Mount, names: Callable[[], Names]) -> dg.JobDefinition:
    """Return the job that prunes.

    It calls `names` at run time, because the names are known only after all definitions have been built.
    """
    op_name = mount.named("prune_dagster_history")

    @dg.op(name=op_name, description="Delete old runs and ticks of this outbox from Dagster's storage.")
    def prune_dagster_history(context: dg.OpExecutionContext, config: PruneConfig) -> None:
        before = datetime.now(UTC) - timedelta(days=config.keep_days)
        own, instance = names(), context.instance
        counts = {
            "runs": _prune_runs(instance, own.jobs, before, config),
            "ticks": _prune_ticks(instance, own.schedules_and_sensors, before, config.preview),
        }
        what = "would be deleted" if config.preview else "deleted"
        context.log.info("%s, older than %s: %s", what, before.isoformat(timespec="minutes"), counts)
        context.add_output_metadata({**counts, "stopped_reason": "preview" if config.preview else "done"})

    @dg.job(
        name=mount.named(JOB),
        config=validated(PruneConfig, op_name),
        description="Delete old runs and ticks of this outbox from Dagster's own storage.",
        executor_def=mount.executor,
    )
    def prune_job() -> None:
        prune_dagster_history()

    return prune_job


def _prune_runs(
    instance: dg.DagsterInstance, jobs: frozenset[str], before: datetime, config: PruneConfig
) -> int:
    """Delete finished runs that were created before `before`, except the newest run of each job."""
    kept = {run.run_id for name in jobs for run in _runs(instance, name, None, 1, ascending=False)}
    old = [
        run.run_id
        for name in sorted(jobs)
        for run in _runs(instance, name, before, config.max_runs, ascending=True)
        if run.run_id not in kept
    ][: config.max_runs]
    for run_id in () if config.preview else old:
        instance.delete_run(run_id)
    return len(old)


def _runs(
    instance: dg.DagsterInstance, job_name: str, before: datetime | None, limit: int, *, ascending: bool
) -> list[dg.DagsterRun]:
    found = dg.RunsFilter(job_name=job_name, statuses=list(FINISHED), created_before=before)
    return list(instance.get_runs(found, limit=limit, ascending=ascending))


def _prune_ticks(instance: dg.DagsterInstance, names: frozenset[str], before: datetime, preview: bool) -> int:
    count = 0
    for state in instance.all_instigator_state():
        if state.instigator_name in names:
            old = instance.get_ticks(state.instigator_origin_id, state.selector_id, before=before.timestamp())
            count += len(old)
            if old and not preview:
                instance.purge_ticks(state.instigator_origin_id, state.selector_id, before.timestamp())
    return count


def schedule(mount: Mount, prune_job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the nightly schedule. It deletes data, so it is switched off by default."""
    return dg.ScheduleDefinition(
        name=mount.named("prune_schedule"),
        job=prune_job,
        cron_schedule=mount.prune_cron,
        default_status=mount.schedule_status("prune_schedule"),
        description="Prune Dagster's history of this outbox every night.",
        owners=list(mount.owners) or None,
    )
