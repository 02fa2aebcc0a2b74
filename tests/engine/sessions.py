"""Sessions on one database that a test drives step by step, and calls of the engine's functions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from waiting import eventually

Session = psycopg.Connection[Any]

WORKER = "tester"


def subject(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-{number:012d}")


@contextmanager
def opened(url: str, count: int = 1, options: str = "") -> Iterator[list[Session]]:
    """Yield `count` autocommit sessions; roll back their open transactions at the end."""
    options = f"{os.environ.get('PGOPTIONS', '')} {options}".strip()
    sessions = [psycopg.connect(url, autocommit=True, options=options) for _ in range(count)]
    try:
        yield sessions
    finally:
        for session in sessions:
            session.close()


def read_committed(*sessions: Session) -> None:
    """Set read committed, for tests whose result is defined at that level only."""
    for session in sessions:
        session.execute("set default_transaction_isolation = 'read committed'")


def value(session: Session, sql: str, params: tuple[Any, ...] = ()) -> Any:
    row = session.execute(sql.encode(), params or None).fetchone()
    return row[0] if row else None


def emit(session: Session, number: int = 1, event_type: str = "version_applied", **payload: Any) -> UUID:
    made: UUID = value(
        session,
        "select public.fn_iu_emit_event(%s, %s, %s, 'tester', %s)",
        (event_type, f"TEST/{number}", subject(number), Jsonb(payload)),
    )
    return made


def emit_many(session: Session, count: int, event_type: str = "version_applied", first: int = 1) -> None:
    """Emit `count` events, one for each subject from `first` on."""
    event = {"event_type": event_type, "canonical_address": "TEST", "actor_ref": "tester", "safe_payload": {}}
    events = [{**event, "subject_ref": str(subject(number))} for number in range(first, first + count)]
    session.execute("select count(*) from public.fn_iu_emit_events(%s)", (Jsonb(events),))


def run(session: Session, worker: str = WORKER, limit: int | None = 1000) -> dict[str, Any]:
    said: dict[str, Any] = value(session, "select public.fn_iu_route_worker_run(%s, %s)", (worker, limit))
    return said


def drain(session: Session, worker: str = WORKER, limit: int = 1000) -> int:
    """Run until no event is seen; return how many events were seen."""
    seen = 0
    while True:
        said = run(session, worker, limit)
        assert said["status"] == "ran", said
        if not said["seen"]:
            return seen
        seen += said["seen"]


def seek(session: Session, position: str, worker: str = WORKER) -> dict[str, Any]:
    said: dict[str, Any] = value(
        session, "select public.fn_iu_route_worker_seek(%s, %s, 'a test')", (worker, position)
    )
    return said


def replay(session: Session, letter: UUID) -> dict[str, Any]:
    said: dict[str, Any] = value(session, "select public.fn_iu_route_dead_letter_replay(%s)", (letter,))
    return said


def set_gate(session: Session, key: str, setting: str) -> None:
    session.execute("select public.fn_iu_gate_set(%s, %s, 'a test')", (key, setting))


def health(session: Session, worker: str = WORKER) -> dict[str, Any]:
    said: dict[str, Any] = value(session, "select public.fn_iu_route_worker_health(%s)", (worker,))
    return said


def make_live(session: Session, route: str = "iu.version_applied.workflow") -> None:
    """Drop the safety check and make the route live, so that the delivery function is called and raises."""
    session.execute("alter table public.iu_outbound_route drop constraint if exists dry_run_is_enforced")
    session.execute("update public.iu_outbound_route set dry_run = false where route_code = %s", (route,))


class Together:
    """Calls in threads; `finish` raises the first error."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def start(self, call: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(call,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def finish(self, seconds: float = 60) -> None:
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a session hangs"
        if self._errors:
            raise self._errors[0]

    def _guarded(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            self._errors.append(error)


def wait_for_lock(session: Session, waiter: Session) -> None:
    """Wait until the backend of `waiter` waits for a lock."""
    waits = "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')"
    eventually(lambda: value(session, waits, (waiter.info.backend_pid,)), "the backend waits", pause=0.01)
