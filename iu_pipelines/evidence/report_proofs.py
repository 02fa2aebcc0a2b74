"""The parts of `report.html` about proofs: failed lines, what is missing, guarantees, and every line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.domain.quantities import counted
from iu_pipelines.evidence import guarantees
from iu_pipelines.evidence.facts import LEDGERS, Evidence, Guarantee, Proof, ProofKind
from iu_pipelines.evidence.states import GuaranteeState, LineState, States, word

Tone = str
"""The colour of a part of the page: good, bad, wait or plain. Its text says the same."""

_KINDS: Final[Sequence[tuple[ProofKind, str, str]]] = (
    (
        "probe",
        "Probes",
        "Each probe acts like a user in one transaction, which is rolled back; its last lines compare the "
        "database before and after. A code in a value says that an action was refused: codes that begin with "
        "IU are errors of iu-pipelines, 42501 is PostgreSQL's insufficient_privilege, 23514 its "
        "check_violation.",
    ),
    (
        LEDGERS,
        "Ledgers",
        "Verification of the ledgers: hashes and counts are recomputed. A line that fails names "
        "the first row that was altered, removed or moved.",
    ),
    ("verify", "Verify files", "Each verify file only reads, and proves one step of the installation."),
)

_GROUPS: Final[Mapping[GuaranteeState, tuple[Tone, str, str]]] = {
    "failed": (
        "bad",
        "✗",
        "At least one line was tested on this database and did not have the expected value.",
    ),
    "pending": (
        "wait",
        "…",
        "A step of the schema that they need is not applied, so some of their lines cannot pass yet.",
    ),
    "not run": ("wait", "…", "None of their lines was run for this pack."),
    "in part": ("wait", "…", "Each line that was run passed. The other lines were not run."),
    "proven": ("good", "✓", "Each line was tested on this database, at the time given above, and passed."),
    "tests": (
        "plain",
        "",
        "They cannot be tested on a database in use, for example because a server must be killed. Tests of "
        "the project prove them on test servers, for a release and not for this database. The results of "
        "these tests are not part of this pack.",
    ),
}
"""The groups of guarantees in the order of the page: tone, sign and explanation."""

_NAMED_LINES: Final = 4
"""A guarantee names each of its lines of one group, unless there are more than this number."""


@dataclass(frozen=True)
class FailedLine:
    """A line that failed, the label of its proof, the id of its row, and the guarantees that it proves."""

    proof: str
    line: Line
    target: str
    guarantees: list[Guarantee]


@dataclass(frozen=True)
class Missing:
    """Something that was not tested, why, and what to do."""

    label: str
    what: str
    why: str
    cure: str


@dataclass(frozen=True)
class Link:
    """A link to the row of a line."""

    target: str
    text: str
    state: LineState


@dataclass(frozen=True)
class Tested:
    """What one proof tested for a guarantee; `missing` says what it did not test, which is a fault or not."""

    label: str
    links: list[Link]
    missing: str = ""
    is_fault: bool = False


@dataclass(frozen=True)
class Row:
    """A guarantee with what was tested for it, or else with the names of the project's tests."""

    promise: Guarantee
    tested: list[Tested]
    tests: list[str]


@dataclass(frozen=True)
class Group:
    """The guarantees in one state."""

    state: GuaranteeState
    tone: Tone
    sign: str
    title: str
    explanation: str
    rows: list[Row]


@dataclass(frozen=True)
class Kind:
    """A section of proofs of one kind."""

    target: str
    title: str
    text: str
    proofs: list[Proof]


def failed(states: States) -> list[FailedLine]:
    """Return the lines that failed."""
    return [
        FailedLine(label(proof.step), line, _line_id(proof, line), _proven_by(states.evidence, proof, line))
        for proof, line in states.lines("failed")
    ]


def _proven_by(evidence: Evidence, proof: Proof, line: Line) -> list[Guarantee]:
    return [
        promise
        for promise in evidence.guarantees
        if any(
            proven.step == proof.step and line in _lines_of(proof, proven.line)
            for proven in promise.proven_by
        )
    ]


