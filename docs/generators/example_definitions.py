"""Definitions of one outbox, with every kind of definition."""

import dagster as dg

from iu_pipelines import Event, EventsResource, Mount, build_defs, event_asset_job, event_job, target_key


@event_job(target="receipts")
def send_receipt(event: Event) -> None:
    """Print what a receipt would say."""
    print(event.canonical_address, event.data["total_cents"])


@dg.asset(deps=[target_key("search")])
def search_index(context: dg.AssetExecutionContext, events: EventsResource) -> None:
    """Add paid orders to the index of a search."""
    print([event.canonical_address for event in events.read(context)])


mount = Mount(
    targets=("shop-hook",),
    event_jobs=(send_receipt, event_asset_job(target="search", assets=[search_index])),
    actions=frozenset({"gate_set", "worker_seek", "dead_letter_discard"}),
    evidence_cron="0 6 * * 1",
)
defs = dg.Definitions.merge(dg.Definitions(assets=[search_index]), build_defs(mount))
