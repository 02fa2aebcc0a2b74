"""The model of an outbox file, and its JSON schema.

The patterns of names are those of the constraints of the tables, or narrower: ASCII letters, digits and a
few other characters. Every entry is immutable, and every key that is not named here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from iu_pipelines.domain.outbox_file.problems import shown
from iu_pipelines.domain.targets import SECRET_NAME_PATTERN
from iu_pipelines.domain.worker import NAME_PATTERN, RESERVED_PREFIXES

ANY: Final = "any"
"""The value of `payload_keys` that permits every key that is not forbidden."""

MAX_LIST: Final = 50

_COLUMN: Final = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"
_TYPE_PATTERN: Final = r"[a-z][a-z0-9_.]{0,62}"
_CODE_PATTERN: Final = r"[a-z0-9_][a-z0-9_.-]{0,99}"
_WORKER_PATTERN: Final = rf"(?!{'|'.join(RESERVED_PREFIXES)}){NAME_PATTERN}"
_WORD_PATTERN: Final = r"[a-z][a-z0-9_.-]{0,62}"
_TABLE_PATTERN: Final = rf"{_COLUMN}(\.{_COLUMN})?"
_KEY_PATTERN: Final = r"[A-Za-z0-9_.:-]{1,100}"
_REFERENCE: Final = r"[A-Za-z0-9_.~:/@#?&=+%,-]{1,500}"
_ADDRESS: Final = rf"([A-Za-z0-9_.~:/@#?&=+%,-]|\{{{_COLUMN}\}}){{1,500}}"
_VALUE: Final = r"[^\x00-\x1f\x7f-\x9f]{0,1000}"
_LOGIN: Final = r"[A-Za-z_][A-Za-z0-9_.@$-]{0,62}"
_ENDPOINT: Final = r"[A-Za-z0-9_.~:/@#?&=+%,;!*$()\[\]-]{0,1000}"
_MOST_ADDRESS: Final = 1000


def _text(pattern: str, what: str, example: str) -> Any:
    """Return a validator that requires text of `pattern`; `what` and `example` are for the error."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise _error(f"{shown(value)} is not {what}", f"Write {_ALPHABETS[pattern]}, such as {example}.")
        return value

    return AfterValidator(check)


_ALPHABETS: Final[Mapping[str, str]] = {
    _TYPE_PATTERN: "up to 63 of a-z 0-9 _ . beginning with a letter",
    _CODE_PATTERN: "up to 100 of a-z 0-9 _ . - beginning with a letter, a digit or _",
    _WORKER_PATTERN: f"up to 100 of A-Z a-z 0-9 _ . : - not beginning with {' or '.join(RESERVED_PREFIXES)}",
    _WORD_PATTERN: "up to 63 of a-z 0-9 _ . - beginning with a letter",
    _COLUMN: "up to 63 of A-Z a-z 0-9 _ $ beginning with a letter or _",
    _TABLE_PATTERN: "schema.table without quotation marks",
    _KEY_PATTERN: "up to 100 of A-Z a-z 0-9 _ . : -",
    _REFERENCE: "up to 500 characters of a URL: A-Z a-z 0-9 and _ . ~ : / @ # ? & = + % , -",
    _ADDRESS: "up to 500 characters of a URL, and names of columns in braces",
    _VALUE: "up to 1,000 printable characters",
    _LOGIN: "up to 63 of A-Z a-z 0-9 _ . @ $ - beginning with a letter or _",
}


def _error(message: str, advice: str) -> PydanticCustomError:
    return PydanticCustomError("iu", "{problem}", {"problem": message, "advice": advice})


def _listed(value: Any) -> Any:
    """Return the list of one column for the name of a column."""
    return [value] if isinstance(value, str) else value


def _keys(value: Any) -> Any:
    """Return None for the word `any`; refuse null, because the word must be written out."""
    if value == ANY:
        return None
    if not isinstance(value, list | tuple):
        said = "the value is empty" if value is None else f"{shown(value)} is no list of keys"
        raise _error(said, "Write a list, such as [total_cents], or the word any.")
    if twice := next((item for item in value if value.count(item) > 1), None):
        raise _error(f"{shown(twice)} is there twice", "Write each key once.")
    return value


def _once(value: tuple[str, ...]) -> tuple[str, ...]:
    if twice := next((item for item in value if value.count(item) > 1), None):
        raise _error(f"{shown(twice)} is there twice", "Write each login once.")
    return value


