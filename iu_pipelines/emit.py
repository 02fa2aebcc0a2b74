"""Emit events on the caller's own connection, in its transaction, by psycopg, SQLAlchemy or Django.

    from iu_pipelines.emit import emit, subject

    emit(
        connection,
        "order_paid",
        canonical_address="orders/17",
        subject_ref=subject("public.orders", 17),
        actor_ref="billing",
        safe_payload={"item_count": 3},
    )

`emit` and `emit_many` take a connection or cursor of psycopg, a connection of psycopg2, a Connection or
Session of SQLAlchemy, or `django.db.connection`. `emit_async` and `emit_many_async` are awaited, and take an
AsyncConnection of psycopg, or an AsyncConnection or AsyncSession of SQLAlchemy. They have names of their own
so that a type checker knows what each returns.

None of them opens a connection, commits or rolls back: the event exists if the caller's transaction commits.
In autocommit mode each call is a transaction of its own, and its events are committed when it returns.

Refusals are UnknownEventType, PayloadInvalid, PayloadNotRefsOnly and ArgumentInvalid of
`iu_pipelines.errors`, with the error of the driver as their cause. Every other error of the driver,
SQLAlchemy or Django is raised unchanged, so that the caller's own handling of lost connections, deadlocks and
serialization failures works. Beside the standard library, only the driver of the caller is needed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from uuid import UUID

from iu_pipelines.callers_connection import Parameters, Row, fetch, fetch_async
from iu_pipelines.db.statements import Statements
from iu_pipelines.errors import ArgumentInvalid, IuError, PayloadInvalid, UsageError, from_sqlstate

if TYPE_CHECKING:
    from iu_pipelines.callers_connection import CallersAsyncConnection, CallersConnection

__all__ = ["NewEvent", "emit", "emit_async", "emit_many", "emit_many_async", "subject"]

_SQL: Final = Statements(__name__)

STATEMENT_EVENTS: Final = 10_000
"""The most events that one statement of `emit_many` emits."""
STATEMENT_BYTES: Final = 16 << 20
"""The bytes of JSON after which `emit_many` begins another statement; jsonb takes at most 256 MB."""

_NOT_JSONB: Final = frozenset({"22P02", "22P05", "22003", "54001"})
_NO_TRANSACTION: Final = "25P01"
_PLACE: Final = re.compile(r"(?<=^event )\d+(?=:)")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TABLE: Final = re.compile(r"[^.\x00-\x1f\x7f]+\.[^.\x00-\x1f\x7f]+")

_Result = TypeVar("_Result")

Steps: TypeAlias = Generator[tuple[str, Parameters], list[Row], _Result]
"""Statements to run: yields each with its parameters, is sent its rows, and returns the result."""


@dataclass(frozen=True)
class NewEvent:
    """An event to emit; the payload contains references and counts, never content."""

    event_type: str
    """A registered and enabled event type."""
    canonical_address: str
    """The address of the subject, such as `orders/17`: 1 to 1,000 characters."""
    subject_ref: UUID
    """The UUID of the subject: the key of its row, or what `subject` returns for another key."""
    actor_ref: str
    """Who caused the event: 1 to 200 characters."""
    safe_payload: Mapping[str, Any] = field(default_factory=dict)
    """A JSON object of at most 8 KiB. A `UUID` in it becomes a text."""


def emit(
    connection: CallersConnection,
    event_type: str,
    canonical_address: str,
    subject_ref: UUID | str,
    actor_ref: str,
    safe_payload: Mapping[str, Any] | None = None,
) -> UUID:
    """Emit one event in the transaction of `connection`, and return its id, a UUIDv7.

    `canonical_address` is the address of the subject, such as `orders/17`, of at most 1,000 characters, and
    `subject_ref` its UUID: the key of the row, or what `subject` returns for another key. `actor_ref` names
    who caused the event, in at most 200 characters. The payload is a JSON object of at most 8 KiB. In SQL it
    is `fn_iu_emit_event`.

    Raises:
        UnknownEventType: the type is not registered, or is disabled.
        PayloadInvalid: the payload is not a JSON object, is too large, or has a key that is not allowed.
        PayloadNotRefsOnly: the payload contains a body, a secret or a vector.
        ArgumentInvalid: a required argument is null, empty or malformed.
        UsageError: `connection` is no connection that can be used.
    """
    steps = one_event(
        event_type, canonical_address, subject_ref, actor_ref, {} if safe_payload is None else safe_payload
    )
    return carry_out(steps, lambda statement, parameters: fetch(connection, statement, parameters))


def emit_many(connection: CallersConnection, events: Iterable[NewEvent]) -> list[UUID]:
    """Emit all of `events` or none in the transaction of `connection`; return their ids in the same order.

    One statement emits up to 10,000 events. More take several, for which the caller must have begun a
    transaction. A message about one event names its place, counted from 1.

    Raises:
        UnknownEventType, PayloadInvalid, PayloadNotRefsOnly, ArgumentInvalid, UsageError: as `emit` does.
        UsageError: several statements are needed, and no transaction is open.
    """
    steps = many_events(events)
    return carry_out(steps, lambda statement, parameters: fetch(connection, statement, parameters))


async def emit_async(
    connection: CallersAsyncConnection,
    event_type: str,
    canonical_address: str,
    subject_ref: UUID | str,
    actor_ref: str,
    safe_payload: Mapping[str, Any] | None = None,
) -> UUID:
    """Emit one event in the transaction of an asynchronous connection, and return its id, as `emit` does.

    Raises:
        UnknownEventType, PayloadInvalid, PayloadNotRefsOnly, ArgumentInvalid, UsageError: as `emit` does.
    """
    steps = one_event(
        event_type, canonical_address, subject_ref, actor_ref, {} if safe_payload is None else safe_payload
    )
    return await carry_out_async(steps, connection)


async def emit_many_async(connection: CallersAsyncConnection, events: Iterable[NewEvent]) -> list[UUID]:
    """Emit all of `events` or none on an asynchronous connection, as `emit_many` does.

    Raises:
        UnknownEventType, PayloadInvalid, PayloadNotRefsOnly, ArgumentInvalid, UsageError: as `emit_many`.
    """
    return await carry_out_async(many_events(events), connection)


def subject(table: str, key: object) -> UUID:
    """Return the UUID of the row of `table` with this primary key: the same as `fn_iu_subject` in SQL.

    `table` is `schema.table`. A key is a text, an int or a UUID, or a tuple of these for a key of several
    columns. A UUID is returned unchanged. Another key gives a UUIDv8: the first 16 bytes of the sha256 of the
    table, the byte 0x1f and the key as text, where several columns are a compact JSON array of strings.

    >>> subject("public.orders", 17)
    UUID('33856751-b928-8029-bffd-b60330324554')

    Raises:
        ArgumentInvalid: the table has no schema, or the key is empty or of another type.
    """
    text = _key_text(key)
    if _UUID.fullmatch(text):
        return UUID(text)
    if not _TABLE.fullmatch(table):
        raise ArgumentInvalid(
            f"argument table is malformed: {ascii(table)[:80]}",
            hint="Give schema.table without quotation marks, for example public.orders.",
        )
    _check_text("table", table)
    digest = bytearray(hashlib.sha256(f"{table}\x1f{text}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


def _key_text(key: object) -> str:
    if isinstance(key, tuple | list) and len(key) != 1:
        if not key:
            raise ArgumentInvalid("argument key is empty", hint="Give the key of the row, for example 5.")
        return json.dumps([_part_text(part) for part in key], ensure_ascii=False, separators=(",", ":"))
    (part,) = key if isinstance(key, tuple | list) else (key,)
    text = _part_text(part)
    if not text:
        raise ArgumentInvalid("argument key is empty", hint="Give the key of the row, for example 5.")
    return text


def _part_text(part: object) -> str:
    if isinstance(part, bool) or not isinstance(part, str | int | UUID):
        raise ArgumentInvalid(
            f"argument key is of type {type(part).__name__}",
            hint="Give a text, an int, a UUID or a tuple of these; for another type, its text in SQL.",
        )
    text = part if isinstance(part, str) else str(part)
    _check_text("key", text)
    return text


def one_event(
    event_type: Any, canonical_address: Any, subject_ref: Any, actor_ref: Any, payload: Any
) -> Steps[UUID]:
    """Return the steps that emit one event, for `carry_out`."""
    with _refusals():
        rows = yield (
            _SQL["emit"],
            {
                "event_type": _text("event_type", event_type),
                "canonical_address": _text("canonical_address", canonical_address),
                "subject_ref": _subject_text(subject_ref),
                "actor_ref": _text("actor_ref", actor_ref),
                "safe_payload": _json(payload),
            },
        )
    return as_uuid(rows[0][0])


def many_events(events: Iterable[NewEvent]) -> Steps[list[UUID]]:
    """Return the steps that emit all of `events` or none, for `carry_out`."""
    ids: list[UUID] = []
    # All are prepared before the first is sent: a refusal of Python does not abort the transaction, so events
    # before it could be committed.
    batches = list(_batches(events))
    if len(batches) > 1:
        yield from require_transaction(
            f"more than {STATEMENT_EVENTS:,} events or {STATEMENT_BYTES >> 20} MiB outside a transaction",
            "Begin a transaction, so that all events are emitted or none.",
        )
    for place, array in batches:
        with _refusals(place):
            rows = yield _SQL["emit_many"], {"events": array}
        ids += [as_uuid(row[0]) for row in rows]
    return ids


def carry_out(steps: Steps[_Result], run: Callable[[str, Parameters], list[Row]]) -> _Result:
    """Run each statement of `steps` with `run`, which returns rows, and return the result of the steps."""
    try:
        request = next(steps)
        while True:
            try:
                rows = run(*request)
            except Exception as error:  # noqa: BLE001
                request = steps.throw(error)
            else:
                request = steps.send(rows)
    except StopIteration as end:
        result: _Result = end.value
        return result


async def carry_out_async(steps: Steps[_Result], connection: CallersAsyncConnection) -> _Result:
    """Run each statement of `steps` on `connection`, and return the result of the steps."""
    try:
        request = next(steps)
        while True:
            try:
                rows = await fetch_async(connection, *request)
            except Exception as error:  # noqa: BLE001
                request = steps.throw(error)
            else:
                request = steps.send(rows)
    except StopIteration as end:
        result: _Result = end.value
        return result


def _batches(events: Iterable[NewEvent]) -> Iterator[tuple[int, str]]:
    """Yield the place of the first event and the JSON array of each statement."""
    texts: list[str] = []
    size = first = 1
    for place, event in enumerate(events, 1):
        texts.append(_event_text(place, event))
        size += len(texts[-1]) + 1
        if len(texts) == STATEMENT_EVENTS or size >= STATEMENT_BYTES:
            yield first, f"[{','.join(texts)}]"
            texts, size, first = [], 1, place + 1
    if texts:
        yield first, f"[{','.join(texts)}]"


def _event_text(place: int, event: NewEvent) -> str:
    try:
        return _json(
            {
                "event_type": _text("event_type", event.event_type),
                "canonical_address": _text("canonical_address", event.canonical_address),
                "subject_ref": _subject_text(event.subject_ref),
                "actor_ref": _text("actor_ref", event.actor_ref),
                "safe_payload": event.safe_payload,
            }
        )
    except IuError as error:
        raise type(error)(f"event {place}: {error.message}", hint=error.hint) from error


def require_transaction(message: str, hint: str) -> Steps[None]:
    """Return the steps that raise UsageError if no transaction is open; they leave nothing behind."""
    try:
        yield "savepoint iu_transaction", {}
        yield "release savepoint iu_transaction", {}
    except Exception as error:
        if _reading(error)[0] != _NO_TRANSACTION:
            raise
        raise UsageError(message, hint=hint) from error


def _text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ArgumentInvalid(
            f"argument {name} is of type {type(value).__name__}", hint=f"Give {name} as a text."
        )
    _check_text(name, value)
    return value


def _check_text(name: str, value: str) -> None:
    """Refuse text that PostgreSQL cannot store, before it aborts the caller's transaction."""
    if "\0" in value or (not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value)):
        raise ArgumentInvalid(
            f"argument {name} contains a NUL character or an unpaired surrogate: {ascii(value)[:80]}",
            hint="Send Unicode text without NUL characters.",
        )


