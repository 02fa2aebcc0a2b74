"""What happens when a run fails: one clear line, and a health audit that says what is held."""

from typing import Any

import dagster as dg

from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount


def sensor(mount: Mount, watched: list[Any], health_audit_job: Any) -> dg.SensorDefinition:
    """Return the sensor that asks for a health audit after a worker's or a replay's run failed."""

    @dg.run_failure_sensor(
        name=mount.named("run_failure_sensor"),
        monitored_jobs=watched,
        request_job=health_audit_job,
        default_status=mount.sensor_status("run_failure_sensor"),
        description="After a failed worker or replay run: say what failed, and audit health.",
    )
    def run_failure_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest:
        run = context.dagster_run
        reason = (context.failure_event.message or "no message").splitlines()[0]
        context.log.error("%s run %s failed: %s", run.job_name, run.run_id, reason)
        return dg.RunRequest(job_name=health_audit_job.name, tags={tags.FAILED_RUN: run.run_id})

    return run_failure_sensor
