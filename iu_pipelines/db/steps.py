"""The step runner: plan, apply, verify, roll back and probe.

Each step is applied in a transaction of its own; a rollback of several steps is one transaction.

Stands on ``iu_schema_step``, ``fn_iu_step_record``, ``fn_iu_step_forget`` and the notices of
``fn_iu_proof_note``. Runners are serialised by an advisory lock of the database.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import stamina

from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.db.step_files import Step, StepFile, find, load, load_steps
from iu_pipelines.errors import (
    ConnectionFailed,
    IuError,
    Notice,
    PermissionDenied,
    ProofFailed,
    StepRefused,
)
from iu_pipelines.settings import sql_root

NOTHING: Final = "000"

StepStatus = Literal["pending", "applied", "changed", "edited", "unknown"]
StepAction = Literal["applied", "reapplied", "rolled_back"]

_GIVES_WAY: Final = frozenset({"40001", "40P01", "55P03"})
_TRIES: Final = 5
_LOCK_KEY: Final = 0x69755F73746570
_LEDGER_COLUMNS: Final = frozenset({"step_name", "checksum", "applied_at", "applied_by"})
_CREATED_RELATION: Final = re.compile(r"^create (?:table|view) public\.(\w+)", re.MULTILINE)
_BEGIN: Final = re.compile(r"^begin\b[^;\n]*;", re.MULTILINE)
_PROOF_LINE: Final = re.compile(
    r"(?P<verdict>PASS|FAIL) (?P<name>.+?) \| expected (?P<expected>.*) \| seen (?P<seen>.*)", re.DOTALL
)


@dataclass(frozen=True)
class StepState:
    """A step as the ledger and the files see it.

    ``changed`` is a repeatable step that will be applied again, ``edited`` one that must not have
    changed, ``unknown`` one that only the ledger knows.
    """

    name: str
    status: StepStatus
    applied_at: datetime | None
    applied_by: str | None


@dataclass(frozen=True)
class StepResult:
    """What was done to one step, in how many seconds, and the notices that it gave."""

    name: str
    action: StepAction
    seconds: float
    notices: tuple[str, ...]


@dataclass(frozen=True)
class ProofLine:
    """One line of a proof: what was expected and what was seen."""

    step: str
    name: str
    expected: str
    seen: str
    passed: bool


@dataclass(frozen=True)
class Proof:
    """All lines that one verify or sandbox file printed; there is at least one."""

    step: str
    lines: tuple[ProofLine, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every line passed."""
        return all(line.passed for line in self.lines)


def plan(gateway: Gateway, *, root: Path | None = None) -> list[StepState]:
    """Return the state of every step in order. Raises StepRefused on a stale stamp or a foreign ledger."""
    return _states(_read_ledger(gateway), _load_stamped_steps(root))


def apply(
    gateway: Gateway,
    *,
    root: Path | None = None,
    on_step: Callable[[StepResult], None] | None = None,
    without_roles: bool = False,
) -> list[StepResult]:
    """Apply every pending step in order, and a repeatable one whose text has changed.

    A step that fails leaves nothing behind, and the steps before it stay. What was installed without
    roles stays without them. Raises StepRefused where a step was edited, or where relations of the same
    names are there that no step of ours made.
    """
    steps = _load_stamped_steps(root)
    results: list[StepResult] = []
    with _alone(gateway):
        states = _states(_read_ledger(gateway), steps)
        _refuse_unsafe(states)
        status = {state.name: state.status for state in states}
        _refuse_foreign_relations(gateway, [step for step in steps if status[step.name] == "pending"])
        left_out = without_roles or _roles_were_left_out(gateway)
        for step in steps:
            if status[step.name] != "applied":
                action: StepAction = "applied" if status[step.name] == "pending" else "reapplied"
                results.append(_run_step(gateway, step.file, action, left_out))
                if on_step:
                    on_step(results[-1])
    return results


def rollback(
    gateway: Gateway,
    to: str,
    *,
    root: Path | None = None,
    on_step: Callable[[StepResult], None] | None = None,
) -> list[StepResult]:
    """Undo every applied step after *to*, the last one first; ``000`` undoes them all.

    All or nothing: where the rollback of one step refuses, because it would lose data, every step stays.
    """
    undo = {file.name: file for file in load(root or sql_root(), "rollback")}
    kept = NOTHING if to == NOTHING else find(sorted(undo), to)
    results: list[StepResult] = []
    with _alone(gateway) as session:
        applied = [name for name in sorted(_read_ledger(gateway), reverse=True) if name > kept]
        _refuse_unknown([name for name in applied if name not in undo])
        for name in applied:
            results.append(_undo_step(session, undo[name]))
            if on_step:
                on_step(results[-1])
    return results


