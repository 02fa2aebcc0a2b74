"""The domain functions of inbound routes and captures."""

from __future__ import annotations

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import inbound


def test_an_enabled_inbound_route_captures_a_change(gateway: Gateway) -> None:
    gateway.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.a')")
    assert inbound.captures(gateway) == []
    route = inbound.set_enabled(gateway, "iu_sql.iu_sql_link.insert", True)
    assert route is not None
    assert route in inbound.list_routes(gateway)
    gateway.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.b')")
    (capture,) = inbound.captures(gateway)
    assert (capture.route_code, capture.decision, capture.event_id) == (route.route_code, "dry_run", None)


def test_enabling_an_unknown_inbound_route_returns_none(gateway: Gateway) -> None:
    assert inbound.set_enabled(gateway, "nope", True) is None
