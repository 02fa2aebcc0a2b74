"""`build_defs`: everything that one outbox brings into a Dagster code location."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import dagster as dg

from iu_pipelines.defs import (
    checks,
    dead_letters,
    evidence,
    health,
    inbound,
    outbox,
    prune,
    retention,
    run_failure_sensor,
    steps,
    worker,
)
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.console_logger import LOGGER, console
from iu_pipelines.defs.kit.dagster_private import BetaWarning
from iu_pipelines.defs.kit.resources import GatewayResource


def build_defs(
    mount: Mount | None = None, *, resources: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Return the definitions of one outbox, ready to be merged into a code location.

    *resources* replaces what *mount* asks for, by key: a `GatewayResource` with the URL of another
    database, or one of a test. Several outboxes need a name each.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=BetaWarning)
        return _build(mount or Mount(), resources or {})


def _build(mount: Mount, resources: Mapping[str, object]) -> dg.Definitions:
    attempts, letters = worker.asset(mount), dead_letters.asset(mount)
    audit, proofs = health.asset(mount), evidence.asset(mount)
    conserved = checks.conservation(mount)
    asset_checks = [conserved, *checks.of_health(mount), steps.checks(mount)]
    audited = dg.AssetSelection.assets(audit) | dg.AssetSelection.checks(*asset_checks)
    worker_job, replay_job = worker.job(mount, attempts, conserved), dead_letters.job(mount, letters)
    audit_job, prune_job = health.job(mount, audited), prune.job(mount)
    return dg.Definitions(
        assets=dg.with_source_code_references(
            [*inbound.sources(mount), outbox.observed(mount), attempts, letters, audit, proofs]
        ),
        asset_checks=asset_checks,
        jobs=[
            worker_job,
            replay_job,
            audit_job,
            evidence.job(mount, proofs),
            prune_job,
            retention.job(mount),
        ],
        schedules=[
            worker.schedule(mount, worker_job),
            health.schedule(mount, audit_job),
            prune.schedule(mount, prune_job),
            retention.schedule(mount),
        ],
        sensors=[
            worker.sensor(mount, worker_job),
            dead_letters.sensor(mount, replay_job),
            run_failure_sensor.sensor(mount, [worker_job, replay_job], audit_job),
        ],
        resources={mount.resource_key: GatewayResource(), **resources},
        executor=dg.in_process_executor,
        loggers={LOGGER: console},
    )
