"""The four properties under concurrency, and broken engines that each lose one of them.

Each scenario that reports an error for a broken engine must report none for the real one. A horizon waits
for the whole cluster, including other tests of this run, so only a bound of its reports is asserted.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import broken
from engine.scenarios import (
    CLEAN,
    Report,
    Storm,
    emitted_after_the_run,
    flood,
    handed_over,
    held_cursor,
    idle_writer,
    late_commit,
    missing_delivery_function,
    overtaken,
    poisoned_batch,
    trickle,
)
from engine.sessions import Session, opened

Break = Callable[[Session], None]


def breaking(url: str, how: Break) -> str:
    with opened(url) as (session,):
        how(session)
    return url


def test_an_event_that_commits_late_is_neither_lost_nor_waited_for(database: str) -> None:
    assert late_commit(database) == CLEAN


def test_a_cursor_that_stores_only_a_number_loses_events_that_commit_late(database: str) -> None:
    assert late_commit(breaking(database, broken.plain_cursor)) == Report(lost=1)


def test_a_worker_that_waits_for_xmin_is_delayed_by_a_transaction_that_commits_late(database: str) -> None:
    assert late_commit(breaking(database, broken.xmin_horizon)).stalled == 1


def test_an_idle_transaction_in_another_database_delays_no_worker(database: str, empty_database: str) -> None:
    assert idle_writer(database, empty_database) == CLEAN


def test_a_worker_that_waits_for_xmin_is_delayed_by_an_idle_transaction_in_another_database(
    database: str, empty_database: str
) -> None:
    assert idle_writer(breaking(database, broken.xmin_horizon), empty_database).stalled == 5


def test_an_idle_writer_in_the_same_database_delays_no_worker(database: str) -> None:
    assert idle_writer(database, database) == CLEAN


def test_a_cursor_that_stores_only_a_number_loses_the_event_of_an_idle_writer(database: str) -> None:
    assert idle_writer(breaking(database, broken.plain_cursor), database) == Report(lost=1)


def test_a_subject_is_read_in_the_order_of_emission_whichever_transaction_began_first(database: str) -> None:
    assert handed_over(database) == CLEAN


def test_a_worker_that_waits_for_xmin_reads_in_the_order_in_which_transactions_began(database: str) -> None:
    report = handed_over(breaking(database, broken.xmin_horizon))
    assert report.disordered == 1 or report.lost


def test_one_failing_event_of_a_thousand_harms_no_other_event(database: str) -> None:
    assert poisoned_batch(database) == CLEAN


@pytest.mark.parametrize("how", [broken.no_isolation, broken.plain_cursor], ids=lambda how: how.__name__)
def test_without_isolation_one_failing_event_prevents_its_whole_batch(database: str, how: Break) -> None:
    assert poisoned_batch(breaking(database, how)) == Report(lost=1000, harmed=1000)


def test_own_events_do_not_overtake_what_was_committed_before_them(database: str) -> None:
    assert overtaken(database) == CLEAN


def test_events_of_the_workers_own_transaction_read_in_an_older_window_are_out_of_order(
    database: str,
) -> None:
    assert overtaken(breaking(database, broken.own_events_at_once)) == Report(disordered=1)


def test_own_events_are_neither_lost_nor_doubled_by_a_run_between_them(database: str) -> None:
    assert emitted_after_the_run(database) == CLEAN


def test_a_snapshot_without_the_workers_own_transaction_loses_events(database: str) -> None:
    assert emitted_after_the_run(breaking(database, broken.forgetful_snapshot)) == Report(lost=1)


def test_without_the_unique_constraint_own_events_are_attempted_twice(database: str) -> None:
    assert emitted_after_the_run(breaking(database, broken.no_idempotency)) == Report(twice=1)


def test_a_second_invocation_does_not_wait(database: str) -> None:
    assert held_cursor(database) == CLEAN


def test_without_skip_locked_the_second_invocation_waits(database: str) -> None:
    assert held_cursor(breaking(database, broken.queue_at_the_cursor)) == Report(stalled=1)


def test_a_flood_of_failures_makes_no_dead_letter(database: str) -> None:
    assert flood(database) == CLEAN


def test_without_the_flood_guard_all_events_become_dead_letters(database: str) -> None:
    assert flood(breaking(database, broken.no_flood_guard)) == Report(harmed=40)


def test_forty_failures_in_batches_of_one_make_only_ten_dead_letters(database: str) -> None:
    assert trickle(database) == Report(harmed=10)


def test_without_the_rule_for_small_batches_all_events_become_dead_letters(database: str) -> None:
    assert trickle(breaking(database, broken.guard_of_large_batches_alone)) == Report(harmed=40)


def test_a_missing_delivery_function_makes_no_dead_letter(database: str) -> None:
    assert missing_delivery_function(database) == CLEAN


def test_a_missing_delivery_function_treated_as_an_event_error_makes_dead_letters(database: str) -> None:
    assert missing_delivery_function(breaking(database, broken.class_42_is_the_events_fault)) == Report(
        harmed=5
    )


def test_eight_writers_that_pause_and_roll_back_lose_nothing(database: str) -> None:
    report, events = Storm().play(database)
    assert report == CLEAN
    assert events > 50


def test_a_cursor_that_stores_only_a_number_loses_events_of_eight_writers(database: str) -> None:
    report, events = Storm(seconds=1.5).play(breaking(database, broken.plain_cursor))
    assert 0 < report.lost < events
