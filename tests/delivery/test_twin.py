"""The twin: what the rehearsal of a live route would have done, beside what its delivery did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from delivery.office import Office
from delivery.world import World

TWIN = "select * from public.fn_iu_delivery_twin(%s, %s)"
Cell = tuple[str, str]


def twin(world: World, newest: int | None = None, route: str = "shop.paid") -> dict[Cell, tuple[int, UUID]]:
    rows = world.owner.fetch_all(TWIN, (route, newest))
    return {(row["would"], row["did"]): (row["deliveries"], row["first_event_id"]) for row in rows}


def attempt(world: World, limit: int = 1000) -> dict[str, Any]:
    said: dict[str, Any] = world.owner.fetch_value(
        "select public.fn_iu_route_worker_run('iu_outbound_default', %s)", (limit,)
    )
    return said


def test_each_event_that_was_read_is_counted_once_by_both_decisions(world: World) -> None:
    events = [world.emit(subject)[0] for subject in range(1, 7)]
    world.enqueue()
    assert twin(world) == {("none", "queued"): (6, events[0])}
    attempt(world)
    sender = world.sender()
    sender.record(sender.claim(limit=2))
    sender.record(sender.claim(limit=1), "failed", status_code=422)
    sender.record(sender.claim(limit=1), "retry", status_code=503)
    sender.claim(limit=1)
    unread = world.emit(7)
    attempt(world)
    assert twin(world) == {
        ("dry_run", "sent"): (2, events[0]),
        ("dry_run", "dead"): (1, events[2]),
        ("dry_run", "retry"): (1, events[3]),
        ("dry_run", "in_flight"): (1, events[4]),
        ("dry_run", "queued"): (1, events[5]),
    }
    assert unread[0] not in {first for _, first in twin(world).values()}


def test_an_event_that_was_delivered_and_never_rehearsed_shows(world: World) -> None:
    (event,) = world.emit(1)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim())
    assert twin(world) == {("none", "sent"): (1, event)}


def test_a_rehearsal_that_fails_beside_a_delivery_shows_until_it_is_replayed(world: World) -> None:
    (event,) = world.emit(1)
    world.enqueue()
    attempt(world)
    world.owner.run_script(
        "set session_replication_role = replica;"
        "update public.iu_route_attempt_log set decision = 'failed', error_code = 'x'"
    )
    assert twin(world) == {("failed", "queued"): (1, event)}
    world.owner.execute(
        """insert into public.iu_route_attempt_log (event_id, worker_no, route_no, route_version, attempt_no,
               decision, idempotency_key)
           select event_id, worker_no, route_no, route_version, 2, 'dry_run', 'k'
           from public.iu_route_attempt_log"""
    )
    assert twin(world) == {("dry_run", "queued"): (1, event)}


def test_only_the_newest_events_are_read(world: World) -> None:
    events = world.emit(1, 5)
    world.enqueue()
    assert twin(world, 2) == {("none", "queued"): (2, events[3])}
    assert twin(world, 100) == twin(world) == {("none", "queued"): (5, events[0])}


def test_what_the_first_promotion_passed_over_is_not_counted(office: Office) -> None:
    office.promote()
    office.emit(2, 2)
    assert office.run("sender", TWIN, "shop.paid", None) == []
    office.enqueue()
    (row,) = office.run("auditor", TWIN, "shop.paid", None)
    assert (row["would"], row["did"], row["deliveries"]) == ("dry_run", "queued", 2)


def test_events_of_other_types_and_outside_the_canary(world: World) -> None:
    world.promote("shop.paid", share=0.00002)
    world.emit(1)
    world.emit(2, event_type="structure_piece_split")
    world.enqueue()
    assert [(cell, count) for cell, (count, _) in twin(world).items()] == [(("none", "outside_canary"), 1)]


def test_a_route_that_was_never_promoted_has_no_twin(world: World) -> None:
    world.owner.execute(
        """insert into public.iu_outbound_route (route_code, event_type, target_kind, target_ref)
           values ('shop.other', 'version_applied', 'webhook', 'hook')"""
    )
    assert twin(world, route="shop.other") == {}


@pytest.mark.parametrize(("route", "newest"), [("no.route", 1), ("shop.paid", 0), ("", 1)])
def test_a_wrong_argument_is_refused(world: World, route: str, newest: int) -> None:
    with psycopg.connect(world.url) as session, pytest.raises(psycopg.Error) as raised:
        session.execute(TWIN, (route, newest))
    assert raised.value.sqlstate == "IU104"
