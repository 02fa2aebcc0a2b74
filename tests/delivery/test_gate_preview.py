"""The preview of a gate says what the change does, and with the change made the deliveries do that."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from delivery.world import GATES, World

PREVIEW = "select * from public.fn_iu_delivery_gate_preview(%s, %s)"
ASKED = (
    "select public.fn_iu_delivery_refusal(r) as reason from public.iu_delivery_route as r order by route_code"
)


def preview(world: World, gate: str, value: str) -> list[dict[str, Any]]:
    return world.owner.fetch_all(PREVIEW, (GATES[gate], value))


def reasons(world: World) -> list[str | None]:
    return [row["reason"] for row in world.owner.fetch_all(ASKED)]


@pytest.fixture
def busy(world: World) -> World:
    """Return a world with two more routes, of which one is to another target, and seven deliveries of one."""
    world.add_target("jobs", kind="dagster_job", address="")
    world.add_route("shop.copy", "version_applied", "hook")
    world.add_route("shop.job", "structure_piece_split", "jobs")
    world.open_gates()
    world.set_gate("jobs", "true")
    for subject in (1, 2, 3):
        world.emit(subject, 2)
    world.emit(4)
    world.enqueue()
    return world


def test_what_a_closed_gate_holds_is_counted_and_goes_when_it_opens(busy: World) -> None:
    busy.set_gate("delivery", "false")
    rows = preview(busy, "delivery", "true")
    assert [(row["target"], row["route_code"], row["held"], row["held_reason"]) for row in rows] == [
        ("hook", "shop.copy", 0, None),
        ("hook", "shop.paid", 7, None),
        ("jobs", "shop.job", 0, None),
    ]
    oldest = min(row["queued_at"] for row in busy.queue())
    assert [row["oldest_at"] for row in rows] == [None, oldest, None]
    assert {row["held_capped"] for row in rows} == {False}
    assert {row["drain_seconds"] for row in rows} == {None}
    busy.set_gate("delivery", "true")
    sender, claimed = busy.sender(), 0
    while claims := sender.claim():
        claimed += len(claims)
        sender.record(claims)
    assert claimed == 7


def test_a_value_that_changes_no_refusal_has_no_row(busy: World) -> None:
    assert preview(busy, "delivery", "true") == []
    busy.set_gate("master", "false")
    assert preview(busy, "delivery", "false") == []
    assert preview(busy, "live_routes", "") == []
    assert preview(busy, "worker", "false") == []


@pytest.mark.parametrize("gate", ["master", "delivery", "jobs", "live_routes"])
@pytest.mark.parametrize("closed", ["", "master", "delivery", "jobs", "live_routes"])
def test_the_refusal_of_a_preview_is_that_of_the_change(busy: World, gate: str, closed: str) -> None:
    """Compare with the refusals before and after a real change, for each gate, with another one closed."""
    busy.owner.execute("update public.iu_delivery_target_state set paused = true where target_no = 1")
    for name in {closed, gate} - {""}:
        busy.set_gate(name, "shop.paid" if name == "live_routes" else "false")
    for value in ("shop.copy,shop.job", "shop.paid") if gate == "live_routes" else ("true", "false"):
        before = reasons(busy)
        rows = preview(busy, gate, value)
        busy.set_gate(gate, value)
        after = reasons(busy)
        codes = ["shop.copy", "shop.job", "shop.paid"]
        changed = {code: new for code, old, new in zip(codes, before, after, strict=True) if old != new}
        assert {row["route_code"]: row["held_reason"] for row in rows} == changed


def test_dead_and_parked_deliveries_and_those_in_flight_are_not_counted(busy: World) -> None:
    sender = busy.sender()
    claims = sender.claim(limit=2)
    sender.record(claims[:1], "failed", status_code=422)
    rows = {row["route_code"]: row for row in preview(busy, "delivery", "false")}
    assert rows["shop.paid"]["held"] == 7 - 1 - 1 - 1
    assert rows["shop.paid"]["held_reason"] == "delivery_gate_closed"
    busy.pass_time(61)
    assert {row["held"] for row in preview(busy, "delivery", "false")} == {0, 5}


def test_the_drain_time_is_that_of_the_smaller_rate_and_the_target_is_shared(busy: World) -> None:
    busy.set_gate("delivery", "false")
    busy.owner.execute("update public.iu_delivery_target set max_per_minute = 6 where target_name = 'hook'")
    busy.promote("shop.paid", max_per_minute=2)
    busy.promote("shop.copy")
    busy.set_gate("delivery", "true")
    busy.enqueue("shop.copy")
    busy.set_gate("delivery", "false")
    rows = {row["route_code"]: row for row in preview(busy, "delivery", "true")}
    paid, copy = rows["shop.paid"], rows["shop.copy"]
    assert (paid["held"], paid["max_per_minute"], paid["drain_seconds"]) == (7, 2, 7 / 2 * 60)
    assert (copy["held"], copy["max_per_minute"], copy["drain_seconds"]) == (7, 6, 14 / 6 * 60)
    assert rows["shop.job"]["drain_seconds"] is None
    (closing,) = [row for row in preview(busy, "delivery", "true") if row["route_code"] == "shop.job"]
    assert closing["held_reason"] is None


def test_more_than_100000_deliveries_are_counted_as_100000(world: World) -> None:
    world.owner.execute(
        """insert into public.iu_delivery (route_no, event_seq, event_id, subject, promotion_no,
               route_version, target_version, shard, is_head)
           select r.route_no, n, gen_random_uuid(), gen_random_uuid(), r.promotion_no, 1, 1, 0, true
           from public.iu_delivery_route as r cross join generate_series(1, 100001) as n"""
    )
    (row,) = preview(world, "delivery", "false")
    assert (row["held"], row["held_capped"]) == (100_000, True)
    world.owner.execute("delete from public.iu_delivery where event_seq = 1")
    (row,) = preview(world, "delivery", "false")
    assert (row["held"], row["held_capped"]) == (100_000, False)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [("no.such", "true", "IU202"), (GATES["delivery"], "maybe", "IU202"), ("", "true", "IU104"),
     (GATES["delivery"], None, "IU202")],
)  # fmt: skip
def test_a_wrong_key_or_value_is_refused(world: World, key: str, value: str, code: str) -> None:
    with psycopg.connect(world.url) as session, pytest.raises(psycopg.Error) as raised:
        session.execute(PREVIEW, (key, value))
    assert raised.value.sqlstate == code
