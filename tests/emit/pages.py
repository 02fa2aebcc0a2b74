"""The blocks of code in the pages of `docs/how-to` about emitting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from programs import PROJECT

FOLDER: Final = PROJECT / "docs" / "how-to"
PAGES: Final = (
    "emit-from-other-languages",
    "emit-from-python",
    "emit-from-sql-and-triggers",
    "pgbouncer",
    "test-code-that-emits",
)
_PART: Final = re.compile(r"^#+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code, and the heading that it stands below."""

    page: str
    heading: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page in order."""
    found = []
    heading = ""
    for title, language, text in _PART.findall((FOLDER / f"{page}.md").read_text(encoding="utf-8")):
        heading = title or heading
        if language:
            found.append(Block(page, heading, language, text))
    return found


def code(page: str, heading: str, language: str = "python") -> list[str]:
    """Return the blocks of one language below a heading."""
    found = [block.text for block in blocks(page) if (block.heading, block.language) == (heading, language)]
    assert found, f"{page} has no block of {language} below {heading}"
    return found


def run(page: str, heading: str, **names: Any) -> dict[str, Any]:
    """Run the Python below a heading, with these names defined, and return the names that it defines."""
    for text in code(page, heading):
        exec(compile(text, f"{page}: {heading}", "exec", dont_inherit=True), names)
    return names
