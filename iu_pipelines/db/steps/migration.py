"""Migration: apply pending steps, and roll back applied ones.

Each step is applied in its own transaction; a rollback of several steps is one transaction. Migrations and
rollbacks are serialised by an advisory lock of the database, for which each waits a minute.
`fn_iu_step_require` sets a lock_timeout of a fraction of a second, so that other sessions do not queue behind
a waiting step for longer; a step that times out is rolled back and retried.
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
    """What was done to one step, the duration in seconds, and the notices of the server."""

    name: str
    action: StepAction
    seconds: float
    notices: tuple[str, ...]


class _LockNotAvailable(Exception):
    """A step was rolled back because another transaction holds a lock that it needs."""

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
    """Apply every step that `plan.planned` returns, in order; `adding` names modules to install.

    A step that fails is rolled back; the steps before it remain applied. A database that was installed
    without roles is migrated without them. `on_step` is called after each step, `on_wait` with the name of a
    step that is retried because of a lock.

    Raises:
        StepRefused: an applied step was edited, or the database has relations of the same names that no step
            created.
        Unavailable: the locks that a step needs were held for `lock_seconds`; the hint names the processes.
    """
    results: list[StepResult] = []
    with _runners_lock(gateway):
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
    """Roll back every applied step of `module` after `to`, the last one first; `000` rolls back all of them.

    If the rollback of one step refuses, because it would lose data or because another module needs the step,
    no step is rolled back.
    """
    root = root or sql_root()
    module = find_module(root, module)
    undo = {file.key: file for file in load(root, "rollback", module)}
    order = _order(root, module)
    kept = -1 if to == NOTHING else order.index(find(order, to, module))
    results: list[StepResult] = []
    with _runners_lock(gateway) as session:
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
            f"step {key} has no rollback file",
            hint=f"Write sql/{key.module}/rollback/{key.name}.sql, then try again.",
        )


def _order(root: Path, module: str) -> list[StepKey]:
    return [step.key for step in load_steps(root) if step.key.module == module]


@contextmanager
def _runners_lock(gateway: Gateway) -> Iterator[Session]:
    """Yield a transaction that holds the lock of migrations and rollbacks."""
    with gateway.transaction() as session:
        session.execute("set local idle_in_transaction_session_timeout = 0")
        _lock_runners(gateway, session)
        yield session


def _lock_runners(gateway: Gateway, session: Session) -> None:
    """Wait for a running migration or rollback, with a timeout: any login can hold an advisory lock."""
    session.execute(f"set local lock_timeout = '{_RUNNERS_LOCK_WAIT}'")
    try:
        session.execute(_SQL["lock_runners"], {"key": _LOCK_KEY})
    except IuError as error:
        if error.code in _LOCK_CODES:
            rows = gateway.fetch_all(_SQL["runners"], {"key": _LOCK_KEY})
            holders = ", ".join(row["holder"] for row in rows) or "no process any more"
            error.hint = (
                "Another migration or rollback is running, or a session holds its lock. "
                f"Wait until it ends, then try again. The lock is held by: {holders}."
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
    """Run one step; retry it while another transaction holds a lock that it needs."""
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
        raise _with_lock_holders(gateway, given_up.error) from given_up
    return StepResult(file.name, one.action, time.monotonic() - started, _messages(notices))


def _run_script(gateway: Gateway, file: StepFile, script: str) -> list[Notice]:
    """Send one file as one simple query, which PostgreSQL executes as one transaction."""
    try:
        return gateway.run_script(script)
    except IuError as error:
        _annotate(error, f"{file.label} failed and was rolled back")
        if error.code in _LOCK_CODES:
            raise _LockNotAvailable(error) from error
        raise


def _with_lock_holders(gateway: Gateway, error: IuError) -> IuError:
    """Add the processes that hold locks on relations of schema public to the hint of `error`."""
    rows = gateway.fetch_all(_SQL["lock_holders"])
    holders = ", ".join(row["holder"] for row in rows) or "no process any more"
    error.hint = f"Wait until these transactions end, then try again. Locks are held by: {holders}."
    return error


def _undo_step(gateway: Gateway, session: Session, file: StepFile) -> StepResult:
    started, known = time.monotonic(), len(session.notices)
    try:
        session.execute(file.text)
    except IuError as error:
        _annotate(error, f"{file.label} refused, so no step was rolled back")
        if error.code in _LOCK_CODES:
            raise _with_lock_holders(gateway, error) from error
        raise
    notices = _messages(session.notices[known:])
    return StepResult(file.name, "rolled_back", time.monotonic() - started, notices)


def _annotate(error: IuError, note: str) -> None:
    """Add `note` and the failed proof lines before the error to its notes."""
    error.add_note(note)
    for message in _messages(error.notices):
        if message.startswith("FAIL "):
            error.add_note(message)


def _messages(notices: Sequence[Notice]) -> tuple[str, ...]:
    return tuple(notice.message for notice in notices)
