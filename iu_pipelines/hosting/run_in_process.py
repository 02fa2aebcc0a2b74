"""Execution of a Dagster job in this process, on the same instance as the web UI."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from iu_pipelines.defs.kit.dagster_private import (
    ReconstructableRepository,
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
    execute_run,
)
from iu_pipelines.defs.kit.resources import using
from iu_pipelines.hosting.code_location import LOCATION, MODULE
from iu_pipelines.hosting.instance import open_instance
from iu_pipelines.settings import Settings, load

_REPOSITORY: Final = "__repository__"


@dataclass(frozen=True)
class RunOutcome:
    """The result of a run. `summary` is the metadata of its last materialization, by label."""

    run_id: str
    job_name: str
    success: bool
    status: str
    materializations: int
    summary: Mapping[str, Any]
    error: str | None

    @property
    def stopped_reason(self) -> str | None:
        """Why the run ended, from its summary; None if it failed before writing one."""
        return self.summary.get("stopped_reason")


def execute(
    job_name: str,
    run_config: Mapping[str, Any] | None = None,
    *,
    settings: Settings | None = None,
) -> RunOutcome:
    """Execute a job of the code location in this process and return its result, also if the run failed.

    `run_config` has the format of the launchpad in the web UI.

    Raises:
        DagsterInvalidConfigError: the config is invalid; no run is created.
        KeyboardInterrupt: Ctrl-C stopped the run.
    """
    chosen = settings or load()
    with _ctrl_c() as pressed:
        outcome = _executed(job_name, run_config, chosen)
        if outcome.stopped_reason == "cancelled" or pressed():
            raise KeyboardInterrupt
    return outcome


def _executed(job_name: str, run_config: Mapping[str, Any] | None, chosen: Settings) -> RunOutcome:
    job = ReconstructableRepository.for_module(MODULE, "defs").get_reconstructable_job(job_name)
    with using(chosen), open_instance(chosen) as instance:
        run = instance.create_run_for_job(
            job.get_definition(),
            run_config=run_config or {},
            tags=job.get_definition().run_tags,
            remote_job_origin=_origin(job_name),
            job_code_origin=job.get_python_origin(),
        )
        return _outcome(execute_run(job, run, instance))


@contextmanager
def _ctrl_c() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C came in the block, whatever Dagster's handlers did with it.

    Between two steps they drop it, and in a step they let the run fail.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    numbers, written = os.pipe()
    os.set_blocking(written, False)  # as `set_wakeup_fd` requires
    before = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    try:
        yield lambda: bool(select.select([numbers], [], [], 0)[0]) and signal.SIGINT in os.read(numbers, 4096)
    finally:
        signal.set_wakeup_fd(before)
        os.close(numbers)
        os.close(written)


def _origin(job_name: str) -> RemoteJobOrigin:
    """Return the names of the job and its code location, by which the web server shows the run there."""
    return RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), _REPOSITORY), job_name
    )


def _outcome(result: dg.JobExecutionResult) -> RunOutcome:
    made = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
    ]
    run = result.dagster_run
    return RunOutcome(
        run_id=run.run_id,
        job_name=run.job_name,
        success=result.success,
        status=run.status.value,
        materializations=len(made),
        summary={label: value.value for label, value in made[-1].metadata.items()} if made else {},
        error=_error(result),
    )


def _error(result: dg.JobExecutionResult) -> str | None:
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            error = data.error.cause or data.error if data.error else None
            return error.message.strip() if error else event.message
    return None