def missing(states: States) -> list[Missing]:
    """Return what is pending or was not run."""
    evidence = states.evidence
    migrate = "Apply it with iu migrate, and make another pack."
    found = [
        Missing("… PENDING", f"Step {name} and its verify file", "The step is not applied.", migrate)
        for name in states.pending_steps
    ]
    if not evidence.probed:
        found.append(
            Missing(
                "… NOT RUN",
                "The probes",
                "The pack was made without them. They need a login that owns the tables.",
                "Run iu evidence with such a login.",
            )
        )
    found += [
        Missing(
            "… NOT RUN",
            f"The last lines of {label(proof.step)}",
            "It ended before it reached them.",
            "See the line of it that failed.",
        )
        for proof in evidence.proofs
        if any(
            proven.step == proof.step and states.proven_by(proven) == "not run"
            for promise in evidence.guarantees
            for proven in promise.proven_by
        )
    ]
    return found


def groups(states: States) -> list[Group]:
    """Return the guarantees by state, those that need attention first."""
    tests = {
        promise.key: [guarantees.test_in_words(test) for test in promise.tests]
        for promise in guarantees.promises()
    }
    found = []
    for state, (tone, sign, explanation) in _GROUPS.items():
        rows = [
            Row(promise, _tested(states, promise), tests.get(promise.key, []) if state == "tests" else [])
            for promise in states.evidence.guarantees
            if states.guarantee(promise) == state
        ]
        if rows:
            title = f"{len(rows)} {word(state, len(rows))}"
            found.append(Group(state, tone, sign, title, explanation, rows))
    return found


def _tested(states: States, promise: Guarantee) -> list[Tested]:
    """Return what each proof tested for a guarantee."""
    proofs = {proof.step: proof for proof in states.evidence.proofs}
    by_step: dict[str, list[str]] = {}
    for proven in promise.proven_by:
        by_step.setdefault(proven.step, []).append(proven.line)
    return [_tested_by(states, step, proofs.get(step), starts) for step, starts in by_step.items()]


def _tested_by(states: States, step: str, proof: Proof | None, starts: Sequence[str]) -> Tested:
    if proof is None:
        return Tested(label(step), [], "not run")
    found = {start: _lines_of(proof, start) for start in starts}
    links = [link for lines in found.values() for link in _links(states, proof, lines)]
    absent = sum(not lines for lines in found.values())
    if not absent:
        return Tested(label(step), links)
    word = "missing" if proof.passed else "not reached"
    return Tested(label(step), links, f"{counted(absent, 'line')} {word}", proof.passed)


def _links(states: States, proof: Proof, lines: Sequence[Line]) -> list[Link]:
    """Return a link to each line; of many only to those that did not pass and, else, to the first."""
    links = [Link(_line_id(proof, line), line.name, states.line(proof, line)) for line in lines]
    if len(links) <= _NAMED_LINES:
        return links
    shown = [link for link in links if link.state != "passed"] or links[:1]
    last = shown[-1]
    rest = f"{last.text} and {counted(len(links) - len(shown), 'more line')}"
    return [*shown[:-1], Link(last.target, rest if len(links) > len(shown) else last.text, last.state)]


def _lines_of(proof: Proof, start: str) -> list[Line]:
    """Return the lines of `proof` that a guarantee names by the beginning of their names."""
    if start == guarantees.EVERY_LINE:
        return list(proof.lines)
    words = re.compile(rf"{re.escape(start)}(?!\w)")
    whole = [line for line in proof.lines if words.match(line.name)]
    return whole or [line for line in proof.lines if line.name.startswith(start)]


def kinds(evidence: Evidence) -> list[Kind]:
    """Return the sections of the kinds of proofs that were run."""
    found = [
        Kind(
            title.split()[0].lower(), title, text, [proof for proof in evidence.proofs if proof.kind == kind]
        )
        for kind, title, text in _KINDS
    ]
    return [kind for kind in found if kind.proofs]


def label(step: str) -> str:
    """Return the name of a proof in words, such as `Probe 040, worker live dryrun` or `Ledgers`."""
    module, _, name = step.rpartition("/")
    if not name[:3].isdigit():
        return step.capitalize()
    kind = "Probe" if name.endswith("_probe") else "Verify file"
    words = name[4:].removesuffix("_probe").replace("_", " ")
    return f"{kind} {name[:3]}{f' of {module}' if module else ''}, {words}"


def proof_id(proof: Proof) -> str:
    """Return the id of the heading of a proof."""
    return re.sub(r"[^a-z0-9]+", "-", f"proof-{proof.step}".lower())


def _line_id(proof: Proof, line: Line) -> str:
    return f"{proof_id(proof)}-{proof.lines.index(line) + 1}"