def verify(gateway: Gateway, only: str | None = None, *, root: Path | None = None) -> list[Proof]:
    """Run the verify files, or one of them, each read-only, and return what they saw.

    Before their own lines stand two that a file cannot print of itself: whether the ledger holds the step,
    and whether the functions that it made are those of the file. A file that ends with an error gives a
    failed line rather than an exception, so that every other file still runs.
    """
    files = _selected(load(root or sql_root(), "verify"), only)
    steps = _load_stamped_steps(root)
    states = {state.name: state for state in _states(_read_ledger(gateway), steps)}
    functions = {step.name: step.functions for step in steps}
    proofs = []
    for file in files:
        proof = _prove(gateway, file, f"begin read only;\n{file.text}\nrollback;\n")
        recorded = _ledger_line(file.name, states[file.name])
        code = _code_lines(gateway, file.name, functions[file.name])
        proofs.append(Proof(proof.step, (recorded, *code, *proof.lines), proof.seconds))
    return proofs


def probe(gateway: Gateway, only: str | None = None, *, root: Path | None = None) -> list[Proof]:
    """Run the sandbox probes, or one of them; each rolls itself back and leaves no trace.

    Raises PermissionDenied where the role does not own what the probes alter and undo.
    """
    files = _selected(load(root or sql_root(), "sandbox"), only)
    _require_owner(gateway)
    # In one script PostgreSQL takes what stands before a begin into its transaction, where it is too late
    # for an isolation level; psql, which sends one statement at a time, does not.
    return [_prove_patiently(gateway, file, _BEGIN.sub(r"commit;\n\g<0>", file.text)) for file in files]


def _require_owner(gateway: Gateway) -> None:
    owner = gateway.fetch_one(
        """select relowner::regrole::text as name, pg_has_role(relowner, 'usage') as is_ours
             from pg_class
            where oid = to_regclass('public.iu_schema_step')"""
    )
    if owner and not owner["is_ours"]:
        raise PermissionDenied(
            f"the probes alter what {owner['name']} owns, and undo it: this role may not",
            hint="run them as the installer; every other proof needs less: iu verify",
        )


def raise_failed(proofs: Sequence[Proof]) -> None:
    """Raise ProofFailed naming every line that did not pass."""
    failed = [f"{proof.step} {line.name}" for proof in proofs for line in proof.lines if not line.passed]
    if failed:
        raise ProofFailed(f"{len(failed)} proof lines failed: {'; '.join(failed)}")


@contextmanager
def _alone(gateway: Gateway) -> Iterator[Session]:
    """Hold the runners' lock for the length of the transaction that is yielded."""
    with gateway.transaction() as session:
        session.execute("set local idle_in_transaction_session_timeout = 0")
        session.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
        yield session


def _load_stamped_steps(root: Path | None) -> list[Step]:
    steps = load_steps(root or sql_root())
    stale = [step.name for step in steps if not step.is_stamped]
    if stale:
        raise StepRefused(
            f"the stamp does not match the text of: {', '.join(stale)}",
            hint="Put the file back as it was; a step under development is stamped with: iu steps stamp",
        )
    return steps


