"""The pages of the documentation, as markdown-it-py reads them: blocks of code, headings and links.

A test that runs a block takes it with `code` or `run`, with the page and the place written out:
`acceptance/test_blocks.py` finds these calls, and runs every block that no test takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from programs import PROJECT

_AT_THE_ROOT: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")
_NOT_FOLLOWED: Final = ("docs/decisions/", "docs/reference/")
"""Decisions tell what once was. The pages of reference are generated, and their blocks are signatures."""

_COMMENT: Final = re.compile(r"<!-- (.*) -->\s*", re.DOTALL)
_ID: Final = re.compile(r'<a id="([\w-]+)">')
_FILE: Final = re.compile(r"`([\w./-]+)`[,:].*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code, and its place.

    `note` is the comment directly before it. `file` is the name of the file that it is, if the paragraph
    before it begins with a name in backquotes and ends with a colon. `fenced` is false for indented code.
    """

    page: str
    line: int
    heading: str
    note: str
    file: str
    language: str
    text: str
    fenced: bool = True

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}, {self.language or 'no language'}"


def names() -> list[str]:
    """Return the paths of all pages, relative to the root of the project."""
    found = [path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("docs/**/*.md")]
    return sorted([*_AT_THE_ROOT, *found])


def with_blocks() -> list[str]:
    """Return the pages whose blocks are run."""
    return [page for page in names() if not page.startswith(_NOT_FOLLOWED) and blocks(page)]


def text(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


@cache
def tokens(page: str) -> Sequence[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text(page))


@cache
def blocks(page: str) -> Sequence[Block]:
    """Return the blocks of a page in order."""
    found = []
    heading = note = file = ""
    for before, token in pairwise((Token("", "", 0), *tokens(page))):
        match token.type:
            case "inline" if before.type == "heading_open":
                heading = token.content
            case "inline":
                named = _FILE.fullmatch(token.content)
                note, file = "", named.group(1) if named else ""
            case "html_block":
                comment = _COMMENT.fullmatch(token.content)
                note = comment.group(1) if comment else ""
            case "fence" | "code_block":
                language = token.info.strip()
                line = (token.map or [0])[0] + 1
                fenced = token.type == "fence"
                found.append(Block(page, line, heading, note, file, language, token.content, fenced))
                note = file = ""
    return tuple(found)


def comments(page: str) -> list[str]:
    """Return the text of each comment that stands alone."""
    found = [_COMMENT.fullmatch(token.content) for token in tokens(page) if token.type == "html_block"]
    return [comment.group(1) for comment in found if comment]


def code(page: str, place: str, language: str = "python") -> list[str]:
    """Return the blocks of one language below a heading, or after a comment with this text."""
    of_language = [one for one in blocks(page) if one.language == language]
    found = [one.text for one in of_language if place in {one.heading, one.note}]
    assert found, f"{page} has no block of {language} at {place}"
    return found


def run(page: str, place: str, **names: Any) -> dict[str, Any]:
    """Run the Python at a place, with these names defined, and return the names that it defines."""
    for one in code(page, place):
        exec(compile(one, f"{page}: {place}", "exec", dont_inherit=True), names)
    return names


@cache
def anchors(page: str) -> frozenset[str]:
    """Return what a link to a part of a page may name: its headings, as GitHub does it, and explicit ids.

    Of headings with the same text, only the first one can be named on the site and in the repository alike.
    """
    headings = [token for before, token in pairwise(tokens(page)) if before.type == "heading_open"]
    titles = ["".join(child.content for child in token.children or ()) for token in headings]
    named = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return frozenset({*named, *_ID.findall(text(page))})


def links(page: str) -> list[str]:
    """Return the addresses of all links and pictures of a page."""
    inline = [child for token in tokens(page) for child in token.children or ()]
    found = [child.attrGet("href") or child.attrGet("src") for child in inline]
    return [str(address) for address in found if address]


def inline_code(page: str) -> list[str]:
    """Return each piece of code within a sentence or a cell of a table."""
    inline = [child for token in tokens(page) for child in token.children or ()]
    return [child.content for child in inline if child.type == "code_inline"]
