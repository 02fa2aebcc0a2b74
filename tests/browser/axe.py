"""Run axe-core in a page: the library that checks the rules of WCAG which a program can check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import build_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE: Final = build_site.Script(
    "axe.js",
    "axe-core/-/axe-core-4.14.1.tgz",
    "package/axe.min.js",
    "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
)

WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""The tags of the rules of WCAG 2.2, level AA; the other rules are customs."""


def load() -> str:
    """Return the text of the library.

    Raises:
        UnreachableError: if it cannot be downloaded.
    """
    return build_site.script(_AXE).decode()


def violations(page: Page, library: str, tags: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return each rule that a page violates, with the first element that does; `tags` chooses the rules."""
    page.evaluate(library)
    found = page.evaluate("options => axe.run(options)", {"runOnly": list(tags)} if tags else {})
    return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
