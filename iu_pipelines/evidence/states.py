"""The state of each line and each guarantee of a pack, as its page and the commands show it.

The page, `iu evidence` and the asset `iu_evidence` take their words from here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence.facts import Evidence, Guarantee, Proof, ProvenBy

LineState = Literal["passed", "failed", "pending", "not run"]
"""`pending`: the step that the line belongs to is not applied. `not run`: its proof was not run, or ended
before it reached the line."""

GuaranteeState = Literal["failed", "proven", "in part", "pending", "not run", "tests"]
"""`proven`: every line passed. `in part`: every line that was run passed. `tests`: it has no lines."""

WORDS: Final[Mapping[GuaranteeState, str]] = {
    "failed": "failed",
    "proven": "proven here",
    "in part": "proven in part",
    "pending": "pending",
    "not run": "not run",
    "tests": "rest on the project's tests",
}
"""Each state after the number of its guarantees, in the order in which they are listed."""


@dataclass(frozen=True)
class States:
    """The states of the lines and guarantees of one pack."""

    evidence: Evidence

    @property
    def pending_steps(self) -> list[str]:
        """The names of the steps that are not applied."""
        return [step.name for step in self.evidence.environment.steps if step.status == "pending"]

    def line(self, proof: Proof, line: Line) -> LineState:
        """Return the state of a line of a proof."""
        return _line(proof.step, line.passed, self.pending_steps)

    def proven_by(self, proven: ProvenBy) -> LineState:
        """Return the state of a line, or a group of lines, that proves a guarantee."""
        return _line(proven.step, proven.passed, self.pending_steps)

    def proof(self, proof: Proof) -> LineState:
        """Return the state of a proof: `failed` if one of its lines failed."""
        found = {self.line(proof, line) for line in proof.lines}
        return "failed" if "failed" in found else "pending" if "pending" in found else "passed"

    def guarantee(self, guarantee: Guarantee) -> GuaranteeState:
        """Return the state of a guarantee."""
        found = {self.proven_by(proven) for proven in guarantee.proven_by}
        if not found:
            return "tests"
        if "failed" in found:
            return "failed"
        if found == {"passed"}:
            return "proven"
        if "pending" in found:
            return "pending"
        return "in part" if "passed" in found else "not run"

    def lines(self, state: LineState) -> list[tuple[Proof, Line]]:
        """Return the lines in a state, each with its proof."""
        return [
            (proof, line)
            for proof in self.evidence.proofs
            for line in proof.lines
            if self.line(proof, line) == state
        ]

    def counts(self) -> dict[GuaranteeState, int]:
        """Return the number of guarantees in each state, without zeros, in the order of `WORDS`."""
        found = [self.guarantee(guarantee) for guarantee in self.evidence.guarantees]
        return {state: found.count(state) for state in WORDS if state in found}

    def headline(self) -> str:
        """Return the numbers of guarantees, such as `43 guarantees proven here, 8 rest on the tests`."""
        parts = [f"{count} {word(state, count)}" for state, count in self.counts().items()]
        number, _, rest = ", ".join(parts).partition(" ")
        return f"{number} {'guarantee' if number == '1' else 'guarantees'} {rest}"


def _line(step: str, passed: bool | None, pending: Collection[str]) -> LineState:
    if passed is None:
        return "not run"
    if passed:
        return "passed"
    return "pending" if step in pending else "failed"


def word(state: GuaranteeState, count: int) -> str:
    """Return the words of a state after the number of its guarantees."""
    words = WORDS[state]
    return words.replace("rest ", "rests ", 1) if count == 1 else words
