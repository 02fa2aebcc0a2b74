"""Retention: the job that deletes old events that every worker has read, and its schedule."""

import dagster as dg
from pydantic import Field

from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.domain import retention


class RetentionConfig(dg.Config):
    """Limits of one run. The setting `iu_core.retention_days` defines how long events are kept."""

    max_rounds: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Stop after this many rounds, up to 1,000,000. Each round is one transaction.",
    )
    max_seconds: float = Field(
        default=600.0, gt=0, le=86_400, description="Stop after this many seconds, up to 86,400."
    )


def definitions(mount: Mount) -> dg.Definitions:
    """Return the job that deletes old events, and its schedule."""
    return dg.Definitions(jobs=[job(mount)], schedules=[schedule(mount)])


def job(mount: Mount) -> dg.JobDefinition:
    """Return the job that deletes old events."""
    op_name = mount.named("drop_old_events")

    @dg.op(
        name=op_name,
        required_resource_keys=mount.requires,
        description="Call `fn_iu_retention_run` until no event is due or a limit is reached.",
    )
    def drop_old_events(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
        limits = retention.Limits(config.max_rounds, config.max_seconds)
        with one_clear_line(), mount.open(context.resources) as gateway:
            outcome = retention.run(gateway, f"run {context.run_id}", limits)
        for note in outcome.held_by:
            context.log.warning(note)
        context.add_output_metadata(
            {
                "stopped_reason": outcome.stopped_reason,
                "rounds": outcome.rounds,
                "events": outcome.events,
                "attempts": outcome.attempts,
                "retention_days": outcome.retention_days,
                "held_by": table(["held by"], [[note] for note in outcome.held_by]),
            }
        )

    @dg.job(
        name=mount.named("retention_job"),
        config=validated(RetentionConfig, op_name),
        description="Delete events older than `iu_core.retention_days` that every worker has read.",
        executor_def=mount.executor,
    )
    def retention_job() -> None:
        drop_old_events()

    return retention_job


def schedule(mount: Mount) -> dg.ScheduleDefinition:
    """Return the nightly schedule. It deletes data, so it is switched off by default.

    It refers to the job by name. With the job itself, Dagster would build the job again for its resources and
    repeat the warning about `owners`.
    """
    return dg.ScheduleDefinition(
        name=mount.named("retention_schedule"),
        job_name=mount.named("retention_job"),
        cron_schedule=mount.retention_cron,
        default_status=mount.schedule_status("retention_schedule"),
        description="Delete old events every night. Does nothing while `iu_core.retention_days` is 0.",
        owners=list(mount.owners) or None,
    )
