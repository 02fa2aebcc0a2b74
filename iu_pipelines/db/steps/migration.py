"""Migration: apply the steps that are pending, and roll applied ones back.

Each step is applied in a transaction of its own; a rollback of several steps is one transaction. Runners are
serialised by an advisory lock of the database, for which each waits a minute. `fn_iu_step_require` lets a
step wait for a lock for a fraction of a second only, so that nobody queues behind it for longer; then it is
undone and tried again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import stamina

from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps.files import CORE, StepFile, StepKey, find, find_module, load, load_steps
from iu_pipelines.db.steps.plan import PlannedStep, foreign_objects, planned, read_ledger, refuse_unknown
from iu_pipelines.errors import IuError, Notice, StepRefused
from iu_pipelines.settings import sql_root

NOTHING: Final = "000"

StepAction = Literal["applied", "reapplied", "rolled_back"]

_SQL: Final = Statements(__name__)
_LOCK_SECONDS: Final = 60.0
_ROLLBACK_LOCK_WAIT: Final = "2s"
_RUNNERS_LOCK_WAIT: Final = "60s"
_LOCK_CODES: Final = frozenset({"55P03", "40P01"})
_LOCK_KEY: Final = 0x69755F73746570
_CREATED_RELATION: Final = re.compile(r"^create (?:table|view|type) public\.(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class StepResult:
    """What was done to one step, in how many seconds, and the notices that it gave."""

    name: str
    action: StepAction
    seconds: float
    notices: tuple[str, ...]


class _LockNotAvailable(Exception):
    """A step met a lock that another transaction holds, and was undone."""

    def __init__(self, error: IuError) -> None:
        super().__init__(error.message)
        self.error = error


def apply(
    gateway: Gateway,
    adding: Iterable[str] = (),
    *,
    root: Path | None = None,
    on_step: Callable[[StepResult], None] | None = None,
    on_wait: Callable[[str], None] = lambda step: None,
    without_roles: bool = False,
    lock_seconds: float = _LOCK_SECONDS,
) -> list[StepResult]:
    """Apply every step that `plan.planned` names, in its order; `adding` names modules to install.

    A step that fails leaves nothing behind, and the steps before it stay. What was installed without
    roles stays without them. `on_wait` is told the step that is tried again because of a lock. Raises
    StepRefused where a step was edited, or where relations of the same names are there that no step made;
    Unavailable, with the processes that hold the locks, where they are held for `lock_seconds`.
    """
    results: list[StepResult] = []
    with _alone(gateway):
        wanted = planned(gateway, adding, root=root)
        _refuse_foreign_relations(gateway, wanted)
        for one in wanted:
            results.append(_apply_step(gateway, one, without_roles, on_wait, lock_seconds))
            if on_step:
                on_step(results[-1])
    return results


def rollback(
    gateway: Gateway,
    to: str,
    module: str = CORE,
    *,
    root: Path | None = None,
    on_step: Callable[[StepResult], None] | None = None,
) -> list[StepResult]:
    """Undo every applied step of `module` after `to`, the last one first; `000` undoes them all.

    All or nothing: where the rollback of one step refuses, because it would lose data or because another
    module needs the step, every step stays.
    """
    root = root or sql_root()
    module = find_module(root, module)
    undo = {file.key: file for file in load(root, "rollback", module)}
    order = _order(root, module)
    kept = -1 if to == NOTHING else order.index(find(order, to, module))
    results: list[StepResult] = []
    with _alone(gateway) as session:
        session.execute(f"set local lock_timeout = '{_ROLLBACK_LOCK_WAIT}'")
        ledger = [key for key in read_ledger(gateway) if key.module == module]
        refuse_unknown([str(key) for key in ledger if key not in order])
        _refuse_steps_without_undo(key for key in ledger if key not in undo)
        for key in reversed(order[kept + 1 :]):
            if key in ledger:
                results.append(_undo_step(gateway, session, undo[key]))
                if on_step:
                    on_step(results[-1])
    return results


def _refuse_steps_without_undo(keys: Iterable[StepKey]) -> None:
    for key in keys:
        raise StepRefused(
            f"step {key} has no undo", hint=f"Write sql/{key.module}/rollback/{key.name}.sql, then try again."
        )


def _order(root: Path, module: str) -> list[StepKey]:
    return [step.key for step in load_steps(root) if step.key.module == module]


@contextmanager
def _alone(gateway: Gateway) -> Iterator[Session]:
    """Hold the runners' lock for the length of the transaction that is yielded."""
    with gateway.transaction() as session:
        session.execute("set local idle_in_transaction_session_timeout = 0")
        _lock_runners(gateway, session)
        yield session


