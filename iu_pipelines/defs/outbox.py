"""The outbox as an observable asset: its events, and the backlog of each worker."""

from typing import Any

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import KINDS, markdown_table, metadata
from iu_pipelines.defs.kit.configuration import OWNER, Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.domain import health, outbox
from iu_pipelines.domain.outbox import Event


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the outbox."""
    return dg.Definitions(assets=[asset(mount)])


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of the outbox. Observing it records the metadata of `observation`."""

    def observe_event_outbox(context: dg.AssetExecutionContext) -> dg.ObserveResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            return dg.ObserveResult(asset_key=mount.key("event_outbox"), metadata=observation(gateway, mount))

    decorated: dg.AssetsDefinition = dg.multi_observable_source_asset(
        name=mount.named("observe_event_outbox"), specs=[_spec(mount)], required_resource_keys=mount.requires
    )(observe_event_outbox)
    return decorated


def _spec(mount: Mount) -> dg.AssetSpec:
    """Return the spec of the asset."""
    return dg.AssetSpec(
        mount.key("event_outbox"),
        deps=[mount.key("unit_version"), mount.key("iu_sql_link")],
        description=(
            "The shared, append-only table of events: references and counts, never content or secrets. "
            "Applications write it in their own transactions, so Dagster only observes it."
        ),
        metadata=metadata(
            "event_outbox",
            Event,
            "objects/outbox/fn_iu_emit_event.sql",
            "objects/outbox/fn_iu_emit_events.sql",
            "runtime/030_event_types_and_outbox.sql",
        ),
        group_name=mount.group,
        owners=[OWNER],
        kinds=KINDS,
    )


def observation(gateway: Queries, mount: Mount) -> dict[str, Any]:
    """Return the metadata of one observation. The cost does not depend on the size of the outbox."""
    overview = outbox.overview(gateway)
    reports = [health.read(gateway, worker) for worker in mount.workers]
    newest = max((count.newest_at for count in overview.by_type), default=None)
    return {
        "events": overview.events,
        "events_are_capped": overview.capped,
        "newest_event_at": newest.isoformat() if newest else "none",
        "backlog": max(report.backlog for report in reports),
        "backlog_is_capped": any(report.backlog_capped for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "events_per_second": round(outbox.events_per_second(gateway), 2),
        "by_type": markdown_table(
            ["event type", "events", "newest"],
            [[count.event_type, count.events, count.newest_at.isoformat()] for count in overview.by_type],
        ),
        "by_worker": markdown_table(
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
