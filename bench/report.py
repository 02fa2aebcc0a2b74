"""From the log of a run: the table, the goals, the JSON, the charts and docs/performance.md."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "bench" / "results"
CHARTS: Final = ROOT / "docs" / "images" / "bench"
PAGE: Final = ROOT / "docs" / "performance.md"

_FLOOR: Final = {
    "route": "floor: INSERT … SELECT",
    "emit": "floor: INSERT",
    "bulk": "floor: INSERT … SELECT from JSON",
}
_POISON_FLOOR: Final = "a clean batch"
_NONE: Final = "-"
_INK, _QUIET, _OURS = "#1F2328", "#9AA1AD", "#4F43DD"


@dataclass(frozen=True)
class Line:
    """A case over all its repeats: medians, the rate of each repeat, and the ratio to its floor by repeat."""

    group: str
    system: str
    label: str
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


@dataclass(frozen=True)
class Goal:
    """A goal, its figure and whether it is met; None where it was not measured."""

    what: str
    goal: str
    figure: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return "not measured" if self.met is None else "MET" if self.met else "NOT MET"


def lines(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """One line a case, in the order of the run."""
    cases: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if "error" not in row and row["events"]:
            cases[row["key"]][row["repeat"]] = row
    return [_line(taken, cases) for taken in cases.values()]


def _line(taken: dict[int, dict[str, Any]], cases: dict[str, dict[int, dict[str, Any]]]) -> Line:
    one = next(iter(taken.values()))
    floor = cases.get(f"{one['group']}|{_floor_of(one)}|{_floor_label(one)}", {})
    pairs = [(row, floor[repeat]) for repeat, row in taken.items() if repeat in floor]
    each = lambda name: [row[name] / row["events"] for row in taken.values() if row[name] is not None]  # noqa: E731
    return Line(
        one["group"], one["system"], one["label"],
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


def _beside(line: Line, other: Line) -> float | None:
    """The ratio of their rates, repeat by repeat."""
    shared = line.rates.keys() & other.rates.keys()
    return _median([line.rates[repeat] / other.rates[repeat] for repeat in shared])


def _floor_of(row: dict[str, Any]) -> str:
    return _FLOOR.get(row["group"], _POISON_FLOOR)


def _floor_label(row: dict[str, Any]) -> str:
    """A peer that has no batches of ours is set beside the floor at 1,000."""
    known = row["group"] != "route" or row["label"] in ("100", "1000", "10000")
    return str(row["label"]) if known else "1000"


def _cpu(row: dict[str, Any]) -> float:
    return (row["server_cpu"] or 0.0) / row["events"]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _medians(taken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Each figure's median over the repeats; what is no figure, as the first repeat has it."""
    figures = {name: [one[name] for one in taken] for name in taken[0]}
    return {
        name: statistics.median(values)
        if all(isinstance(value, int | float) for value in values)
        else values[0]
        for name, values in figures.items()
    }


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


# --- the goals -----------------------------------------------------------------------------------------


def goals(found: Sequence[Line], scale: Sequence[dict[str, Any]], dagster: dict[str, Any]) -> list[Goal]:
    """Every goal with the figure of this run."""
    by = {(line.group, line.system, line.label): line for line in found}
    ours = lambda group, system, label: by.get((group, system, label))  # noqa: E731
    route, bulk = ours("route", "iu route worker", "1000"), ours("bulk", "iu bulk emit", "1000")
    pgq = ours("route", "PgQ + INSERT … SELECT", "1000")
    return [
        _at_least("route worker at 1,000 a batch, against the floor", 0.75, route and route.ratio),
        _at_least(
            "route worker at 1,000 a batch, against PgQ + audit", 2.2, route and pgq and _beside(route, pgq)
        ),
        _at_most("WAL bytes an event of the route worker", 350, route and route.wal, ",.0f"),
        *(
            _at_least(f"emit, {clients} clients, against a bare INSERT", 0.9, line and line.ratio)
            for clients in ("1", "16")
            for line in [ours("emit", "iu emit", clients)]
        ),
        _at_least("bulk emit against INSERT … SELECT of the same array", 0.7, bulk and bulk.ratio),
        _at_most("one poisoned event in 10,000, times a clean batch", 1.5, _poison(ours), ".2f"),
        _flat("cost of a batch beside old events (CPU)", scale, "old events"),
        _flat("cost of a batch beside another domain (CPU)", scale, "beside another domain"),
        _at_most("health beside the most old events, ms", 10, _health(scale), ".1f"),
        _at_least(
            "Dagster at 10,000 a batch, against the bare loop", 0.6, (dagster.get("share") or {}).get("10000")
        ),
        _at_most(
            "emit to attempt while a run lingers, p50 ms",
            100,
            (dagster.get("latency") or {}).get("p50_ms"),
            ".0f",
        ),
    ]


