"""Cases, and how they are run: interleaved, with each result appended to the log at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.meter import Cost, metered
from bench.server import STOCK, BenchServer


@dataclass(frozen=True)
class Outcome:
    """What a case did: the events it handled, and the statements it sent, if known.

    `seconds`, `cpu` and `wal` are set if the case measured only a part of itself, without preparation.
    `client_cpu` is set if a process of the case measured its own CPU.
    """

    events: int
    statements: int | None = None
    seconds: float | None = None
    cpu: float | None = None
    wal: int | None = None
    extra: dict[str, Any] | None = None
    client_cpu: float | None = None


@dataclass(frozen=True)
class Case:
    """One measurement. `prepare` creates the database in which `run` works, and returns its name.

    A short, noisy case is repeated `times` as often as the others. `on` has the settings of the servers that
    it runs on.
    """

    group: str
    system: str
    label: str
    prepare: Callable[[BenchServer], str]
    run: Callable[[BenchServer, str], Outcome]
    note: str = ""
    times: int = 1
    on: tuple[str, ...] = (STOCK,)

    @property
    def key(self) -> str:
        return f"{self.group}|{self.system}|{self.label}"

    def settings(self, servers: Mapping[str, BenchServer]) -> list[str]:
        """Return the settings of the servers it runs on: those in `on`, or else the first server."""
        return [name for name in self.on if name in servers] or list(servers)[:1]


def run_all(servers: Mapping[str, BenchServer], cases: Iterable[Case], repeats: int, log: Path) -> None:
    """Run every case `repeats` times, interleaved, except for repeats whose results are in the log."""
    cases = list(cases)
    done = {(row["settings"], row["key"], row["repeat"]) for row in read(log)}
    for repeat in range(repeats * max((case.times for case in cases), default=0)):
        for case in cases:
            for settings in case.settings(servers):
                if repeat >= repeats * case.times or (settings, case.key, repeat) in done:
                    continue
                row = {"settings": settings, "key": case.key, "repeat": repeat, "at": time.time()}
                row |= _measure(servers[settings], case)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(_line(repeat, row), flush=True)


def read(log: Path) -> list[dict[str, Any]]:
    """Return the results in a log, without lines that a crash truncated."""
    if not log.exists():
        return []
    rows = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def _measure(server: BenchServer, case: Case) -> dict[str, Any]:
    named = {"group": case.group, "system": case.system, "label": case.label, "note": case.note}
    try:
        database = case.prepare(server)
        with metered(server, database) as cost:
            outcome = case.run(server, database)
    except Exception as error:  # noqa: BLE001 - a failed case is reported and does not end the run
        return named | {"error": f"{type(error).__name__}: {error}".strip()[:300]}
    return named | _figures(outcome, cost)


def _figures(outcome: Outcome, cost: Cost) -> dict[str, Any]:
    seconds = outcome.seconds or cost.seconds
    figures = asdict(cost) | {"events": outcome.events, "seconds": seconds, "statements": outcome.statements}
    if outcome.cpu is not None:
        figures |= {"server_cpu": outcome.cpu, "wal_bytes": outcome.wal or 0}
    if outcome.client_cpu is not None:
        figures |= {"client_cpu": outcome.client_cpu}
    return figures | {"rate": outcome.events / seconds if seconds else 0.0, "extra": outcome.extra or {}}


def _line(repeat: int, row: dict[str, Any]) -> str:
    name = f"[{repeat + 1}] {row['settings']:8.8} {row['system']:44.44} {row['label']:>8}"
    if "error" in row:
        return f"{name}  FAILED {row['error']}"
    wal = row["wal_bytes"] / max(row["events"], 1)
    return f"{name} {row['rate']:>12,.0f} events/s {wal:>8,.0f} WAL bytes an event"
