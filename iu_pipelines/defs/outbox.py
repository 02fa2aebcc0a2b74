"""The outbox as an external, observed asset: what is in it, and how far behind the workers are."""

from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import KINDS, columns, markdown_table, metadata
from iu_pipelines.defs.kit.configuration import OWNER, Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.domain import health, outbox

_COLUMNS: Final = columns("""
    event_id uuid UUIDv7, so that ids grow with time
    event_seq bigint order of emission
    emitted_xid xid8 the transaction that emitted the event
    event_domain text whose event it is; a worker reads one domain
    event_type text a type of event_type_registry
    event_stream text from the registry
    delivery_lane text from the registry
    canonical_address text the address of the subject
    event_subject_table text the table of the subject
    event_subject_ref uuid the subject's key
    actor_ref text who caused the event
    payload_classification text safe_metadata
    safe_payload jsonb references and counts only
    created_at timestamptz when the row was written
""")


def spec(mount: Mount) -> dg.AssetSpec:
    """Return the outbox as the rest of the graph sees it."""
    return dg.AssetSpec(
        mount.key("event_outbox"),
        deps=[mount.key("unit_version"), mount.key("iu_sql_link")],
        description=(
            "The shared, append-only stream of events: references and counts, never a body or a secret. "
            "Written in the emitters' own transactions, so it is observed here and never materialized."
        ),
        metadata=metadata(
            "event_outbox",
            _COLUMNS,
            "objects/outbox/fn_iu_emit_event.sql",
            "objects/outbox/fn_iu_emit_events.sql",
            "runtime/030_event_types_and_outbox.sql",
        ),
        group_name=mount.group,
        owners=[OWNER],
        kinds=KINDS,
    )


def observed(mount: Mount) -> dg.AssetsDefinition:
    """Return the outbox with the function that looks at it when somebody presses Observe."""

    def observe_event_outbox(context: dg.AssetExecutionContext) -> dg.ObserveResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            return dg.ObserveResult(asset_key=mount.key("event_outbox"), metadata=observation(gateway, mount))

    decorated: dg.AssetsDefinition = dg.multi_observable_source_asset(
        name=mount.named("observe_event_outbox"), specs=[spec(mount)], required_resource_keys=mount.requires
    )(observe_event_outbox)
    return decorated


def observation(gateway: Queries, mount: Mount) -> dict[str, Any]:
    """Return what an observation of the outbox says; its cost does not grow with the outbox."""
    overview = outbox.overview(gateway)
    reports = [health.read(gateway, worker) for worker in mount.workers]
    newest = max((count.newest_at for count in overview.by_type), default=None)
    return {
        "events": overview.events,
        "events_are_capped": overview.capped,
        "newest_event_at": newest.isoformat() if newest else "none",
        "backlog": max(report.backlog for report in reports),
        "backlog_oldest_seconds": max(report.backlog_oldest_seconds or 0.0 for report in reports),
        "events_per_second": round(outbox.events_per_second(gateway), 2),
        "by_type": markdown_table(
            ["event type", "events", "newest"],
            [[count.event_type, count.events, count.newest_at.isoformat()] for count in overview.by_type],
        ),
        "by_worker": markdown_table(
            ["worker", "backlog", "oldest, seconds"],
            [[report.worker_name, report.backlog, report.backlog_oldest_seconds] for report in reports],
        ),
    }
