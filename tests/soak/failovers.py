"""Forced failovers under load: a promoted standby, recovery to a point in time, a dump there and back.

After each, the outbox is on another server, which may lack the newest commits of the previous server. Events
whose commit was acknowledged before a recorded time must exist there; later ones may be missing together with
the transactions that emitted them.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg

import servers
from engine.sessions import Session, opened, read_committed, run, value
from faults import clusters
from faults.arena import family
from iu_pipelines.db.embedded import server_user
from iu_pipelines.db.embedded.server import DATABASE, EmbeddedServer
from soak.ledger import Ledger
from waiting import eventually

SETTINGS = {
    "archive_mode": "on",
    "deadlock_timeout": "100ms",
    "default_transaction_isolation": "repeatable read",
    "fsync": "off",
    "max_connections": "120",
    "max_prepared_transactions": "20",
}
"""The settings of every server of a soak, in addition to those of the distribution."""

REFUSED = "IU501"
_ARCHIVED = "select last_archived_wal ~ '^[0-9A-F]{{24}}' and last_archived_wal >= '{}' from pg_stat_archiver"


@dataclass
class Fleet:
    """The servers of one soak. One is in use at a time; `stop` stops and removes all."""

    ledger: Ledger
    left_out: Sequence[str] = ()
    breath: float = 1.0
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="iu-soak-")))

    def __post_init__(self) -> None:
        self._servers: list[EmbeddedServer] = []
        self._before: EmbeddedServer | None = None
        self.archive = Path(tempfile.mkdtemp(prefix="iu-soak-archive-"))
        self.archive.chmod(0o755)
        server_user.find(self.root / "none").own(self.archive)
        self.server = self._new()

    @property
    def url(self) -> str:
        return self.server.url(DATABASE)

    def start(self) -> str:
        """Start the first server, and return the URL of its database."""
        return self.server.ensure_running()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.archive, ignore_errors=True)

    def __str__(self) -> str:
        return self.server.home.name

    def leaves_out(self, name: str) -> bool:
        """Return whether this session is of a worker that has no seek in the cluster that is in use."""
        return self._before is not None and name.rpartition(" ")[0] in self.left_out

    def promote(self) -> None:
        """Stream to a standby, kill the primary under load, and promote the standby."""
        standby = self._base_backup("--write-recovery-conf")
        standby.ensure_running()
        with opened(self.url) as (session,), opened(standby.url()) as (there,):
            known, place = self.ledger.known(), value(session, "select pg_current_wal_insert_lsn()::text")
            _wait(there, f"select pg_last_wal_replay_lsn() >= '{place}'")
            time.sleep(self.breath)
        self._kill()
        with opened(standby.url("postgres")) as (there,):
            value(there, "select pg_promote()")
        self._move_to(standby, known)

    def recover(self) -> None:
        """Take a base backup, and recover it from the archive to a point in time before the newest commit.

        The copy starts while the source still runs, so that it cannot get the port of the source: no client
        connects to it before the ledger is updated.
        """
        copy = self._base_backup()
        time.sleep(self.breath)
        known = self.ledger.known()
        with opened(self.url) as (session,):
            target = value(session, "select clock_timestamp()::text")
            time.sleep(self.breath)
            last = value(session, "select pg_walfile_name(pg_switch_wal())")
            _wait(session, _ARCHIVED.format(last))
        (copy.home / "postgres" / "data" / "recovery.signal").touch()
        recovery = {
            "restore_command": f'cp "{self.archive / self.server.home.name}/%f" "%p"',
            "recovery_target_time": target,
            "recovery_target_action": "promote",
        }
        servers.make(copy.home, {**self._settings(copy.home.name), **recovery}).ensure_running()
        with opened(copy.url("postgres")) as (there,):
            _wait(there, "select not pg_is_in_recovery()")
        self.server.stop()
        self._move_to(copy, known)

    def leave(self) -> None:
        """Restore a dump in another cluster; workers in `left_out` get no seek, and stay refused."""
        there = self._new()
        there.ensure_running()
        with opened(there.url("postgres")) as (session,):
            for role in clusters.ROLES:
                session.execute(f"create role {role}".encode())
        self._before = self.server
        self._dump_to(there, self.left_out)

    def come_back(self) -> None:
        """Restore a dump of that in the previous cluster, over the outbox that is still there."""
        assert self._before
        before = self._before
        before.ensure_running()
        with opened(before.url()) as (session,):
            for name in prepared(session):
                session.execute(f"rollback prepared '{name}'".encode())
        with opened(before.url("postgres")) as (session,):
            session.execute(f"drop database {DATABASE} with (force)".encode())
        before.ensure_database(DATABASE)
        self._dump_to(before, ())
        self._before = None

    def _dump_to(self, there: EmbeddedServer, left_out: Sequence[str]) -> None:
        archive = self.root / "dump"
        known = self.ledger.known()
        clusters.dump(self.server, self.url, archive)
        self.server.stop()
        clusters.restore(there, there.url(), archive)
        with opened(there.url()) as (session,):
            for (worker,) in session.execute("select worker_name from public.iu_route_worker_cursor"):
                if worker not in left_out:
                    self._anchor(session, worker)
        self._move_to(there, known)

    def _anchor(self, session: Session, worker: str) -> None:
        """Seek a refused worker to the event of its cursor, as the hint says.

        A gate that was closed in the dump is answered before the refusal.
        """
        try:
            if run(session, worker, 1)["status"] == "ran":
                self.ledger.surprise(f"{worker} runs in another cluster without a seek")
        except psycopg.Error as refused:
            if refused.sqlstate != REFUSED:
                raise
        stood = "select cursor_event_id::text from public.iu_route_worker_cursor where worker_name = %s"
        place = value(session, stood, (worker,)) or "beginning"
        read_committed(session)  # required for a new anchor
        status = value(
            session, "select public.fn_iu_route_worker_seek(%s, %s, 'soak') ->> 'status'", (worker, place)
        )
        assert status == "sought", status
        self.ledger.count("anchored again")

    def _move_to(self, server: EmbeddedServer, known: int) -> None:
        with opened(server.url()) as (session,):
            self.ledger.survive(known, lambda events: _present(session, events), prepared(session))
        self.server = server

    def _kill(self) -> None:
        pid = int((self.server.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        for process in family(pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.server.stop()

    def _new(self) -> EmbeddedServer:
        name = f"server{len(self._servers) + 1}"
        self._servers.append(servers.make(self.root / name, self._settings(name)))
        return self._servers[-1]

    def _settings(self, name: str) -> dict[str, str]:
        place = self.archive / name
        if not place.exists():
            place.mkdir()
            server_user.find(self.root / "none").own(place)
        return {**SETTINGS, "archive_command": f'cp "%p" "{place}/%f"'}

    def _base_backup(self, *options: str) -> EmbeddedServer:
        copy = self._new()
        clusters.base_backup(self.server, copy, *options)
        return copy


def prepared(session: Session) -> list[str]:
    """Return the names of the prepared transactions of this database."""
    names = "select gid from pg_prepared_xacts where database = current_database() order by prepared"
    return [name for (name,) in session.execute(names.encode())]


def _present(session: Session, events: Sequence[UUID]) -> set[UUID]:
    found = session.execute(
        "select event_id from public.event_outbox where event_id = any(%s::uuid [])", (list(events),)
    )
    return {event for (event,) in found}


def _wait(session: Session, question: str) -> None:
    """Repeat a query until it returns true."""
    eventually(lambda: value(session, question), question, pause=0.05)
