"""The two charts of a report, as SVG with the colours of the page.

They are drawn in placeholder colours, which are then replaced by CSS variables, so that one SVG element works
on the light, the dark and the printed page. The same timeline always gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iu_pipelines.evidence.facts import Timeline

_COLOURS: Final[Mapping[str, str]] = {
    "#010101": "ink",
    "#020202": "faint",
    "#030303": "line",
    "#110000": "dry-run",
    "#220000": "skipped",
    "#330000": "failed",
    "#440000": "sent",
    "#550000": "backlog",
}
_NAMED: Final = {name: colour for colour, name in _COLOURS.items()}
_DECISIONS: Final = (("dry_run", "dry run"), ("skipped", "skipped"), ("failed", "failed"), ("sent", "sent"))
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
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


def attempts(timeline: Timeline) -> str:
    """Return a chart of attempts by decision over time, as stacked bars; empty if there are no attempts."""
    moments = timeline.moments
    if not any(moment.dry_run + moment.skipped + moment.failed + moment.sent for moment in moments):
        return ""

    def draw(axes: Axes) -> None:
        times = [moment.starts_at for moment in moments]
        floor = [0] * len(moments)
        for field, label in _DECISIONS:
            heights = [getattr(moment, field) for moment in moments]
            if any(heights):
                axes.bar(
                    times,  # type: ignore[arg-type]
                    heights,
                    width=_days(timeline) * 0.86,
                    bottom=floor,
                    align="edge",
                    color=_NAMED[field.replace("_", "-")],
                    label=label,
                )
            floor = [low + high for low, high in zip(floor, heights, strict=True)]
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0, handlelength=0.8)

    return _draw(timeline, draw, f"attempts {timeline.worker_name}")


def backlog(timeline: Timeline) -> str:
    """Return a chart of the backlog over time; empty if it is known for fewer than two intervals."""
    known = [moment for moment in timeline.moments if moment.backlog is not None]
    if len(known) < 2:
        return ""

    def draw(axes: Axes) -> None:
        times = [moment.starts_at for moment in known]
        waiting = [moment.backlog or 0 for moment in known]
        axes.fill_between(times, waiting, step="post", color=_NAMED["backlog"], alpha=0.25, linewidth=0)  # type: ignore[arg-type]
        axes.step(times, waiting, where="post", color=_NAMED["backlog"], linewidth=1.6)  # type: ignore[arg-type]
        axes.set_ylim(bottom=0, top=max(1, *waiting) * 1.08)

    return _draw(timeline, draw, f"backlog {timeline.worker_name}")


def _days(timeline: Timeline) -> float:
    return timeline.seconds / 86_400


def _draw(timeline: Timeline, draw: Any, salt: str) -> str:
    """Call `draw` with axes of time and count, and return the SVG element. `salt` makes its ids unique."""
    import matplotlib  # noqa: PLC0415  half a second, and most commands draw nothing
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import EngFormatter, MaxNLocator  # noqa: PLC0415

    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": salt}):
        figure = Figure(figsize=(7.6, 2.3), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        locator = AutoDateLocator(maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(length=0)
        axes.margins(x=0.01)
        return _inline(figure, salt)


def _inline(figure: Figure, salt: str) -> str:
    """Return the figure as an SVG element with prefixed ids and the colours of the page."""
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
    for colour, name in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
