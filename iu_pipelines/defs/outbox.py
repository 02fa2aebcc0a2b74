"""The outbox as an observable asset: its events, and the backlog of each worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import moment, table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import health, outbox, worker
from iu_pipelines.domain.outbox import Event


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the outbox."""
    return dg.Definitions(assets=[OUTBOX.asset(mount)])


def _seen(gateway: Queries, mount: Mount) -> Seen:
    domains = worker.domains(gateway, mount.workers)
    newest = [str(outbox.newest(gateway, domain) or "empty") for domain in domains]
    return Seen(" ".join(newest), _metadata(gateway, mount, domains))


def _metadata(gateway: Queries, mount: Mount, domains: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of one observation of `domains`, which the workers read.

    The cost does not depend on the size of the outbox.
    """
    overview = outbox.overview(gateway, domains)
    reports = [health.read(gateway, name) for name in mount.workers]
    return {
        "domains": ", ".join(domains),
        "events": overview.events,
        "events_are_capped": overview.capped,
        "newest_event_at": moment(max((count.newest_at for count in overview.by_type), default=None)),
        "backlog": max(report.backlog for report in reports),
        "backlog_is_capped": any(report.backlog_capped for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "events_per_second": round(outbox.events_per_second(gateway, domains), 2),
        "by_type": table(
            ["event type", "events", "newest (UTC)"],
            [[count.event_type, count.events, count.newest_at] for count in overview.by_type],
        ),
        "by_worker": table(
            ["worker", "backlog", "oldest, seconds"],
            [
                [
                    report.worker_name,
                    health.at_least(report.backlog, capped=report.backlog_capped),
                    report.backlog_oldest_seconds,
                ]
                for report in reports
            ],
        ),
    }


OUTBOX: Final = Source(
    table="event_outbox",
    row=Event,
    description=(
        "The shared, append-only table of events: references and counts, never content or secrets. "
        "Applications write it in their own transactions, so Dagster only observes it."
    ),
    sql_files=(
        "objects/outbox/fn_iu_emit_event.sql",
        "objects/outbox/fn_iu_emit_events.sql",
        "runtime/030_event_types_and_outbox.sql",
    ),
    look=_seen,
    upstream=("unit_version", "iu_sql_link"),
)