def _number(low: int, high: int, example: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return a validator that requires a whole number from `low` to `high`, and its JSON schema."""

    def check(value: Any) -> Any:
        if value is not None and (type(value) is not int or not low <= value <= high):
            said = f"{shown(value)} is not a whole number from {low:,} to {high:,}"
            raise _error(said, f"Write a number, such as {example}.")
        return value

    return BeforeValidator(check), WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


def _endpoint(value: str) -> str:
    """Refuse an address; the error does not show it, because an address that is refused may have a secret."""
    if len(value) > _MOST_ADDRESS:
        raise _error(f"the address has {len(value):,} characters", f"Write {_ENDPOINT_ALPHABET}.")
    if not re.fullmatch(_ENDPOINT, value):
        wrong = next(one for one in value if not re.fullmatch(_ENDPOINT, one))
        raise _error(f"an address has no character {shown(wrong)}", f"Write {_ENDPOINT_ALPHABET}.")
    return value


_ENDPOINT_ALPHABET: Final = (
    "up to 1,000 characters of a URL: A-Z a-z 0-9 and _ . ~ : / @ # ? & = + % , ; ! * $ ( ) [ ] -"
)


def _secret_name(value: Any) -> Any:
    """Refuse what is no name of a secret; the error does not show it, because it may be the secret."""
    if value is not None and not (isinstance(value, str) and re.fullmatch(SECRET_NAME_PATTERN, value)):
        raise _error(
            "the value is not the name of a secret",
            "Write the name, such as SHOP, and never the secret: the sender finds it as IU_SECRET_SHOP. A "
            "name has up to 63 of A-Z 0-9 _ beginning with a letter.",
        )
    return value


def _lease(value: int, info: ValidationInfo) -> int:
    timeout = info.data.get("timeout_seconds")
    if timeout is not None and value < 2 * timeout:
        raise _error(
            f"{value} is less than two timeouts of {timeout} seconds",
            f"Write at least {2 * timeout}, or a shorter timeout_seconds.",
        )
    return value


def _failover(value: Any, info: ValidationInfo) -> Any:
    if value is None:
        return "hold" if info.data.get("at_most_once") else "resume"
    return value


def _options(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON or the database cannot store. The error does not show values."""
    for key, item in value.items():
        if fault := _unstorable(key) or _unstorable(item):
            raise _error(f"the option {shown(key)} has {fault}", f"Write {_ALPHABETS[_VALUE]}, or numbers.")
    return value


def _unstorable(value: Any) -> str | None:
    if isinstance(value, int | float) and not abs(value) < _LARGEST_NUMBER:
        return "a number that is not finite, or has more than 15 digits"
    if isinstance(value, str) and not re.fullmatch(_STORED, value):
        return "a control character, or more than 1,000 characters"
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return next(filter(None, map(_unstorable, inner)), None) if isinstance(inner, list) else None


_LARGEST_NUMBER: Final = 10**15
"""From here on the database stores a number in other digits than the file has."""

_STORED: Final = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,1000}"


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _mapped(value: Any) -> Any:
    """Return the mapping for a list of columns, in which each key has the name of its column."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def _pattern(pattern: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "description": description})


EventTypeName = Annotated[
    str,
    _text(_TYPE_PATTERN, "a name of an event type", "order_paid"),
    _pattern(_TYPE_PATTERN, "The name of an event type."),
]
Code = Annotated[
    str,
    _text(_CODE_PATTERN, "a code", "shop.order_paid.billing"),
    _pattern(_CODE_PATTERN, "The code of a route or a capture."),
]
TargetName = Annotated[
    str,
    _text(_CODE_PATTERN, "a name of a target", "shop-hook"),
    _pattern(_CODE_PATTERN, "The name of a target: the reference of the routes to it."),
]
WorkerName = Annotated[
    str,
    _text(_WORKER_PATTERN, "a name of a worker", "shop_outbound"),
    _pattern(_WORKER_PATTERN, "The name of a worker."),
]
Domain = Annotated[
    str,
    _text(_WORD_PATTERN, "a domain", "shop"),
    _pattern(_WORD_PATTERN, "The domain: a worker reads the events of one domain."),
]
Word = Annotated[
    str, _text(_WORD_PATTERN, "a name", "update"), _pattern(_WORD_PATTERN, "A name in lower-case letters.")
]
Table = Annotated[
    str,
    _text(_TABLE_PATTERN, "a table", "public.orders"),
    _pattern(_TABLE_PATTERN, "A table as schema.table, without quotation marks."),
]
Column = Annotated[
    str, _text(_COLUMN, "a column", "status"), _pattern(_COLUMN, "A column, without quotation marks.")
]
Key = Annotated[
    str, _text(_KEY_PATTERN, "a payload key", "total_cents"), _pattern(_KEY_PATTERN, "A key of a payload.")
]
Value = Annotated[
    str,
    _text(_VALUE, "a value", "paid"),
    WithJsonSchema({"type": ["string", "number", "boolean"], "description": "A value, compared as text."}),
]


Login = Annotated[
    str, _text(_LOGIN, "a login", "carla"), _pattern(_LOGIN, "A login that is a member of iu_sender.")
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EventType(_Entry):
    """A name under which events can be emitted."""

    domain: Annotated[Domain, Field(description="The domain; only workers of it read the events.")] = "iu"
    stream: Annotated[Word, Field(description="Copied to each event; not interpreted.")] = "update"
    lane: Annotated[Word, Field(description="Copied to each event; not interpreted.")] = "immediate"
    classification: Annotated[Word, Field(description="Copied to each event; not interpreted.")] = (
        "safe_metadata"
    )
    subject_table: Annotated[Table, Field(description="The table of the subjects of the events.")]
    payload_keys: Annotated[
        Annotated[tuple[Key, ...], Field(max_length=MAX_LIST)] | None,
        BeforeValidator(_keys),
        WithJsonSchema(
            {
                "description": "The only keys that a payload may have, or the word any.",
                "anyOf": [
                    {"const": ANY},
                    {
                        "type": "array",
                        "maxItems": MAX_LIST,
                        "items": {"type": "string", "pattern": f"^{_KEY_PATTERN}$"},
                    },
                ],
            }
        ),
    ]
    enabled: Annotated[StrictBool, Field(description="Whether events can be emitted.")] = True


class Target(_Entry):
    """Where the events of a route go."""

    kind: Annotated[Word, Field(description="The kind of the target, such as workflow or webhook.")]
    ref: Annotated[
        str,
        _text(_REFERENCE, "a reference of a target", "billing"),
        _pattern(_REFERENCE, "The reference of the target; it contains no password."),
    ]


class Route(_Entry):
    """A route from an event type to a target; it is always a dry run."""

    event_type: EventTypeName
    target: Target
    enabled: Annotated[StrictBool, Field(description="Whether events of the type are attempted.")] = True


class DeliveryTarget(_Entry):
    """A target of live delivery; routes of its kind whose reference is its name can be promoted to it."""

    kind: Annotated[Word, Field(description="The kind of the target, such as webhook.")]
    address: Annotated[
        str,
        AfterValidator(_endpoint),
        _pattern(_ENDPOINT, "Where deliveries are sent; it contains no secret."),
    ] = ""
    secret: Annotated[
        str | None,
        BeforeValidator(_secret_name),
        _pattern(SECRET_NAME_PATTERN, "The name of the secret, never the secret: IU_SECRET_<NAME>."),
    ] = None
    timeout_seconds: Annotated[
        int, *_number(1, 300, "10"), Field(description="How long one send may take.")
    ] = 10
    lease_seconds: Annotated[
        int,
        AfterValidator(_lease),
        *_number(2, 3600, "60"),
        Field(description="How long a claim is valid; at least two timeouts.", validate_default=True),
    ] = 60
    max_per_minute: Annotated[
        int | None,
        *_number(1, 10_000_000, "600"),
        Field(description="Claims in any minute; without it there is no limit."),
    ] = None
    retry_seconds: Annotated[
        tuple[Annotated[int, *_number(1, 604_800, "300")], ...],
        Field(max_length=MAX_LIST, description="Seconds to wait after each failure, give or take a fifth."),
    ] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    max_in_doubt: Annotated[
        int,
        *_number(1, 1000, "20"),
        Field(description="How often a delivery with an unknown outcome is claimed again."),
    ] = 20
    on_dead_letter: Annotated[
        Literal["park", "skip"],
        Field(description="park: later events of the subject wait behind a dead letter; skip: they pass it."),
    ] = "park"
    at_most_once: Annotated[
        StrictBool, Field(description="Whether a delivery with an unknown outcome becomes a dead letter.")
    ] = False
    after_failover: Annotated[
        Literal["resume", "hold"],
        BeforeValidator(_failover),
        Field(
            description="Whether deliveries go on after a failover. Default: resume, hold if at_most_once.",
            validate_default=True,
            json_schema_extra=_without_default,
        ),
    ] = Field(default=cast("Any", None))
    options: Annotated[
        dict[str, Any], AfterValidator(_options), Field(description="Options of the kind, without a secret.")
    ] = {}
    senders: Annotated[
        tuple[Login, ...],
        Field(max_length=MAX_LIST, description="The logins that may deliver to it."),
        AfterValidator(_once),
    ] = ()
    enabled: Annotated[StrictBool, Field(description="Whether deliveries are claimed.")] = True


class When(_Entry):
    """Conditions of a capture; all of them must be met."""

    becomes: Annotated[
        dict[Column, Value],
        Field(description="The column has this value, and had another before the update."),
    ] = {}
    changes: Annotated[
        tuple[Column, ...], Field(description="The update changed each of these columns.")
    ] = ()
    equals: Annotated[dict[Column, Value], Field(description="The column has this value.")] = {}
    one_of: Annotated[
        dict[Column, Annotated[tuple[Value, ...], Field(min_length=1)]],
        Field(alias="in", description="The column has one of these values."),
    ] = {}
    is_null: Annotated[
        dict[Column, StrictBool], Field(description="The column is null (true) or is not null (false).")
    ] = {}


class Capture(_Entry):
    """The conversion of changes of a table into events.

    A capture without `subject` and `address` is one that the installation made; only its mode can change.
    """

    table: Table
    on: Annotated[Literal["insert", "update", "delete"], Field(description="The changes that are captured.")]
    when: When = When()
    event_type: EventTypeName
    subject_table: Annotated[
        Table | None, Field(description="The table of the subject, if it is another one than the table.")
    ] = None
    subject: Annotated[
        Annotated[tuple[Column, ...], Field(min_length=1, max_length=MAX_LIST)] | None,
        BeforeValidator(_listed),
        WithJsonSchema(
            {
                "description": "The column, or the columns, whose values identify the subject.",
                "anyOf": [
                    {"type": "string", "pattern": f"^{_COLUMN}$"},
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_LIST,
                        "items": {"type": "string", "pattern": f"^{_COLUMN}$"},
                    },
                ],
            }
        ),
    ] = None
    address: Annotated[
        Annotated[str, _text(_ADDRESS, "an address", "orders/{id}")] | None,
        _pattern(_ADDRESS, "The canonical address, with columns in braces: orders/{id}."),
    ] = None
    payload: Annotated[
        dict[Key, Column],
        BeforeValidator(_mapped),
        Field(max_length=MAX_LIST),
        WithJsonSchema(
            {
                "description": "Payload keys with their columns, or a list of columns.",
                "anyOf": [
                    {
                        "type": "object",
                        "maxProperties": MAX_LIST,
                        "propertyNames": {"pattern": f"^{_KEY_PATTERN}$"},
                        "additionalProperties": {"type": "string", "pattern": f"^{_COLUMN}$"},
                    },
                    {
                        "type": "array",
                        "maxItems": MAX_LIST,
                        "items": {"type": "string", "pattern": f"^{_COLUMN}$"},
                    },
                ],
            }
        ),
    ] = {}
    mode: Annotated[
        Literal["off", "dry_run", "emit"],
        Field(description="off: nothing; dry_run: changes are recorded; emit: events are emitted too."),
    ] = "dry_run"
    on_error: Annotated[
        Literal["refuse", "skip_and_count"],
        Field(description="If an event is refused: the statement fails, or the refusal is recorded."),
    ] = "refuse"


class Worker(_Entry):
    """A named reader of the outbox."""

    domain: Annotated[Domain, Field(description="The domain whose events it reads.")] = "iu"


class OutboxFile(_Entry):
    """Event types, targets, routes, captures and workers of an outbox. What is not named is left alone."""

    event_types: Annotated[dict[EventTypeName, EventType], Field(description="Event types by name.")] = {}
    targets: Annotated[
        dict[TargetName, DeliveryTarget],
        Field(
            description="Targets of live delivery by name; only where the module iu-delivery is installed."
        ),
    ] = {}
    routes: Annotated[dict[Code, Route], Field(description="Routes by code.")] = {}
    captures: Annotated[dict[Code, Capture], Field(description="Captures by code.")] = {}
    workers: Annotated[dict[WorkerName, Worker], Field(description="Workers by name.")] = {}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of an outbox file, for editors."""
    schema: dict[str, Any] = _closed(OutboxFile.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _closed(schema: Any) -> Any:
    """Return a schema in which names that fit no pattern are refused; JSON schema accepts them by default."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(item) for key, item in schema.items()}
    return {**closed, "additionalProperties": False} if "patternProperties" in schema else closed
