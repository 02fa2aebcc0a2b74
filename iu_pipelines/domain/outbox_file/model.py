"""The model of an outbox file, and its JSON schema.

The patterns of names are those of the constraints of the tables, or narrower: ASCII letters, digits and a
few other characters. Every entry is immutable, and every key that is not named here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema
from pydantic_core import PydanticCustomError

from iu_pipelines.domain.outbox_file.problems import shown
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
    """Event types, routes, captures and workers of an outbox. What is not named is left alone."""

    event_types: Annotated[dict[EventTypeName, EventType], Field(description="Event types by name.")] = {}
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
