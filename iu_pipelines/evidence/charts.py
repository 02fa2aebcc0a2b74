"""The two charts of a report, as SVG with the colours of the page, and their numbers as text.

They are drawn in placeholder colours, which are then replaced by CSS variables, so that one SVG element works
on the light, the dark and the printed page. The same timeline always gives the same bytes. Each decision has
a pattern of its own, so that the bars can be told apart without their colours.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from iu_pipelines.domain.times import in_utc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iu_pipelines.evidence.facts import Timeline

_COLOURS: Final[Mapping[str, str]] = {
    "#010101": "ink",
    "#020202": "faint",
    "#030303": "line",
    "#040404": "card",
    "#110000": "dry-run",
    "#220000": "skipped",
    "#330000": "failed",
    "#440000": "sent",
    "#550000": "backlog",
}
_NAMED: Final = {name: colour for colour, name in _COLOURS.items()}
_DECISIONS: Final = (
    ("dry_run", "dry run", ""),
    ("skipped", "skipped", "//"),
    ("failed", "failed", "xxx"),
    ("sent", "sent", ".."),
)
"""The fields of the decisions, their labels, and the patterns of their bars."""

_TICKS: Final = ["%Y", "%b", "%d", "%H:%M", "%H:%M", "%H:%M:%S"]
"""The forms of the times of an axis whose ticks are years, months, days, hours, minutes or seconds."""

_ROUND_TICKS: Final = ["", "%Y", "%b", "%b %d", "%H:%M", "%H:%M"]
"""The same for ticks at the beginning of the next longer unit."""
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "hatch.linewidth": 0.9,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "text.color": _NAMED["ink"],
    "axes.labelcolor": _NAMED["ink"],
    "axes.edgecolor": _NAMED["line"],
    "xtick.color": _NAMED["faint"],
    "ytick.color": _NAMED["faint"],
    "grid.color": _NAMED["line"],
    "legend.frameon": False,
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Chart:
    """A chart: the SVG element, its main numbers in sentences, and all its numbers as a table."""

    svg: str
    summary: str
    columns: Sequence[str]
    rows: Sequence[tuple[datetime, Sequence[int]]]


def attempts(timeline: Timeline) -> Chart | None:
    """Return a chart of attempts by decision over time, as stacked bars; None if there are no attempts."""
    moments = timeline.moments
    made = [one for one in _DECISIONS if any(getattr(moment, one[0]) for moment in moments)]
    if not made:
        return None

    def draw(axes: Axes) -> None:
        times = [moment.starts_at for moment in moments]
        floor = [0] * len(moments)
        for field, label, pattern in made:
            heights = [getattr(moment, field) for moment in moments]
            axes.bar(
                times,  # type: ignore[arg-type]
                heights,
                width=_days(timeline) * 0.86,
                bottom=floor,
                align="edge",
                color=_NAMED[field.replace("_", "-")],
                edgecolor=_NAMED["card"],
                linewidth=0.6,
                hatch=pattern,
                label=label,
            )
            floor = [low + high for low, high in zip(floor, heights, strict=True)]
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0, handlelength=1.4)

    rows = [(moment.starts_at, [getattr(moment, field) for field, _, _ in made]) for moment in moments]
    labels = [label for _, label, _ in made]
    svg = _draw(timeline, draw, f"attempts {timeline.worker_name}", "Chart of attempts by decision over time")
    return Chart(svg, _attempts_in_words(labels, rows), labels, rows)


def _attempts_in_words(labels: Sequence[str], rows: Sequence[tuple[datetime, Sequence[int]]]) -> str:
    sums = [sum(numbers) for numbers in zip(*(numbers for _, numbers in rows), strict=True)]
    parts = ", ".join(f"{number:,} {label}" for number, label in zip(sums, labels, strict=True))
    busiest, most = max(((at, sum(numbers)) for at, numbers in rows), key=lambda row: row[1])
    newest, last = rows[-1][0], sum(rows[-1][1])
    return (
        f"Attempts in the chart: {sum(sums):,}, of which {parts}. The most in one interval: {most:,}, "
        f"from {in_utc(busiest)}. In the newest interval, from {in_utc(newest)}: {last:,}."
    )


def backlog(timeline: Timeline) -> Chart | None:
    """Return a chart of the backlog over time; None if it is known for fewer than two intervals."""
    known = [(moment.starts_at, moment.backlog) for moment in timeline.moments if moment.backlog is not None]
    if len(known) < 2:
        return None
    times, waiting = [at for at, _ in known], [events for _, events in known]

    def draw(axes: Axes) -> None:
        axes.fill_between(times, waiting, step="post", color=_NAMED["backlog"], alpha=0.25, linewidth=0)  # type: ignore[arg-type]
        axes.step(times, waiting, where="post", color=_NAMED["backlog"], linewidth=1.6)  # type: ignore[arg-type]
        axes.set_ylim(bottom=0, top=max(1, *waiting) * 1.08)

    peak = max(waiting)
    summary = (
        f"The most events that waited at the end of an interval: {peak:,}, in the interval from "
        f"{in_utc(times[waiting.index(peak)])}. At the end of the newest interval: {waiting[-1]:,}."
    )
    svg = _draw(timeline, draw, f"backlog {timeline.worker_name}", "Chart of the backlog over time")
    return Chart(svg, summary, ["events that wait"], [(at, [events]) for at, events in known])


def _days(timeline: Timeline) -> float:
    return timeline.seconds / 86_400


def _draw(timeline: Timeline, draw: Any, salt: str, title: str) -> str:
    """Call `draw` with axes of time and count, and return the SVG element. `salt` makes its ids unique."""
    import matplotlib  # noqa: PLC0415  half a second, and most commands draw nothing
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import EngFormatter, MaxNLocator  # noqa: PLC0415

    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": salt}):
        figure = Figure(figsize=(7.6, 2.3), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        ticks = ConciseDateFormatter(locator, formats=_TICKS, zero_formats=_ROUND_TICKS)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ticks)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(length=0)
        axes.margins(x=0.01)
        return _inline(figure, salt, title)


def _inline(figure: Figure, salt: str, title: str) -> str:
    """Return the figure as an SVG element with a title, prefixed ids and the colours of the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<=^<svg) (?:height|width)="[^"]*"', "", svg)
    svg = re.sub(r'^(<svg[^>]*?) (?:height|width)="[^"]*"', r"\1", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    own = re.sub(r"[^a-z0-9]", "-", salt.lower())
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{own}-", svg)
    svg = re.sub(
        "^<svg([^>]*)>",
        rf'<svg\1 role="img" aria-labelledby="{own}-title"><title id="{own}-title">{title}</title>',
        svg,
    )
    for colour, name in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
