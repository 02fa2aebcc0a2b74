"""The statements of deliveries touch few pages, whatever the statistics say and however big the tables are.

The database holds 20,000 settled deliveries and 20,000 queued ones, of which one subject has 5,000, and 300
live routes of one target.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from databases import Server
from delivery.world import DEPLOYMENT, World, url_of
from iu_pipelines.db.gateway import Gateway
from plans.test_hot_paths import answer, explained

QUEUED: Final = 20_000
ONE_SUBJECT: Final = 5_000
SETTLED: Final = 20_000
ROUTES: Final = 300
EARLY: Final = 1_000
BATCH: Final = 200
BIG: Final = (
    "event_outbox", "iu_delivery", "iu_delivery_claim", "iu_delivery_outcome", "iu_delivery_ledger",
    "iu_delivery_batch", "iu_delivery_decision", "iu_delivery_route", "iu_route_promotion",
)  # fmt: skip
STATISTICS: Final = ("never analysed", "vacuumed empty", "analysed long ago", "analysed")
"""What the statistics say: nothing, that every table is empty, that it has 1,000 rows, and the truth."""

EVENTS: Final = """
insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane, canonical_address,
    event_subject_table, event_subject_ref, actor_ref, safe_payload)
select 'iu', 'version_applied', 'update', 'immediate', 'PLAN/' || i, 'information_unit',
    case when i > %s then gen_random_uuid() else '00000000-0000-7000-8000-000000000001' end, 'plan',
    jsonb_build_object('unit_id', i)