def _read_ledger(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """Return the rows of the ledger by step name; empty where there is no ledger yet."""
    columns = gateway.fetch_all(
        """select attname::text as name
             from pg_attribute
            where attrelid = to_regclass('public.iu_schema_step') and attnum > 0 and not attisdropped"""
    )
    if not columns:
        return {}
    if not {column["name"] for column in columns} >= _LEDGER_COLUMNS:
        raise _foreign(["iu_schema_step"])
    rows = gateway.fetch_all("select step_name, checksum, applied_at, applied_by from public.iu_schema_step")
    return {row["step_name"]: row for row in rows}


def _states(ledger: dict[str, dict[str, Any]], steps: list[Step]) -> list[StepState]:
    known = {step.name: step for step in steps}
    return [_state(name, known.get(name), ledger.get(name)) for name in sorted(known.keys() | ledger.keys())]


def _state(name: str, step: Step | None, row: dict[str, Any] | None) -> StepState:
    if row is None:
        return StepState(name, "pending", None, None)
    status: StepStatus
    if step is None:
        status = "unknown"
    elif row["checksum"] == step.checksum:
        status = "applied"
    else:
        status = "changed" if step.is_repeatable else "edited"
    return StepState(name, status, row["applied_at"], row["applied_by"])


def _refuse_unsafe(states: list[StepState]) -> None:
    edited = [state.name for state in states if state.status == "edited"]
    if edited:
        raise StepRefused(
            f"changed after it was applied: {', '.join(edited)}",
            hint="Put the file back as it was, and write the change as a new step.",
        )
    _refuse_unknown([state.name for state in states if state.status == "unknown"])


def _refuse_unknown(names: list[str]) -> None:
    if names:
        raise StepRefused(
            f"the database has steps that this version does not know: {', '.join(names)}",
            hint="Install the version of iu-pipelines that applied them, or a newer one.",
        )


def _refuse_foreign_relations(gateway: Gateway, pending: list[Step]) -> None:
    wanted = [name for step in pending for name in _CREATED_RELATION.findall(step.file.text)]
    rows = gateway.fetch_all(
        """select relname::text as name
             from pg_class
            where relnamespace = 'public'::regnamespace and relname = any(%s)
            order by relname""",
        (wanted,),
    )
    if rows:
        raise _foreign([row["name"] for row in rows])


def _roles_were_left_out(gateway: Gateway) -> bool:
    """Whether the view of attempts, which only the repeatable step makes, is not owned by iu_owner."""
    owner = gateway.fetch_value(
        "select relowner::regrole::text from pg_class where oid = to_regclass('public.iu_route_attempt')"
    )
    return owner not in (None, "iu_owner")


def _foreign(names: list[str]) -> StepRefused:
    return StepRefused(
        f"schema public already holds {', '.join(names)}, which no recorded step made",
        hint="Name an empty database with --database-url, or rename what is there.",
    )


def _run_step(gateway: Gateway, file: StepFile, action: StepAction, without_roles: bool) -> StepResult:
    """Run one file as one simple-protocol script, which PostgreSQL takes as one transaction."""
    prefix = "set local iu.without_roles = 'on';\n" if without_roles else ""
    started = time.monotonic()
    try:
        notices = gateway.run_script(prefix + file.text)
    except IuError as error:
        _annotate(error, f"{file.label} failed and left nothing behind")
        raise
    return StepResult(file.name, action, time.monotonic() - started, _messages(notices))


def _undo_step(session: Session, file: StepFile) -> StepResult:
    started, known = time.monotonic(), len(session.notices)
    try:
        session.execute(file.text)
    except IuError as error:
        _annotate(error, f"{file.label} refused, so every step stays as it was")
        raise
    notices = _messages(session.notices[known:])
    return StepResult(file.name, "rolled_back", time.monotonic() - started, notices)


def _annotate(error: IuError, note: str) -> None:
    """Add to an error what it means for the steps, and the proof lines that failed before it."""
    error.add_note(note)
    for message in _messages(error.notices):
        if message.startswith("FAIL "):
            error.add_note(message)


def _messages(notices: Sequence[Notice]) -> tuple[str, ...]:
    return tuple(notice.message for notice in notices)


def _selected(files: list[StepFile], only: str | None) -> list[StepFile]:
    if only is None:
        return files
    name = find([file.name for file in files], only)
    return [file for file in files if file.name == name]


def _ledger_line(name: str, state: StepState) -> ProofLine:
    return ProofLine(name, "ledger", "applied", state.status, state.status == "applied")


def _code_lines(gateway: Gateway, name: str, functions: dict[str, str]) -> list[ProofLine]:
    if not functions:
        return []
    rows = gateway.fetch_all(
        """select proname::text as name, prosrc as body
             from pg_proc
            where pronamespace = 'public'::regnamespace and proname = any(%s)""",
        (list(functions),),
    )
    other = {row["name"] for row in rows if row["body"] != functions[row["name"]]}
    missing = functions.keys() - {row["name"] for row in rows}
    seen = ", ".join(sorted(other | missing)) or "none"
    return [ProofLine(name, "functions that are not those of the file", "none", seen, seen == "none")]


def _prove_patiently(gateway: Gateway, file: StepFile, script: str) -> Proof:
    for attempt in stamina.retry_context(on=_GaveWay, attempts=_TRIES, wait_initial=0.2, timeout=None):
        with attempt:
            return _prove(gateway, file, script, last=attempt.num == _TRIES)
    raise AssertionError("unreachable: the last attempt returns")


class _GaveWay(Exception):
    """A probe met another transaction, and was ended by the server before it could prove anything."""


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
        if raised.code in _GIVES_WAY and not last:
            raise _GaveWay from raised
    lines = _proof_lines(file.name, notices)
    if error and not isinstance(error, ProofFailed):
        lines.append(ProofLine(file.name, "runs to its end", "no error", error.message, False))
    elif not lines:
        lines.append(ProofLine(file.name, "prints what it saw", "one line or more", "none", False))
    return Proof(file.name, tuple(lines), time.monotonic() - started)


def _proof_lines(step: str, notices: Sequence[Notice]) -> list[ProofLine]:
    found = [_PROOF_LINE.fullmatch(notice.message) for notice in notices]
    return [
        ProofLine(step, line["name"], line["expected"], line["seen"], line["verdict"] == "PASS")
        for line in found
        if line is not None
    ]
