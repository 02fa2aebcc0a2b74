"""Generate pages, and tables in other pages, from the code.

    python docs/generate.py            writes them
    python docs/generate.py --check    writes nothing, and exits with 1 if a page is out of date

Whole pages: docs/reference and docs/decisions/README.md. A drawing: docs/images/windows.svg. Tables, each
between a line `<!-- begin: NAME (make docs) -->` and a line `<!-- end: NAME -->`: the guarantees in
README.md, SECURITY.md and docs/concepts/guarantees.md, the extras in docs/operate/install.md, the lists of
limits in docs/concepts/guarantees.md and docs/concepts/evidence.md, and the places of the nouns in
docs/concepts/nouns.md.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from generators import (
    IncompletePageError,
    catalog,
    command_line,
    decisions,
    definitions,
    errors,
    evidence_json,
    functions,
    guarantees,
    install,
    metrics,
    places,
    python_api,
    settings,
    tables,
    windows,
)
from generators.nouns import PAGE as NOUNS

PROJECT = Path(__file__).resolve().parent.parent

INSTALL: Final = "docs/operate/install.md"
CONCEPTS: Final = "docs/concepts/guarantees.md"
EVIDENCE: Final = "docs/concepts/evidence.md"


def pages() -> dict[str, str]:
    """Return the text of every generated page, and of every page with a generated table, by its path.

    Raises:
        IncompletePageError: if a page has no marks for its table, or something that its author has to write
            is missing, such as a row for a noun or the comment of a function.
    """
    return {
        "docs/reference/command-line.md": command_line.page(),
        "docs/reference/coverage.md": guarantees.coverage(),
        "docs/reference/dagster.md": definitions.page(),
        "docs/reference/evidence-json.md": evidence_json.page(),
        "docs/reference/metrics.md": metrics.page(),
        "docs/reference/python.md": python_api.page(),
        "docs/decisions/README.md": decisions.page(PROJECT),
        "README.md": _with_table("README.md", "guarantees", guarantees.readme()),
        INSTALL: _with_table(INSTALL, "extras", install.extras(PROJECT)),
        "SECURITY.md": _with_table("SECURITY.md", "guarantees", guarantees.security()),
        CONCEPTS: _with_table(
            CONCEPTS,
            "limits",
            guarantees.limits(),
            _with_table(CONCEPTS, "guarantees", guarantees.concepts()),
        ),
        EVIDENCE: _with_table(EVIDENCE, "limits", guarantees.not_shown()),
        NOUNS: _with_table(NOUNS, "places", places.of_nouns(PROJECT)),
        "docs/images/windows.svg": windows.drawing(),
        **_of_database(catalog.read()),
    }


def _of_database(read: catalog.Catalog) -> dict[str, str]:
    """Return the pages about what is in the database, which have links to each other."""
    known = {**functions.links(read), **tables.links(read), **errors.links()}
    made = {
        functions.PAGE: functions.page(read, known),
        functions.INTERNAL_PAGE: functions.internal_page(read, known),
        tables.PAGE: tables.page(read, known),
        errors.PAGE: errors.page(read, known),
        settings.PAGE: settings.page(read, known),
    }
    return {f"docs/reference/{name}": text for name, text in made.items()}


def _with_table(page: str, name: str, lines: Sequence[str], text: str | None = None) -> str:
    """Return `page`, or `text` in its place, with the `lines` of a table between the marks of `name`."""
    begin, end = f"<!-- begin: {name} (make docs) -->\n", f"<!-- end: {name} -->\n"
    text = text or (PROJECT / page).read_text(encoding="utf-8")
    before, opened, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise IncompletePageError(f"{page} has no lines {begin.strip()} and {end.strip()}")
    return "".join([before, begin, "\n".join([*lines, ""]), end, after])


def main(arguments: Sequence[str]) -> int:
    """Write every page; with `--check`, compare each with what would be written."""
    try:
        made = pages()
    except IncompletePageError as error:
        print(error)
        return 1
    stale = [page for page, text in made.items() if _text(PROJECT / page) != text]
    if "--check" in arguments:
        print(f"stale, run `make docs`: {', '.join(stale)}" if stale else "every page is up to date")
        return 1 if stale else 0
    for page in stale:
        (PROJECT / page).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / page).write_text(made[page], encoding="utf-8")
    print(f"written: {', '.join(stale)}" if stale else "every page is up to date")
    return 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server of the catalog is stopped
    sys.exit(main(sys.argv[1:]))
