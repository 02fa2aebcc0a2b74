"""Generate pages, and tables in other pages, from the code.

    python docs/generate.py            writes them
    python docs/generate.py --check    writes nothing, and exits with 1 if a page is out of date

Whole pages: docs/reference and docs/decisions/README.md. Tables, each between a line
`<!-- begin: NAME (make docs) -->` and a line `<!-- end: NAME -->`: the guarantees in README.md, SECURITY.md
and docs/concepts/guarantees.md, and the places of the nouns in docs/concepts/nouns.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from iu_pipelines.evidence import facts, guarantees
from iu_pipelines.evidence.guarantees import Promise

PROJECT = Path(__file__).resolve().parent.parent

CONCEPTS: Final = "docs/concepts/guarantees.md"
NOUNS: Final = "docs/concepts/nouns.md"
PLACES: Final = {
    "SQL objects": ("sql/iu-core/objects/{}/",),
    "Python": ("iu_pipelines/domain/{}.py", "iu_pipelines/{}/", "iu_pipelines/db/{}/"),
    "Dagster": ("iu_pipelines/defs/{}.py",),
    "command line": ("iu_pipelines/cli/{}.py",),
    "tests": (
        "tests/sql/{}/",
        "tests/domain/test_{}.py",
        "tests/defs/test_{}.py",
        "tests/cli/test_{}.py",
        "tests/{}/",
    ),
}
"""Where the parts of a noun are, by layer."""

ELSEWHERE: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "unit": {
        "Dagster": ("iu_pipelines/defs/inbound.py",),
        "command line": ("iu_pipelines/cli/ingest.py",),
        "tests": ("tests/sql/inbound/", "tests/acceptance/test_ingest_git.py"),
    },
    "ingest": {"tests": ("tests/acceptance/test_git_history.py", "tests/acceptance/test_ingest_git.py")},
    "inbound": {"command line": ("iu_pipelines/cli/routes.py",)},
    "event type": {"command line": ("iu_pipelines/cli/outbox.py",)},
    "retention": {
        "tests": ("tests/concurrency/test_retention.py", "tests/concurrency/test_retention_races.py")
    },
}
"""Parts of a noun that have another name than the noun, by noun and layer."""

COVERAGE: Final = """\
# Coverage: every guarantee and its proof

Made by `make docs` from `iu_pipelines/evidence/guarantees.toml`. Every evidence pack contains the lines, on
its page and in `evidence.json`; `make test` runs the tests. The tests in the last column break the guarantee
or its proof on purpose, and check that this is noticed. `tests/evidence/test_coverage.py` fails if a
guarantee has no proof, if a named proof does not exist, or if a line of a proof belongs to no guarantee.
"""

DECISIONS: Final = """\
# Decisions

Made by `make docs` from the head of each page. Numbers were reserved in blocks, one for each area. Numbers
that are missing from a block were never assigned.
"""

BLOCKS: Final = {
    range(1, 10): "project",
    range(10, 20): "engine",
    range(20, 30): "Dagster",
    range(30, 40): "evidence and steps",
    range(40, 50): "operation",
}
"""The area of each block of decision numbers."""

EVIDENCE_JSON: Final = """\
# evidence.json

Made by `make docs` from `iu_pipelines/evidence/facts.py`. The JSON schema is
[evidence.schema.json](../../iu_pipelines/evidence/evidence.schema.json), and ships with the package.
Times are ISO 8601 in UTC. Every key is always present; `null` means unknown or absent.

