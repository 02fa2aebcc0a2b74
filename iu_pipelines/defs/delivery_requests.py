"""The sensor that requests delivery runs, and the reasons for which it skips."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.delivery_tables import explained
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.runs import unfinished_run, unfinished_run_of_one
from iu_pipelines.defs.kit.step_errors import skipped
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED, delivery_asset
from iu_pipelines.delivery.dagster_runs import KINDS
from iu_pipelines.delivery.pull import PullTarget
from iu_pipelines.domain import deliveries, delivery_queue, gates
from iu_pipelines.domain.delivery_queue import Waiting
from iu_pipelines.errors import IuError

_JOB = "delivery_job"


def sensor(mount: Mount, delivery_job: Any) -> dg.SensorDefinition:
    """Return the sensor that requests a run for each target on which something is due."""

    @dg.sensor(
        name=mount.named("delivery_sensor"),
        job=delivery_job,
        minimum_interval_seconds=mount.sensor_interval_seconds,
        default_status=mount.sensor_status("delivery_sensor"),
        required_resource_keys=mount.requires,
        description=(
            "Run delivery_job for each target on which a delivery is due, or of whose routes an event is not "
            "queued yet. While everything is held, skip and say which rule refuses."
        ),
        owners=list(mount.owners) or None,
    )
    def delivery_sensor(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            with mount.open(context.resources) as gateway:
                return _requests(context.instance, context.log, gateway, mount)
        except IuError as error:
            return skipped(error)

    return delivery_sensor


def _requests(
    instance: dg.DagsterInstance, log: logging.Logger, gateway: Queries, mount: Mount
) -> list[dg.RunRequest] | dg.SkipReason:
    """Return the run requests of all targets, or all reasons to skip if there is no request."""
    if not deliveries.is_installed(gateway):
        return dg.SkipReason(NOT_INSTALLED)
    closed = _closed(gateway)
    if closed:
        return dg.SkipReason(explained(closed))
    found = [_for_senders(one) for one in delivery_queue.waiting(gateway) if one.kind not in KINDS]
    results = [
        _request(instance, mount, target, [one for one in found if target in (ALL, one.target)])
        for target in mount.targets or (ALL,)
    ]
    requests = [result for result in results if isinstance(result, dg.RunRequest)]
    reasons = [result for result in results if isinstance(result, str)]
    for request in requests:
        log.info("%s: a run is requested", request.tags[tags.TARGET])
    for reason in reasons:
        log.info(reason)
    return requests or dg.SkipReason("; ".join(reasons))


def _for_senders(one: Waiting) -> Waiting:
    """Return what waits for runs of this package: others claim what is due to a target of `pull`."""
    return replace(one, next_due_at=None) if one.kind == PullTarget.kind else one


def _closed(gateway: Queries) -> list[str]:
    """Return the words of the gates that stop every delivery and are closed, the first that refuses first."""
    words = {gates.MASTER: "master_gate_closed", gates.DELIVERY: "delivery_gate_closed"}
    states = {gate.key: gate.is_open for gate in gates.list_gates(gateway)}
    return [word for key, word in words.items() if not states[key]]


def _request(
    instance: dg.DagsterInstance, mount: Mount, target: str, found: Sequence[Waiting]
) -> dg.RunRequest | str:
    """Return a run request for one target or for all, or the reason to skip.

    The request has no run key, because Dagster would ignore every later request with the same key.
    """
    name = target or "all targets"
    reason = _reason(found, datetime.now(UTC))
    if reason:
        return f"{name}: {reason}"
    key = mount.key(delivery_asset(target))
    wanted = {tags.TARGET: mount.tag(target or "all")}
    busy = unfinished_run(instance, wanted) or unfinished_run_of_one(instance, key, mount.named(_JOB))
    if busy:
        return f"{name}: run {busy} is already queued or running"
    return dg.RunRequest(asset_selection=[key], tags=wanted)


def _reason(found: Sequence[Waiting], now: datetime) -> str | None:
    """Return why no run is needed, or None if something is due on a route that nothing refuses."""
    if not found:
        return "no route was ever promoted"
    free = [one for one in found if one.refusal is None]
    if any(one.unread_since or (one.next_due_at and one.next_due_at <= now) for one in free):
        return None
    held = list(dict.fromkeys(one.refusal for one in found if one.refusal))
    waiting = [one for one in found if one.refusal and (one.next_due_at or one.unread_since)]
    if waiting or not free:
        return f"everything that waits is held: {explained(held)}"
    later = min((one.next_due_at for one in free if one.next_due_at), default=None)
    return f"nothing is due before {later:%Y-%m-%d %H:%M:%S} UTC" if later else "nothing is due"
