"""No hot path reads a big table sequentially, or touches more pages as the tables grow.

The database holds 100,000 consumed events of the domain and as many of another, all but the first 1,000 of
each written by one transaction: the worst case for the statistics of a column of transaction ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from databases import Server

HELD: Final = 100_000
EARLY: Final = 1_000
WORKER: Final = "iu_outbound_default"
BIG: Final = ("event_outbox", "iu_route_attempt_log", "iu_route_dead_letter", "iu_route_batch")
STATISTICS: Final = ("never analysed", "analysed empty", "analysed long ago", "analysed")
"""What the statistics say: nothing, that every table is empty, that it has 1,000 rows, and the truth."""


RUN: Final = f"select public.fn_iu_route_worker_run('{WORKER}', 1000)"
EMIT: Final = """select public.fn_iu_emit_event(
    'version_applied', 'PLAN/1', gen_random_uuid(), 'plan', '{"unit_id": 1}')"""
BULK: Final = """select count(*) from public.fn_iu_emit_events((
    select jsonb_agg(jsonb_build_object('event_type', 'version_applied', 'canonical_address', 'PLAN/1',
        'subject_ref', gen_random_uuid(), 'actor_ref', 'plan', 'safe_payload', '{}'::jsonb))
    from generate_series(1, 100)))"""
REPLAY: Final = """select public.fn_iu_route_dead_letter_replay((
    select dead_letter_id from public.iu_route_dead_letter where resolution is null
    order by next_replay_at limit 1))"""
READING: Final = f"""select public.fn_iu_event_reading(
    (select event_id from public.event_outbox where event_domain = 'iu' order by event_seq desc limit 1),
    '{WORKER}')"""
SEEK: Final = f"select public.fn_iu_route_worker_seek('{WORKER}', '{{}}', 'plan')"
CURSOR: Final = f"(select c from public.iu_route_worker_cursor as c where c.worker_name = '{WORKER}')"
NEWEST_BATCH: Final = f"(select max(batch_id) from public.iu_route_batch where worker_name = '{WORKER}')"

HOT: Final = {
    "a run of a full batch": (RUN, 8_500),
    "an emit": (EMIT, 60),
    "a bulk emit of a hundred": (BULK, 2_200),
    "the health of a worker": ("select public.fn_iu_route_worker_health()", 1_700),
    "the state of all workers": ("select count(*) from public.fn_iu_workers_status()", 1_700),
    "what health notes of the outbox": ("select public.fn_iu_outbox_notes()", 900),
    "the domains without a reader": ("select count(*) from public.fn_iu_unread_domains()", 700),
    "whether something is pending": ("select public.fn_iu_route_worker_pending()", 60),
    "how far a worker is with an event": (READING, 600),
    "a replay": (REPLAY, 160),
    "a seek to the latest event": (SEEK.format("latest"), 80),
    "a seek to the beginning": (SEEK.format("beginning"), 80),
    "the conservation check": (
        f"select count(*) from public.fn_iu_cursor_unattempted({CURSOR}, 1000)",
        9_000,
    ),
    "the verification of a batch's link": (
        f"select public.fn_iu_audit_chain_verify('{WORKER}', {NEWEST_BATCH}, {NEWEST_BATCH})",
        120,
    ),
}
"""Statements, each with the number of pages that it may touch."""


def fill(connection: psycopg.Connection[Any], events: int, domain: str = "iu") -> None:
    connection.execute(
        """insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane,
            canonical_address, event_subject_table, event_subject_ref, actor_ref, safe_payload)
        select %s, 'version_applied', 'update', 'immediate', 'PLAN/' || i, 'information_unit',
            gen_random_uuid(), 'plan', jsonb_build_object('unit_id', md5(i::text), 'rev', i)
        from generate_series(1, %s) as i""",
        (domain, events),
    )


def consume(connection: psycopg.Connection[Any]) -> None:
    while answer(connection, RUN.replace("1000", "10000"))["seen"]:
        pass


def answer(connection: psycopg.Connection[Any], sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def letters(connection: psycopg.Connection[Any], count: int) -> None:
    connection.execute(
        """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key)
        select o.event_id, 'iu.version_applied.workflow', 'plan:' || o.event_id
        from (select event_id from public.event_outbox where event_domain = 'iu'
            order by event_seq desc limit %s) as o""",
        (count,),
    )


def batches(connection: psycopg.Connection[Any], count: int) -> None:
    connection.execute(
        """insert into public.iu_route_batch (worker_name, event_domain, started_at, finished_at, seen,
            attempts_written, dry_run, skipped, failed, dead_lettered, first_event_seq, last_event_seq,
            previous_hash, batch_hash)
        select 'old.' || i % 7, 'old', now(), now(), 1, 1, 1, 0, 0, 0, i, i, '', ''
        from generate_series(1, %s) as i""".replace("% 7", "%% 7"),
        (count,),
    )


@pytest.fixture(scope="module", params=STATISTICS)
def full(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[str]:
    """Yield the URL of a database with big tables in the given state of statistics."""
    name = f"iu_plans_{uuid4().hex[:12]}"
    url = server.create(name, template)
    with psycopg.connect(url, autocommit=True) as connection:
        for table in BIG:
            connection.execute(f"alter table public.{table} set (autovacuum_enabled = off)")
        if request.param == "analysed empty":
            connection.execute("analyze")
        for count in (EARLY, HELD - EARLY):
            fill(connection, count, "other")
            fill(connection, count)
            consume(connection)
            if request.param == "analysed long ago" and count == EARLY:
                connection.execute("analyze")
        letters(connection, 2_000)
        batches(connection, 20_000)
        if request.param == "analysed":
            connection.execute("vacuum analyze")
    yield url
    server.drop(name)


@contextmanager
def undone(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def committed(url: str, work: Callable[[psycopg.Connection[Any]], None]) -> None:
    with psycopg.connect(url) as connection:
        work(connection)


def settle(url: str) -> None:
    """Consume everything, and invoke the worker until the mark of its last batch is valid."""
    for _ in range(3):
        committed(url, consume)


def explained(connection: psycopg.Connection[Any], sql: str) -> dict[str, Any]:
    """Run the statement and return the top node of its plan, whose figures include all nested statements."""
    plan = answer(connection, "explain (analyze, buffers, wal, format json) " + sql)
    top: dict[str, Any] = plan[0]["Plan"]
    return top


def pages(connection: psycopg.Connection[Any], sql: str) -> int:
    top = explained(connection, sql)
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


def warm_pages(connection: psycopg.Connection[Any], sql: str) -> int:
    """Return the fewest pages of three calls, when the session has cached plans and catalogs.

    Autovacuum can invalidate what the session has cached.
    """
    connection.execute(sql)
    found = []
    for _ in range(3):
        connection.rollback()
        found.append(pages(connection, sql))
    return min(found)


def scanned(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Count the sequential scans of each big table in this transaction."""
    rows = connection.execute(
        "select relname, seq_scan from pg_stat_xact_user_tables where relname = any(%s)", (list(BIG),)
    ).fetchall()
    return {name: count for name, count in rows if count}