from generate_series(1, %s) as i"""
ENQUEUE: Final = f"select public.fn_iu_delivery_enqueue('shop.paid', {BATCH})"
CLAIM: Final = f"select count(*) from public.fn_iu_delivery_claim('hook', {BATCH}, 'plan')"
CLAIM_ONE: Final = "select count(*) from public.fn_iu_delivery_claim('hook', 1, 'plan')"
IDLE_CLAIM: Final = "select count(*) from public.fn_iu_delivery_claim('quiet', 200, 'plan')"
CLAIMED: Final = f"""select claim_id, fence from public.fn_iu_delivery_claim('hook', {BATCH}, 'plan')"""

HEADS: Final = f"select * from public.fn_iu_delivery_heads('hook', {BATCH})"
NAMED: Final = (
    "select claim_id, delivery_key from public.fn_iu_delivery_claim_named('hook', '{keys}', 'plan')"
)
READ: Final = "select count(*) from public.fn_iu_delivery_claimed('{keys}')"
PROLONG: Final = "select public.fn_iu_delivery_prolong('{claims}')"

MOST: Final = {
    "enqueue": 8_000, "claim": 12_000, "record": 10_000, "idle claim": 60, "idle enqueue": 60,
    "heads": 4_000, "claim named": 16_000, "claimed": 12_000, "prolong": 8_000,
}  # fmt: skip
"""The number of pages that each may touch: a batch of 200, or a call with nothing to do."""


def login() -> str:
    return f"iu_test_plans_{os.getpid()}"


def fill(world: World, events: int, of_one_subject: int = 0) -> None:
    world.owner.execute(EVENTS, (of_one_subject, events))


def enqueue(world: World, route_code: str = "shop.paid") -> None:
    while world.enqueue(route_code, limit=10_000)["seen"]:
        pass


def settle(world: World, events: int) -> None:
    """Deliver this many events."""
    fill(world, events)
    enqueue(world)
    sender = world.sender("plan")
    for _ in range(events // 1000):
        sender.record(sender.claim(limit=1000))
    sender.close()


def make_routes(world: World) -> None:
    for number in range(1, ROUTES):
        world.add_route(f"shop.other{number}", "structure_piece_split", "hook")
    world.add_target("quiet")
    world.add_route("shop.quiet", "structure_piece_split", "quiet")
    world.open_gates()


def without_autovacuum(world: World) -> None:
    for table in BIG:
        world.owner.execute(f"alter table public.{table} set (autovacuum_enabled = off)")


@pytest.fixture(scope="module")
def small(server: Server, delivery_template: str) -> Iterator[str]:
    """Yield the name of a template with 300 live routes and no event."""
    name = f"iu_plans_small_{uuid4().hex[:12]}"
    url = server.create(name, delivery_template)
    with Gateway(url) as owner:
        world = World(owner, url, login())
        world.add_target("hook")
        world.add_route("shop.paid", "version_applied", "hook")
        make_routes(world)
        without_autovacuum(world)
    yield name
    server.drop(name)


@contextmanager
def opened(url: str) -> Iterator[World]:
    with Gateway(url, max_size=4) as owner:
        world = World(owner, url, login())
        try:
            yield world
        finally:
            world.close()


@pytest.fixture(scope="module", params=STATISTICS)
def full(request: pytest.FixtureRequest, server: Server, small: str) -> Iterator[str]:
    """Yield the URL of a database with big tables in the given state of statistics."""
    name = f"iu_plans_full_{uuid4().hex[:12]}"
    url = server.create(name, small)
    with opened(url) as world:
        if request.param == "vacuumed empty":
            world.owner.execute("vacuum analyze")
        settle(world, EARLY)
        if request.param == "analysed long ago":
            world.owner.execute("analyze")
        grow(world)
        if request.param == "analysed":
            world.owner.execute("vacuum analyze")
    yield url
    server.drop(name)


def grow(world: World) -> None:
    settle(world, SETTLED - EARLY)
    fill(world, QUEUED, ONE_SUBJECT)
    enqueue(world)


@contextmanager
def session_of(url: str, user: str = "") -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url_of(url, user) if user else url) as session:
        session.execute("set default_transaction_isolation = 'read committed'")
        session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
        session.commit()
        yield session
        session.rollback()


def pages(top: dict[str, Any]) -> int:
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


def touched(session: psycopg.Connection[Any], sql: str) -> int:
    """Return the pages of the statement, and undo it."""
    found = pages(explained(session, sql))
    session.rollback()
    return found


def recorded(session: psycopg.Connection[Any]) -> str:
    """Claim a batch in the transaction of this session, and return what records its outcomes."""
    outcomes = [
        {"claim_id": claim, "fence": fence, "decision": "sent"} for claim, fence in session.execute(CLAIMED)
    ]
    assert len(outcomes) == BATCH
    return f"select public.fn_iu_delivery_record('{json.dumps(outcomes)}')"


def measure(owner: psycopg.Connection[Any], sender: psycopg.Connection[Any], times: int) -> dict[str, int]:
    """Return the pages that each statement touches, the fewest of several calls."""
    seen: dict[str, int] = {}
    for _ in range(times):
        found = {
            "enqueue": touched(owner, ENQUEUE),
            "claim": touched(sender, CLAIM),
            "idle claim": touched(sender, IDLE_CLAIM),
            "idle enqueue": touched(owner, ENQUEUE.replace("paid", "quiet")),
            "record": touched(sender, recorded(sender)),
            **named(sender),
        }
        seen = {name: min(count, seen.get(name, count)) for name, count in found.items()}
    return seen


def named(sender: psycopg.Connection[Any]) -> dict[str, int]:
    """Return the pages of what programs call that start work for each delivery."""
    keys = "{" + ",".join(row[0] for row in sender.execute(HEADS.encode())) + "}"
    assert keys.count(",") == BATCH - 1
    sender.rollback()
    claim = NAMED.replace("{keys}", keys)
    found = {"heads": touched(sender, HEADS), "claim named": touched(sender, claim)}
    claims = ",".join(str(row[0]) for row in sender.execute(claim.encode()))
    assert claims.count(",") == BATCH - 1
    found["claimed"] = pages(explained(sender, READ.replace("{keys}", keys)))
    found["prolong"] = pages(explained(sender, PROLONG.replace("{claims}", f"{{{claims}}}")))
    sender.rollback()
    return found


def too_many(seen: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in seen.items() if count > MOST[name]}


def waiting(url: str) -> None:
    """Let one batch of events wait for the queue, and let the quiet route be up to date.

    The claim makes the look at all heads that one claim a minute makes.
    """
    with opened(url) as world:
        fill(world, BATCH)
        enqueue(world, "shop.quiet")
        sender = world.sender("plan")
        sender.record(sender.claim(limit=1))


def measured(url: str, times: int = 3) -> dict[str, int]:
    waiting(url)
    with session_of(url) as owner, session_of(url, login()) as sender:
        seen = measure(owner, sender, times)
    with opened(url) as world:
        enqueue(world)
    print(seen)
    return seen


def test_a_statement_touches_few_pages_whatever_the_statistics_say(full: str) -> None:
    assert too_many(measured(full)) == {}


def test_the_pages_do_not_grow_with_the_queue_or_with_what_is_settled(
    full: str, small: str, new_database: Callable[[str], str]
) -> None:
    few_url = new_database(small)
    with opened(few_url) as world:
        settle(world, EARLY)
        fill(world, EARLY)
        enqueue(world)
    few, many = measured(few_url), measured(full)
    assert {name: (few[name], many[name]) for name in few if many[name] > 1.5 * few[name] + 100} == {}


def test_no_statement_reads_a_big_table_from_end_to_end(full: str) -> None:
    waiting(full)
    scans = "select relname, seq_scan from pg_stat_xact_user_tables where relname = any(%s) and seq_scan > 0"
    with session_of(full) as owner, session_of(full, login()) as sender:
        for session, sql in ((owner, ENQUEUE), (sender, CLAIM), (sender, IDLE_CLAIM)):
            session.execute(sql)
            assert session.execute(scans, (list(BIG),)).fetchall() == [], sql
            session.rollback()
        sender.execute(recorded(sender))
        assert sender.execute(scans, (list(BIG),)).fetchall() == []
    with opened(full) as world:
        enqueue(world)


def test_a_call_with_nothing_to_do_writes_nothing(full: str) -> None:
    waiting(full)
    with session_of(full) as owner, session_of(full, login()) as sender:
        for session, sql in ((sender, IDLE_CLAIM), (owner, ENQUEUE.replace("paid", "quiet"))):
            # A read may prune a page, once more when a transaction of another database has ended.
            written = []
            for _ in range(5):
                session.execute(sql)
                session.rollback()
                written.append(explained(session, sql)["WAL Bytes"])
            assert min(written) == 0, written
            assert answer(session, "select pg_current_xact_id_if_assigned()") is None
    with opened(full) as world:
        enqueue(world)


def test_a_plan_made_while_the_tables_were_empty_serves_when_they_have_grown(
    small: str, new_database: Callable[[str], str]
) -> None:
    url = new_database(small)
    with opened(url) as world:
        world.owner.execute("vacuum analyze")
        fill(world, BATCH + 1)
        world.enqueue(limit=BATCH + 1)
    waiting(url)
    with session_of(url) as owner, session_of(url, login()) as sender:
        measure(owner, sender, 6)
        with opened(url) as world:
            grow(world)
        waiting(url)
        assert too_many(measure(owner, sender, 2)) == {}


def of_one(url: str) -> int:
    """Return the pages that a claim of one delivery touches."""
    with session_of(url, login()) as sender:
        return min(touched(sender, CLAIM_ONE) for _ in range(5))


def test_a_snapshot_that_is_held_makes_no_claim_visit_what_was_settled_since(full: str) -> None:
    waiting(full)
    before = of_one(full)
    with psycopg.connect(full) as held:
        held.execute("begin isolation level repeatable read")
        held.execute("select from public.iu_delivery limit 1")
        with opened(full) as world:
            sender = world.sender("plan")
            for _ in range(10):
                sender.record(sender.claim(limit=BATCH))
        seen = measured(full)
        assert too_many(seen) == {}
        # A claim of one, because that of a batch reads many pages anyway.
        assert of_one(full) < before + 100


BROKEN: Final = {
    "no index of due heads": "drop index public.iu_delivery_due",
    "no index of waiting deliveries": "drop index public.iu_delivery_waiting",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_missing_index_is_noticed(small: str, new_database: Callable[[str], str], broken: str) -> None:
    url = new_database(small)
    with opened(url) as world:
        world.owner.execute("vacuum analyze")
        grow(world)
        assert too_many(measured(url, 1)) == {}
        world.owner.execute(BROKEN[broken])
    assert too_many(measured(url, 1))
