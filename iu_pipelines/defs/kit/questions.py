"""Questions: what a sensor reads in the database of an outbox, and which runs it then requests.

The sensor of one outbox and the sensor of a fleet ask the same questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import skipped
from iu_pipelines.errors import IuError


@dataclass(frozen=True)
class Question:
    """One kind of question, asked by the sensor `sensor`, which requests runs of `job`.

    `look` only reads the database, because a fleet calls it in a thread for each outbox. `decide` gets what
    was seen, and returns run requests and reasons to skip; it may read Dagster's storage. A request has no
    run key, because Dagster would ignore every later request with the same key.
    """

    sensor: str
    job: str
    description: Callable[[Mount], str]
    look: Callable[[Queries, Mount], Any]
    decide: Callable[[dg.DagsterInstance, Mount, Any], Sequence[dg.RunRequest | str]]
    least_seconds: int = 0

    def interval(self, *mounts: Mount) -> int:
        """Return the minimum time between two evaluations, in seconds: the shortest one of `mounts`."""
        return max(self.least_seconds, min(mount.sensor_interval_seconds for mount in mounts))


def sensor(mount: Mount, question: Question, job: Any) -> dg.SensorDefinition:
    """Return the sensor that asks one outbox."""

    @dg.sensor(
        name=mount.named(question.sensor),
        job=job,
        minimum_interval_seconds=question.interval(mount),
        default_status=mount.sensor_status(question.sensor),
        required_resource_keys=mount.requires,
        description=question.description(mount),
        owners=list(mount.owners) or None,
    )
    def ask(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            with mount.open(context.resources) as gateway:
                seen = question.look(gateway, mount)
        except IuError as error:
            answer = skipped(error)
            context.log.info(answer.skip_message)
            return answer
        results = question.decide(context.instance, mount, seen)
        requests = [result for result in results if isinstance(result, dg.RunRequest)]
        reasons = [result for result in results if isinstance(result, str)]
        for request in requests:
            context.log.info("%s: a run is requested", subject(request))
        for reason in reasons:
            context.log.info(reason)
        return requests or dg.SkipReason("; ".join(reasons))

    return ask


def subject(request: dg.RunRequest) -> str:
    """Return what a request is for: its partition, or else the value of its tag."""
    return request.partition_key or ", ".join(str(value) for value in request.tags.values())
