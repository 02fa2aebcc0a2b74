"""A claim of a drain touches few pages, however much of the drain is settled, blocked or waiting."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from delivery.test_hot_paths import EVENTS, pages, session_of
from delivery.world import World
from engine.broken import edit
from engine.sessions import opened
from plans.test_hot_paths import explained

ENTRIES = 6_000
ONE_SUBJECT = ENTRIES // 4
BATCH = 200
MOST = 16_000
"""Pages of a claim of a batch: those of any claim (see test_hot_paths.py), and the subjects that it read."""


@pytest.fixture
def planned(world: World) -> tuple[World, str]:
    """Return a world with a drain, in which one subject has a fourth of the entries."""
    world.owner.execute("vacuum analyze")
    world.owner.execute(EVENTS, (ONE_SUBJECT, ENTRIES))
    while world.enqueue(limit=10_000)["seen"]:
        pass
    said = world.owner.fetch_value(
        "select public.fn_iu_delivery_plan_make('drain', %s, 'test')", (Jsonb({"target": "hook"}),)
    )
    assert said["entries"] == ENTRIES
    return world, said["plan_hash"]


def statement(plan_hash: str, limit: int = BATCH) -> str:
    return f"select claim_id, fence from public.fn_iu_delivery_claim_plan('{plan_hash}', {limit}, 'one')"


def touched(world: World, sql: str) -> int:
    """Return the pages of a claim, and undo it."""
    found = []
    with session_of(world.url, world.login) as session:
        for _ in range(3):
            found.append(pages(explained(session, sql)))
            session.rollback()
    return min(found)


def drain(world: World, plan_hash: str, events: int) -> None:
    """Deliver about this many events of the drain."""
    sender, sent = world.sender("one"), 0
    while sent < events:
        claims = sender.session.execute(statement(plan_hash, 1000).encode()).fetchall()
        sent += len(claims)
        sender.record(claims)
        if not claims:
            return


def test_a_claim_of_a_drain_does_not_grow_with_what_is_settled(planned: tuple[World, str]) -> None:
    world, plan_hash = planned
    first = touched(world, statement(plan_hash))
    drain(world, plan_hash, ENTRIES // 2)
    half = touched(world, statement(plan_hash))
    drain(world, plan_hash, ENTRIES // 4 - BATCH)
    last = touched(world, statement(plan_hash, 1))
    print(first, half, last)
    assert max(first, half) < MOST
    assert half < first + 4_000
    assert last < 6_000


def test_a_head_behind_which_thousands_wait_is_found_at_once(planned: tuple[World, str]) -> None:
    world, plan_hash = planned
    drain(world, plan_hash, ENTRIES - ONE_SUBJECT)
    drain(world, plan_hash, 2)  # a claim that goes round, and forgets the subjects that are settled
    left = world.owner.fetch_value("select count(*) from public.iu_delivery")
    assert left > ONE_SUBJECT / 2
    found = touched(world, statement(plan_hash))
    print(found, left)
    assert found < 1_000


def test_a_scan_of_what_is_settled_is_noticed(planned: tuple[World, str]) -> None:
    """Keep the subjects whose deliveries are settled, and begin each claim with the first one."""
    world, plan_hash = planned
    with opened(world.url) as [judge]:
        edit(
            judge,
            "fn_iu_delivery_plan_due",
            ("s.place = any (v_part.finished)", "false"),
            ("v_after := v_state.next_no;", "v_after := 0;"),
        )
    drain(world, plan_hash, ENTRIES // 2)
    assert touched(world, statement(plan_hash)) > MOST