def _lock_runners(gateway: Gateway, session: Session) -> None:
    """Wait for the runner under way, not for ever: any login can hold an advisory lock."""
    session.execute(f"set local lock_timeout = '{_RUNNERS_LOCK_WAIT}'")
    try:
        session.execute(_SQL["lock_runners"], {"key": _LOCK_KEY})
    except IuError as error:
        if error.code in _LOCK_CODES:
            rows = gateway.fetch_all(_SQL["runners"], {"key": _LOCK_KEY})
            holders = ", ".join(row["holder"] for row in rows) or "none is left now"
            error.hint = (
                "Another migration or rollback is under way, or a session holds its lock. "
                f"Let it end, then try again. The lock is held here: {holders}."
            )
        raise
    session.execute("set local lock_timeout to default")


def _refuse_foreign_relations(gateway: Gateway, wanted: Sequence[PlannedStep]) -> None:
    new = [one.step for one in wanted if one.action == "applied"]
    names = [name for step in new for name in _CREATED_RELATION.findall(step.file.text)]
    rows = gateway.fetch_all(_SQL["relations"], {"names": names})
    if rows:
        raise foreign_objects([row["name"] for row in rows])


def _apply_step(
    gateway: Gateway,
    one: PlannedStep,
    without_roles: bool,
    on_wait: Callable[[str], None],
    lock_seconds: float,
) -> StepResult:
    """Run one step, again and again while another transaction holds a lock that it needs."""
    file = one.step.file
    script = f"set local iu.without_roles = 'on';\n{file.text}" if without_roles else file.text
    started = time.monotonic()
    try:
        for attempt in stamina.retry_context(
            on=_LockNotAvailable, attempts=None, timeout=lock_seconds, wait_initial=0.3, wait_max=1.0
        ):
            with attempt:
                if attempt.num > 1:
                    on_wait(file.name)
                notices = _run_script(gateway, file, script)
    except _LockNotAvailable as given_up:
        raise _held_up(gateway, given_up.error) from given_up
    return StepResult(file.name, one.action, time.monotonic() - started, _messages(notices))


def _run_script(gateway: Gateway, file: StepFile, script: str) -> list[Notice]:
    """Run one file as one simple-protocol script, which PostgreSQL takes as one transaction."""
    try:
        return gateway.run_script(script)
    except IuError as error:
        _annotate(error, f"{file.label} failed and left nothing behind")
        if error.code in _LOCK_CODES:
            raise _LockNotAvailable(error) from error
        raise


def _held_up(gateway: Gateway, error: IuError) -> IuError:
    """Let `error` name the processes that hold locks on relations of schema public."""
    holders = (
        ", ".join(row["holder"] for row in gateway.fetch_all(_SQL["lock_holders"])) or "none is left now"
    )
    error.hint = f"Let these transactions end, then try again. They hold locks here: {holders}."
    return error


def _undo_step(gateway: Gateway, session: Session, file: StepFile) -> StepResult:
    started, known = time.monotonic(), len(session.notices)
    try:
        session.execute(file.text)
    except IuError as error:
        _annotate(error, f"{file.label} refused, so every step stays as it was")
        if error.code in _LOCK_CODES:
            raise _held_up(gateway, error) from error
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
