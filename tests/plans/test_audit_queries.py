"""Pages that an audit lookup touches: they do not grow with the audit, in four states of statistics.

Two workers have read everything in batches of 1,000, ten batches a run; then dead letters were replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from databases import Server
from plans.test_hot_paths import BIG, RUN, answer, fill, letters, scanned, undone, warm_pages

SMALL: Final = 10_000
EVENTS: Final = 100_000
STATES: Final = ("never analysed", "analysed empty", "stale", "fresh")
LATER: Final = RUN.replace("iu_outbound_default", "later").replace("1000)", "1000, 'run-%s')")
REPLAYS: Final = """select count(public.fn_iu_route_dead_letter_replay(l.dead_letter_id, 'replays'))
    from public.iu_route_dead_letter as l"""
SOME: Final = """select jsonb_build_object('attempt_id', a.attempt_id, 'event_id', a.event_id,
        'key', a.idempotency_key, 'batch_id', a.batch_id, 'run_ref', b.run_ref)
    from public.iu_route_batch as b
    inner join lateral (
        select * from public.iu_route_attempt as v where v.batch_id = b.batch_id
        order by v.attempt_id offset 500 limit 1
    ) as a on true
    where b.worker_name = 'later' order by b.batch_id offset 4 limit 1"""

QUESTIONS: Final = {
    "the newest twenty": ("newest(20)", 600),
    "the twenty before an attempt": ("newest(20, {attempt_id})", 800),
    "an attempt": ("by_id({attempt_id})", 300),
    "the attempts of an event": ("by_event('{event_id}')", 60),
    "the attempts under a key": ("by_key('{key}')", 60),
    "a hundred of a batch": ("by_batch({batch_id}, 100)", 2_000),
    "twenty of a run": ("by_run('{run_ref}', 20)", 600),
    "the replays of a run": ("by_run('replays', 20)", 600),
    "twenty of a worker": ("by_worker('later', 20)", 600),
}
"""Lookups, each with the call and the number of pages that it may touch."""


def grow(connection: psycopg.Connection[Any], events: int) -> None:
    fill(connection, events)
    for sql in (RUN, LATER):
        number = 0
        while answer(connection, sql.replace("%s", str(number // 10)))["seen"]:
            number += 1
    letters(connection, 50)
    connection.execute(REPLAYS)


@pytest.fixture(scope="module", params=STATES)
def audited(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[tuple[str, str]]:
    """Yield the URLs of a database with a small audit, and of a copy with more events in the audit."""
    names = [f"iu_audit_{size}_{uuid4().hex[:8]}" for size in ("small", "big")]
    small = server.create(names[0], template)
    with psycopg.connect(small, autocommit=True) as connection:
        for table in BIG:
            connection.execute(f"alter table public.{table} set (autovacuum_enabled = off)")
        if request.param == "analysed empty":
            connection.execute("analyze")
        grow(connection, SMALL)
        if request.param == "stale":
            connection.execute("analyze")
    big = server.create(names[1], names[0])
    with psycopg.connect(big, autocommit=True) as connection:
        grow(connection, EVENTS)
        if request.param == "fresh":
            connection.execute("vacuum analyze")
    yield small, big
    for name in names:
        server.drop(name)


def asked(url: str, question: str) -> str:
    call, _ = QUESTIONS[question]
    with undone(url) as connection:
        return "select * from public.fn_iu_attempts_" + call.format(**answer(connection, SOME))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_lookup_touches_few_pages_whatever_the_size_of_the_audit(
    audited: tuple[str, str], question: str
) -> None:
    touched = []
    for url in audited:
        sql = asked(url, question)
        with undone(url) as connection:
            touched.append(warm_pages(connection, sql))
            assert url == audited[0] or scanned(connection) == {}
            assert connection.execute(sql.encode()).rowcount > 0
    assert max(touched) <= QUESTIONS[question][1]
    assert touched[1] <= 1.2 * touched[0] + 40
