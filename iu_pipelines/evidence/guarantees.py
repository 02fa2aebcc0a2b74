"""The guarantees of the product, the lines of proofs that prove each, and what is not promised.

They are read from `guarantees.toml`. `docs/reference/coverage.md` and the tables of guarantees in
`README.md`, `SECURITY.md` and `docs/concepts/guarantees.md` are generated from the same file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final

from iu_pipelines.db.steps.files import CORE
from iu_pipelines.evidence.facts import Guarantee, Proof, ProvenBy

EVERY_LINE: Final = "every line"
"""The `line` of a guarantee that every line of a proof proves."""


@dataclass(frozen=True)
class Promise:
    """One guarantee: `lines` are pairs of a proof and the beginning of a line's name, `tests` are paths.

    `how` describes in Markdown how it is kept, for the `pages` that show it. `broken` are tests that break
    it on purpose. `module` is the one that keeps it.
    """

    key: str
    source: str
    text: str
    lines: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]
    pages: tuple[str, ...] = ()
    how: str = ""
    broken: tuple[str, ...] = ()
    module: str = CORE


@dataclass(frozen=True)
class Limit:
    """Something that the product does not promise, or a pack cannot show: `text` explains `title`.

    Both are without markup.

    `see` is a link in Markdown to a page that says more, from the folder docs/concepts, or empty.
    """

    title: str
    text: str
    see: str = ""
    module: str = CORE


def promises() -> list[Promise]:
    """Return every guarantee, in the order of the file."""
    return [_promise(row) for row in _read()["guarantee"]]


def limits() -> list[Limit]:
    """Return everything that is not promised, in the order of the file."""
    return [Limit(**row) for row in _read()["limit"]]


def not_shown() -> list[Limit]:
    """Return everything that no pack can show, in the order of the file."""
    return [Limit(**row) for row in _read()["not_shown"]]


def test_in_words(test: str) -> str:
    """Return the name of a test, as `tests` and `broken` of a guarantee have it, as a sentence."""
    path, _, name = test.partition("::")
    return (name.removeprefix("test_") or PurePosixPath(path).stem).replace("_", " ")


def installed_modules(steps: Iterable[str]) -> set[str]:
    """Return the core and the modules of `steps`, names of proofs such as `iu-delivery/030_queue`."""
    return {CORE, *(step.partition("/")[0] for step in steps if "/" in step)}


def _read() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("guarantees.toml").read_text(encoding="utf-8"))


def _promise(row: Mapping[str, Any]) -> Promise:
    return Promise(
        key=row["key"],
        source=row["source"],
        text=row["text"],
        lines=tuple(_pair(line) for line in row["lines"]),
        tests=(*row["tests"], *row.get("more_tests", ())),
        pages=tuple(row.get("pages", ())),
        how=row.get("how", ""),
        broken=tuple(row.get("broken", ())),
        module=row.get("module", CORE),
    )


def judge(proofs: Sequence[Proof]) -> tuple[Guarantee, ...]:
    """Return each guarantee with whether `proofs` prove it.

    A line that is missing from a proof counts as failed, or as not reached (None) if the proof failed. Proofs
    that were not run are ignored. If no proof of a guarantee was run, it is not reached (None). Guarantees of
    a module without any proof, which is not installed, are left out.
    """
    seen = {proof.step: proof for proof in proofs}
    modules = installed_modules(seen)
    return tuple(_judged(promise, seen) for promise in promises() if promise.module in modules)


def _judged(promise: Promise, seen: Mapping[str, Proof]) -> Guarantee:
    proven = tuple(
        ProvenBy(step, start.strip() or EVERY_LINE, _passed(seen[step], start) if step in seen else None)
        for step, start in promise.lines
    )
    results = [line.passed for line in proven if line.step in seen]
    passed = None if proven and not results else _all(results)
    return Guarantee(promise.key, promise.text, passed, proven_by=proven)


def _passed(proof: Proof, start: str) -> bool | None:
    found = [line.passed for line in proof.lines if line.name.startswith(start)]
    if not proof.passed and not found:
        return None
    return bool(found) and all(found)


def _all(passed: Sequence[bool | None]) -> bool | None:
    if False in passed:
        return False
    return None if None in passed else True


def _pair(line: str) -> tuple[str, str]:
    step, _, start = line.partition(": ")
    return step, start
