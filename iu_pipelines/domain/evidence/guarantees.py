"""The promises of the product, and which lines of the proofs stand for each.

Source: ``guarantees.toml`` beside this module, from which ``docs/reference/coverage.md`` is made as well.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from iu_pipelines.domain.evidence.facts import Guarantee, Proof, ProvenBy


@dataclass(frozen=True)
class Promise:
    """One guarantee; ``lines`` are pairs of a proof and how a line's name begins, ``tests`` are paths."""

    key: str
    source: str
    text: str
    lines: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def promises() -> list[Promise]:
    """Return every promise, in the order of the file."""
    read = tomllib.loads(files(__package__).joinpath("guarantees.toml").read_text(encoding="utf-8"))
    return [
        Promise(
            key=row["key"],
            source=row["source"],
            text=row["text"],
            lines=tuple(_pair(line) for line in row["lines"]),
            tests=tuple(row["tests"]),
        )
        for row in read["guarantee"]
    ]


def judge(proofs: Sequence[Proof]) -> tuple[Guarantee, ...]:
    """Return what *proofs* say of each promise. A line that is not there has not passed."""
    seen = {proof.step: proof for proof in proofs}
    judged = []
    for promise in promises():
        proven = tuple(
            ProvenBy(step, start.strip() or "every line", _passed(seen.get(step), start))
            for step, start in promise.lines
        )
        judged.append(
            Guarantee(promise.key, promise.text, _all([line.passed for line in proven]), proven_by=proven)
        )
    return tuple(judged)


def _passed(proof: Proof | None, start: str) -> bool | None:
    found = [line.passed for line in proof.lines if line.name.startswith(start)] if proof else []
    if proof and not proof.passed and not found:
        return None
    return bool(found) and all(found)


def _all(passed: Sequence[bool | None]) -> bool | None:
    if False in passed:
        return False
    return None if None in passed else True


def _pair(line: str) -> tuple[str, str]:
    step, _, start = line.partition(": ")
    return step, start
