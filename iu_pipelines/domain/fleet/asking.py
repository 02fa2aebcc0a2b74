"""One question to many databases at the same time, each with a time limit.

A database that does not answer delays no other one: each question has a thread of its own, which nobody waits
for longer than the limit. Its connection is then shut down, which ends the thread. A thread that even so
waits, for example for a name server, is left alone, and its database is not asked again before it has ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from iu_pipelines.db.connection_errors import migration_advised
from iu_pipelines.db.gateway import BoundedGateway
from iu_pipelines.errors import ConnectionFailed, IuError, Unavailable

LIMIT_SECONDS: Final = 20.0
"""The time after which a look at a fleet asks no further database. Dagster ends a tick after 60 seconds."""

_HINT: Final = "Other databases are not delayed, and the next look asks this one again."


class Place(Protocol):
    """A database that can be asked: a member or a mount of a fleet."""

    @property
    def name(self) -> str:
        """The name of the outbox."""
        ...

    def url(self) -> str:
        """Return the URL. Raises UsageError."""
        ...


_Place = TypeVar("_Place", bound=Place)
_Answer = TypeVar("_Answer")
Look = Callable[[BoundedGateway, _Place], _Answer]


@dataclass(frozen=True)
class Asked(Generic[_Place, _Answer]):
    """The answer of one database, or the error that is instead of it. `seconds` is how long it took."""

    place: _Place
    answer: _Answer | None
    error: IuError | None
    seconds: float


@dataclass
class _Call:
    """A question that a thread asks."""

    place: Any
    started: float = field(default_factory=time.monotonic)
    gateway: BoundedGateway | None = None
    thread: threading.Thread | None = None
    is_late: bool = False

    def abort(self) -> None:
        self.is_late = True
        if self.gateway:
            self.gateway.abort()


def _unexpected(error: Exception) -> IuError:
    """Return the error for an answer. The text of `error` is in no answer: it may contain a password."""
    return IuError(f"unexpected {type(error).__name__}", hint="Ask this database alone, with: iu doctor")


class Asker:
    """Asks databases. One asker is kept for all looks, because it knows what has not ended yet."""

    def __init__(self, *, seconds: float, at_once: int, application_name: str = "iu-fleet") -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._application_name = application_name
        self._lock = threading.Lock()
        self._late: dict[str, _Call] = {}
        self._failed: set[str] = set()

    def ask(
        self, places: Sequence[_Place], look: Look[_Place, _Answer], *, limit_seconds: float = LIMIT_SECONDS
    ) -> list[Asked[_Place, _Answer]]:
        """Return the answers in the order of `places`. An error of one is in its answer; none is raised.

        Places that failed before are asked last, so that they cannot use up the time of the others.
        """
        end = time.monotonic() + limit_seconds
        done: dict[str, Asked[_Place, _Answer]] = {}
        finished: SimpleQueue[tuple[_Call, _Answer | None, IuError | None]] = SimpleQueue()
        waiting = sorted(places, key=lambda place: place.name in self._failed)
        running: dict[str, _Call] = {}
        while waiting or running:
            while waiting and len(running) < self._at_once:
                place = waiting.pop(0)
                refused = self._refused(place, end)
                if refused:
                    done[place.name] = Asked(place, None, refused, 0.0)
                else:
                    running[place.name] = self._start(place, look, finished)
            self._collect(running, finished, done)
        with self._lock:
            self._failed -= {name for name, one in done.items() if one.error is None}
            self._failed |= {name for name, one in done.items() if one.error}
        return [done[place.name] for place in places]

    def _refused(self, place: Place, end: float) -> IuError | None:
        """Return why a place is not asked now, or None."""
        if time.monotonic() > end:
            return Unavailable("not asked: other databases used up the time of this look", hint=_HINT)
        with self._lock:
            late = self._late.get(place.name)
            if late is None or late.thread is None or not late.thread.is_alive():
                self._late.pop(place.name, None)
                return None
        waited = time.monotonic() - late.started
        return Unavailable(f"not asked: a question has been waiting for {waited:.0f} s", hint=_HINT)

    def _start(
        self,
        place: _Place,
        look: Look[_Place, _Answer],
        finished: SimpleQueue[tuple[_Call, _Answer | None, IuError | None]],
    ) -> _Call:
        call = _Call(place)

        def ask() -> None:
            try:
                finished.put((call, self._look(call, look), None))
            except IuError as error:
                finished.put((call, None, error))
            except Exception as error:  # noqa: BLE001  one database must not end the look at the others
                finished.put((call, None, _unexpected(error)))

        call.thread = threading.Thread(
            target=copy_context().run, args=(ask,), name=f"iu-fleet {place.name}", daemon=True
        )
        call.thread.start()
        return call

    def _look(self, call: _Call, look: Look[_Place, _Answer]) -> _Answer:
        url = call.place.url()
        with BoundedGateway(url, seconds=self._seconds, application_name=self._application_name) as gateway:
            call.gateway = gateway
            if call.is_late:
                raise ConnectionFailed("the question was aborted")
            with migration_advised():
                return look(gateway, call.place)

    def _collect(
        self,
        running: dict[str, _Call],
        finished: SimpleQueue[tuple[_Call, _Answer | None, IuError | None]],
        done: dict[str, Asked[_Place, _Answer]],
    ) -> None:
        """Wait until a question has been answered or is late, and move it from `running` to `done`."""
        if not running:
            return
        next_late = min(call.started for call in running.values()) + self._seconds
        try:
            call, answer, error = finished.get(timeout=max(0.0, next_late - time.monotonic()))
        except Empty:
            self._give_up(running, done)
            return
        if running.get(call.place.name) is call:
            del running[call.place.name]
            done[call.place.name] = Asked(call.place, answer, error, time.monotonic() - call.started)

    def _give_up(self, running: dict[str, _Call], done: dict[str, Asked[_Place, _Answer]]) -> None:
        """Abort the questions that are late."""
        now = time.monotonic()
        for name, call in list(running.items()):
            if now - call.started < self._seconds:
                continue
            with self._lock:
                self._late[name] = call
            call.abort()
            error = Unavailable(f"no answer within {self._seconds:g} s", hint=_HINT)
            done[name] = Asked(running.pop(name).place, None, error, now - call.started)
