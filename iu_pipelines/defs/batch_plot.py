"""The plot of the batches of a run, as a PNG inside Markdown."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from iu_pipelines.domain.worker import Batch

_COLOURS: Final = {"dry_run": "#4F43DD", "skipped": "#9AA1AD", "failed": "#D24D3F"}


def plot(made: Sequence[Batch], backlog_after: int) -> str:
    """Return a plot of the attempts by decision and of the backlog during the run, as an inline PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes 0.4 s, needed only for a run with batches

    start = made[0].started_at
    times = [0.0, *((batch.finished_at - start).total_seconds() for batch in made)]
    figure = Figure(figsize=(7.2, 2.6), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2)
    for decision, colour in _COLOURS.items():
        counts = [0, *accumulate(getattr(batch, decision) for batch in made)]
        if counts[-1]:
            left.plot(times, counts, color=colour, label=f"{decision} {counts[-1]:,}", drawstyle="steps-post")
    left.set(title="attempts by decision", xlabel="seconds into the run")
    left.legend(frameon=False, fontsize="small")
    waiting = list(accumulate((batch.seen for batch in reversed(made)), initial=backlog_after))[::-1]
    right.plot(times, waiting, color="#1F2937", drawstyle="steps-post")
    right.set(title="events waiting", xlabel="seconds into the run", ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return _inline(figure)


def _inline(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return f"![batches of the run](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