def _at_least(what: str, least: float, figure: float | None) -> Goal:
    return Goal(
        what,
        f"≥ {least:g}",
        _NONE if figure is None else f"{figure:.2f}",
        None if figure is None else figure >= least,
    )


def _at_most(what: str, most: float, figure: float | None, form: str) -> Goal:
    return Goal(
        what,
        f"≤ {most:g}",
        _NONE if figure is None else format(figure, form),
        None if figure is None else figure <= most,
    )


def _poison(ours: Callable[[str, str, str], Line | None]) -> float | None:
    line = ours("poison", "one poisoned event", "10000")
    return 1 / line.ratio if line and line.ratio else None


def _health(scale: Sequence[dict[str, Any]]) -> float | None:
    points = [point for point in scale if point["curve"] == "old events"]
    return max(points, key=lambda point: point["x"])["health_ms"] if points else None


def _flat(what: str, scale: Sequence[dict[str, Any]], curve: str) -> Goal:
    base = next((point["batch_cpu_ms"] for point in scale if point["curve"] == "old events"), None)
    points = [point["batch_cpu_ms"] for point in scale if point["curve"] == curve]
    figure = max(points) / base if base and points else None
    return Goal(
        what,
        "within 10 %",
        _NONE if figure is None else f"{figure - 1:+.0%}",
        None if figure is None else figure <= 1.1,
    )


# --- the page ------------------------------------------------------------------------------------------


def table(found: Sequence[Line]) -> str:
    """The cases as a table in Markdown, which is as readable in a terminal."""
    head = [
        "case",
        "batch or clients",
        "events/s",
        "of the floor",
        "CPU, of the floor",
        "server CPU µs",
        "client CPU µs",
    ]
    head += ["WAL bytes", "statements", "commits", "server MiB", "client MiB"]
    body = [
        [
            line.system, line.label, f"{line.rate:,.0f}",
            _form(line.ratio, ".2f"), _form(line.cpu_ratio, ".2f"),
            _form(line.server_cpu_us, ",.1f"), f"{line.client_cpu_us:,.1f}", f"{line.wal:,.0f}",
            _form(line.statements, ".4g"), f"{line.commits:.4g}",
            _form(line.server_mib, ",.0f"), _form(line.client_mib, ",.0f"),
        ]
        for line in found
        if line.group not in ("health", "chain")
    ]  # fmt: skip
    return _markdown(head, body)


def goals_table(made: Sequence[Goal]) -> str:
    return _markdown(
        ["goal", "wanted", "figure", ""], [[one.what, one.goal, one.figure, one.verdict] for one in made]
    )


