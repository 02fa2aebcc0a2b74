"""Steps of a release are never edited, and a database of a release is upgraded while events flow.

`releases/` holds the SQL tree of each release; CONTRIBUTING says how to add one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from engine.scenarios import CLEAN, judged
from engine.sessions import opened
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, verification
from iu_pipelines.domain import dead_letters, outbox, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import IuError
from iu_pipelines.settings import sql_root
from proven import failed_lines
from releases import RELEASES
from repeating import running
from waiting import eventually

LIVE: Final = "iu.structure_piece_split.workflow"


def edited(released: Path, now: Path) -> list[str]:
    """Return the schema steps of a release that are missing or differ now."""
    texts = {step.key: step.checksum for step in files.load_steps(now)}
    return [
        step.name
        for step in files.load_steps(released)
        if not step.is_repeatable and texts.get(step.key) != step.checksum
    ]


def test_there_is_a_release() -> None:
    assert RELEASES


def test_no_step_of_a_release_is_edited_or_removed(released: Path) -> None:
    assert edited(released, sql_root()) == []


def test_an_edited_step_and_a_missing_one_are_noticed(released: Path, tree: Path) -> None:
    gates = tree / "iu-core/runtime/020_gates.sql"
    gates.write_text(gates.read_text().replace("create table", "create  table", 1))
    (tree / "iu-core/runtime/100_route_worker_live_verification.sql").unlink()
    files.stamp(tree)
    assert edited(released, tree) == ["020_gates", "100_route_worker_live_verification"]


def emit(gateway: Gateway, count: int, event_type: str = "version_applied") -> None:
    for number in range(count):
        subject = UUID(f"00000000-0000-7000-8000-{number % 7:012}")
        outbox.emit(gateway, event_type, f"docs/{number % 7}", subject, "test", {"number": number})


def make_history(gateway: Gateway) -> None:
    """Make batches of two workers, dead letters of which one is replayed and one discarded, and a backlog."""
    emit(gateway, 30)
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    gateway.execute("update public.iu_outbound_route set dry_run = false where route_code = %s", (LIVE,))
    emit(gateway, 3, "structure_piece_split")
    for name in (DEFAULT_WORKER, "second"):
        list(worker.drain(gateway, name, worker.RunLimits()))
    gateway.execute("update public.iu_outbound_route set dry_run = true")
    gateway.execute("alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run)")
    letters = [letter.dead_letter_id for letter in dead_letters.list_letters(gateway, limit=6)]
    dead_letters.replay(gateway, letters[0])
    dead_letters.discard(gateway, letters[1], "not wanted")
    emit(gateway, 20)


class Traffic:
    """An emitter and a worker that run without a pause, and their errors."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._stop = gateway, threading.Event()
        self.committed = 0
        self.errors: list[IuError] = []

    def _emit(self) -> None:
        emit(self._gateway, 1)
        self.committed += 1

    def _run(self) -> None:
        worker.run_once(self._gateway, DEFAULT_WORKER, 5)

    def _repeat(self, act: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                act()
        except IuError as error:
            self.errors.append(error)

    def wait_for_more(self, events: int) -> None:
        wanted = self.committed + events
        eventually(lambda: self.committed >= wanted or self.errors, f"{events} more events", pause=0.01)

    @contextmanager
    def running(self) -> Iterator[None]:
        with running(self._stop, *(partial(self._repeat, act) for act in (self._emit, self._run))):
            yield


def test_a_database_of_a_release_is_upgraded_while_events_flow(
    older_release: Path, empty_database: str
) -> None:
    with Gateway(empty_database, max_size=8) as gateway:
        migration.apply(gateway, root=older_release)
        make_history(gateway)
        traffic = Traffic(gateway)
        with traffic.running():
            traffic.wait_for_more(5)
            migration.apply(gateway)
            traffic.wait_for_more(5)
        assert traffic.errors == []
        for name in (DEFAULT_WORKER, "second"):
            list(worker.drain(gateway, name, worker.RunLimits()))
        assert failed_lines(verification.verify(gateway)) == []
        letters = [str(letter.resolution) for letter in dead_letters.list_letters(gateway, resolution=None)]
        assert sorted(letters) == ["None"] * 4 + ["discarded", "replayed"]
    with opened(empty_database) as (session,):
        assert judged(session, DEFAULT_WORKER) == CLEAN
        assert judged(session, "second") == CLEAN


def test_a_worker_of_a_release_with_a_name_that_is_reserved_now_is_retired(
    first_release: Path, empty_database: str
) -> None:
    with Gateway(empty_database) as gateway:
        migration.apply(gateway, root=first_release)
        gateway.execute("select public.fn_iu_route_worker_run('live:old', 1)")
        migration.apply(gateway)
        retired = {found.worker_name: found.retired_at is not None for found in worker.list_workers(gateway)}
        assert retired == {DEFAULT_WORKER: False, "live:old": True}
        assert failed_lines(verification.verify(gateway)) == []
