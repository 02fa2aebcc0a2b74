"""The plot of a run, as an SVG inside Markdown that is short enough for the web UI to show it in place."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from iu_pipelines.domain.worker import RunPoint

SHOWN_IN_PLACE: Final = 1_000
"""The web UI shows Markdown of fewer characters in place, and longer Markdown only after a click."""

_WIDTH: Final = 300
_HEIGHT: Final = 60
_READ: Final = "#4F43DD"
_WAITING: Final = "#D24D3F"


def plot(curve: Sequence[RunPoint], backlog_after: int) -> str:
    """Return a plot of the events read and the events waiting over the time of the run, as an inline SVG.

    `curve` has up to 24 points, oldest first, and at least one.
    """
    last = curve[-1]
    points = [RunPoint(0.0, 0, 0), *curve]
    top = max(last.seen + backlog_after, 1)
    read = _line(points, last.seconds, [point.seen / top for point in points], _READ)
    waiting = _line(
        points, last.seconds, [(last.seen - point.seen + backlog_after) / top for point in points], _WAITING
    )
    captions = (
        f"<text y='75' fill='{_READ}'>read {last.seen:,}</text>"
        f"<text x='110' y='75' fill='{_WAITING}'>waiting {backlog_after:,}</text>"
        f"<text x='300' y='75' text-anchor='end'>{last.seconds:.1f} s</text>"
    )
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-2 -2 304 82' width='456' font-size='11'>"
        f"{read}{waiting}{captions}</svg>"
    )
    return f"![batches of the run](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _line(points: Sequence[RunPoint], seconds: float, heights: Sequence[float], colour: str) -> str:
    drawn = " ".join(
        f"{_WIDTH * point.seconds / (seconds or 1.0):.0f},{_HEIGHT * (1 - height):.0f}"
        for point, height in zip(points, heights, strict=True)
    )
    return f"<polyline points='{drawn}' fill='none' stroke='{colour}'/>"
