"""An outbox in which every metric has a value, for tests of the metrics, the dashboard and Prometheus."""

from __future__ import annotations

import os
from uuid import uuid4

from delivery.world import World
from domain.samples import ROUTE, add_letter, emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import dead_letters, inbound, outbox, routes, worker
from iu_pipelines.domain.gates import set_gate
from iu_pipelines.domain.worker import DEFAULT_WORKER

LATE_WORKER = "w.late"
RETIRED_WORKER = "w.retired"
CAPTURE = "shop.orders.paid"
TARGET = "hook"
LIVE_ROUTE = "shop.paid"

_AGED = """
alter table public.event_outbox disable trigger all;
update public.event_outbox set created_at = now() - interval '9 days';
alter table public.event_outbox enable trigger all;
"""
_SHOP = """
insert into public.event_type_registry (event_type, event_domain, event_stream, delivery_lane,
    payload_classification, event_subject_table, enabled)
select 'order_paid', 'shop', event_stream, delivery_lane, payload_classification, 'orders', true
from public.event_type_registry where event_type = 'version_applied';
create table public.orders (id bigint primary key, status text);
insert into public.iu_inbound_route (route_code, source_table, source_op, target_event_type, subject_table,
    subject_columns, address_template, enabled, dry_run)
values ('shop.orders.paid', 'public.orders', 'insert', 'order_paid', 'public.orders', '{id}', 'orders/{id}',
    true, true);
"""


def fill(gateway: Gateway) -> None:
    """Fill a new database.

    The default worker has read two events, replayed one letter, and has another one open. A second worker
    has read nothing, a third one is retired. Retention is on and held, a domain has no worker, a capture has
    no trigger, and a route is disabled.
    """
    emit(gateway)
    emit(gateway)
    worker.run_once(gateway, DEFAULT_WORKER, 10)
    gateway.execute(_AGED)
    worker.add(gateway, LATE_WORKER, "iu", "test")
    worker.add(gateway, RETIRED_WORKER, "none", "test")
    worker.retire(gateway, RETIRED_WORKER, "test")
    dead_letters.replay(gateway, add_letter(gateway, key="test:1"))
    add_letter(gateway, ROUTE, key="test:2")
    gateway.execute(_SHOP)
    outbox.emit(gateway, "order_paid", "orders/1", uuid4(), "test", {})
    inbound.set_enabled(gateway, "iu_sql.iu_sql_link.insert", True)
    routes.set_enabled(gateway, "iu.structure_piece_split.workflow", False)
    set_gate(gateway, "iu_core.retention_days", "1", "test")


def fill_deliveries(gateway: Gateway, url: str) -> None:
    """Make a route to a target live, in a database with the module that was filled.

    Of the two oldest events one is sent, and one fails for good.
    """
    world = World(gateway, url, f"iu_test_busy_{os.getpid()}")
    world.add_target(TARGET)
    world.add_route(LIVE_ROUTE, "version_applied", TARGET)
    world.open_gates()
    assert world.enqueue(LIVE_ROUTE)["queued"] > 2
    sender = world.sender()
    sender.record(sender.claim(limit=1))
    sender.record(sender.claim(limit=1), "failed")
    world.close()
