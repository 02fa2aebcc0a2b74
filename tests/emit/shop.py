"""A shop: a table of orders with bigint keys, and the event type `order_paid`."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from iu_pipelines.emit import NewEvent, subject

SCHEMA: Final = """
    create table public.orders (
        id bigint generated always as identity primary key,
        status text not null default 'open',
        total_cents int not null default 0
    );
    insert into public.orders (total_cents) select 100 * n from generate_series(1, 20) as n;
    insert into public.event_type_registry (
        event_type, event_stream, delivery_lane, event_subject_table, payload_keys
    )
    values ('order_paid', 'update', 'immediate', 'orders', array['item_count', 'total_cents', 'invoice']);
"""


def paid(order: int, **payload: Any) -> NewEvent:
    """Return the event of an order that was paid."""
    return NewEvent("order_paid", f"orders/{order}", subject("public.orders", order), "shop", payload)


def events(url: str) -> list[tuple[str, str, Any]]:
    """Return id, address and payload of the committed events, in order."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            """select event_id::text, canonical_address, safe_payload
               from public.event_outbox order by event_seq"""
        ).fetchall()


def addresses(url: str) -> list[str]:
    """Return the addresses of the committed events, in order."""
    return [address for _, address, _ in events(url)]
