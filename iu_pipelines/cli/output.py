"""Output of commands: tables for a person, JSON for a program, errors on stderr."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from textwrap import TextWrapper
from typing import Any, Final, Literal

from rich import box
from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from iu_pipelines import published
from iu_pipelines.domain.times import shown

_PIPE_WIDTH: Final = 160
_UNBOUNDED: Final = 10_000
_WRAPPED_CHARACTERS: Final = 24
"""A column wraps between words if it has a longer text."""

_spinners: Final[list[Status]] = []
"""The spinners that are shown."""


def console(*, stderr: bool = False) -> Console:
    """Return a console on stdout or stderr; wide and without colours if that is not a terminal.

    With NO_COLOR it has no colours and no other styles. With FORCE_COLOR it has them in a pipe too.
    """
    stream = sys.stderr if stderr else sys.stdout
    new = partial(Console, file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)
    usual = new()
    if stream.isatty() and usual.is_dumb_terminal:
        # Rich takes every dumb terminal for one of 80 columns, unless both sizes are given.
        columns, lines = shutil.get_terminal_size()
        return new(width=columns, height=lines)
    return new(color_system=None) if usual.no_color else usual


def _show(out: Console, *content: RenderableType, soft_wrap: bool = False) -> None:
    """Print `content` on lines of its own. A spinner disappears meanwhile."""
    for spinner in _spinners:
        spinner.stop()
    out.print(*content, soft_wrap=soft_wrap)
    for spinner in _spinners:
        spinner.start()


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; dataclasses become objects, times and ids become text."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str))


def json_line(value: Any) -> str:
    """Return `value` as JSON in one line, as `print_json` converts it."""
    return json.dumps(_plain(value), ensure_ascii=False, default=str)


def print_line(text: str) -> None:
    """Print a line of plain text on stdout. A terminal shows it on several lines if it is too long."""
    _print_text(console(), text)


def print_verbatim(text: str) -> None:
    """Print lines to copy, such as a command or SQL, on stdout without wrapping them."""
    _show(console(), Text(text), soft_wrap=True)


def _print_text(out: Console, text: str, label: str = "", style: str = "") -> None:
    """Print a label and lines of text below each other.

    In a terminal the text is wrapped between words, below the beginning of its line; a longer word, such as
    a path, stays whole.
    """
    room = max(1, out.width - len(label)) if out.file.isatty() else _UNBOUNDED
    lines = [part for line in text.split("\n") for part in _wrapped(line, room)]
    for number, line in enumerate(lines):
        _show(out, Text.assemble((" " * len(label) if number else label, style), line), soft_wrap=True)


def _wrapped(line: str, room: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip(" "))]
    wrapper = TextWrapper(
        room,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return wrapper.wrap(line) or [""]


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table with right-aligned numbers, or `empty` if there are no rows.

    If the terminal is too narrow to show every word whole, print each row as lines of name and value.
    """
    cells = [list(row) for row in rows]
    if not cells:
        print_line(f"{title}: {empty}")
        return
    out = console()
    table = _table(title, columns, cells)
    # `measure` limits the minimum to the given width, so pass a width larger than any table.
    if out.measure(table, options=out.options.update_width(_UNBOUNDED)).minimum <= out.width:
        _show(out, table)
        return
    _show(out, Text(title, style="bold"))
    for row in cells:
        _show(out, _record(columns, [_cell(value) for value in row]), "")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(columns):
        values = [row[place] for row in rows]
        justify: Literal["right", "left"] = "right" if all(_is_number(value) for value in values) else "left"
        texts = [column, *(_cell(value).plain for value in values)]
        wraps = any(len(text) > _WRAPPED_CHARACTERS and " " in text for text in texts)
        table.add_column(column, justify=justify, no_wrap=not wraps, min_width=_least_width(texts, wraps))
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _least_width(texts: Sequence[str], wraps: bool) -> int:
    return max(max(map(len, text.split() if wraps else [text]), default=0) for text in texts)


def _record(columns: Sequence[str], row: Sequence[Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for column, value in zip(columns, row, strict=True):
        if value is not None:
            grid.add_row(f" {column}", value if isinstance(value, Text) else _cell(value))
    return grid


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values, one pair a line."""
    _show(console(), _record(tuple(facts), tuple(facts.values())), "")


def print_warnings(warnings: Sequence[str]) -> None:
    """Print warnings on stderr, one a line, after what was printed on stdout."""
    sys.stdout.flush()
    for warning in warnings:
        print_warning(warning)


@contextmanager
def working(title: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner while the block runs, if stderr is a terminal. The yielded function sets its text."""
    out = console(stderr=True)
    if not out.file.isatty():
        yield lambda detail: None
        return
    with out.status(title) as spinner:
        _spinners.append(spinner)
        try:
            yield lambda detail: spinner.update(f"{title}: {detail}")
        finally:
            _spinners.remove(spinner)


def print_warning(text: str) -> None:
    """Print a warning on stderr."""
    _print_text(console(stderr=True), text, "warning: ", "bold yellow")


def print_hint(text: str | None) -> None:
    """Print a hint on stderr, if there is one, and where the pages that it names are published."""
    if not text:
        return
    out = console(stderr=True)
    _print_text(out, text, "hint:  ", "bold")
    for page in published.pages(text):
        _print_text(out, page, "page:  ", "bold")


def print_error(
    message: str, hint: str | None, code: str | None, notes: Sequence[str], *, as_json: bool
) -> None:
    """Print an error on stderr, as text with its notes and hint or as one JSON object."""
    if as_json:
        body = {"error": {"code": code, "message": message, "hint": hint, "notes": list(notes)}}
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr)
        return
    out = console(stderr=True)
    _print_text(out, message, "error: ", "bold red")
    for note in notes:
        _print_text(out, note, "       ")
    print_hint(hint)


def when(value: datetime | None) -> str:
    """Return a time to the second in the local time zone, or a dash."""
    return shown(value)


def duration(seconds: float | None) -> str:
    """Return a duration in milliseconds, seconds, minutes or hours, or a dash."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def rate(events: int, seconds: float | None) -> str:
    """Return the events per second, or per minute if they are less than one; a dash if no time passed."""
    if not seconds:
        return "-"
    return f"{events / seconds * 60:,.0f}/min" if 0 < events < seconds else f"{events / seconds:,.0f}/s"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> Text:
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes", style="green") if value else Text("no", style="yellow")
    if isinstance(value, datetime):
        return Text(when(value))
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