def _subject_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value
    raise ArgumentInvalid(
        f"argument subject_ref is malformed: {ascii(value)[:80]}",
        hint="Give a uuid; for another key of a row, subject('schema.table', key) of iu_pipelines.emit.",
    )


def _json(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except RecursionError:
        raise PayloadInvalid("the payload is nested too deeply", hint="Send references and counts.") from None
    except (TypeError, ValueError) as error:
        raise PayloadInvalid(
            f"the payload is not valid JSON: {error}",
            hint="Send texts, numbers, true, false, null, uuids, and lists and objects of these.",
        ) from error


def _encodable(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"it contains a value of type {type(value).__name__}")


_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_encodable)


def as_uuid(value: Any) -> UUID:
    """Return a uuid as every driver reads it: psycopg2 returns a text."""
    return value if isinstance(value, UUID) else UUID(str(value))


@contextmanager
def _refusals(first: int = 1) -> Iterator[None]:
    """Raise the refusals of SQL as IuError; the first event of the statement has the place `first`."""
    try:
        yield
    except Exception as error:
        refusal = _refusal(error, first)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: Exception, first: int) -> IuError | None:
    code, message, hint = _reading(error)
    if code in _NOT_JSONB:
        return PayloadInvalid(
            f"the payload is not valid jsonb: {message}",
            hint="Remove NUL characters, unpaired surrogates, NaN, Infinity and numbers out of range.",
        )
    if not code.startswith("IU"):
        return None
    refusal = from_sqlstate(code, _PLACE.sub(lambda place: str(int(place[0]) + first - 1), message), hint)
    if isinstance(error, IuError):
        refusal.notices = error.notices
    return refusal


def _reading(error: Exception) -> tuple[str, str, str | None]:
    """Return SQLSTATE, message and hint of an error of a driver, also if SQLAlchemy or Django wrapped it."""
    if isinstance(error, IuError):
        return error.code or "", error.message, error.hint
    for cause in (error, getattr(error, "orig", None), error.__cause__):
        code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        diagnostic = getattr(cause, "diag", None)
        if isinstance(code, str) and diagnostic is not None:
            return code, diagnostic.message_primary or str(cause), diagnostic.message_hint
    return "", str(error), None
