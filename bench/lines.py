"""Summarize the log of a run: one line for each case, with medians and ratios over its repeats."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from bench import captures, emits, engine, shapes, webhooks

_FLOOR: Final = {
    "route": engine.FLOOR,
    "emit": emits.FLOOR,
    captures.GROUP: captures.FLOOR,
    "bulk": "floor: INSERT … SELECT from JSON",
    shapes.SHAPES: shapes.FLOOR,
    webhooks.GROUP: webhooks.FLOOR,
}
_POISON_FLOOR: Final = "a clean batch"


Cases = dict[tuple[str, str], dict[int, dict[str, Any]]]
"""The rows of each case, by settings and key, then by repeat."""


@final
@dataclass(frozen=True)
class Line:
    """A case: medians over its repeats, the rate of each repeat, and median ratios to its floor."""

    settings: str
    group: str
    system: str
    label: str
    events: float
    rate: float
    rates: dict[int, float]
    ratio: float | None
    cpu_ratio: float | None
    server_cpu_us: float | None
    client_cpu_us: float
    wal: float
    statements: float | None
    commits: float
    server_mib: float | None
    client_mib: float | None
    extra: dict[str, Any]

    @property
    def cpu_us(self) -> float | None:
        """CPU of clients and servers together, in microseconds an event."""
        return None if self.server_cpu_us is None else self.server_cpu_us + self.client_cpu_us


def lines(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """Return one line for each case, in the order of the run."""
    cases: Cases = defaultdict(dict)
    for row in rows:
        if "error" not in row and row["events"]:
            cases[row["settings"], row["key"]][row["repeat"]] = row
    return [_line(taken, cases) for taken in cases.values()]


def _line(taken: dict[int, dict[str, Any]], cases: Cases) -> Line:
    one = next(iter(taken.values()))
    floor = cases.get((one["settings"], f"{one['group']}|{_floor_of(one)}|{_floor_label(one)}"), {})
    pairs = [(row, floor[repeat]) for repeat, row in taken.items() if repeat in floor]

    def each(name: str) -> list[float]:
        return [row[name] / row["events"] for row in taken.values() if row[name] is not None]

    return Line(
        one["settings"], one["group"], one["system"], one["label"],
        events=statistics.median(row["events"] for row in taken.values()),
        rate=statistics.median(row["rate"] for row in taken.values()),
        rates={repeat: row["rate"] for repeat, row in taken.items()},
        ratio=_median([row["rate"] / base["rate"] for row, base in pairs]),
        cpu_ratio=_median([_cpu(base) / _cpu(row) for row, base in pairs if _cpu(row)]),
        server_cpu_us=_scaled(_median(each("server_cpu")), 1e6),
        client_cpu_us=(_median(each("client_cpu")) or 0.0) * 1e6,
        wal=_median(each("wal_bytes")) or 0.0,
        statements=_median(each("statements")),
        commits=_median(each("commits")) or 0.0,
        server_mib=_median([row["server_mib"] for row in taken.values() if row["server_mib"]]),
        client_mib=_median([row["client_mib"] for row in taken.values() if row["client_mib"]]),
        extra=_medians([row["extra"] for row in taken.values()]),
    )  # fmt: skip


def beside(line: Line, other: Line) -> float | None:
    """Return the median ratio of their rates over the shared repeats."""
    shared = line.rates.keys() & other.rates.keys()
    return _median([line.rates[repeat] / other.rates[repeat] for repeat in shared])


def _floor_of(row: dict[str, Any]) -> str:
    return _FLOOR.get(row["group"], _POISON_FLOOR)


def _floor_label(row: dict[str, Any]) -> str:
    """Return the batch size of the floor: 1,000 for a peer whose batches have another size."""
    known = row["group"] != "route" or row["label"] in ("100", "1000", "10000")
    return str(row["label"]) if known else "1000"


def _cpu(row: dict[str, Any]) -> float:
    return float((row["server_cpu"] or 0.0) / row["events"])


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _medians(taken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each number over the repeats; of other values, the first."""
    figures = {name: [one[name] for one in taken] for name in taken[0]}
    return {
        name: statistics.median(values)
        if all(isinstance(value, int | float) for value in values)
        else values[0]
        for name, values in figures.items()
    }


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by
