"""Applying of a plan: exactly the changes that were shown, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import configuration, deliveries, event_types, routes, targets, worker
from iu_pipelines.domain.outbox_file.model import Capture, OutboxFile
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans import planning
from iu_pipelines.domain.plans.difference import ADD, GENERATE, NOUNS, REMOVE, TARGET, Change
from iu_pipelines.domain.plans.planning import Plan
from iu_pipelines.domain.plans.state import list_captures
from iu_pipelines.domain.plans.state import read as read_state
from iu_pipelines.errors import ArgumentInvalid, IuError, PlanOutdated, Unavailable

_SQL: Final = Statements(__name__)
_LOCK_NOT_AVAILABLE: Final = "55P03"

LOCK_SECONDS: Final = 5
"""How long an apply waits for each lock."""

_NAMED: Final = 5


@dataclass(frozen=True)
class Applied:
    """What an apply did. `owner_statements` are for the owners of tables: they create missing triggers."""

    changes: tuple[Change, ...]
    owner_statements: tuple[str, ...]


def apply(gateway: Gateway, source: Source, shown: Plan, reason: str) -> Applied:
    """Carry out the changes of a plan that was shown, in one transaction, and return them.

    The reason is recorded with every change in `iu_config_history`. Nothing is changed unless everything is.

    Raises:
        ArgumentInvalid: the reason is empty.
        PlanOutdated: the changes would be other than those shown, or another session holds the locks.
        OutboxFileInvalid: the file no longer fits the database.
        Refusal: the database refused a change; the notes name its place in the file.
    """
    if not reason.strip():
        raise ArgumentInvalid("the reason is empty", hint="Say why the configuration changes.")
    with gateway.transaction() as session:
        _lock(session)
        plan = planning.make(session, source, prune=shown.prune)
        _require_same(plan, shown)
        configuration.give_reason(session, reason)
        for change in plan.changes:
            with _noted(source, change):
                _CARRY_OUT[change.noun](session, source.file, change, reason)
        _attach(session, source, plan)
        return Applied(plan.changes, tuple(planning.owner_statements(source, read_state(session))))


def _lock(session: Session) -> None:
    """Exclude other applies and changes of the configuration; emitting and running go on."""
    session.execute(_SQL["set_lock_timeout"], {"milliseconds": str(LOCK_SECONDS * 1000)})
    try:
        session.execute(_SQL["lock_configuration"])
        if deliveries.is_installed(session):
            session.execute(_SQL["lock_targets"])
    except Unavailable as error:
        if error.code != _LOCK_NOT_AVAILABLE:
            raise
        raise PlanOutdated(
            f"another session has been changing the configuration for {LOCK_SECONDS} seconds",
            hint="Wait until it has ended, and run the command again.",
        ) from None


def _require_same(plan: Plan, shown: Plan) -> None:
    if plan.changes == shown.changes:
        return
    now, before = set(_named(plan)), set(_named(shown))
    differing = sorted({name for name, _ in now ^ before})
    what = ", ".join(differing[:_NAMED]) or "the order of changes"
    raise PlanOutdated(
        f"the database changed after the plan was shown: {what}",
        hint="Nothing was changed. Look at the new plan: iu plan",
    )


def _named(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield a name for each change, and its content as text."""
    for change in plan.changes:
        yield f"{change.noun} {change.name}", f"{change.action} {change.fields}"


@contextmanager
def _noted(source: Source, change: Change) -> Iterator[None]:
    """Add the place in the file to an error of the database."""
    try:
        yield
    except IuError as error:
        section = next(name for name, noun in NOUNS.items() if noun == change.noun)
        place = source.problem((section, change.name), "", "").place
        known = change.name in getattr(source.file, section)
        where = f"{source.name}, line {place.line}" if known else "not in the file"
        error.add_note(f"{change.action} {change.noun} {change.name} ({where}). Nothing was changed.")
        raise


def _event_type(session: Session, file: OutboxFile, change: Change, reason: str) -> None:
    if change.action == REMOVE:
        event_types.remove(session, change.name)
        return
    entry = file.event_types[change.name]
    wanted = event_types.EventType(
        event_type=change.name,
        event_domain=entry.domain,
        event_stream=entry.stream,
        delivery_lane=entry.lane,
        payload_classification=entry.classification,
        event_subject_table=entry.subject_table,
        payload_keys=None if entry.payload_keys is None else list(entry.payload_keys),
        enabled=entry.enabled,
    )
    (event_types.add if change.action == ADD else event_types.change)(session, wanted)


