"""The cost of a capture: an update of many rows with a capture, beside the update alone and a bulk emit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import psycopg

from bench.cases import Case, Outcome
from bench.engine import DATABASE, installed
from bench.server import BenchServer

GROUP: Final = "capture"
FLOOR: Final = "iu bulk emit of the same events"
OURS: Final = "iu capture, beside the update"

_SHOP: Final = """
    create table public.orders (id bigint primary key, status text, total_cents bigint, item_count int);
    insert into public.orders select n, 'open', n, 1 from generate_series(1, {rows}) as n;
    insert into public.event_type_registry (
        event_type, event_stream, delivery_lane, event_subject_table, payload_keys
    )
    values ('order_paid', 'update', 'immediate', 'orders', '{{total_cents, item_count}}');
    insert into public.iu_inbound_route (
        route_code, source_table, source_op, target_event_type, enabled, dry_run, condition, subject_columns,
        address_template, payload_map
    )
    values (
        'shop.orders.paid', 'public.orders', 'update', 'order_paid', true, false,
        '{{"becomes": {{"status": "paid"}}}}', '{{id}}', 'orders/{{id}}',
        '{{"total_cents": "total_cents", "item_count": "item_count"}}'
    );
    vacuum analyze public.orders
"""
_ATTACH: Final = """select unnest(attach_statements) from public.fn_iu_capture_list()
    where route_code = 'shop.orders.paid'"""
_UPDATE: Final = "update public.orders set status = 'paid'"
_BULK: Final = """select count(*) from public.fn_iu_emit_events((
    select jsonb_agg(jsonb_build_object(
        'event_type', 'order_paid', 'canonical_address', 'orders/' || id,
        'subject_ref', public.fn_iu_subject('public.orders', id::text), 'actor_ref', 'bench',
        'safe_payload', jsonb_build_object('total_cents', total_cents, 'item_count', item_count)
    )) from public.orders))"""


def cases(rows: int) -> list[Case]:
    """Return the two cases for `rows` updated rows. The floor is the bulk emit of an event for each."""

    def prepare(server: BenchServer) -> str:
        database = server.fresh(DATABASE, installed(server))
        with server.connect(database) as connection:
            for statement in _SHOP.format(rows=rows).split(";\n"):
                connection.execute(statement.encode())
        return database

    return [
        Case(GROUP, FLOOR, f"{rows:,}", prepare, _emitted(rows)),
        Case(GROUP, OURS, f"{rows:,}", prepare, _captured(rows)),
    ]


def _emitted(rows: int) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            return Outcome(rows, 1, _seconds(connection, _BULK))

    return run


def _captured(rows: int) -> Callable[[BenchServer, str], Outcome]:
    """Return a case whose seconds are those of the update with the capture, less those without it."""

    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            alone = _seconds(connection, _UPDATE)
            connection.execute("update public.orders set status = 'open'")
            connection.execute("vacuum analyze public.orders")
            for (statement,) in connection.execute(_ATTACH).fetchall():
                connection.execute(statement.encode())
            together = _seconds(connection, _UPDATE)
            row = connection.execute("select count(*) from public.iu_inbound_capture").fetchone()
            if row != (rows,):
                raise RuntimeError(f"{row} captured rows of {rows}")
        return Outcome(rows, 1, together - alone, extra={"update_alone_seconds": alone})

    return run


def _seconds(connection: psycopg.Connection[Any], statement: str) -> float:
    begun = time.perf_counter()
    connection.execute(statement.encode())
    return time.perf_counter() - begun
