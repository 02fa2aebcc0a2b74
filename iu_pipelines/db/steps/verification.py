"""Proofs: verify files, which only read, and probes, which write in a transaction that is rolled back.

Both call `fn_iu_proof_note`, which sends each line of the proof as a notice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import stamina

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import code
from iu_pipelines.db.steps.files import StepFile, find, load, modules
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.db.steps.plan import StepState, compare, installed, load_stamped_steps, read_ledger
from iu_pipelines.errors import ConnectionFailed, IuError, Notice, PermissionDenied, ProofFailed
from iu_pipelines.settings import sql_root

ProofKind = Literal["verify", "sandbox"]

_SQL: Final = Statements(__name__)
_RETRIED_CODES: Final = frozenset({"40001", "40P01", "55P03"})
_TRIES: Final = 5
_BEGIN: Final = re.compile(r"^begin\b[^;\n]*;", re.MULTILINE)
_PROOF_LINE: Final = re.compile(
    r"(?P<verdict>PASS|FAIL) (?P<name>.+?) \| expected (?P<expected>.*) \| seen (?P<seen>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Proof:
    """The lines of one verify file or probe. There is at least one."""

    step: str
    lines: tuple[Line, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every line passed."""
        return all(line.passed for line in self.lines)


def proof_files(gateway: Gateway, kind: ProofKind, *, root: Path | None = None) -> list[StepFile]:
    """Return the verify files or the probes of every installed module, sorted by module and name."""
    wanted = installed(read_ledger(gateway))
    return [file for file in _known(kind, root) if file.key.module in wanted]


def _known(kind: ProofKind, root: Path | None) -> list[StepFile]:
    root = root or sql_root()
    return [file for name in modules(root) for file in load(root, kind, name)]


def verify(
    gateway: Gateway, only: str | None = None, *, workers: Sequence[str] = (), root: Path | None = None
) -> list[Proof]:
    """Run the verify files of the installed modules, or one of them, in read-only transactions.

    `workers` are the workers whose health is proven, as the setting `iu.workers` of the transactions. Without
    them the setting of the database or the role counts, and without that the default worker.

    The lines of each verify file are preceded by lines that compare the database with the step: whether the
    step is in the ledger, and whether its functions, views and manifest are those of the file. An error in a
    verify file becomes a failed line instead of an exception, so that the other files still run.
    """
    files = _selected(gateway, "verify", only, root)
    ledger = read_ledger(gateway)
    steps = load_stamped_steps(root, ledger)
    states = {state.name: state for state in compare(ledger, steps)}
    made = code.by_step(steps)
    asking = gateway.fetch_value(_SQL["asking"], {"workers": ",".join(workers)}) if workers else ""
    proofs = []
    for file in files:
        proof = _prove(gateway, file, f"begin read only; {asking}\n{file.text}\nrollback;\n")
        recorded = _ledger_line(states[file.name])
        found = code.compare(gateway, made[file.key])
        proofs.append(Proof(proof.step, (recorded, *found, *proof.lines), proof.seconds))
    return proofs


def probe(gateway: Gateway, only: str | None = None, *, root: Path | None = None) -> list[Proof]:
    """Run the probes of the installed modules, or one of them. Each rolls back all its changes.

    Raises:
        PermissionDenied: the role does not own the objects that the probes alter.
    """
    files = _selected(gateway, "sandbox", only, root)
    require_owner(gateway)
    # A script is sent as one query. Its statements before `begin` form an implicit transaction, which `begin`
    # would continue, and whose isolation level could no longer be changed. The added `commit` ends it.
    return [_prove_with_retries(gateway, file, _BEGIN.sub(r"commit;\n\g<0>", file.text)) for file in files]


def require_owner(gateway: Gateway) -> None:
    """Raise unless the role of the gateway owns the objects that the probes alter.

    Raises:
        PermissionDenied: it does not.
    """
    owner = gateway.fetch_one(_SQL["owner"])
    if owner and not owner["is_ours"]:
        raise PermissionDenied(
            f"must be owner of the objects that the probes alter; the owner is {owner['name']}",
            hint="Run the probes as a member of that role, or run the read-only proofs: iu verify",
        )


def _selected(gateway: Gateway, kind: ProofKind, only: str | None, root: Path | None) -> list[StepFile]:
    """Return the file with the name `only`, or all files. An unknown name raises before any connection."""
    if only is None:
        return proof_files(gateway, kind, root=root)
    find([file.key for file in _known(kind, root)], only)
    files = proof_files(gateway, kind, root=root)
    key = find([file.key for file in files], only)
    return [file for file in files if file.key == key]


def _ledger_line(state: StepState) -> Line:
    return Line("ledger", "applied", state.status, state.status == "applied")


def _prove_with_retries(gateway: Gateway, file: StepFile, script: str) -> Proof:
    for attempt in stamina.retry_context(on=_ProbeConflict, attempts=_TRIES, wait_initial=0.2, timeout=None):
        with attempt:
            return _prove(gateway, file, script, last=attempt.num == _TRIES)
    raise AssertionError("unreachable: the last attempt returns")


class _ProbeConflict(Exception):
    """A probe failed because of a concurrent transaction, for example by a deadlock or a lock timeout."""


def _prove(gateway: Gateway, file: StepFile, script: str, *, last: bool = True) -> Proof:
    started = time.monotonic()
    notices: Sequence[Notice]
    error: IuError | None = None
    try:
        notices = gateway.run_script(script)
    except ConnectionFailed:
        raise
    except IuError as raised:
        error, notices = raised, raised.notices
        if raised.code in _RETRIED_CODES and not last:
            raise _ProbeConflict from raised
    lines = _proof_lines(notices)
    if error and not isinstance(error, ProofFailed):
        lines.append(Line("runs to its end", "no error", error.message, False))
    elif not lines:
        lines.append(Line("prints what it saw", "one line or more", "none", False))
    return Proof(file.name, tuple(lines), time.monotonic() - started)


def _proof_lines(notices: Sequence[Notice]) -> list[Line]:
    found = [_PROOF_LINE.fullmatch(notice.message) for notice in notices]
    return [
        Line(line["name"], line["expected"], line["seen"], line["verdict"] == "PASS")
        for line in found
        if line is not None
    ]