A pack also contains `report.html`, `junit.xml`, and `manifest.json` with `number`, `previous_hash`, `files`
(the sha256 of each file) and `hash`. The hash of a pack is the sha256 of its manifest without `hash`, written
as JSON with sorted keys and no spaces; `previous_hash` of the first pack is 64 zeros.
"""


class IncompletePageError(Exception):
    """A page lacks something that cannot be generated, such as the marks of a table."""


def pages() -> dict[str, str]:
    """Return the text of every page that is generated or has a generated table, by its path.

    Raises:
        IncompletePageError: a page has no marks for its table, or no row for a noun.
    """
    return {
        "docs/reference/coverage.md": coverage(),
        "docs/reference/evidence-json.md": evidence_json(),
        "docs/decisions/README.md": decisions(),
        "README.md": _with_table("README.md", "guarantees", _readme()),
        "SECURITY.md": _with_table("SECURITY.md", "guarantees", _security()),
        CONCEPTS: _with_table(CONCEPTS, "guarantees", _concepts()),
        NOUNS: _with_table(NOUNS, "places", places()),
    }


def coverage() -> str:
    """Return the table of guarantees with the proofs and tests of each."""
    rows = [
        [
            f'<a id="{promise.key}"></a>{number}',
            promise.source,
            promise.text,
            _lines(promise),
            _tests(test for test in promise.tests if test not in promise.broken),
            _tests(promise.broken),
        ]
        for number, promise in enumerate(guarantees.promises(), start=1)
    ]
    header = ["", "area", "guarantee", "lines of `iu evidence`", "tests", "tests that break it on purpose"]
    return "\n".join([COVERAGE, *_table(header, rows), ""])


def _lines(promise: Promise) -> str:
    by_step: dict[str, list[str]] = {}
    for step, start in promise.lines:
        by_step.setdefault(step, []).append(start.strip() or "every line")
    return "<br>".join(f"{step}: {', '.join(starts)}" for step, starts in by_step.items())


def _tests(tests: Iterable[str]) -> str:
    """Return links to `tests`, for a page two folders below the root."""
    return "<br>".join(_link(test) for test in tests)


def _link(test: str) -> str:
    """Return a link to the file of a test, with the name of the test as its text."""
    path, _, name = test.partition("::")
    words = (name.removeprefix("test_") or Path(path).stem).replace("_", " ")
    return f"[{words}](../../{path})"


def _readme() -> list[str]:
    rows = [[promise.text, promise.how, _proof(promise, "docs/")] for promise in _shown("readme")]
    return _table(["guarantee", "how it is kept", "proof"], rows)


def _security() -> list[str]:
    rows = [
        [promise.text, promise.how, ", ".join(_files(promise)), _proof(promise, "docs/")]
        for promise in _shown("security")
    ]
    return _table(["guarantee", "how it is kept", "tests", "proof"], rows)


def _concepts() -> list[str]:
    rows = [
        [promise.text, promise.how, _tests(promise.broken), _proof(promise, "../")]
        for promise in _shown("concepts")
    ]
    return _table(["guarantee", "how it is kept", "tests that break it on purpose", "proof"], rows)


def _shown(page: str) -> list[Promise]:
    return [promise for promise in guarantees.promises() if page in promise.pages]


def _proof(promise: Promise, docs: str) -> str:
    """Return a link to the proofs of `promise`; `docs` is the path from the page to the folder docs."""
    lines = [_count(len(promise.lines), "line")] if promise.lines else []
    tests = _count(len({*promise.tests, *promise.broken}), "test")
    return f"[{', '.join([*lines, tests])}]({docs}reference/coverage.md#{promise.key})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _files(promise: Promise) -> list[str]:
    """Return links from the root to the files of tests in Python and to the folders of tests in SQL."""
    paths = [Path(test.partition("::")[0]) for test in promise.tests]
    named = [str(path.parent if path.suffix == ".sql" else path) for path in paths]
    return [f"[`{path}`]({path})" for path in dict.fromkeys(named)]


def decisions() -> str:
    """Return the tables of the decision pages, one for each block of numbers.

    Raises:
        IncompletePageError: where a page lacks its title, status or date, or names an unknown decision.
    """
    paths = sorted((PROJECT / "docs/decisions").glob("*.md"))
    found = [_decision(path) for path in paths if path.name != "README.md"]
    known = {row[0] for row in found}
    parts = [DECISIONS]
    for block, area in BLOCKS.items():
        rows = [row for row in found if int(row[0]) in block]
        table = _table(["number", "decision", "status", "date"], rows)
        parts += [f"## {block[0]:03d} to {block[-1]:03d}: {area}", "", *table, ""]
    for number, title, status, _ in found:
        if not any(int(number) in block for block in BLOCKS):
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


def places() -> list[str]:
    """Return the table of the nouns with the folders and modules of each."""
    found = {noun: _places(noun) for noun in _nouns()}
    known = {name for noun in found for name in _names(noun)}
    missing = sorted(name for name in _in_two_layers() if name not in known)
    if missing:
        raise IncompletePageError(f"{NOUNS} has no row for: {', '.join(missing)}")
    rows = [[noun, *("<br>".join(paths) for paths in found[noun].values())] for noun in found]
    return _table(["noun", *PLACES], rows)


def _nouns() -> list[str]:
    """Return the first column of the first table of the page of nouns."""
    rows = re.findall(r"^(?:\|.*\|\n)+", (PROJECT / NOUNS).read_text(encoding="utf-8"), re.MULTILINE)
    return [row.split("|")[1].strip() for row in rows[0].splitlines()[2:]] if rows else []


def _names(noun: str) -> tuple[str, str]:
    """Return the names of folders and modules of `noun`, for example `dead_letters` of "dead letter"."""
    name = noun.replace(" ", "_")
    return f"{name}s", name


def _places(noun: str) -> Mapping[str, list[str]]:
    paths = {
        layer: [
            path
            for path in (
                *(form.format(name) for name in _names(noun) for form in forms),
                *ELSEWHERE.get(noun, {}).get(layer, ()),
            )
            if (PROJECT / path).exists()
        ]
        for layer, forms in PLACES.items()
    }
    if not any(paths.values()):
        raise IncompletePageError(f"{NOUNS} has a row for {noun}, which has no folder and no module")
    return {layer: [_place(path) for path in found] for layer, found in paths.items()}


def _place(path: str) -> str:
    label = re.sub("^(sql/iu-core|iu_pipelines|tests)/", "", path)
    return f"[`{label}`](../../{path})"


def _in_two_layers() -> set[str]:
    """Return the names of modules and folders that are in two or more layers: these are nouns."""
    layers = [
        {path.stem for path in PROJECT.glob(forms[0].format("[a-z]*").rstrip("/"))}
        for layer, forms in PLACES.items()
        if layer != "tests"
    ]
    return {name for layer in layers for name in layer if sum(name in other for other in layers) > 1}


def _with_table(page: str, name: str, table: Sequence[str]) -> str:
    """Return `page` with `table` between the marks of `name`."""
    begin, end = f"<!-- begin: {name} (make docs) -->\n", f"<!-- end: {name} -->\n"
    text = (PROJECT / page).read_text(encoding="utf-8")
    before, opened, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise IncompletePageError(f"{page} has no lines {begin.strip()} and {end.strip()}")
    return "".join([before, begin, "\n".join([*table, ""]), end, after])


def evidence_json() -> str:
    """Return the reference of `evidence.json`."""
    schema: dict[str, Any] = json.loads(facts.schema_text())
    parts = [_object("evidence.json", schema)]
    parts += [_object(name, part) for name, part in schema["$defs"].items()]
    return "\n".join([EVIDENCE_JSON, *parts])


def _object(name: str, schema: dict[str, Any]) -> str:
    rows = [
        [f"`{key}`", _type(value), value.get("description", "")]
        for key, value in schema.get("properties", {}).items()
    ]
    return "\n".join(
        [f"## {name}", "", schema["description"], "", *_table(["key", "type", "meaning"], rows), ""]
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return "time" if schema.get("format") == "date-time" else str(schema.get("type"))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def main(arguments: Sequence[str]) -> int:
    """Write every page, or check that each is up to date."""
    try:
        made = pages()
    except IncompletePageError as error:
        print(error)
        return 1
    stale = [page for page, text in made.items() if _text(PROJECT / page) != text]
    if "--check" in arguments:
        print(f"stale, run `make docs`: {', '.join(stale)}" if stale else "every page is right")
        return 1 if stale else 0
    for page in stale:
        (PROJECT / page).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / page).write_text(made[page], encoding="utf-8")
    print(f"written: {', '.join(stale)}" if stale else "every page is right")
    return 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
