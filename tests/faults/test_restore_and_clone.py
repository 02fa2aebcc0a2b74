"""A dump in another cluster, and copied files: refused with IU501, then re-anchored without a loss."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

import pages
import servers
from engine.sessions import (
    Together,
    drain,
    emit,
    emit_many,
    make_live,
    opened,
    read_committed,
    run,
    seek,
    value,
    wait_for_lock,
)
from faults import clusters
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.ledger import Ledger
from soak.verdict import Verdict, judge
from steps.schema_picture import picture

PAGE = "docs/operate/restore-and-clone.md"
HALFWAY, DRAINED, LATE, IDLE, NEW = "halfway", "drained", "late", "idle", "new"
WORKERS = [HALFWAY, DRAINED, LATE, IDLE]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[[str], EmbeddedServer]]:
    with ExitStack() as stack:

        def make(name: str) -> EmbeddedServer:
            server = servers.make(tmp_path / name)
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def old(make_server: Callable[[str], EmbeddedServer]) -> EmbeddedServer:
    """Return a server with every step applied."""
    server = make_server("old")
    with Gateway(server.ensure_running()) as gateway:
        migration.apply(gateway)
    return server


def test_an_installer_that_is_no_superuser_restores_a_dump_as_the_page_says(
    make_server: Callable[[str], EmbeddedServer], tmp_path: Path
) -> None:
    server = make_server("old")
    with psycopg.connect(server.ensure_running(), autocommit=True) as session:
        session.execute("create role installer login password 'secret' createrole createdb")
        session.execute("create database app owner installer")
    place = f"{urlsplit(server.url()).hostname}:{urlsplit(server.url()).port}"
    installer = f"postgresql://installer:secret@{place}"
    with Gateway(f"{installer}/app") as gateway:
        migration.apply(gateway, ["delivery"])
    (block,) = (one.text for one in pages.blocks(PAGE) if "pg_restore" in one.text)
    commands = block.replace("postgresql://installer@db.example:5432", installer)
    path = f"{servers.program(server, 'psql').parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        ["sh", "-ec", commands], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with Gateway(f"{installer}/app") as gateway, Gateway(f"{installer}/restored") as restored:
        assert picture(restored)["relations"] == picture(gateway)["relations"]


def live_through(url: str, at_the_end: Callable[[], object] = lambda: None) -> None:
    """Bring workers into every state, with late commits before and after `at_the_end`."""
    with opened(url, 4) as (session, late, later, never):
        make_live(session, "iu.structure_piece_split.workflow")
        for _ in range(3):
            emit_many(session, 10)
            emit(session, 3, "structure_piece_split")
            drain(session, DRAINED)
        late.execute("begin")
        emit(late, 101)
        emit(late, 102, "structure_piece_split")
        later.execute("begin")
        emit(later, 103)
        never.execute("begin")
        emit(never, 104)
        run(session, LATE, 1000)
        run(session, HALFWAY, 7)
        emit_many(session, 10)
        emit(late, 101)
        run(session, HALFWAY, 7)
        run(session, DRAINED, 1000)
        seek(session, "beginning", IDLE)
        late.execute("commit")
        run(session, HALFWAY, 2)
        later.execute("commit")
        at_the_end()
        never.execute("commit")


def burn(url: str, transactions: int) -> None:
    """Assign that many transaction ids, so that equal ids mean different transactions in two clusters."""
    with opened(url) as (session,):
        session.execute(b"create procedure burn(n int) language plpgsql as $$ begin for i in 1..n loop "
                        b"perform pg_current_xact_id(); commit; end loop; end $$")  # fmt: skip
        session.execute("call burn(%s)".replace("%s", str(transactions)).encode())
        session.execute("drop procedure burn(int)")


def refuse(url: str, workers: list[str]) -> None:
    """Require that every worker raises IU501 with a hint."""
    with opened(url) as (session,):
        for worker in workers:
            with pytest.raises(psycopg.Error) as refused:
                run(session, worker)
            assert refused.value.sqlstate == "IU501"
            assert "fn_iu_route_worker_seek" in str(refused.value.diag.message_hint)


def reanchor(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Seek each worker to the event that its cursor names, as documented."""
    with opened(url) as (session,):
        for worker in WORKERS:
            place = value(
                session,
                "select cursor_event_id from iu_route_worker_cursor where worker_name = %s",
                (worker,),
            )
            words = ("seek", str(place or "beginning"), "--worker", worker, "--reason", "restored")
            assert iu([*words, "--database-url", url, "--json"]) == 0
            assert json.loads(capsys.readouterr().out)["status"] == "sought"