@pytest.mark.parametrize("what", HOT)
def test_no_hot_path_reads_a_big_table_from_end_to_end(full: str, what: str) -> None:
    sql, _ = HOT[what]
    committed(full, lambda connection: fill(connection, 1_000))
    with undone(full) as connection:
        connection.execute(sql)
        assert scanned(connection) == {}


@pytest.mark.parametrize("what", HOT)
def test_a_hot_path_touches_few_pages_whatever_the_size_of_the_tables(full: str, what: str) -> None:
    sql, most = HOT[what]
    settle(full)
    committed(full, lambda connection: fill(connection, 1_000))
    with undone(full) as connection:
        assert warm_pages(connection, sql) <= most
    committed(full, consume)


def test_own_events_are_looked_up_by_their_transaction(full: str) -> None:
    committed(full, consume)
    with undone(full) as connection:
        connection.execute(EMIT)
        assert answer(connection, RUN)["seen"] == 1
        connection.execute(EMIT)
        assert pages(connection, RUN) <= 200
        assert scanned(connection) == {}


def test_a_late_transaction_is_looked_up_by_its_id(full: str) -> None:
    committed(full, consume)
    with psycopg.connect(full) as late:
        late.execute(EMIT)
        committed(full, lambda connection: fill(connection, 10))
        committed(full, lambda connection: answer(connection, RUN))
        late.commit()
    with undone(full) as connection:
        assert answer(connection, RUN)["seen"] == 1
        connection.rollback()
        assert pages(connection, RUN) <= 200
        assert scanned(connection) == {}


