"""A dump restored into another cluster, where its transaction ids have no meaning."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

import servers
from engine.scenarios import CLEAN, judged
from engine.sessions import Session, drain, emit, emit_many, health, opened, run, seek, value
from iu_pipelines.db.embedded.server import EmbeddedServer

pytestmark = pytest.mark.read_committed

ROLES = ("iu_owner", "iu_emitter", "workflow_admin", "iu_auditor")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Yield another cluster, with the roles that an administrator creates before a restore."""
    server = servers.make(tmp_path_factory.mktemp("elsewhere"))
    try:
        with opened(server.ensure_running()) as (session,):
            for role in ROLES:
                session.execute(f"create role {role} nologin".encode())
        yield server
    finally:
        server.stop()


@contextmanager
def restored(url: str, elsewhere: EmbeddedServer, name: str) -> Iterator[list[Session]]:
    """Yield two sessions on a copy of the database at `url` in the other cluster."""
    target = elsewhere.ensure_database(name)
    with opened(url) as (here,), opened(target) as (there,):
        major = here.info.server_version // 10_000
        if there.info.server_version // 10_000 != major:
            pytest.skip("the given server has another major version than the embedded one")
    tools = servers.program(elsewhere, "psql").parent
    dump = subprocess.run([tools / "pg_dump", "--dbname", url], check=True, capture_output=True)
    subprocess.run(
        [tools / "psql", "--quiet", "-X", "-v", "ON_ERROR_STOP=1", "--dbname", target],
        input=dump.stdout,
        check=True,
        capture_output=True,
    )
    with opened(target, 2) as sessions:
        yield sessions


def refused_hint(session: Session) -> str:
    with pytest.raises(psycopg.Error) as refused:
        run(session)
    assert refused.value.sqlstate == "IU501"
    assert "fn_iu_route_worker_seek" in (refused.value.diag.message_hint or "")
    return str(refused.value.diag.message_hint)


def in_a_window(worker: Session, writer: Session, late: Session) -> None:
    """Leave the cursor inside an open window, with a late commit that is not read yet."""
    emit(late, 500)
    emit_many(writer, 10)
    run(worker, limit=3)
    late.execute("commit")


def after_a_drain(worker: Session, writer: Session, late: Session) -> None:
    """Read all windows; then commit a late transaction and new ones."""
    emit(late, 500)
    emit_many(writer, 10)
    drain(worker, limit=4)
    late.execute("commit")
    emit_many(writer, 2, first=600)


def never_run(worker: Session, writer: Session, late: Session) -> None:
    """Make a cursor that has read nothing."""
    run(worker)
    emit(late, 500)
    emit_many(writer, 10)
    late.execute("commit")


def all_read(worker: Session, writer: Session, late: Session) -> None:
    """Read everything."""
    emit(late, 500)
    emit_many(writer, 10)
    late.execute("commit")
    drain(worker, limit=4)


STATES = (in_a_window, after_a_drain, never_run, all_read)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_restored_cursor_is_refused_and_the_documented_seek_continues_where_it_stood(
    database: str, elsewhere: EmbeddedServer, state: Callable[[Session, Session, Session], None]
) -> None:
    with opened(database, 3) as (worker, writer, late):
        late.execute("begin")
        state(worker, writer, late)
        written = value(worker, "select count(*) from public.iu_route_attempt")
    with restored(database, elsewhere, f"restored_{state.__name__}") as (worker, writer):
        hint = refused_hint(worker)
        assert health(worker)["healthy"] is False
        emit(writer, 700)
        stood: UUID | None = value(
            worker, "select cursor_event_id from public.iu_route_worker_cursor where worker_name = 'tester'"
        )
        position = str(stood).upper() if stood else "beginning"
        assert position.lower() in hint
        seek(worker, position)
        emit(writer, 701)
        assert health(worker)["healthy"] is True
        read = drain(worker, limit=3)
        owed = value(worker, "select count(*) from public.event_outbox") - written
        assert value(worker, "select count(*) from public.iu_route_attempt") == written + owed
        assert read >= owed
        assert judged(worker) == CLEAN
        assert run(writer, "newcomer", 100_000)["attempts_written"] == written + owed


def test_a_second_worker_is_anchored_by_itself_after_the_first(
    database: str, elsewhere: EmbeddedServer
) -> None:
    with opened(database) as (worker,):
        emit_many(worker, 5)
        run(worker, "one", 3)
        run(worker, "two", 5)
    with restored(database, elsewhere, "restored_two") as (worker, writer):
        for name, owed in (("one", 4), ("two", 3)):
            with pytest.raises(psycopg.errors.Error, match=r"names database cluster|belongs to anchor"):
                run(worker, name)
            emit(writer, 800)
            stood = value(
                worker,
                "select cursor_event_id::text from public.iu_route_worker_cursor where worker_name = %s",
                (name,),
            )
            seek(worker, stood, name)
            emit(writer, 801)
            assert drain(worker, name) == owed + (1 if name == "two" else 0)
            assert judged(worker, name) == CLEAN


def test_seeks_of_two_workers_do_not_wait_for_one_another(database: str) -> None:
    with opened(database, 2, "-c lock_timeout=2s") as (first, second):
        first.execute("begin")
        seek(first, "latest", "one")
        assert seek(second, "latest", "two")["status"] == "sought"
        first.execute("rollback")
