"""A migration beside running emitters: neither waits long for the other."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan
from iu_pipelines.errors import Unavailable
from iu_pipelines.settings import sql_root
from next_step import FUNCTIONS, add_schema_step

EMIT = "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'test', '{}')"
STRONG = """
select l.relation::regclass::text as name, l.mode
from pg_locks as l inner join pg_class as c on c.oid = l.relation
where l.pid = pg_backend_pid() and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
"""
WITHOUT_TIMEOUT = "set local lock_timeout = '60s';\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return the SQL of the next release, whose functions have changed."""
    root = Path(shutil.copytree(sql_root(), tmp_path / "sql"))
    path = root / "iu-core/objects/gates/fn_iu_gate_open.sql"
    path.write_text(path.read_text() + "\n-- changed\n")
    files.stamp(root)
    return root


def alter_the_outbox(root: Path, prefix: str = "") -> None:
    """Add a schema step that needs the strongest lock on the outbox."""
    add_schema_step(root, "990_note", f"{prefix}alter table public.event_outbox add column note text;\n")


class Traffic:
    """One open transaction that has emitted, and emitters that commit one event after another."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._held, self._release, self._stop = threading.Event(), threading.Event(), threading.Event()
        self.longest = 0.0
        self.emitted = 0

    def hold(self) -> None:
        with self._gateway.transaction() as session:
            session.fetch_value(EMIT)
            self._held.set()
            self._release.wait(30)

    def emit(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self._gateway.fetch_value(EMIT)
            self.longest = max(self.longest, time.monotonic() - started)
            self.emitted += 1

    def release(self) -> None:
        self._release.set()

    @contextmanager
    def running(self, open_seconds: float) -> Iterator[None]:
        threads = [threading.Thread(target=self.hold)]
        threads[0].start()
        assert self._held.wait(30)
        timer = threading.Timer(open_seconds, self.release)
        timer.start()
        threads += [threading.Thread(target=self.emit) for _ in range(2)]
        for thread in threads[1:]:
            thread.start()
        try:
            yield
        finally:
            timer.cancel()
            self.release()
            self._stop.set()
            for thread in threads:
                thread.join()


@pytest.fixture
def traffic(database: str) -> Iterator[Traffic]:
    with Gateway(database, max_size=8) as gateway:
        yield Traffic(gateway)


def test_changed_functions_are_replaced_while_a_transaction_that_emitted_stays_open(
    gateway: Gateway, traffic: Traffic, tree: Path
) -> None:
    waited: list[str] = []
    with traffic.running(open_seconds=30):
        results = migration.apply(gateway, root=tree, on_wait=waited.append)
    assert [(result.name, result.action) for result in results] == [("070_functions", "reapplied")]
    assert waited == []
    assert traffic.emitted > 0
    assert traffic.longest < 2


def test_a_step_that_alters_the_outbox_blocks_no_emitter_for_long_and_succeeds(
    gateway: Gateway, traffic: Traffic, tree: Path
) -> None:
    alter_the_outbox(tree)
    waited: list[str] = []
    with traffic.running(open_seconds=2.5):
        results = migration.apply(gateway, root=tree, on_wait=waited.append)
    assert [result.name for result in results] == ["990_note", *FUNCTIONS]
    assert waited
    assert traffic.longest < 2


def test_a_step_without_a_lock_timeout_blocks_emitters(
    gateway: Gateway, traffic: Traffic, tree: Path
) -> None:
    alter_the_outbox(tree, WITHOUT_TIMEOUT)
    with traffic.running(open_seconds=2.5):
        migration.apply(gateway, root=tree)
    assert traffic.longest > 2


def test_a_lock_that_is_held_for_too_long_ends_the_migration_and_the_error_names_the_holder(
    gateway: Gateway, traffic: Traffic, tree: Path
) -> None:
    alter_the_outbox(tree)
    with traffic.running(open_seconds=30), pytest.raises(Unavailable) as refused:
        migration.apply(gateway, root=tree, lock_seconds=2)
    assert refused.value.__notes__ == ["iu-core/runtime/990_note failed and was rolled back"]
    assert re.search(
        r"process \d+ \(.*idle in transaction, transaction open for \d+ s\)", refused.value.hint or ""
    )
    assert [one.step.name for one in plan.planned(gateway, root=tree)] == ["990_note", *FUNCTIONS]
    assert traffic.longest < 2


def locks(gateway: Gateway, script: str) -> list[str]:
    with gateway.transaction() as session:
        session.execute(script)
        return [f"{row['mode']} on {row['name']}" for row in session.fetch_all(STRONG)]


def test_functions_applied_again_lock_no_table(gateway: Gateway, tree: Path) -> None:
    (planned,) = plan.planned(gateway, root=tree)
    assert locks(gateway, planned.step.file.text) == []


def test_functions_that_recreate_a_trigger_lock_its_table(gateway: Gateway, tree: Path) -> None:
    (planned,) = plan.planned(gateway, root=tree)
    gateway.execute("drop trigger trg_iu_append_only on public.event_outbox")
    assert "ShareRowExclusiveLock on event_outbox" in locks(gateway, planned.step.file.text)
