"""Migration: apply the steps that are pending, and roll applied ones back.

Each step is applied in a transaction of its own; a rollback of several steps is one transaction. Runners are
serialised by an advisory lock of the database.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.db.steps.files import Step, StepFile, find, load
from iu_pipelines.db.steps.plan import (
    StepState,
    compare,
    foreign_objects,
    load_stamped_steps,
    read_ledger,
    refuse_unknown,
)
from iu_pipelines.errors import IuError, Notice, StepRefused
from iu_pipelines.settings import sql_root

NOTHING: Final = "000"

StepAction = Literal["applied", "reapplied", "rolled_back"]

_LOCK_KEY: Final = 0x69755F73746570
_CREATED_RELATION: Final = re.compile(r"^create (?:table|view) public\.(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class StepResult:
    """What was done to one step, in how many seconds, and the notices that it gave."""

    name: str
    action: StepAction
    seconds: float
    notices: tuple[str, ...]


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
    steps = load_stamped_steps(root)
    results: list[StepResult] = []
    with _alone(gateway):
        states = compare(read_ledger(gateway), steps)
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
        applied = [name for name in sorted(read_ledger(gateway), reverse=True) if name > kept]
        refuse_unknown([name for name in applied if name not in undo])
        for name in applied:
            results.append(_undo_step(session, undo[name]))
            if on_step:
                on_step(results[-1])
    return results


@contextmanager
def _alone(gateway: Gateway) -> Iterator[Session]:
    """Hold the runners' lock for the length of the transaction that is yielded."""
    with gateway.transaction() as session:
        session.execute("set local idle_in_transaction_session_timeout = 0")
        session.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
        yield session


def _refuse_unsafe(states: list[StepState]) -> None:
    edited = [state.name for state in states if state.status == "edited"]
    if edited:
        raise StepRefused(
            f"changed after it was applied: {', '.join(edited)}",
            hint="Put the file back as it was, and write the change as a new step.",
        )
    refuse_unknown([state.name for state in states if state.status == "unknown"])


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
        raise foreign_objects([row["name"] for row in rows])


def _roles_were_left_out(gateway: Gateway) -> bool:
    """Whether the view of attempts, which only the repeatable step makes, is not owned by iu_owner."""
    owner = gateway.fetch_value(
        "select relowner::regrole::text from pg_class where oid = to_regclass('public.iu_route_attempt')"
    )
    return owner not in (None, "iu_owner")


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
