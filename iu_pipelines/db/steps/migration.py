"""Migration: apply pending steps, and roll back applied ones.

Each step is applied in its own transaction; a rollback of several steps is one transaction. An advisory lock
of the database serialises migrations and rollbacks. Each waits at most 60 s for it.

While a step waits for a lock, other sessions queue behind it. Therefore `fn_iu_step_require` sets a
`lock_timeout` of a fraction of a second; a step that times out is rolled back and retried.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
_MIGRATION_LOCK_WAIT: Final = "60s"
_LOCK_CODES: Final = frozenset({"55P03", "40P01"})
_LOCK_KEY: Final = 0x69755F73746570
_OWNER_MAY_NOT_CREATE: Final = "role iu_owner may not create objects in schema public"
_ROLE_REFUSED: Final = re.compile(r"role \S+ may not create role ")
_CREATED_RELATION: Final = re.compile(r"^create (?:table|view|type) public\.(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class StepResult:
    """What was done with one step, how long it took, and the notices that the server sent."""

    name: str
    action: StepAction
    seconds: float
    notices: tuple[str, ...]


class _LockNotAvailable(Exception):
    """A step was rolled back because another transaction held a lock that it needs."""

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
    without roles is migrated without them. `on_step` is called after each step. `on_wait` is called with the
    name of a step each time when this step is retried because of a lock.

    Raises:
        StepRefused: an applied step was edited, or a relation that a pending step would create
            already exists.
        Unavailable: a step could not get a lock within `lock_seconds`, because another transaction held it.
            The hint names the processes that hold locks.
    """
    results: list[StepResult] = []
    with _migration_lock(gateway):
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
    """Roll back the applied steps of `module` that come after the step named by `to`, in reverse order.

    If `to` is `000`, all steps of the module are rolled back. If one rollback file raises an error, because
    data would be lost or another module requires the step, no step is rolled back.
    """
    root = root or sql_root()
    module = find_module(root, module)
    undo = {file.key: file for file in load(root, "rollback", module)}
    order = _order(root, module)
    kept = -1 if to == NOTHING else order.index(find(order, to, module))
    results: list[StepResult] = []
    with _migration_lock(gateway) as session:
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
def _migration_lock(gateway: Gateway) -> Iterator[Session]:
    """Yield a session whose transaction holds the advisory lock of migrations and rollbacks."""
    with gateway.transaction() as session:
        session.execute("set local idle_in_transaction_session_timeout = 0")
        _wait_for_migration_lock(gateway, session)
        yield session


def _wait_for_migration_lock(gateway: Gateway, session: Session) -> None:
    """Wait until no other migration or rollback runs.

    The wait is limited, because any session can hold this advisory lock.
    """
    session.execute(f"set local lock_timeout = '{_MIGRATION_LOCK_WAIT}'")
    try:
        session.execute(_SQL["lock_runners"], {"key": _LOCK_KEY})
    except IuError as error:
        if error.code in _LOCK_CODES:
            rows = gateway.fetch_all(_SQL["runners"], {"key": _LOCK_KEY})
            error.hint = (
                "Another migration or rollback is running, or a session holds its lock. "
                f"Wait until it ends, then try again. {_held_by(rows)}"
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
    """Apply one step, and retry it while another transaction holds a lock that it needs."""
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
    """Send the script of a step as one simple query, which PostgreSQL executes in one transaction."""
    try:
        return gateway.run_script(script)
    except IuError as error:
        _annotate(error, f"{file.label} failed and was rolled back")
        _complete_hint(gateway, error)
        if error.code in _LOCK_CODES:
            raise _LockNotAvailable(error) from error
        raise


def _complete_hint(gateway: Gateway, error: IuError) -> None:
    """Extend the hint of a step that needs an administrator.

    Its own hint about schema public names iu_owner, which may have been created and rolled back by the step.
    """
    if not isinstance(error, StepRefused):
        return
    if error.message.startswith(_OWNER_MAY_NOT_CREATE):
        error.hint = gateway.fetch_value(_SQL["owner_hint"])
    if _ROLE_REFUSED.match(error.message):
        error.hint = f"{error.hint} docs/operate/own-server.md has all statements for an administrator."


def _with_lock_holders(gateway: Gateway, error: IuError) -> IuError:
    """Set the hint of `error` to name the processes that hold locks in schema public."""
    rows = gateway.fetch_all(_SQL["lock_holders"])
    error.hint = f"Wait until the transactions that hold locks end, then try again. {_held_by(rows)}"
    return error


def _held_by(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a sentence that names the processes in `rows`, which hold a lock."""
    holders = ", ".join(row["holder"] for row in rows)
    return f"Locks are held by: {holders}." if holders else "No process holds such a lock any longer."


def _undo_step(gateway: Gateway, session: Session, file: StepFile) -> StepResult:
    started, known = time.monotonic(), len(session.notices)
    try:
        session.execute(file.text)
    except IuError as error:
        _annotate(error, f"{file.label} failed, so no step was rolled back")
        if error.code in _LOCK_CODES:
            raise _with_lock_holders(gateway, error) from error
        raise
    notices = _messages(session.notices[known:])
    return StepResult(file.name, "rolled_back", time.monotonic() - started, notices)


def _annotate(error: IuError, note: str) -> None:
    """Add `note` to the notes of `error`, and then the FAIL lines that the server sent before the error."""
    error.add_note(note)
    for message in _messages(error.notices):
        if message.startswith("FAIL "):
            error.add_note(message)


def _messages(notices: Sequence[Notice]) -> tuple[str, ...]:
    return tuple(notice.message for notice in notices)
