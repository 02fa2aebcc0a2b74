"""A server that tests kill, and halting places in the engine.

A trigger on each table that the engine writes waits for an advisory lock if the session has set
`arena.halt` to its name. A session that waits there is inside a statement, and a test can interrupt it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from engine import stepping
from engine.sessions import Session, value
from iu_pipelines.db.embedded.server import EmbeddedServer
from waiting import eventually

_KEY = 4711

_TRIGGER = """
create or replace function public.arena_halt() returns trigger language plpgsql as $$
begin
    if current_setting('arena.halt', true) = tg_name then
        perform pg_advisory_xact_lock_shared(4711);
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$
"""

PLACES = {
    "name_assigned": "before insert on public.iu_audit_name for each row",
    "cursor_made": "after insert on public.iu_route_worker_cursor for each row",
    "attempts_half_written": (
        "before insert on public.iu_route_attempt_log for each row when (new.attempt_id % 5 = 0)"
    ),
    "attempts_written": "after insert on public.iu_route_attempt_log for each statement",
    "letter_begun": "before insert on public.iu_route_dead_letter for each row",
    "batch_begun": "before insert on public.iu_route_batch for each row",
    "tally_begun": "before insert or update on public.iu_route_attempt_tally for each row",
    "cursor_begun": "before update on public.iu_route_worker_cursor for each row",
    "cursor_moved": "after update on public.iu_route_worker_cursor for each row",
    "letter_updated": "before update on public.iu_route_dead_letter for each row",
    "seek_begun": "before insert on public.iu_route_worker_seek for each row",
    "event_begun": "before insert on public.event_outbox for each row",
    "event_written": "after insert on public.event_outbox for each row",
    "gate_begun": "before update on public.dot_config for each row",
    "gate_change_recorded": "before insert on public.dot_config_history for each row",
}
"""Halting places and their triggers, which fire after those of the engine."""

AT_COMMIT = {
    "batch_committing": "iu_route_batch",
    "event_committing": "event_outbox",
    "letter_committing": "iu_route_attempt_log",
}
"""Halting places inside the commit: deferred triggers on these tables."""

_FACTS = (
    "dot_config",
    "dot_config_history",
    "event_outbox",
    "iu_audit_name",
    "iu_route_worker_cursor",
    "iu_route_worker_seek",
    "iu_route_batch",
    "iu_route_attempt_log",
    "iu_route_attempt_tally",
    "iu_route_dead_letter",
)


class Client:
    """A process that runs acts one after the other, each in a new session."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self, url: str, *statements: str) -> None:
        """Begin an act; `ended` returns its result."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin
        print(json.dumps([url, *statements]), file=self._process.stdin, flush=True)

    def ended(self) -> str:
        """Wait for the act. Return its SQLSTATE, `cut`, `done`, or `""` if the process was killed."""
        assert self._process
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


_CLIENT = """
import json, sys, psycopg
for line in sys.stdin:
    url, *statements = json.loads(line)
    try:
        with psycopg.connect(url, autocommit=True) as session:
            for statement in statements:
                session.execute(statement.encode())
        print('done', flush=True)
    except psycopg.Error as error:
        print(error.sqlstate or 'cut', flush=True)
