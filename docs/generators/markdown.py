"""Parts of Markdown that every generated page uses."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from generators import IncompletePageError

_PROJECT: Final = Path(__file__).resolve().parents[2]
_WIDTH: Final = 150
_PART: Final = re.compile(
    r"(?P<code>`[^`]+`|\{(?:[^{}]|\{[^{}]*\})*\}|\w*(?:<[^<>]+>_?)+|\blive:\w+)"
    r"|(?P<page>\bdocs/[\w/-]+\.md(?:#[\w-]+)?|\bREADME\.md\b)"
    r"|(?P<name>\bIU\d{3}\b|\b(?:[a-z]+\.)?[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?:_…)?(?:\.[a-z_]+)*(?:\(\))?"
    r"|\biu\.[a-z_]+)"
    r"|(?P<special>[<*\[\]])"
)
"""What is not plain text in a sentence: code, a page of the documentation, a name, a special character."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def cell(text: str) -> str:
    """Return a text of several lines as one cell of a table."""
    return " ".join(text.split())


def paragraph(text: str) -> str:
    """Return a paragraph with lines of at most 150 characters, broken between words."""
    return textwrap.fill(cell(text), _WIDTH, break_long_words=False, break_on_hyphens=False)


def prose(text: str, links: Mapping[str, str]) -> str:
    """Return sentences of the code as one line of Markdown.

    Names with an underscore, JSON objects and settings become code, names in `links` links with their
    address there, and paths of pages links with the titles of the pages. The page is in `docs/reference`.
    """

    def replaced(found: re.Match[str]) -> str:
        part = found.group()
        if found["page"]:
            return _page_link(part)
        if found["name"]:
            address = links.get(part.removeprefix("public.").removesuffix("()"))
            return f"[`{part}`]({address})" if address else f"`{part}`"
        return f"\\{part}" if found["special"] else code(part.strip("`"))

    return _PART.sub(replaced, cell(text))


def first_sentence(text: str) -> str:
    """Return `text` up to the first full stop or colon that ends a sentence."""
    return re.split(r"(?<=[\w)}\]…])[.:;](?:\s|$)", cell(text), maxsplit=1)[0]


def _page_link(path: str) -> str:
    """Return a link from a page in `docs/reference` to a page, with its title as text.

    Raises:
        IncompletePageError: there is no such page.
    """
    file, _, anchor = path.partition("#")
    page = _PROJECT / file
    if page.parent.name == "reference":  # perhaps not yet written
        return f"[{page.stem.replace('-', ' ').capitalize()}]({page.name}{'#' * bool(anchor)}{anchor})"
    if not page.is_file():
        raise IncompletePageError(f"{path}, which a sentence of the code names, does not exist")
    title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    place = f"../{file.removeprefix('docs/')}" if file.startswith("docs/") else f"../../{file}"
    return f"[{title}]({place}{'#' * bool(anchor)}{anchor})"


def code(text: str) -> str:
    """Return a text as code that can be in a cell, where a bar in backticks is shown with its escape."""
    if "|" not in text:
        return f"`{text}`"
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"
