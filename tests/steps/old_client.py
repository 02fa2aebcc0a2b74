"""A program that was written for a release: it calls the functions of that release through the driver."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg

from repeating import running
from waiting import eventually

ACTOR: Final = "old client"
EMIT: Final = """select public.fn_iu_emit_event(
    'version_applied', 'docs/1', '00000000-0000-7000-8000-000000000001', %s, '{"version_seq": 2}')"""
RUN: Final = "select public.fn_iu_route_worker_run(%s, 50, 'old run')"
HEALTH: Final = "select public.fn_iu_route_worker_health(%s)"
SERIALIZATION_FAILURE: Final = "40001"


class OldClient:
    """An emitter, a worker and a reader of health that call without a pause, each on one connection.

    Statements are prepared, so that they also meet what the server cached. Above read committed a call may
    fail with 40001 and is repeated; `repeated` counts these. Every other error is in `errors`.
    """

    def __init__(self, emitter: str, worker: str, name: str) -> None:
        self._stop = threading.Event()
        self._roles = (
            (emitter, EMIT, (ACTOR,), self._count_event),
            (worker, RUN, (name,), self._count_run),
            (worker, HEALTH, (name,), lambda answer: None),
        )
        self.committed, self.errors = 0, Counter[str]()
        self.repeated = 0
        self.statuses = Counter[str]()

    def _count_event(self, _: Any) -> None:
        self.committed += 1

    def _count_run(self, answer: Any) -> None:
        self.statuses[answer["status"]] += 1

    def _repeat(self, url: str, sql: str, values: tuple[str, ...], count: Callable[[Any], None]) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=0) as session:
            while not self._stop.is_set():
                try:
                    answer = session.execute(sql.encode(), values).fetchone()
                except psycopg.Error as error:
                    if error.sqlstate == SERIALIZATION_FAILURE:
                        self.repeated += 1
                    else:
                        self.errors[f"{error.sqlstate} {error}"] += 1
                else:
                    count(answer[0] if answer else None)

    def wait_for_more(self, calls: int) -> None:
        """Wait until so many more events are committed and so many more invocations have ended."""
        events, runs = self.committed + calls, sum(self.statuses.values()) + calls

        def goes_on() -> bool:
            return bool(self.errors) or (self.committed >= events and sum(self.statuses.values()) >= runs)

        eventually(goes_on, f"{calls} more calls", pause=0.01)

    @contextmanager
    def running(self) -> Iterator[None]:
        with running(self._stop, *(partial(self._repeat, *role) for role in self._roles)):
            yield
