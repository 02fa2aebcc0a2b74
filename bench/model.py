"""The model of docs/concepts/scale.md: how many deliveries a second senders, targets and databases make.

Rates are deliveries a second, times are seconds. Each function returns an upper bound: what a machine loses
to other work is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable


def sender_rate(concurrency: int, latency: float, cpu: float) -> float:
    """Return the rate of one sender: of its slots, each of which waits for an answer, or of its core."""
    of_slots = concurrency / latency if latency else math.inf
    return min(of_slots, 1 / cpu)


def target_rate(senders: Iterable[float], locked: float, per_minute: float = math.inf) -> float:
    """Return the rate of one target: of its senders, of what its state lock lets through, or its limit.

    Claims and records of one target are one after the other; `locked` is what both take for one delivery.
    """
    return min(sum(senders), 1 / locked, per_minute / 60)


def machine_rate(cores: int, cpu: float) -> float:
    """Return the rate at which all cores are full; `cpu` is what everything on them takes for a delivery."""
    return cores / cpu


def database_rate(cores: int, sql: float, wal_bytes: float, disk_bytes: float = math.inf) -> float:
    """Return the rate of one database: of its cores, or of a disk that writes so many bytes a second."""
    return min(machine_rate(cores, sql), disk_bytes / wal_bytes)


def senders_needed(wanted: float, one: float) -> int:
    """Return how many senders make the rate that is wanted."""
    return math.ceil(wanted / one)


def databases_per_daemon(interval: float, tick: float, threads: int, slots: int, busy: float) -> int:
    """Return how many databases one daemon serves, by the ticks of their sensors and by their runs.

    Each database has a tick of `tick` in each `interval`, and a run for the share `busy` of the time. At a
    time, `threads` ticks and `slots` runs are possible.
    """
    return min(int(threads * interval / tick), int(slots / busy))
