"""The example on the page about windows: its tables as data, and their drawing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

PAGE: Final = Path(__file__).resolve().parents[1] / "concepts" / "windows.md"
WORKER: Final = "worker"

_STEP: Final = 38
_LANE: Final = 36
_LEFT: Final = 34
_TOP: Final = 44
_RADIUS: Final = 12

_STYLE: Final = """\
text { font: 15px system-ui, sans-serif; fill: #1b1f24; }
.small { font-size: 12px; fill: #3d4752; }
.event { font-weight: 600; text-anchor: middle; dominant-baseline: central; }
.who { font-weight: 600; dominant-baseline: central; }
.card { fill: #ffffff; stroke: #c5ccd4; }
.open { stroke: #6b7682; stroke-width: 4; stroke-linecap: round; }
.end { stroke: #1b1f24; stroke-width: 3; stroke-linecap: round; }
.shot { stroke: #1b1f24; stroke-width: 1.5; stroke-dasharray: 5 4; }
.dot, .run { fill: #dbe9ff; stroke: #1c5fc7; stroke-width: 1.5; }
.gone { fill: #ffffff; stroke: #6b7682; stroke-dasharray: 3 2; }
@media (prefers-color-scheme: dark) {
text { fill: #eef1f4; }
.small { fill: #b9c2cc; }
.card { fill: #1b1f24; stroke: #4a545f; }
.open { stroke: #939eaa; }
.end, .shot { stroke: #eef1f4; }
.dot, .run { fill: #123a75; stroke: #7fb0ff; }
.gone { fill: #1b1f24; stroke: #939eaa; }
}"""


@dataclass(frozen=True)
class Step:
    """What one transaction, or the worker, does at one time."""

    number: int
    who: str
    acts: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """The tables of the page: rows of cells, except the steps."""

    steps: tuple[Step, ...]
    snapshots: tuple[tuple[str, ...], ...]
    runs: tuple[tuple[str, ...], ...]
    readers: tuple[tuple[str, ...], ...]

    @property
    def transactions(self) -> list[str]:
        """The names of the transactions, in the order in which they begin."""
        return list(dict.fromkeys(step.who for step in self.steps if step.who != WORKER))


def example() -> Example:
    """Return the example of the page."""
    text = PAGE.read_text(encoding="utf-8")
    steps = tuple(Step(int(row[0]), row[1], tuple(row[2].split(", "))) for row in _rows(text, "steps"))
    return Example(steps, *(tuple(_rows(text, name)) for name in ("snapshots", "runs", "readers")))


def numbers(cell: str) -> list[int]:
    """Return the event numbers in a cell such as `2, 3, 4`; `none` has none."""
    return [int(number) for number in re.findall(r"\d+", cell)]


def _rows(text: str, name: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table after the comment with its name, without its header."""
    _, _, after = text.partition(f"<!-- {name} -->\n")
    table, _, _ = after.partition("\n\n")
    for line in table.splitlines()[2:]:
        yield tuple(cell.strip() for cell in line.strip("|").split("|"))


def drawing() -> str:
    """Return the drawing of the example as SVG."""
    shown = example()
    lanes = [*shown.transactions, WORKER]
    width = _LEFT + _STEP * (len(shown.steps) + 1)
    height = _TOP + _LANE * len(lanes) + 24
    parts = [
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *_snapshots(shown, lanes),
        *(part for who in shown.transactions for part in _lane(shown, who, _y(lanes, who))),
        *_runs(shown, _y(lanes, WORKER)),
        _text(10, height - 14, "small", "● event · | commit · ✕ rollback · ┊ snapshot of the worker"),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title">'
    )
    title = '<title id="title">Transactions, their events, and the snapshots of a worker</title>'
    lines = [head, title, "<style>", _STYLE, "</style>", *parts]
    return "\n".join([*lines, "</svg>", ""])


def _x(step: int) -> int:
    return _LEFT + _STEP * step


def _y(lanes: Sequence[str], who: str) -> int:
    return _TOP + _LANE * lanes.index(who)


def _text(x: int, y: int, kind: str, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _line(kind: str, *points: int) -> str:
    from_x, from_y, to_x, to_y = points
    return f'<line class="{kind}" x1="{from_x}" y1="{from_y}" x2="{to_x}" y2="{to_y}"/>'


def _lane(shown: Example, who: str, y: int) -> Iterator[str]:
    steps = [step for step in shown.steps if step.who == who]
    last = steps[-1]
    ended = last.number + (0.5 if numbers(", ".join(last.acts)) else 0)
    end = round(_LEFT + _STEP * ended)
    rolled_back = "rolls back" in last.acts
    yield _text(10, y, "who", who)
    yield _line("open", _x(steps[0].number), y, end, y)
    if rolled_back:
        yield _line("end", end - 5, y - 6, end + 5, y + 6)
        yield _line("end", end - 5, y + 6, end + 5, y - 6)
    else:
        yield _line("end", end, y - 9, end, y + 9)
    for step in steps:
        for number in numbers(", ".join(step.acts)):
            x = _x(step.number)
            yield f'<circle class="{"gone" if rolled_back else "dot"}" cx="{x}" cy="{y}" r="{_RADIUS}"/>'
            yield _text(x, y, "event", str(number))


def _snapshots(shown: Example, lanes: Sequence[str]) -> Iterator[str]:
    at = {step.acts[0]: step.number for step in shown.steps if step.who == WORKER}
    for number, run, *_ in shown.snapshots:
        x = _x(at[run])
        yield _line("shot", x, _TOP - 16, x, _y(lanes, WORKER) - 14)
        yield f'<text class="small" text-anchor="middle" x="{x}" y="{_TOP - 22}">snapshot {number}</text>'


def _runs(shown: Example, y: int) -> Iterator[str]:
    reads = {f"run {row[0]}": row[3] for row in shown.runs}
    yield _text(10, y, "who", "reads")
    for step in shown.steps:
        if step.who == WORKER:
            cell = reads[step.acts[0]]
            x = _x(step.number)
            if found := numbers(cell):
                half = 3 + 9 * len(found)
                yield f'<rect class="run" x="{x - half}" y="{y - 13}" width="{2 * half}" height="26" rx="5"/>'
            yield _text(x, y, "event", " ".join(map(str, found)) or cell)
