"""Measure the cost of a case: seconds, CPU, WAL, commits and memory. CPU and memory need Linux."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from bench.server import BenchServer

_PROC: Final = Path("/proc")
_SAMPLE_SECONDS: Final = 0.2


@dataclass
class Cost:
    """The cost of one case; None where the operating system has no figure."""

    seconds: float = 0.0
    server_cpu: float | None = None
    client_cpu: float = 0.0
    wal_bytes: int = 0
    commits: int = 0
    server_mib: float | None = None
    client_mib: float | None = None


@dataclass
class Watch:
    """Sum over `with watch:` blocks: seconds, CPU seconds of one backend, and WAL bytes of the server."""

    server: BenchServer
    connection: psycopg.Connection[Any]
    seconds: float = 0.0
    cpu: float = 0.0
    wal: int = 0
    _began: tuple[str, float, float] = field(default=("", 0.0, 0.0), repr=False)

    def __enter__(self) -> Self:
        lsn = str(self.server.value("select pg_current_wal_insert_lsn()::text"))
        self._began = (lsn, backend_cpu(self.connection.info.backend_pid) or 0.0, time.perf_counter())
        return self

    def __exit__(self, *_: object) -> None:
        lsn, cpu, begun = self._began
        self.seconds += time.perf_counter() - begun
        self.cpu += (backend_cpu(self.connection.info.backend_pid) or 0.0) - cpu
        self.wal += int(self.server.value("select pg_current_wal_insert_lsn() - %s::pg_lsn", (lsn,)))

    def reset(self) -> None:
        """Reset the sums, after a round that only warms the session up."""
        self.seconds, self.cpu, self.wal = 0.0, 0.0, 0


@contextmanager
def metered(server: BenchServer, database: str) -> Iterator[Cost]:
    """Measure the block; the yielded cost is complete when the block has ended."""
    cost = Cost()
    lsn = server.value("select pg_current_wal_insert_lsn()::text")
    commits = _commits(server, database)
    server_cpu, client_cpu = _server_cpu(server), _client_cpu()
    with _memory(server, cost):
        begun = time.perf_counter()
        yield cost
        cost.seconds = time.perf_counter() - begun
    cost.client_cpu = _client_cpu() - client_cpu
    time.sleep(0.2)
    after = _server_cpu(server)
    cost.server_cpu = None if after is None or server_cpu is None else after - server_cpu
    cost.wal_bytes = int(server.value("select pg_current_wal_insert_lsn() - %s::pg_lsn", (lsn,)))
    cost.commits = _commits(server, database) - commits


def resident_mib(pid: int | str = "self") -> float | None:
    """Return the anonymous resident memory of a process in MiB."""
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")), None)


def backend_cpu(pid: int) -> float | None:
    """Return the CPU seconds of one backend so far, with the resolution of a nanosecond."""
    try:
        return int((_PROC / str(pid) / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except OSError:
        return None


def _commits(server: BenchServer, database: str) -> int:
    return int(
        server.value(
            "select coalesce(sum(xact_commit), 0) from pg_stat_database where datname = %s", (database,)
        )
    )


def _client_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _children(parent: int) -> Iterator[int]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                yield int(entry.name)


def _server_cpu(server: BenchServer) -> float | None:
    """Return the CPU seconds of the postmaster and of its children, including those that have ended."""
    if not _PROC.exists():
        return None
    stat = (_PROC / str(server.postmaster) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    own = sum(int(ticks) for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(backend_cpu(pid) or 0.0 for pid in _children(server.postmaster))


@contextmanager
def _memory(server: BenchServer, cost: Cost) -> Iterator[None]:
    """Sample the memory of the largest server process, and of this process with its children."""
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            servers = [resident_mib(pid) or 0.0 for pid in _children(server.postmaster)]
            clients = [resident_mib(pid) or 0.0 for pid in (os.getpid(), *_children(os.getpid()))]
            cost.server_mib = max(cost.server_mib or 0.0, *servers)
            cost.client_mib = max(cost.client_mib or 0.0, sum(clients))

    if not _PROC.exists():
        yield
        return
    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
