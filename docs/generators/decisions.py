"""The index of the decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from generators import IncompletePageError
from generators.markdown import table

_HEAD: Final = """\
# Decisions

Made by `make docs` from the head of each page. Numbers were reserved in blocks, one for each area. Numbers
that are missing from a block were never assigned.
"""

_BLOCKS: Final = {
    range(1, 10): "project",
    range(10, 20): "engine",
    range(20, 30): "Dagster",
    range(30, 40): "evidence and steps",
    range(40, 50): "operation",
    range(50, 60): "configuration, captures and emitting",
    range(60, 70): "status, simulations, metrics and exports",
    range(70, 80): "delivery",
    range(80, 90): "kinds of targets, deployment and many databases",
}
"""The area of each block of decision numbers."""


def page(project: Path) -> str:
    """Return the tables of the decision pages, one for each block of numbers.

    Raises:
        IncompletePageError: where a page lacks its title, status or date, or names an unknown decision.
    """
    paths = sorted((project / "docs/decisions").glob("*.md"))
    found = [_decision(path) for path in paths if path.name != "README.md"]
    known = {row[0] for row in found}
    parts = [_HEAD]
    for block, area in _BLOCKS.items():
        rows = [row for row in found if int(row[0]) in block]
        listed = table(["number", "decision", "status", "date"], rows)
        parts += [f"## {block[0]:03d} to {block[-1]:03d}: {area}", "", *listed, ""]
    for number, title, status, _ in found:
        if not any(int(number) in block for block in _BLOCKS):
            raise IncompletePageError(f"decision {number} is in no block of numbers: {title}")
        if (successor := status.removeprefix("superseded by ")) not in {"accepted", *known}:
            raise IncompletePageError(f"decision {number} is superseded by {successor}, which does not exist")
    return "\n".join(parts)


def _decision(path: Path) -> list[str]:
    """Return the number, linked title, status and date of a decision."""
    text = path.read_text(encoding="utf-8")
    title = re.match(r"# (\d{3}): (.+)\n", text)
    if not title or not path.name.startswith(f"{title[1]}-"):
        raise IncompletePageError(f"{path.name} has no title such as '# 001: What was decided'")
    status = re.search(r"^\* \*\*Status:\*\* (accepted|superseded by \d{3})$", text, re.MULTILINE)
    if not status:
        raise IncompletePageError(f"{path.name} has no line such as '* **Status:** accepted'")
    date = re.search(r"^\* \*\*Date:\*\* (\d{4}-\d{2}-\d{2})$", text, re.MULTILINE)
    if not date:
        raise IncompletePageError(f"{path.name} has no line such as '* **Date:** 2026-01-31'")
    return [title[1], f"[{title[2]}]({path.name})", status[1], date[1]]
