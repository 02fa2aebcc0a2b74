"""Health of a worker when a long transaction commits: a stall is measured from the commit."""

from __future__ import annotations

from typing import Any

from engine import broken
from engine.sessions import Session, drain, emit, emit_many, health, opened, run, value


def reported(session: Session) -> tuple[bool, int]:
    said: dict[str, Any] = health(session)
    return said["healthy"], said["backlog"]


def long_ago(session: Session) -> None:
    """Make the dates of the outbox, the gates and the last progress ten minutes older."""
    session.execute(
        """
        set session_replication_role = replica;
        update public.event_outbox set created_at = created_at - interval '10 minutes';
        update public.dot_config set updated_at = updated_at - interval '1 hour';
        update public.iu_route_worker_cursor set last_progress_at = last_progress_at - interval '10 minutes',
            added_at = added_at - interval '1 day';
        reset session_replication_role
        """
    )


def when_a_long_transaction_commits(url: str) -> tuple[bool, int]:
    """Commit an event of ten minutes ago right after a run that found nothing."""
    with opened(url, 2) as (slow, worker):
        slow.execute(
            "alter table public.event_outbox alter created_at set default now() - interval '10 minutes'"
        )
        emit(worker)
        drain(worker)
        long_ago(worker)
        slow.execute("begin")
        emit(slow)
        assert run(worker)["seen"] == 0
        slow.execute("commit")
        return reported(worker)


def when_a_window_is_left_open(url: str) -> tuple[bool, int]:
    """Read one of three events, with the last progress dated ten minutes ago."""
    with opened(url) as (session,):
        emit_many(session, 3)
        assert run(session, limit=1)["seen"] == 1
        long_ago(session)
        return reported(session)


def test_a_worker_is_healthy_when_a_long_transaction_commits(database: str) -> None:
    assert when_a_long_transaction_commits(database) == (True, 1)


def test_health_by_the_age_of_the_event_alone_is_caught(database: str) -> None:
    with opened(database) as (session,):
        broken.health_by_age(session)
    assert when_a_long_transaction_commits(database) == (False, 1)


def test_a_worker_that_left_its_window_open_is_unhealthy(database: str) -> None:
    assert when_a_window_is_left_open(database) == (False, 2)


def test_health_by_the_last_run_alone_is_caught(database: str) -> None:
    with opened(database) as (session,):
        broken.health_by_last_run(session)
    assert when_a_window_is_left_open(database) == (True, 2)


def test_a_worker_that_does_not_run_after_a_late_commit_becomes_unhealthy(database: str) -> None:
    assert when_a_long_transaction_commits(database) == (True, 1)
    with opened(database) as (session,):
        for minutes, healthy in ((5, True), (7, False)):
            session.execute(
                "update public.iu_route_worker_cursor set last_run_at = now() - make_interval(mins => %s)",
                (minutes,),
            )
            assert reported(session) == (healthy, 1)
        assert value(session, "select public.fn_iu_route_worker_pending('tester')")
