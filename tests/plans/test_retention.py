"""Cost of a retention round per event: the same beside one cursor and beside a hundred."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest

from engine import broken, stepping
from engine.sessions import opened, value
from plans.test_hot_paths import consume, fill, pages, scanned

pytestmark = pytest.mark.read_committed

EVENTS: Final = 2_000
ROUND: Final = "select public.fn_iu_retention_run('plan', 1000)"

CALLS: Final = """select sum(calls)::int from pg_stat_xact_user_functions
where funcname not like 'fn\\_iu\\_append%'"""


def prepare(
    session: psycopg.Connection[Any], cursors: int, position: str | None, events: int = EVENTS
) -> None:
    """Emit events dated a month ago. One worker reads them, the other cursors are sought to `position`."""
    session.execute("select public.fn_iu_gate_set('iu_core.retention_days', '1', 'plan')")
    session.execute("alter table public.event_outbox alter created_at set default now() - interval '30 days'")
    fill(session, events)
    session.commit()
    consume(session)
    session.commit()
    session.execute(
        """select public.fn_iu_route_worker_seek('plan.' || n, coalesce(%s, (
            select event_id::text from public.event_outbox order by event_seq desc limit 1)), 'plan')
        from generate_series(2, %s) as n""",
        (position, cursors),
    )
    session.commit()


def calls(session: psycopg.Connection[Any]) -> int:
    """Return how many functions one round calls, and roll it back."""
    session.execute("set track_functions = 'all'")
    session.execute(ROUND)
    count: int = value(session, CALLS)
    session.rollback()
    return count


@pytest.mark.parametrize("position", ["latest", None], ids=["everything read", "windows open"])
def test_a_round_costs_as_much_beside_a_hundred_cursors_as_beside_one(
    new_database: Callable[[str], str], template: str, position: str | None
) -> None:
    touched, called = {}, {}
    for cursors in (1, 100):
        with psycopg.connect(new_database(template)) as session:
            prepare(session, cursors, position)
            called[cursors] = calls(session)
            touched[cursors] = pages(session, ROUND)
            session.rollback()
    assert called[100] == called[1] <= 60
    assert touched[100] <= 1.1 * touched[1]
    assert touched[100] <= 20 * 1_000


def test_a_round_that_tests_each_cursor_for_each_event_is_detected(database: str) -> None:
    with opened(database) as (session,):
        broken.retention_event_by_event(session)
    with psycopg.connect(database) as session:
        prepare(session, 20, "latest")
        assert calls(session) > 20 * 1_000


def test_a_round_of_many_events_runs_as_many_statements_as_one_of_few(database: str) -> None:
    with psycopg.connect(database) as session:
        prepare(session, 3, "latest")
    with opened(database) as (session,):
        stepping.install(session)
        of_many = stepping.count(session, ROUND)
        of_few = stepping.count(session, ROUND.replace("1000", "10"))
    assert of_many == of_few <= 80


def analyse_and_fill(session: psycopg.Connection[Any]) -> None:
    session.execute("analyze")
    session.commit()
    prepare(session, 3, "latest")


def fill_and_analyse(session: psycopg.Connection[Any]) -> None:
    prepare(session, 3, "latest")
    session.execute("analyze")
    session.commit()


def analyse_few(session: psycopg.Connection[Any]) -> None:
    prepare(session, 3, "latest", 100)
    session.execute("analyze")
    session.commit()
    prepare(session, 3, "latest")


def only_fill(session: psycopg.Connection[Any]) -> None:
    prepare(session, 3, "latest")


@pytest.mark.parametrize("statistics", [only_fill, analyse_and_fill, analyse_few, fill_and_analyse])
def test_a_round_reads_by_index_whatever_the_statistics_say(
    database: str, statistics: Callable[[psycopg.Connection[Any]], None]
) -> None:
    with psycopg.connect(database) as session:
        for table in ("event_outbox", "iu_route_attempt_log", "iu_route_dead_letter"):
            session.execute(f"alter table public.{table} set (autovacuum_enabled = off)".encode())
        session.commit()
        statistics(session)
        assert value(session, ROUND)["events"] == 1_000
        assert scanned(session) == {}
        session.rollback()
        assert pages(session, ROUND) <= 20 * 1_000


def test_a_round_that_may_delete_nothing_ends_at_the_first_event(database: str) -> None:
    with psycopg.connect(database) as session:
        prepare(session, 20, "latest")
        session.execute("select public.fn_iu_route_worker_seek('plan.new', 'beginning', 'plan')")
        session.commit()
        assert value(session, ROUND)["events"] == 0
        session.rollback()
        assert pages(session, ROUND) <= 300
