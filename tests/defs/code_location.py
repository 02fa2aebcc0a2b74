"""The code location under test, and readers of the results of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import worker
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain import attempts, outbox

ROUTE = "iu.version_applied.workflow"


class Location:
    """The definitions under test. Executes jobs in this process, and evaluates schedules and sensors."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.definitions = definitions
        self.instance = instance

    def run(
        self, job: str, config: Mapping[str, Any] | None = None, *, partition: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """Execute a job; `config` is flat, and `partition` is the worker of a route_worker_job."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            run_config=run_config(job, config or {}),
            partition_key=partition,
            instance=self.instance,
            raise_on_error=False,
        )

    def materialize(self, asset: str, **arguments: Any) -> dg.ExecuteInProcessResult:
        """Materialize an asset as the button in the web UI does: with its checks, in Dagster's own job."""
        selection = [dg.AssetKey([asset])]
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=selection, instance=self.instance, raise_on_error=False, **arguments
        )

    def tick(self, sensor: str, cursor: str | None = None) -> Any:
        definition = self.definitions.resolve_sensor_def(sensor)
        with dg.build_sensor_context(
            instance=self.instance,
            definitions=self.definitions,
            resources=dict(self.definitions.resources or {}),
            cursor=cursor,
        ) as context:
            return definition.evaluate_tick(context)

    def schedule(self, name: str) -> Any:
        definition = self.definitions.resolve_schedule_def(name)
        with dg.build_schedule_context(
            instance=self.instance,
            resources=dict(self.definitions.resources or {}),
            repository_def=self.definitions.get_repository_def(),
            scheduled_execution_time=datetime.now(UTC),
        ) as context:
            return definition.evaluate_tick(context)

    def add_started_run(
        self,
        job: str,
        tags: Mapping[str, str],
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    ) -> str:
        """Record a run of `job`, by default with the status STARTED, and return its id."""
        run = dg.DagsterRun(job_name=job, run_id=str(uuid4()), tags=tags, status=status)
        self.instance.add_run(run)
        return run.run_id


def run_config(job: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` in the format of the launchpad of `job`."""
    outbox, found, _ = job.partition("route_worker_job")
    if not found or not config:
        return dict(config)
    return worker.run_config(Mount(name=outbox.removesuffix("_")), config)


def schedules_and_sensors(definitions: dg.Definitions) -> list[dg.ScheduleDefinition | dg.SensorDefinition]:
    """Return every schedule and every sensor of `definitions`."""
    repository = definitions.get_repository_def()
    return [*repository.schedule_defs, *repository.sensor_defs]


def materializations(result: dg.ExecuteInProcessResult, asset: str | list[str]) -> list[dict[str, Any]]:
    """Return the metadata of every materialization of `asset`, in order."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    return _metadata(asset, [_data(event).materialization for event in _of_kind(result, kind)])


def observations(result: dg.ExecuteInProcessResult, asset: str | list[str]) -> list[dict[str, Any]]:
    """Return the metadata of every observation of `asset`, in order."""
    kind = dg.DagsterEventType.ASSET_OBSERVATION
    return _metadata(asset, [_data(event).asset_observation for event in _of_kind(result, kind)])


def _of_kind(result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.event_type == kind]


def _data(event: dg.DagsterEvent) -> Any:
    return event.event_specific_data


def _metadata(asset: str | list[str], made: list[Any]) -> list[dict[str, Any]]:
    return [
        {label: value.value for label, value in one.metadata.items()}
        for one in made
        if one.asset_key == dg.AssetKey(asset)
    ]


def records(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a table in metadata."""
    return [dict(record.data) for record in table.records]


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return every check evaluation of a run by name."""
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Return the description of the first failed step."""
    failed = failures(result)
    assert failed, "no step failed"
    assert failed[0]
    return failed[0]


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the description of each failed step, or nothing for one that raised another error."""
    failed = [event.step_failure_data for event in _of_kind(result, dg.DagsterEventType.STEP_FAILURE)]
    return [str(data.user_failure_data.description) if data.user_failure_data else "" for data in failed]


def emit_one(url: str) -> None:
    """Emit one event into the database of `url`."""
    with Gateway(url) as gateway:
        outbox.emit(gateway, "version_applied", "test/1", uuid4(), "test", {})


def attempts_in(url: str) -> int:
    """Return the number of attempts in the database of `url`, up to 20."""
    with Gateway(url) as gateway:
        return len(attempts.recent(gateway))
