"""The sensor that requests delivery runs, and the reasons for which it skips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.delivery_tables import explained
from iu_pipelines.defs.kit import questions, tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.questions import Question
from iu_pipelines.defs.kit.runs import unfinished_runs
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED, delivery_asset
from iu_pipelines.delivery.dagster_runs import KINDS
from iu_pipelines.delivery.pull import PullTarget
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
    if closed:
        return explained(closed)
    return [_for_senders(one) for one in delivery_queue.waiting(gateway) if one.kind not in KINDS]


def _requests(
    instance: dg.DagsterInstance, mount: Mount, found: str | list[Waiting]
) -> list[dg.RunRequest | str]:
    """Return the run requests of all targets, and the reasons to skip the others."""
    if isinstance(found, str):
        return [found]
    results = [
        _of_target(instance, mount, target, [one for one in found if target in (ALL, one.target)])
        for target in mount.targets or (ALL,)
    ]
    return [one for result in results for one in ([result] if isinstance(result, str) else result)]


def _for_senders(one: Waiting) -> Waiting:
    """Return what waits for a drain: another program claims what is due to a target of kind `pull`."""
    return replace(one, next_due_at=None) if one.kind == PullTarget.kind else one


def _closed(gateway: Queries) -> list[str]:
    """Return the words of the gates that stop every delivery and are closed, the first that refuses first."""
    words = {gates.MASTER: "master_gate_closed", gates.DELIVERY: "delivery_gate_closed"}
    states = {gate.key: gate.is_open for gate in gates.list_gates(gateway)}
    return [word for key, word in words.items() if not states[key]]


def _of_target(
    instance: dg.DagsterInstance, mount: Mount, target: str, found: Sequence[Waiting]
) -> list[dg.RunRequest] | str:
    """Return the run requests for one target or for all, or the reason to skip.

    The requests have no run key, because Dagster would ignore every later request with the same key.
    """
    name, now = target or "all targets", datetime.now(UTC)
    reason = _reason(found, now)
    if reason:
        return f"{name}: {reason}"
    key = mount.key(delivery_asset(target))
    wanted = {tags.TARGET: mount.tag(target or "all")}
    busy = unfinished_runs(instance, wanted, key, mount.named(_JOB))
    is_backlog = _waits_longer(found, now - timedelta(seconds=mount.backlog_age_seconds))
    free = _free(busy, mount.senders_per_target if is_backlog else 1)
    if not free:
        return f"{name}: {_busy(busy)}"
    return [
        dg.RunRequest(asset_selection=[key], tags={**wanted, tags.SENDER: str(number)}) for number in free
    ]


def _free(busy: Sequence[dg.DagsterRun], senders: int) -> list[int]:
    """Return the numbers of the senders that are missing. A run without a number has the lowest free one."""
    taken = {run.tags.get(tags.SENDER) for run in busy}
    free = [number for number in range(1, senders + 1) if str(number) not in taken]
    return free[sum(tags.SENDER not in run.tags for run in busy) :]


def _busy(busy: Sequence[dg.DagsterRun]) -> str:
    if len(busy) == 1:
        return f"run {busy[0].run_id} is already queued or running"
    return f"runs {', '.join(sorted(run.run_id for run in busy))} are already queued or running"


def _waits_longer(found: Sequence[Waiting], since: datetime) -> bool:
    """Return whether something that nothing refuses is due, or not queued, since before a time."""
    times = [at for one in found if one.refusal is None for at in (one.next_due_at, one.unread_since) if at]
    return bool(times) and min(times) < since


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
        "queued yet; with senders_per_target, several times if something has waited long. While everything "
        "is held, skip and say which rule refuses."
    ),
    look=_look,
    decide=_requests,
)
"""On which targets something is due."""
