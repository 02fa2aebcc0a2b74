"""Several senders of one target, whose shards they share: rates by their number and the receiver's latency.

Each sender is a process with the default limits: 64 sends at a time. The clock runs from the first claim that
is asked for until the last outcome is recorded. All processes share the cores of the machine, with PostgreSQL
and the receiver, so a rate ends where the cores are full.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bench import deliveries, webhooks
from bench.cases import Case, Outcome
from bench.receiver import Receiver
from bench.server import BenchServer

GROUP: Final = "senders"
LATENCIES: Final = (0, 20, 100)
"""Milliseconds until the receiver answers."""

NUMBERS: Final = (1, 2, 4, 8)
CONCURRENCY: Final = 64
_WORKER: Final = Path(__file__).parent / "workers" / "one_of_senders.py"
_ROOT: Final = Path(__file__).resolve().parent.parent
_SECONDS: Final = 5
_FULL: Final = 3_200
"""About how many deliveries a second two cores make; only the length of a case depends on it."""


def system(latency: int) -> str:
    return f"iu deliver, answers after {latency} ms"


def cases(receiver: Receiver, *, quick: bool) -> list[Case]:
    """Return a case for each latency and number of senders."""
    return [
        _case(receiver, latency, number, _events(latency, number) // (4 if quick else 1))
        for latency in LATENCIES
        for number in NUMBERS
    ]


def _events(latency: int, number: int) -> int:
    """Return how many events last some seconds, as a multiple of 4,000, so that cases share templates."""
    rate = min(_FULL, number * CONCURRENCY * 1000 / latency) if latency else _FULL
    return max(1, round(rate * _SECONDS / 4_000)) * 4_000


def _case(receiver: Receiver, latency: int, number: int, events: int) -> Case:
    def run(server: BenchServer, database: str) -> Outcome:
        receiver.taken()
        load = os.getloadavg()[0]
        done = _drained(server, database, number)
        counts = {"sent": sum(one["sent"] for one in done), "received": receiver.taken()}
        with closing(server.connect(database)) as connection:
            row = connection.execute(
                "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
            ).fetchone()
            counts["recorded"] = row[0] if row else 0
        if set(counts.values()) != {events}:
            raise RuntimeError(f"{events} events, but {counts}")
        seconds = max(one["last"] for one in done) - min(one["begun"] for one in done)
        cpu = sum(one["cpu"] for one in done)
        fewest = min(one["sent"] for one in done) * number / events
        return Outcome(events, None, seconds, client_cpu=cpu, extra={"fewest": fewest, "load": load})

    return Case(
        GROUP,
        system(latency),
        str(number),
        lambda server: webhooks.prepared(server, f"{receiver.url}{latency}", events, queued=True),
        run,
    )


def _drained(server: BenchServer, database: str, number: int) -> list[dict[str, Any]]:
    """Start the senders, let all begin at once, and return what each printed."""
    parts = urlsplit(server.url(database))
    login = f"{deliveries.LOGIN}:{deliveries.PASSWORD}@"
    url = parts._replace(netloc=login + parts.netloc.rpartition("@")[2]).geturl()
    given = {**os.environ, **webhooks.ENVIRONMENT, "PYTHONPATH": str(_ROOT)}
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(_WORKER), url],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                    env=given,
                )
            )
            for _ in range(number)
        ]  # fmt: skip
        for one in started:
            assert one.stdout is not None
            one.stdout.readline()
        for one in started:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        answers = [one.communicate(timeout=600) for one in started]
    for one, (_, errors) in zip(started, answers, strict=True):
        if one.returncode:
            raise RuntimeError(errors.strip()[-300:])
    return [json.loads(output.strip().splitlines()[-1]) for output, _ in answers]
