"""The cost of retention per event beside 1 and 100 cursors, and the longest concurrent run of a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from bench.cases import Case, Outcome
from bench.engine import COLUMNS, DATABASE, PAYLOAD, fill, invoke
from bench.meter import Watch
from bench.server import BenchServer, install
from bench.shapes import drain

_ROUND: Final = 5000


def cases(events: int) -> list[Case]:
    """Return the cases of retention beside 1 and 100 cursors."""
    return [
        Case("retention", "iu retention", str(cursors), _prepared(events, cursors), _rounds(events))
        for cursors in (1, 100)
    ]


def _prepared(events: int, cursors: int) -> Callable[[BenchServer], str]:
    """Prepare old events that one worker has attempted; the other cursors are at the newest event."""

    def load(server: BenchServer, name: str) -> None:
        install(server, name)
        with server.connect(name) as connection:
            connection.execute(
                f"""insert into public.event_outbox ({COLUMNS}, created_at)
                select 'iu', 'version_applied', 'update', 'immediate', 'BENCH/unit/' || i,
                    'information_unit', gen_random_uuid(), 'bench', {PAYLOAD}, now() - interval '400 days'
                from generate_series(1, %s) as i""",
                (events,),
            )
            drain(connection)
            connection.execute(
                """select public.fn_iu_route_worker_seek('bench_' || n, 'latest', 'bench')
                from generate_series(2, %s) as n""",
                (cursors,),
            )
            connection.execute("select public.fn_iu_gate_set('iu_core.retention_days', '1', 'bench')")
            connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        template = server.template(f"bench_retention_{events}_{cursors}", lambda name: load(server, name))
        return server.fresh(DATABASE, template)

    return prepare


def _rounds(events: int) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection, server.connect(database) as worker:
            with _working(worker) as alone:
                time.sleep(1.0)
            watch, dropped, rounds, more = Watch(server, connection), 0, 0, True
            with _working(worker) as beside:
                while more:
                    with watch:
                        answer = _round(connection)
                    dropped, rounds, more = dropped + answer["events"], rounds + 1, answer["more"]
        if dropped < events - 1:  # the event of the other cursors may be kept
            raise RuntimeError(f"{dropped} of {events} events dropped; the last round answered {answer}")
        extra = {"worker_ms": beside.longest * 1000, "worker_ms_alone": alone.longest * 1000}
        return Outcome(dropped, rounds, watch.seconds, watch.cpu, watch.wal, extra)

    return run


def _round(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    row = connection.execute("select public.fn_iu_retention_run('bench', %s)", (_ROUND,)).fetchone()
    assert row is not None
    if row[0]["status"] != "ran":
        raise RuntimeError(f"a round answered {row[0]}")
    return dict(row[0])


@dataclass
class _Work:
    """Runs of a worker until `ended` is set, and the longest of them in seconds."""

    longest: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def work(self, connection: psycopg.Connection[Any]) -> None:
        while not self.ended.is_set():
            fill(connection, 1)
            begun = time.perf_counter()
            invoke(connection, 1000)
            self.longest = max(self.longest, time.perf_counter() - begun)


@contextmanager
def _working(connection: psycopg.Connection[Any]) -> Iterator[_Work]:
    """Emit and run the worker in a thread during the block."""
    work = _Work()
    thread = threading.Thread(target=work.work, args=(connection,), daemon=True)
    thread.start()
    try:
        yield work
    finally:
        work.ended.set()
        thread.join()
