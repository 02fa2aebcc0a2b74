"""`iu route`."""

from __future__ import annotations

from cli.running import Iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import inbound


def test_routes_are_added_listed_enabled_and_disabled(iu: Iu) -> None:
    assert iu("route", "add", "iu.second", "version_applied").out == "iu.second: disabled\n"
    assert iu("route", "enable", "iu.second").out == "iu.second: enabled, dry run\n"
    assert iu("route", "disable", "iu.second", "--json").json["enabled"] is False
    assert iu("route", "enable", "iu_sql.iu_sql_link.insert").code == 0
    listed = iu("route", "list", "--json").json
    assert [route["route_code"] for route in listed["outbound"]][-1] == "iu.version_applied.workflow"
    assert listed["inbound"][0]["enabled"] is True
    assert "iu.second" in iu("route", "list").out


def test_an_inbound_route_captures_and_then_emits(iu: Iu, gateway: Gateway) -> None:
    code = "iu_sql.iu_sql_link.insert"
    insert = "insert into public.iu_sql_link (sql_object_ref, actor_ref) values ('a', 't')"
    assert iu("route", "enable", code).out == f"{code}: enabled, dry run\n"
    gateway.execute(insert)
    assert iu("route", "enable", code, "--emit").out == f"{code}: enabled, emits\n"
    gateway.execute(insert)
    assert iu("route", "enable", code).out == f"{code}: enabled, emits\n"
    assert iu("route", "enable", code, "--capture-only").out == f"{code}: enabled, dry run\n"
    assert [capture.decision for capture in inbound.captures(gateway)] == ["emitted", "dry_run"]


def test_an_outbound_route_cannot_be_set_to_emit(iu: Iu) -> None:
    done = iu("route", "enable", "iu.version_applied.workflow", "--emit")
    assert done.code == 1
    assert "no such inbound route: 'iu.version_applied.workflow'" in done.err
    assert "always a dry run" in done.err