def _form(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in (head, *body)) for at in range(len(head))]
    rows = [head, ["-" * width for width in widths], *body]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def keep(results: dict[str, Any]) -> None:
    """Write the JSON of a run: one file a major version of the server."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"postgresql-{_major(results)}.json"
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write() -> None:
    """Write the charts and the page from the JSON of the runs, the newest server first."""
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("postgresql-*.json")]
    CHARTS.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Performance",
        "Written by `python -m bench report` from `bench/results/`; do not edit.\n"
        "Absolute figures move with the machine, and where it is shared with others the ratios too;\n"
        "WAL bytes and statements hardly do.",
    ]
    for results in sorted(kept, key=_major, reverse=True):
        parts += _server_part(results)
    parts += [
        "## How it is made fast",
        "See the decisions: " + ", ".join(
            f"[{path.stem[:3]}](decisions/{path.name})"
            for path in sorted((ROOT / "docs" / "decisions").glob("01[0-5]-*.md"))
        ) + ".",
    ]  # fmt: skip
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _major(results: dict[str, Any]) -> int:
    return int(str(results["about"]["server"]).split(".")[0])


def _server_part(results: dict[str, Any]) -> list[str]:
    """The chapter of one server."""
    found, major = lines(results["rows"]), _major(results)
    _chart_rates(found, f"route-{major}")
    missing = "\n".join(f"* {name}: {reason}" for name, reason in results["missing"].items()) or "* none"
    about = results["about"]
    parts = [
        f"## PostgreSQL {about['server']}",
        f"Taken {about['taken']} with `{about['command']}` on {about['machine']},\n"
        f"fsync and synchronous commit on, {about['events']:,} events, {about['repeats']} interleaved\n"
        "repeats: medians. Ratios are taken repeat by repeat.",
        "### Goals",
        goals_table(goals(found, results["scale"], results["dagster"])),
        "### Side by side",
        f"![Events a second beside the floor](images/bench/route-{major}.png)",
        "One audited row an event; figures are an event's. A dash: not told.\n"
        "Statements are what the client sent. CPU and WAL about a poisoned event are of two batches.",
        table(found),
        "Missing in this run:\n\n" + missing,
        *chain_lines(found),
    ]
    if results["scale"]:
        _chart_scale(results["scale"], f"scale-{major}")
        parts += ["### As it grows", _scale_part(results["scale"], f"scale-{major}")]
    if results["dagster"]:
        parts += ["### Dagster's share", _dagster_part(results["dagster"])]
    return parts


def chain_lines(found: Sequence[Line]) -> list[str]:
    """What the chain of batches costs; nothing where it was not measured."""
    return [
        f"The chain of batches: a link is made in {line.extra['made_us']:.1f} µs of CPU, "
        f"{line.extra['of_a_batch']:.2%} of a batch of 1,000,\n"
        f"and verified in {line.extra['verified_us']:.1f} µs. It adds 64 bytes to the row of a batch."
        for line in found
        if line.group == "chain"
    ]


def _scale_part(scale: Sequence[dict[str, Any]], chart: str) -> str:
    names = [
        *("batch_ms", "batch_cpu_ms", "batch_buffers"),
        *("backlog_ms", "emit_ms", "health_ms", "pending_ms", "replay_ms"),
    ]
    body = [[p["curve"], f"{p['x']:,}", *(f"{p[name]:,.3g}" for name in names)] for p in scale]
    return f"![Cost beside old events](images/bench/{chart}.png)\n\n" + _markdown(
        [
            "beside",
            "how many",
            "batch of 1,000, ms",
            "its CPU, ms",
            "its buffers",
            "backlog of 10,000, ms",
            "emit, ms",
            "health, ms",
            "pending, ms",
            "replay, ms",
        ],
        body,
    )


def _dagster_part(dagster: dict[str, Any]) -> str:
    body = [
        [f"{int(batch):,}", f"{dagster['loop'][batch]:,.0f}", f"{dagster['run'][batch]:,.0f}", f"{share:.2f}"]
        for batch, share in dagster["share"].items()
    ]
    million, latency = dagster["million"], dagster["latency"]
    return _markdown(["a batch", "bare loop, events/s", "in a run, events/s", "share"], body) + (
        f"\n\nEmit to attempt while a run lingers: p50 {latency['p50_ms']:.0f} ms, "
        f"p99 {latency['p99_ms']:.0f} ms.\n"
        f"{million['run_seen']:,} events in one run: {million['run_events_per_second']:,.0f} events/s, "
        f"memory {million['mib_first_batch']:,.0f} MiB at its first batch, "
        f"{million['mib_peak']:,.0f} MiB at most."
    )


# --- the charts ----------------------------------------------------------------------------------------


def _chart_rates(found: Sequence[Line], name: str) -> None:
    shown = sorted((line for line in found if line.group == "route"), key=lambda line: line.rate)
    figure, axes = _figure(0.32 * len(shown) + 1)
    colours = [
        _OURS if line.system.startswith("iu") else _INK if line.system.startswith("floor") else _QUIET
        for line in shown
    ]
    bars = axes.barh(
        [f"{line.system}  {line.label}" for line in shown], [line.rate for line in shown], color=colours
    )
    axes.bar_label(bars, labels=[f" {line.rate:,.0f}" for line in shown], fontsize=8)
    axes.set_xlabel("events a second, one audited row an event")
    _save(figure, name)


def _chart_scale(scale: Sequence[dict[str, Any]], chart: str) -> None:
    points = [point for point in scale if point["curve"] == "old events"]
    figure, axes = _figure(3.2)
    for name, colour in (("batch_cpu_ms", _OURS), ("health_ms", _INK), ("replay_ms", _QUIET)):
        axes.plot(
            [f"{point['x']:,}" for point in points],
            [point[name] for point in points],
            "o-",
            color=colour,
            label=name,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("old events")
    axes.legend(frameon=False, fontsize=8)
    _save(figure, chart)


def _figure(height: float) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    figure.savefig(CHARTS / f"{name}.png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
