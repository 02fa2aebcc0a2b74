"""Tests of the audit functions fail if the functions are edited or a constraint is dropped."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from sql.test_behaviours import HERE, connection, play

__all__ = ["connection"]

AT_ONCE: Final = "attempts/attempts_of_concurrent_batches_are_returned_by_attempt_id"
ALL_WORKERS: Final = "health/the_state_of_all_workers_agrees_with_the_health_report_of_each"

EDITS: Final = {
    "a batch on both sides of a page is left out": (
        AT_ONCE,
        "fn_iu_batches_around(bigint)",
        ("b.last_attempt_id >= fn_iu_batches_around.attempt_id", "false"),
    ),
    "the ledger is read no further than to the first batch that fills a page": (
        AT_ONCE,
        "fn_iu_attempts_gather(text, text, bigint, int)",
        ("and v_batch.last_attempt_id < v_least", ""),
    ),
    "an event on both sides of a page is returned with all its attempts": (
        "attempts/a_page_continues_where_the_previous_one_ended",
        "fn_iu_attempts_of_batch(public.iu_route_batch, bigint, int)",
        ("and l.attempt_id < before_attempt_id", ""),
    ),
    "the bisection stops too early": (
        "attempts/a_page_continues_where_the_previous_one_ended",
        "fn_iu_batch_seq_before(public.iu_route_batch, bigint)",
        ("v_high := v_middle - 1", "v_high := v_low"),
    ),
    "replays are left out": (
        "attempts/the_newest_attempts_may_be_replays_without_a_batch",
        "fn_iu_replays_recent(text, text, bigint, int)",
        ("a.attempt_no > 1", "a.attempt_no > 9"),
    ),
    "a dropped batch ends the search": (
        "attempts/the_newest_attempts_are_found_after_rounds_of_retention",
        "fn_iu_attempts_gather(text, text, bigint, int)",
        ("v_found >= row_limit and", "v_place > 3 or"),
    ),
    "a key is split at its first colon": (
        "attempts/a_key_leads_to_its_attempts_whatever_the_names_in_it",
        "fn_iu_attempts_by_key(text)",
        ("^(.+):", "^([^:]+):"),
    ),
    "the state of all workers has the faults of one": (
        ALL_WORKERS,
        "fn_iu_workers_status(integer)",
        ("faults := v_outbox || public.fn_iu_worker_faults(", "faults := coalesce(faults, '{}') || public.fn_iu_worker_faults("),
    ),
    "the state of all workers has no faults of their own": (
        ALL_WORKERS,
        "fn_iu_workers_status(integer)",
        ("healthy := cardinality(faults) = 0", "healthy := cardinality(v_outbox) = 0"),
    ),
    "the letter's key is that of the first attempt too": (
        "attempts/a_key_leads_to_its_attempts_whatever_the_names_in_it",
        "fn_iu_attempts_by_key(text)",
        ("(a.attempt_no = 1) = wanted.is_first", "true"),
    ),
}

STATEMENTS: Final = {
    "an event, a worker and a route may have two letters": (
        "dead_letters/an_event_worker_and_route_have_one_letter",
        "drop index public.one_letter_for_each_event_worker_and_route",
    ),
    "the log of attempts has no primary key": (
        "retention/a_publication_of_all_tables_does_not_stop_a_round",
        "alter table public.iu_route_attempt_log drop constraint each_try_is_made_once",
    ),
}


def fails(connection: psycopg.Connection, behaviour: str, breach: str) -> None:
    text = (HERE / f"{behaviour}.sql").read_text(encoding="utf-8")
    noticed = pytest.raises(AssertionError, match=r"expected|does not hold|nothing refused|55000|23514|IU104|IU602")
    connection.execute("set default_transaction_isolation = 'read committed'")
    with noticed, connection.transaction(force_rollback=True):
        connection.execute(breach.encode())
        play(connection, text)


def edited(connection: psycopg.Connection, function: str, right: str, wrong: str) -> str:
    """Return the definition of a function of the schema public with `wrong` in the place of `right`."""
    row = connection.execute(
        "select pg_get_functiondef(%s::regprocedure)", (f"public.{function}",)
    ).fetchone()
    assert row is not None
    assert right in row[0]
    return str(row[0]).replace(right, wrong)


@pytest.mark.parametrize("breach", EDITS)
def test_a_wrong_look_up_is_noticed(connection: psycopg.Connection, breach: str) -> None:
    behaviour, function, edit = EDITS[breach]
    fails(connection, behaviour, edited(connection, function, *edit))


@pytest.mark.parametrize("breach", STATEMENTS)
def test_a_constraint_that_is_gone_is_noticed(connection: psycopg.Connection, breach: str) -> None:
    fails(connection, *STATEMENTS[breach])