def _target(session: Session, file: OutboxFile, change: Change, reason: str) -> None:
    if change.action == REMOVE:
        targets.remove(session, change.name)
        return
    entry = file.targets[change.name]
    given = {
        **entry.model_dump(exclude={"secret", "senders"}),
        "retry_seconds": list(entry.retry_seconds),
        "target_name": change.name,
        "secret_name": entry.secret,
    }
    statement = _SQL["add_target"] if change.action == ADD else _SQL["change_target"]
    session.execute(statement, given)
    present = targets.get(session, change.name).senders
    for login in sorted(set(entry.senders) - set(present)):
        targets.grant(session, change.name, login)
    for login in sorted(set(present) - set(entry.senders)):
        targets.revoke(session, change.name, login)


def _route(session: Session, file: OutboxFile, change: Change, reason: str) -> None:
    if change.action == REMOVE:
        routes.remove(session, change.name)
        return
    entry = file.routes[change.name]
    wanted = routes.NewRoute(
        change.name, entry.event_type, entry.target.kind, entry.target.ref, entry.enabled
    )
    (routes.add if change.action == ADD else routes.change)(session, wanted)


def _capture(session: Session, file: OutboxFile, change: Change, reason: str) -> None:
    if change.action == REMOVE:
        _detach(session, change.name)
        session.execute(_SQL["remove_capture"], {"route_code": change.name})
    elif change.action == ADD:
        session.execute(_SQL["add_capture"], _row(change.name, file.captures[change.name]))
    elif change.fields or change.action == GENERATE:
        if any(one.field in ("table", "on") for one in change.fields):
            _detach(session, change.name)
        session.execute(_SQL["change_capture"], _row(change.name, file.captures[change.name]))


def _worker(session: Session, file: OutboxFile, change: Change, reason: str) -> None:
    if change.action == REMOVE:
        worker.retire(session, change.name, reason)
    else:
        worker.add(session, change.name, file.workers[change.name].domain, reason)


_CARRY_OUT: Final[Mapping[str, Callable[[Session, OutboxFile, Change, str], None]]] = {
    configuration.EVENT_TYPE: _event_type,
    configuration.ROUTE: _route,
    configuration.CAPTURE: _capture,
    configuration.WORKER: _worker,
    TARGET: _target,
}


def _row(code: str, entry: Capture) -> dict[str, Any]:
    """Return the columns of a capture."""
    condition = entry.when.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    return {
        "route_code": code,
        "source_table": entry.table,
        "source_op": entry.on,
        "condition": condition,
        "target_event_type": entry.event_type,
        "subject_table": entry.subject_table,
        "subject_columns": None if entry.subject is None else list(entry.subject),
        "address_template": entry.address,
        "payload_map": dict(entry.payload),
        "on_error": entry.on_error,
        "enabled": entry.mode != "off",
        "dry_run": entry.mode != "emit",
    }


def _attach(session: Session, source: Source, plan: Plan) -> None:
    """Create the triggers of the captures in the plan whose tables the role may alter."""
    changed = {change.name: change for change in plan.changes if change.noun == configuration.CAPTURE}
    for row in list_captures(session):
        if row.route_code in changed and row.may_attach and row.lacks_triggers and row.enabled:
            with _noted(source, changed[row.route_code]), _waiting(row.source_table):
                for statement in row.attach_statements:
                    session.execute(statement)


def remove_capture(gateway: Gateway, code: str, reason: str) -> None:
    """Remove one capture in one transaction; drop its triggers first if the role may.

    Raises:
        CaptureInvalid: it is attached, and the role has not the rights of the table's owner.
    """
    with gateway.transaction() as session:
        _lock(session)
        configuration.give_reason(session, reason)
        _detach(session, code)
        session.execute(_SQL["remove_capture"], {"route_code": code})


def _detach(session: Session, code: str) -> None:
    """Drop the triggers of a capture if the role may; otherwise the database refuses its removal."""
    for row in list_captures(session):
        if row.route_code == code and row.may_attach:
            with _waiting(row.source_table):
                for statement in row.detach_statements:
                    session.execute(statement)


@contextmanager
def _waiting(table: str) -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        if error.code == _LOCK_NOT_AVAILABLE:
            error.hint = (
                f"Transactions that write to {table} last longer than {LOCK_SECONDS} seconds. Try again."
            )
        raise
