"""The table of what each extra takes and is for, as `python -m bench.install` measured it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from generators import IncompletePageError
from generators.markdown import table

RESULT: Final = Path("bench/results/install.json")

USES: Final[Mapping[str, str]] = {
    "core": "the command line on your own server: steps, events, worker, gates, routes, audit",
    "embedded": "also the embedded PostgreSQL, for commands without a database URL",
    "dagster": "also `build_defs`, `Mount`, `OutboxComponent`, `iu dev` and `iu demo`",
    "evidence": "also `iu evidence`, `iu simulate`, `iu audit export`, `evidence_job` and stores of evidence "
    "behind a URL. Each promotion needs its pack",
    "delivery": "also `iu deliver`, `iu target test` and `iu promote rehearse`: the sender of webhooks. "
    "A promotion also needs a pack of `[evidence]`",
    "metrics": "also `iu metrics` and [the metrics of `iu dev`](monitoring.md)",
    "parquet": "`[evidence]`, and `iu audit export` as Parquet",
    "celery": "`[dagster]`, and [runs as Celery tasks](celery.md)",
    "kafka": "also [targets](targets.md#brokers) that are topics of Kafka",
    "amqp": "also targets that are exchanges of RabbitMQ",
    "nats": "also targets that are streams of NATS JetStream",
    "redis": "also targets that are streams of Redis",
    "k8s": "`[dagster]`, and [runs as pods of Kubernetes](kubernetes.md)",
    "all": "all of these",
}
"""What each extra is for, in the order of the table."""


def extras(project: Path) -> list[str]:
    """Return the table of the extras.

    Raises:
        IncompletePageError: an extra was not measured, or has no use.
    """
    measured: Mapping[str, Any] = json.loads((project / RESULT).read_text(encoding="utf-8"))["extras"]
    if different := {*measured} ^ {*USES}:
        raise IncompletePageError(
            f"measured by bench/install.py or described, but not both: {sorted(different)}"
        )
    rows = [[_name(extra), *_taken(measured[extra]), use] for extra, use in USES.items()]
    return table(["install", "size", "pip takes", "for"], rows)


def _name(extra: str) -> str:
    return "`iu-pipelines`" if extra == "core" else f"`iu-pipelines[{extra}]`"


def _taken(found: Mapping[str, float]) -> tuple[str, str]:
    return f"{found['mb']:,.0f} MB", f"{found['seconds']:,.0f} s"
