"""The overhead of Dagster: throughput of a run, latency while one lingers, and memory (`--dagster`)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.engine import DATABASE, fill
from bench.meter import resident_mib
from bench.server import BenchServer, install
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.worker import DEFAULT_WORKER, RunLimits, drain

_EMITS_A_SECOND: Final = 50
_LATENCY_SECONDS: Final = 20


def measure(server: BenchServer, events: int, many: int, repeats: int) -> dict[str, Any]:
    """Measure events per second of a plain loop and of a run, latency, and one run of `many` events."""
    share: dict[str, Any] = {"loop": {}, "run": {}, "share": {}}
    for batch in (1_000, 10_000):
        loops, runs = [], []
        for _ in range(repeats):
            loops.append(_loop(server, events, batch))
            runs.append(_run(server, events, batch)["run_events_per_second"])
        share["loop"][batch], share["run"][batch] = median(loops), median(runs)
        share["share"][batch] = median(run / loop for run, loop in zip(runs, loops, strict=True))
        print(f"Dagster, batches of {batch:,}: {share['share'][batch]:.2f} of the plain loop", flush=True)
    share["latency"] = _latency(server)
    print(f"emit to attempt: {share['latency']}", flush=True)
    share["million"] = _run(server, many, 10_000)
    print(f"{many:,} events in one run: {share['million']}", flush=True)
    return share


def _database(server: BenchServer, events: int) -> str:
    """Create a database with `events` events, and return its URL."""
    name = server.fresh(DATABASE, server.template("bench_installed", lambda made: install(server, made)))
    with server.connect(name) as connection:
        for begin in range(0, events, 1_000_000):
            fill(connection, min(1_000_000, events - begin))
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return server.url(name)


def _loop(server: BenchServer, events: int, batch: int) -> float:
    with Gateway(_database(server, events)) as gateway:
        run = drain(gateway, DEFAULT_WORKER, RunLimits(batch_limit=batch))
        for _ in run:
            pass
        return run.seen / run.seconds


def _start(url: str, home: str, config: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.dagster_run", url, home, json.dumps(config)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _run(server: BenchServer, events: int, batch: int) -> dict[str, Any]:
    """Measure a run that drains the outbox; memory is counted from its first batch."""
    url = _database(server, events)
    with tempfile.TemporaryDirectory() as home:
        process = _start(url, home, {"batch_limit": batch, "max_seconds": 3600.0})
        memory = []
        while process.poll() is None:
            memory.append((time.monotonic(), resident_mib(process.pid) or 0.0, _written(server)))
            time.sleep(0.2)
        answer = _answer(process)
    if not answer["success"]:
        raise RuntimeError(f"the run failed: {answer['error']}")
    working = [mib for _, mib, seen in memory if seen > 0] or [0.0]
    return answer | {"mib_first_batch": working[0], "mib_peak": max(working)}


def _written(server: BenchServer) -> int:
    with server.connect(DATABASE) as connection:
        row = connection.execute(
            "select coalesce(sum(attempts), 0) from public.iu_route_attempt_tally"
        ).fetchone()
    return int(row[0]) if row else 0


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err.strip().splitlines()[-1] if err.strip() else "the run printed no error")
    return dict(json.loads(out.strip().splitlines()[-1]))


def _latency(server: BenchServer) -> dict[str, float]:
    """Emit at a constant rate while a run lingers, and compare the times of events and attempts."""
    url = _database(server, 0)
    with tempfile.TemporaryDirectory() as home, server.connect(DATABASE) as connection:
        fill(connection, 1)
        process = _start(url, home, {"linger_seconds": 15.0, "max_seconds": 120.0})
        while process.poll() is None and not _written(server):
            time.sleep(0.1)
        begun = time.monotonic()
        for number in range(_LATENCY_SECONDS * _EMITS_A_SECOND):
            time.sleep(max(0.0, begun + number / _EMITS_A_SECOND - time.monotonic()))
            connection.execute(
                """select public.fn_iu_emit_event(
                    'version_applied', 'BENCH/latency', gen_random_uuid(), 'bench', '{}')"""
            )
        _answer(process)
        row = connection.execute(
            """select percentile_cont(array[0.5, 0.99]) within group (
                order by extract(epoch from a.created_at - o.created_at) * 1000)
            from public.event_outbox as o
            inner join public.iu_route_attempt_log as a on a.event_id = o.event_id
            where o.canonical_address = 'BENCH/latency'"""
        ).fetchone()
    return {"p50_ms": row[0][0], "p99_ms": row[0][1]} if row else {}


def write(path: Path, share: dict[str, Any]) -> None:
    path.write_text(json.dumps(share, indent=1) + "\n", encoding="utf-8")
