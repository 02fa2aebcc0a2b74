"""Stable counts of a batch: statements, WAL bytes, rows and transaction ids."""

from __future__ import annotations

import statistics
from typing import Any, Final

import psycopg
import pytest

from engine import stepping
from engine.sessions import opened
from plans.test_hot_paths import EMIT, RUN, answer, explained, fill

BATCH: Final = 1000


@pytest.fixture
def waiting(database: str) -> str:
    """Return the URL of a database with three batches of events, of which the first is read."""
    with psycopg.connect(database) as connection:
        fill(connection, 3 * BATCH)
        connection.commit()
        answer(connection, RUN)
    return database


def rows(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, int, int]]:
    """Count the rows that this transaction has inserted, updated and deleted, by table."""
    found = connection.execute(
        """select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_xact_user_tables
        where n_tup_ins + n_tup_upd + n_tup_del > 0"""
    ).fetchall()
    return {name: (inserted, updated, deleted) for name, inserted, updated, deleted in found}


def test_a_batch_runs_some_ninety_statements_however_many_events_it_has(waiting: str) -> None:
    with opened(waiting) as [session]:
        stepping.install(session)
        of_many = stepping.count(session, RUN)
        of_one = stepping.count(session, RUN.replace("1000", "1"))
    assert 50 <= of_many == of_one <= 100


def test_an_emit_runs_a_handful_of_statements(database: str) -> None:
    with opened(database) as [session]:
        stepping.install(session)
        assert 2 <= stepping.count(session, EMIT) <= 8


def test_an_event_of_a_batch_costs_some_220_bytes_of_wal(waiting: str) -> None:
    with psycopg.connect(waiting) as connection:
        wal = explained(connection, RUN)["WAL Bytes"] / BATCH
    assert 180 <= wal <= 260


def test_a_batch_writes_an_attempt_per_event_and_three_more_rows(waiting: str) -> None:
    with psycopg.connect(waiting) as connection:
        assert answer(connection, RUN)["attempts_written"] == BATCH
        written = rows(connection)
    tally = written.pop("iu_route_attempt_tally")
    assert sum(tally) == 1
    assert written == {
        "iu_route_attempt_log": (BATCH, 0, 0),
        "iu_route_batch": (1, 0, 0),
        "iu_route_worker_cursor": (0, 1, 0),
    }


LAST_RUN: Final = "update public.iu_route_worker_cursor set last_run_at = last_run_at - interval '{}'"


def test_an_idle_run_writes_nothing_and_takes_no_transaction_id(database: str) -> None:
    with psycopg.connect(database) as connection:
        answer(connection, RUN)
    with psycopg.connect(database) as connection:
        plan = explained(connection, RUN)
        assert answer(connection, RUN)["status"] == "ran"
        assert (plan["WAL Bytes"], rows(connection)) == (0, {})
        assert answer(connection, "select pg_current_xact_id_if_assigned()") is None


def test_an_idle_run_writes_the_cursor_alone_once_a_minute(database: str) -> None:
    with psycopg.connect(database) as connection:
        answer(connection, RUN)
        connection.execute(LAST_RUN.format("61 seconds").encode())
    for written in ({"iu_route_worker_cursor": (0, 1, 0)}, {}):
        with psycopg.connect(database) as connection:
            answer(connection, RUN)
            assert rows(connection) == written


def test_a_clock_that_was_set_back_does_not_stop_an_idle_run_from_writing(database: str) -> None:
    with psycopg.connect(database) as connection:
        answer(connection, RUN)
        connection.execute(LAST_RUN.format("-1 hour").encode())
    with psycopg.connect(database) as connection:
        answer(connection, RUN)
        assert rows(connection) == {"iu_route_worker_cursor": (0, 1, 0)}


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_runs_cost_the_same_beside_an_open_snapshot(database: str, busy: bool) -> None:
    with psycopg.connect(database) as setup:
        # Autovacuum invalidates catalog caches of the sessions; reading the catalogs again costs pages.
        setup.execute(
            """do $$ declare t regclass; begin
            for t in select c.oid from pg_class as c
                where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace loop
                execute format('alter table %s set (autovacuum_enabled = off)', t);
            end loop; end $$"""
        )
    with (
        psycopg.connect(database) as holder,
        psycopg.connect(database, autocommit=True) as emitter,
        psycopg.connect(database, autocommit=True) as connection,
    ):

        def run_pages() -> int:
            if busy:
                emitter.execute(EMIT)
            top = explained(connection, RUN)
            return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])

        for _ in range(500):  # until every index has its second level
            run_pages()
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("select count(*) from public.iu_route_worker_cursor")
        first = statistics.median(run_pages() for _ in range(9))
        for _ in range(600):
            run_pages()
        assert statistics.median(run_pages() for _ in range(9)) <= 1.1 * first + 3


def test_the_rows_of_a_batch_carry_one_transaction_id(waiting: str) -> None:
    with psycopg.connect(waiting) as connection:
        answer(connection, RUN)
        ids = answer(
            connection,
            """select array_agg(distinct xmin::text::bigint) from public.iu_route_attempt_log
            where batch_id = (select max(batch_id) from public.iu_route_batch)""",
        )
    assert len(ids) == 1


def test_an_emit_writes_one_row_and_nothing_else(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "select public.fn_iu_emit_event('version_applied', 'PLAN/1', gen_random_uuid(), 'plan', '{}')"
        )
        assert rows(connection) == {"event_outbox": (1, 0, 0)}
