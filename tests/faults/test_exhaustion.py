"""A full disk, and a server without a free connection: a clear error, and recovery afterwards."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

import servers
from engine.sessions import drain, emit_many, opened, value
from iu_pipelines.cli.main import run
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import outbox, worker
from iu_pipelines.errors import EmbeddedServerError, IuError, Unavailable
from soak.ledger import Ledger
from soak.verdict import Verdict, judge

WORKER = "iu_outbound_default"


@contextmanager
def mounted(size: str) -> Iterator[Path]:
    """Mount a small file system; skip the test where this is not possible."""
    place = Path(tempfile.mkdtemp(prefix="iu-disk-"))
    try:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no mount command")
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def fill(place: Path) -> Path:
    """Fill the disk."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def install(url: str) -> None:
    with Gateway(url) as gateway:
        migration.apply(gateway)


def test_a_full_disk_ends_the_invocation_and_makes_no_dead_letter(
    own_server: EmbeddedServer,
) -> None:
    with mounted("8m") as disk:
        url = servers.make(own_server.home).ensure_running()
        install(url)
        data = disk / "tables"
        data.mkdir()
        shutil.chown(data, (own_server.home / "postgres" / "data").owner())
        with opened(url) as (session,), Gateway(url) as gateway:
            session.execute(f"create tablespace tiny location '{data}'".encode())
            session.execute("alter table public.iu_route_attempt_log set tablespace tiny")
            emit_many(session, 5000)
            ballast = fill(disk)
            with pytest.raises(Unavailable) as refused:
                worker.run_once(gateway, WORKER, 5000)
            assert refused.value.code == "53100"
            assert value(session, "select count(*) from public.iu_route_dead_letter") == 0
            assert value(session, "select count(*) from public.iu_route_batch") == 0
            ballast.unlink()
            assert worker.run_once(gateway, WORKER, 5000).attempts_written == 5000
            assert judge(session, Ledger(), [WORKER], [WORKER]) == Verdict()
        own_server.stop()


def test_a_server_whose_disk_was_full_recovers_when_space_is_free() -> None:
    with mounted("150m") as disk:
        home = disk / "home"
        server = servers.make(home, {"fsync": "off", "wal_keep_size": "0", "min_wal_size": "32MB"})
        try:
            url = server.ensure_running()
            install(url)
            with opened(url) as (session,):
                emit_many(session, 500)
                known = value(session, "select count(*) from public.event_outbox")
            ballast = fill(disk)
            with pytest.raises(IuError):
                exhaust(url)
            with pytest.raises(EmbeddedServerError, match="no space is left"):
                server.stop()
                server.ensure_running()
            ballast.unlink()
            with opened(server.ensure_running()) as (session,):
                drain(session, WORKER)
                assert value(session, "select count(*) from public.event_outbox") >= known
                assert judge(session, Ledger(), [WORKER], [WORKER]) == Verdict()
        finally:
            server.stop()


def exhaust(url: str) -> None:
    """Emit and route until the disk is full."""
    event = outbox.NewEvent("version_applied", "A", uuid4(), "exhaust", {})
    with Gateway(url) as gateway:
        for _ in range(1000):
            with gateway.transaction() as session:
                outbox.emit_many(session, [event] * 2000)
            worker.run_once(gateway, WORKER, 1000)


def test_a_server_without_a_free_connection_is_named_and_the_next_run_succeeds(
    own_server: EmbeddedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(own_server.home))
    few = {"max_connections": "6", "superuser_reserved_connections": "1"}
    url = servers.make(own_server.home, few).ensure_running()
    install(url)
    taken = []
    with opened(url) as (session,):
        emit_many(session, 10)
    with pytest.raises(psycopg.OperationalError):
        while True:
            taken.append(psycopg.connect(url))
    assert run(["run"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "no free connection" in said.err
    assert "max_connections" in said.err
    for connection in taken:
        connection.close()
    assert run(["run"]) == 0
    with opened(url) as (session,):
        assert judge(session, Ledger(), [WORKER], [WORKER]) == Verdict()


def test_a_drain_that_loses_its_connection_ends_with_a_clear_error_and_leaves_whole_batches(
    database: str,
) -> None:
    with opened(database) as (session,), Gateway(database, application_name="drain") as gateway:
        emit_many(session, 50)
        run_of = worker.drain(gateway, WORKER, worker.RunLimits(batch_limit=10))
        batches = iter(run_of)
        next(batches)
        session.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'drain'"
        )
        assert sum(batch.seen for batch in batches) == 40
        assert judge(session, Ledger(), [WORKER], [WORKER]) == Verdict()