def go_on(url: str) -> None:
    """Run two batches of each worker beside late commits; require nothing lost, twice or out of order."""
    with opened(url, 2) as (session, late):
        late.execute("begin")
        emit(late, 105)
        emit_many(session, 5)
        for worker in (*WORKERS, NEW):
            run(session, worker, 4)
        late.execute("commit")
        for worker in (*WORKERS, NEW):
            drain(session, worker, 6)
        assert judge(session, Ledger(), [], [*WORKERS, NEW]) == Verdict()


def empty_cluster(make_server: Callable[[str], EmbeddedServer]) -> tuple[EmbeddedServer, str]:
    """Return another cluster that has only the roles of a dump, and its URL."""
    new = make_server("new")
    url = new.ensure_running()
    with opened(url) as (session,):
        for role in clusters.ROLES:
            session.execute(f"create role {role}".encode())
    return new, url


@pytest.mark.parametrize("ahead", ["the old cluster", "the new cluster"])
def test_a_dump_in_another_cluster_is_refused_and_continues_where_it_stood(
    old: EmbeddedServer,
    make_server: Callable[[str], EmbeddedServer],
    tmp_path: Path,
    ahead: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = tmp_path / "iu.dump"
    if ahead == "the old cluster":
        burn(old.url(), 5000)
    live_through(old.url(), lambda: clusters.dump(old, old.url(), archive))
    new, url = empty_cluster(make_server)
    if ahead == "the new cluster":
        burn(url, 5000)
    clusters.restore(new, url, archive)
    refuse(url, [*WORKERS, NEW])
    assert iu(["run", "--worker", HALFWAY, "--database-url", url, "--json"]) == 1
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "IU501"
    assert iu(["status", "--worker", HALFWAY, "--database-url", url]) == 1
    assert "names database cluster" in capsys.readouterr().out
    with opened(url) as (session,):
        emit_many(session, 4)
        before = value(session, "select count(*) from public.iu_route_attempt_log")
    refuse(url, WORKERS)
    reanchor(url, capsys)
    with opened(url) as (session,):
        assert value(session, "select count(*) from public.iu_route_attempt_log") == before
    go_on(url)
    with opened(url) as (session,):
        seek(session, "latest", "iu_outbound_default")
        session.execute("update public.iu_outbound_route set dry_run = true")
        session.execute(
            "alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run)"
        )
    assert iu(["verify", "--database-url", url]) == 0


def test_without_the_error_iu501_a_restored_worker_loses_events(
    old: EmbeddedServer, make_server: Callable[[str], EmbeddedServer], tmp_path: Path
) -> None:
    archive = tmp_path / "iu.dump"
    burn(old.url(), 5000)
    live_through(old.url(), lambda: clusters.dump(old, old.url(), archive))
    new, url = empty_cluster(make_server)
    clusters.restore(new, url, archive)
    with opened(url) as (session,):
        session.execute(
            "create or replace function public.fn_iu_cluster_require(given public.iu_route_worker_cursor) "
            "returns bigint language sql stable as 'select 0::bigint'"
        )
        emit_many(session, 4)
        for worker in WORKERS:
            drain(session, worker)
        assert judge(session, Ledger(), [], WORKERS).lost > 0


def test_the_first_seek_after_a_restore_waits_for_emitters_and_loses_none_of_theirs(
    old: EmbeddedServer,
    make_server: Callable[[str], EmbeddedServer],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = tmp_path / "iu.dump"
    live_through(old.url(), lambda: clusters.dump(old, old.url(), archive))
    new, url = empty_cluster(make_server)
    clusters.restore(new, url, archive)
    with opened(url, 3) as (emitter, seeker, judge_):
        read_committed(seeker)
        emitter.execute("begin")
        mine: UUID = emit(emitter, 201)
        together = Together()
        together.start(lambda: seek(seeker, "latest", "elsewhere"))
        wait_for_lock(judge_, seeker)
        emitter.execute("commit")
        together.finish()
        assert run(seeker, "elsewhere")["seen"] == 0
        reanchor(url, capsys)
        go_on(url)
        assert value(judge_, _WORKERS_OF, (mine,)) == 5


_WORKERS_OF = "select count(distinct worker_name) from public.iu_route_attempt where event_id = %s"


def test_copied_files_with_a_new_identity_are_refused_and_continue_where_they_stood(
    old: EmbeddedServer,
    make_server: Callable[[str], EmbeddedServer],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    live_through(old.url())
    old.stop()
    clone = clusters.copy_files(old, tmp_path / "clone")
    try:
        clusters.give_new_identity(clone)
        url = clone.ensure_running()
        refuse(url, [*WORKERS, NEW])
        reanchor(url, capsys)
        go_on(url)
        with opened(old.ensure_running()) as (session,):
            assert run(session, HALFWAY)["status"] == "ran"
    finally:
        clone.stop()


def test_copied_files_that_keep_their_identity_continue_without_a_seek(
    old: EmbeddedServer, make_server: Callable[[str], EmbeddedServer], tmp_path: Path
) -> None:
    live_through(old.url())
    old.stop()
    clone = clusters.copy_files(old, tmp_path / "clone")
    try:
        go_on(clone.ensure_running())
    finally:
        clone.stop()


def test_a_template_copy_in_the_same_cluster_continues_without_a_seek(old: EmbeddedServer) -> None:
    live_through(old.url())
    with opened(old.url("postgres")) as (session,):
        session.execute("create database copy template iu")
    go_on(old.url("copy"))


def test_a_dump_in_the_same_cluster_is_refused_and_continues_where_it_stood(
    old: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is a new one, and whether events were emitted elsewhere meanwhile is unknown."""
    archive = tmp_path / "iu.dump"
    live_through(old.url(), lambda: clusters.dump(old, old.url(), archive))
    url = old.ensure_database("copy")
    clusters.restore(old, url, archive)
    refuse(url, [*WORKERS, NEW])
    reanchor(url, capsys)
    go_on(url)


@pytest.mark.parametrize("command", ["vacuum full", "cluster", "vacuum (full, freeze)", "vacuum freeze"])
def test_rewriting_tables_in_their_place_needs_no_seek(old: EmbeddedServer, command: str) -> None:
    keys = {"event_outbox": "event_outbox_pkey", "event_outbox_cluster": "event_outbox_cluster_pkey"}
    live_through(old.url())
    with opened(old.url()) as (session,):
        for table, key in keys.items():
            using = f" using {key}" if command == "cluster" else ""
            session.execute(f"{command} public.{table}{using}".encode())
    go_on(old.url())


@pytest.mark.read_committed
def test_a_seek_to_the_beginning_is_safe_after_a_restore(
    old: EmbeddedServer, make_server: Callable[[str], EmbeddedServer], tmp_path: Path
) -> None:
    archive = tmp_path / "iu.dump"
    live_through(old.url(), lambda: clusters.dump(old, old.url(), archive))
    new, url = empty_cluster(make_server)
    clusters.restore(new, url, archive)
    with opened(url) as (session,):
        for worker in WORKERS:
            seek(session, "beginning", worker)
    go_on(url)
