"""Runs that find no events: their cost and WAL, alone and beside a held snapshot."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import psycopg

from bench.cases import Case, Outcome
from bench.engine import DATABASE, buffers, fill, invoke, loaded
from bench.meter import Watch
from bench.server import BOTH, BenchServer
from bench.shapes import drain

_BATCH = 1000
_BATCHES = 7
_SAMPLE = 200


def cases(runs: int) -> list[Case]:
    """Return the cases of idle runs, alone and beside a held snapshot."""
    prepare = lambda server: server.fresh(DATABASE, loaded(server, _BATCH))  # noqa: E731
    alone = Case("idle", "an idle run", str(min(runs, 2000)), prepare, _alone(min(runs, 2000)), on=BOTH)
    return [alone, Case("held", "idle runs beside a held snapshot", str(runs), prepare, _held(runs))]


def _alone(runs: int) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            drain(connection)
            watch = _idle(server, connection, runs)
            return Outcome(runs, runs, watch.seconds, watch.cpu, watch.wal)

    return run


def _held(runs: int) -> Callable[[BenchServer, str], Outcome]:
    """Measure an idle run and a batch when a snapshot is taken, and after `runs` runs beside it."""

    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection, server.connect(database) as reader:
            drain(connection)
            extra = {"batch_cpu_ms_first": _batch(server, connection)}
            reader.execute("begin isolation level repeatable read")
            reader.execute("select 1")
            extra["buffers_first"] = buffers(connection, 1)
            extra["cpu_us_first"] = _idle(server, connection, _SAMPLE).cpu / _SAMPLE * 1e6
            watch = _idle(server, connection, runs)
            extra["cpu_us_last"] = _idle(server, connection, _SAMPLE).cpu / _SAMPLE * 1e6
            extra["buffers_last"] = buffers(connection, 1)
            extra["batch_cpu_ms_last"] = _batch(server, connection)
            reader.execute("rollback")
            return Outcome(runs, runs, watch.seconds, watch.cpu, watch.wal, extra)

    return run


def _idle(server: BenchServer, connection: psycopg.Connection[Any], runs: int) -> Watch:
    watch = Watch(server, connection)
    with watch:
        for _ in range(runs):
            answer = invoke(connection, _BATCH)
            if answer["seen"]:
                raise RuntimeError(f"an idle run answered {answer}")
    return watch


def _batch(server: BenchServer, connection: psycopg.Connection[Any]) -> float:
    """Return the median milliseconds of CPU of a batch of 1,000."""
    taken = []
    for _ in range(_BATCHES):
        fill(connection, _BATCH)
        watch = Watch(server, connection)
        with watch:
            invoke(connection, _BATCH)
        taken.append(watch.cpu * 1000)
        drain(connection)
    return statistics.median(taken)
