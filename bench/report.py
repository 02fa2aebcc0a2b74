"""From the log of a run: the table, the goals, the JSON, the charts and docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.goals import Goal, formatted, goals
from bench.lines import Line, lines

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "bench" / "results"
CHARTS: Final = ROOT / "docs" / "images" / "bench"
PAGE: Final = ROOT / "docs" / "performance.md"

_WITHOUT_RATE: Final = ("health", "chain", "audit")
_INK, _QUIET, _OURS = "#1F2328", "#9AA1AD", "#4F43DD"


# --- the page ------------------------------------------------------------------------------------------


def table(found: Sequence[Line]) -> str:
    """The cases as a table in Markdown, which is as readable in a terminal."""
    head = [
        "case",
        "settings",
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
            line.system, line.settings, line.label, f"{line.rate:,.0f}",
            formatted(line.ratio, ".2f"), formatted(line.cpu_ratio, ".2f"),
            formatted(line.server_cpu_us, ",.1f"), f"{line.client_cpu_us:,.1f}", f"{line.wal:,.0f}",
            formatted(line.statements, ".4g"), f"{line.commits:.4g}",
            formatted(line.server_mib, ",.0f"), formatted(line.client_mib, ",.0f"),
        ]
        for line in found
        if line.group not in _WITHOUT_RATE
    ]  # fmt: skip
    return _markdown(head, body)


def goals_table(made: Sequence[Goal]) -> str:
    body = [[one.what, one.settings, one.wanted, one.figure, one.verdict] for one in made]
    return _markdown(["goal", "settings", "wanted", "figure", ""], body)


def goals_of(results: dict[str, Any]) -> list[Goal]:
    """Every goal with the figure of this run."""
    return goals(lines(results["rows"]), results["scale"], results["dagster"], results["startup"])


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
        "Settings: `stock` is a new cluster of these programs as it comes, jit on; `embedded` the same\n"
        "programs with the settings of the embedded server, jit off.",
        "### Goals",
        goals_table(goals_of(results)),
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
    shown = sorted(
        (line for line in found if line.group == "route" and line.settings == found[0].settings),
        key=lambda line: line.rate,
    )
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
