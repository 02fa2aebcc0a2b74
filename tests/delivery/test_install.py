"""The module is installed in a big database, beside traffic and after an upgrade, and delays no emitter.

IU_LONG=1 makes the big database one of a million events.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from delivery.world import World
from engine.scenarios import CLEAN, judged
from engine.sessions import opened
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, verification
from iu_pipelines.domain import worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.settings import sql_root
from plans.test_hot_paths import consume, fill
from proven import failed_lines
from steps.test_releases import Traffic, make_history

MODULE: Final = "iu-delivery"
STEPS: Final = files.load_steps(sql_root(), [MODULE])
EVENTS: Final = 1_000_000 if os.environ.get("IU_LONG") == "1" else 50_000
EMIT: Final = "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'test', '{}')"
LOCKS: Final = """
select l.relation::regclass::text as name, l.mode from pg_locks as l
where l.pid = pg_backend_pid() and l.relation = any (%s)
    and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
order by 1, 2
"""
TABLES: Final = """
select array_agg(c.oid) from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'i', 'S')
"""
OF_THE_AUDIT: Final = {("iu_audit_name", "ShareRowExclusiveLock")}
"""The lock of a foreign key to the names of routes, which no emit reads or writes."""


def strong_locks(url: str) -> dict[str, set[tuple[str, str]]]:
    """Apply the module, and return the strong locks of each step on what was there before."""
    taken: dict[str, set[tuple[str, str]]] = {}
    with psycopg.connect(url) as session:
        (before,) = session.execute(TABLES).fetchone() or (None,)
        session.commit()
        for step in STEPS:
            session.execute(step.file.text.encode())
            taken[step.key.name] = set(session.execute(LOCKS, (before,)).fetchall())
            session.commit()
    return taken


def test_no_step_of_the_module_locks_a_table_that_an_emitter_uses(database: str) -> None:
    taken = strong_locks(database)
    assert taken == {
        "010_targets": set(),
        "020_promotions": OF_THE_AUDIT,
        "030_queue": set(),
        "040_plans": set(),
        "070_functions": set(),
    }


def test_a_step_that_locked_the_outbox_would_be_noticed(database: str) -> None:
    with psycopg.connect(database) as session:
        (before,) = session.execute(TABLES).fetchone() or (None,)
        session.execute("create table public.iu_other (event_id uuid references public.event_outbox)")
        assert ("event_outbox", "ShareRowExclusiveLock") in session.execute(LOCKS, (before,)).fetchall()


class Emitter:
    """Emits one event after another, and knows the longest time that one took."""

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, threading.Event()
        self.longest, self.emitted = 0.0, 0

    def _emit(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as session:
            while not self._stop.is_set():
                started = time.monotonic()
                session.execute(EMIT)
                self.longest = max(self.longest, time.monotonic() - started)
                self.emitted += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._emit)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def test_a_big_database_gets_the_module_at_once_and_no_emitter_waits(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        fill(session, EVENTS)
        consume(session)
        session.execute("vacuum analyze public.event_outbox")
    emitter = Emitter(database)
    with Gateway(database) as gateway, emitter.running():
        started = time.monotonic()
        results = migration.apply(gateway, ["delivery"])
        seconds = time.monotonic() - started
    assert [result.name for result in results] == [step.name for step in STEPS]
    print(f"{EVENTS} events: {seconds:.2f} s, longest emit {emitter.longest:.3f} s")
    assert seconds < 5
    assert emitter.emitted > 0
    assert emitter.longest < 1


@pytest.mark.parametrize("at_once", [True, False], ids=["in one go", "after the upgrade"])
def test_a_database_of_a_release_gets_the_module_while_events_flow(
    older_release: Path, empty_database: str, at_once: bool
) -> None:
    with Gateway(empty_database, max_size=8) as gateway:
        migration.apply(gateway, root=older_release)
        make_history(gateway)
        traffic = Traffic(gateway)
        with traffic.running():
            traffic.wait_for_more(5)
            if not at_once:
                migration.apply(gateway)
            migration.apply(gateway, ["delivery"])
            traffic.wait_for_more(5)
        assert traffic.errors == []
        for name in (DEFAULT_WORKER, "second"):
            list(worker.drain(gateway, name, worker.RunLimits()))
        assert failed_lines(verification.verify(gateway)) == []
    with opened(empty_database) as (session,):
        assert judged(session, DEFAULT_WORKER) == CLEAN
        assert judged(session, "second") == CLEAN


def changed(tree: Path) -> None:
    """Change a function of each module, as a next release would."""
    for name in ("iu-core/objects/gates/fn_iu_gate_open", f"{MODULE}/objects/deliveries/fn_iu_delivery_key"):
        path = tree / f"{name}.sql"
        path.write_text(f"{path.read_text()}\n-- A comment of the next release.\n")
    files.stamp(tree)


def test_an_installed_module_is_upgraded_with_the_core_and_keeps_its_deliveries(
    world: World, sql_tree: Path
) -> None:
    changed(sql_tree)
    world.emit(1, 3)
    world.enqueue()
    sender = world.sender()
    claims = sender.claim()
    before = world.queue()
    results = migration.apply(world.owner, root=sql_tree)
    assert [(result.name, result.action) for result in results] == [
        ("070_functions", "reapplied"),
        (f"{MODULE}/070_functions", "reapplied"),
    ]
    assert world.queue() == before
    assert sender.record(claims)["sent"] == 1
    assert len(sender.claim()) == 1
    world.set_gate("delivery", "false")
    world.set_gate("live_routes", "")
    assert failed_lines(verification.verify(world.owner, root=sql_tree)) == []


def test_a_change_of_the_core_alone_does_not_apply_the_module_again(world: World, sql_tree: Path) -> None:
    path = sql_tree / "iu-core/objects/gates/fn_iu_gate_open.sql"
    path.write_text(f"{path.read_text()}\n-- A comment of the next release.\n")
    files.stamp(sql_tree)
    assert [result.name for result in migration.apply(world.owner, root=sql_tree)] == ["070_functions"]