"""


@dataclass
class Arena:
    """One database of a separate server, and a client of it."""

    server: EmbeddedServer
    url: str
    client: Client = field(default_factory=Client)

    def install(self) -> None:
        """Create the halting places in the database."""
        with self.session() as session:
            session.execute(_TRIGGER)
            # A lock timeout would end the creation of a cursor at the halting place.
            session.execute("alter function public.fn_iu_cursor_make(text, text, text) set lock_timeout = 0")
            for name, where in PLACES.items():
                session.execute(
                    f"create trigger {name} {where} execute function public.arena_halt()".encode()
                )
            for name, table in AT_COMMIT.items():
                session.execute(
                    f"create constraint trigger {name} after insert on public.{table} deferrable initially "
                    "deferred for each row execute function public.arena_halt()".encode()
                )

    def install_steps(self) -> None:
        """Make every statement of the engine's functions a halting place."""
        with self.session() as session:
            stepping.install(session)

    def count_steps(self, act: str) -> int:
        """Return how many statements `act` runs, and roll it back."""
        with self.session() as session:
            return stepping.count(session, act)

    @contextmanager
    def halted_at(self, act: str, step: int, *settings: str) -> Iterator[int]:
        """Let the client run `act`, halted before statement number `step` until the block ends."""
        with self.session() as session:
            stepping.begin(session)
        with self.halted(act, "", f"set arena.step = '{step}'", *settings) as backend:
            yield backend

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a new session as soon as the server accepts connections."""
        with eventually(self._connected, "the server accepts a session", pause=0.05) as session:
            yield session

    def _connected(self) -> Session | None:
        try:
            return psycopg.connect(self.url, autocommit=True, connect_timeout=30)
        except psycopg.OperationalError:
            return None

    @contextmanager
    def halted(self, act: str, place: str, *settings: str) -> Iterator[int]:
        """Let the client run `act`, halted at `place` until the block ends; yield the pid of its backend."""
        holder = psycopg.connect(self.url, autocommit=True)
        try:
            holder.execute("select pg_advisory_lock(%s)", (_KEY,))
            self.client.start(self.url, f"set arena.halt = '{place}'", *settings, act)
            yield self._waiting()
        finally:
            with _ignoring_missing():
                holder.close()

    def facts(self) -> dict[str, str]:
        """Return a hash of each table that the engine writes."""
        with self.session() as session:
            return {
                table: value(session, f"select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) "
                             f"from public.{table} as t")
                for table in _FACTS
            }  # fmt: skip

    def wait_for_end(self, backend: int) -> None:
        """Wait until a backend has ended. Without its client it finishes and commits its statement."""
        with self.session() as session:
            eventually(
                lambda: (
                    not value(session, "select count(*) from pg_stat_activity where pid = %s", (backend,))
                ),
                f"backend {backend} has ended",
            )

    def crash(self) -> None:
        """Send SIGKILL to the postmaster and all its child processes."""
        for pid in family(self.postmaster()):
            with _ignoring_missing():
                os.kill(pid, signal.SIGKILL)

    def postmaster(self) -> int:
        pid_file = self.server.home / "postgres" / "data" / "postmaster.pid"
        return int(pid_file.read_text(encoding="utf-8").split()[0])

    def _waiting(self) -> int:
        """Return the pid of the backend that waits at the halting place."""
        with self.session() as session:
            waiting = "select pid from pg_locks where locktype = 'advisory' and objid = %s and not granted"
            return int(eventually(lambda: value(session, waiting, (_KEY,)), "a backend at the halting place"))


def family(pid: int) -> list[int]:
    """Return the pids of a process and its descendants, without those that end meanwhile."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


@contextmanager
def _ignoring_missing() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, ProcessLookupError, FileNotFoundError):
        return


Strike = Callable[[Arena, int], None]


def terminate(arena: Arena, backend: int) -> None:
    with arena.session() as session:
        session.execute("select pg_terminate_backend(%s)", (backend,))


def cancel(arena: Arena, backend: int) -> None:
    with arena.session() as session:
        session.execute("select pg_cancel_backend(%s)", (backend,))


def kill_backend(arena: Arena, backend: int) -> None:
    """Kill a backend, and wait until the server has ended every other session."""
    with arena.session() as witness:
        os.kill(backend, signal.SIGKILL)
        with suppress(psycopg.OperationalError):
            witness.execute("select pg_sleep(60)")
        assert witness.closed


def kill_client(arena: Arena, backend: int) -> None:
    arena.client.kill()


def kill_server(arena: Arena, backend: int) -> None:
    arena.crash()


def stop_at_once(arena: Arena, backend: int) -> None:
    os.kill(arena.postmaster(), signal.SIGQUIT)


def restart(arena: Arena, backend: int) -> None:
    arena.server.stop()
    arena.server.ensure_running()


def wait_for_timeout(arena: Arena, backend: int) -> None:
    """Do nothing: a timeout of the session ends it."""
