"""The sensor that requests delivery runs, and the reasons for which it skips."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.delivery_tables import explained
from iu_pipelines.defs.kit import questions, tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.questions import Question
from iu_pipelines.defs.kit.runs import unfinished_run, unfinished_run_of_one
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED, delivery_asset
from iu_pipelines.domain import deliveries, delivery_queue, gates
from iu_pipelines.domain.delivery_queue import Waiting

_JOB = "delivery_job"


def sensor(mount: Mount, delivery_job: Any) -> dg.SensorDefinition:
    """Return the sensor that requests a run for each target on which something is due."""
    return questions.sensor(mount, DELIVERIES, delivery_job)


def _look(gateway: Queries, _mount: Mount) -> str | list[Waiting]:
    """Return what waits, or why nothing can be delivered."""
    if not deliveries.is_installed(gateway):
        return NOT_INSTALLED
    closed = _closed(gateway)
    return explained(closed) if closed else delivery_queue.waiting(gateway)


def _requests(
    instance: dg.DagsterInstance, mount: Mount, found: str | list[Waiting]
) -> list[dg.RunRequest | str]:
    """Return the run requests of all targets, and the reasons to skip the others."""
    if isinstance(found, str):
        return [found]
    return [
        _request(instance, mount, target, [one for one in found if target in (ALL, one.target)])
        for target in mount.targets or (ALL,)
    ]


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


DELIVERIES: Final = Question(
    sensor="delivery_sensor",
    job=_JOB,
    description=lambda _mount: (
        "Run delivery_job for each target on which a delivery is due, or of whose routes an event is not "
        "queued yet. While everything is held, skip and say which rule refuses."
    ),
    look=_look,
    decide=_requests,
)
"""On which targets something is due."""