def grow(connection: psycopg.Connection[Any]) -> None:
    fill(connection, 30_000)
    letters(connection, 2_000)
    batches(connection, 20_000)


def late_batch(url: str, worker: psycopg.Connection[Any]) -> int:
    """Return the pages of a batch with one event, of a transaction that was open in the previous batch."""
    with psycopg.connect(url) as late:
        late.execute(EMIT)
        committed(url, lambda other: fill(other, 1))
        answer(worker, RUN)
    return pages(worker, RUN)


def test_a_plan_made_while_the_tables_were_small_serves_when_they_have_grown(
    new_database: Callable[[str], str], template: str
) -> None:
    url = new_database(template)
    with psycopg.connect(url, autocommit=True) as setup:
        setup.execute("vacuum analyze")
        for table in BIG:
            setup.execute(f"alter table public.{table} set (autovacuum_enabled = off)")
    with psycopg.connect(url, autocommit=True) as session:
        committed(url, lambda other: fill(other, 10))
        consume(session)
        committed(url, lambda other: letters(other, 10))
        for sql, _ in HOT.values():
            for _ in range(6):
                with session.transaction(force_rollback=True):
                    session.execute(sql)
        late_batch(url, session)
        committed(url, grow)
        consume(session)
        assert late_batch(url, session) <= 200
        committed(url, lambda other: fill(other, 1_000))
        touched = {}
        for what, (sql, most) in HOT.items():
            with session.transaction(force_rollback=True):
                if (seen := pages(session, sql)) > most:
                    touched[what] = (seen, most)
    assert touched == {}


def test_the_number_of_pages_that_a_batch_reads_does_not_depend_on_old_events(
    full: str, new_database: Callable[[str], str], template: str
) -> None:
    few = new_database(template)
    seen = {}
    for url in (few, full):
        committed(url, consume)
        committed(url, lambda connection: fill(connection, 3_000))
        with psycopg.connect(url) as connection:
            answer(connection, RUN)
            seen[url] = pages(connection, RUN)
    assert seen[full] <= 1.1 * seen[few]


def test_an_emit_touches_as_many_pages_beside_many_old_events_as_beside_few(
    full: str, new_database: Callable[[str], str], template: str
) -> None:
    seen = {}
    for url in (new_database(template), full):
        with undone(url) as connection:
            for _ in range(10):
                connection.execute(EMIT)
            seen[url] = pages(connection, EMIT)
    assert max(seen.values()) - min(seen.values()) <= 8


def test_a_batch_that_opens_a_window_does_not_read_every_waiting_event(full: str) -> None:
    settle(full)
    committed(full, lambda connection: fill(connection, 20_000))
    with undone(full) as connection:
        assert warm_pages(connection, RUN.replace("1000", "10")) <= 250
    committed(full, consume)


def test_an_idle_run_does_not_step_over_the_events_of_an_open_transaction(full: str) -> None:
    committed(full, consume)
    with undone(full) as writer:
        fill(writer, 20_000)
        for _ in range(2):
            committed(full, lambda connection: answer(connection, RUN))
        with undone(full) as connection:
            assert warm_pages(connection, RUN) <= 100


FOLDED: Final = {
    "the quick check of a payload": (
        "public.fn_iu_payload_is_plain(o.safe_payload::text) from public.event_outbox as o",
        "25636f6f6b696525",
    ),
    "the quick check of many payloads": (
        "o.actor_ref ~ (public.fn_iu_payload_words_regexp() || '|x') from public.event_outbox as o",
        "|cookie)|x",
    ),
    "the full check": (
        "o.actor_ref ~* public.fn_iu_payload_key_regexp() from public.event_outbox as o",
        "|cookie)",
    ),
}
"""Expressions, each with a constant that its plan must contain: the form of the word `cookie`."""


@pytest.mark.parametrize("what", FOLDED)
def test_the_forbidden_words_are_a_constant_of_the_plan(database: str, what: str) -> None:
    expression, constant = FOLDED[what]
    with psycopg.connect(database) as connection:
        rows = connection.execute(f"explain (verbose, costs off) select {expression}")
        plan = "\n".join(line for (line,) in rows)
    assert constant in plan
    assert "fn_iu_payload" not in plan
