"""`iu retention`."""

from __future__ import annotations

from cli.emitting import emit
from cli.running import Iu
from iu_pipelines.db.gateway import Gateway


def test_retention_is_off_by_default_and_says_how_to_turn_it_on(iu: Iu) -> None:
    done = iu("retention", "run")
    assert done.code == 0
    assert "retention_off: 0 events" in done.out
    assert "iu gate set iu_core.retention_days" in done.out


def test_retention_drops_events_that_were_read_and_shows_its_rounds(iu: Iu, gateway: Gateway) -> None:
    gateway.execute(
        """insert into public.event_outbox (emitted_xid, created_at, event_domain, event_type)
           select '3', now() - interval '30 days', 'iu', 'version_applied' from generate_series(1, 6)"""
    )
    iu("seek", "beginning", "--reason", "test")
    iu("run", "--once")
    iu("gate", "set", "iu_core.retention_days", "7", "--reason", "test")
    assert iu("retention", "run", "--reason", "test", "--json").json["events"] == 5
    shown = iu("retention", "show", "--json").json
    assert shown["history"][0]["events"] == 5
    assert shown["domains"][0]["retention_days"] == 7
    assert "test" in iu("retention", "show").out


def test_retention_runs_in_the_domain_of_a_worker_that_was_added(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    iu("worker", "add", "shop_worker", "--domain", "shop")
    for _ in range(3):
        emit(iu)
    gateway.execute("alter table public.event_outbox disable trigger all")
    gateway.execute("update public.event_outbox set created_at = now() - interval '9 days'")
    gateway.execute("alter table public.event_outbox enable trigger all")
    iu("gate", "set", "iu_core.retention_days", "1", "--reason", "test")
    iu("run", "--worker", "shop_worker")
    assert iu("retention", "run", "--json").json["events"] == 2
    assert iu("retention", "show", "--json").json["history"][0]["event_domain"] == "shop"
