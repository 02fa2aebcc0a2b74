"""Config that is validated before a run is made; an error names the field and the reason.

Dagster itself checks only types before a run, and bounds inside it, with a stack trace.
"""

from __future__ import annotations

import hashlib
import re
import reprlib
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final

import dagster as dg
from pydantic import AfterValidator, ValidationError
from pydantic_core import PydanticCustomError

_SHOWN_CHARACTERS: Final = 200

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOT_A_UUID: Final = "not_a_uuid"


def uuid_or(*words: str) -> AfterValidator:
    """Return a validator of a text that is a UUID or one of `words`."""
    expected = " or ".join(filter(None, [", ".join(filter(None, words)), "a UUID"]))

    def accepted(text: str) -> str:
        if text not in words and not _UUID.fullmatch(text):
            raise PydanticCustomError(_NOT_A_UUID, "is not {expected}", {"expected": expected})
        return text

    return AfterValidator(accepted)


UuidText = Annotated[str, uuid_or()]
"""A UUID in a config, which Dagster knows as text."""


def validated(config_class: type[dg.Config], *op_names: str) -> dg.ConfigMapping:
    """Make the fields of `config_class` the whole config of a job.

    The mapping is called when a run is planned. So the launchpad, a schedule and a sensor get the error, and
    no run is made.
    """

    def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
        config = checked(config_class, values)
        return {"ops": {name: {"config": config} for name in op_names}}

    return dg.ConfigMapping(config_fn=mapping, config_schema=schema_of(config_class))


@cache
def schema_of(config_class: type[dg.Config]) -> Any:
    """Return the schema of `config_class`, which is made once: a code location may have many outboxes."""
    return config_class.to_config_schema()


def checked(config_class: type[dg.Config], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` if `config_class` accepts them.

    Raises:
        DagsterInvalidConfigError: a value is out of bounds; the message names the field and the reason.
    """
    try:
        config_class(**values)
    except ValidationError as error:
        raise dg.DagsterInvalidConfigError(  # type: ignore[no-untyped-call]
            _reasons(error), [], dict(values)
        ) from None
    return dict(values)


def _reasons(error: ValidationError) -> str:
    return f"The config is refused: {'; '.join(map(_reason, error.errors(include_url=False)))}"


def _reason(detail: Mapping[str, Any]) -> str:
    field = ".".join(map(str, detail["loc"])) or "config"
    value = _shown(detail["input"])
    if detail["type"] == _NOT_A_UUID:
        return f"{field}: {value} {detail['msg']}"
    return f"{field}: {detail['msg']} (it is {value})"


def _shown(value: object) -> str:
    """Return a value for an error, without the middle of a long text."""
    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = _SHOWN_CHARACTERS
    return shortened.repr(value)


def choice(name: str, values: Sequence[str]) -> Any:
    """Return an enum for a field of a config. The launchpad lists `values`, and Dagster refuses others.

    Dagster treats two enums of the same name as one. So a digest of the values is appended to `name`.
    """
    digest = hashlib.sha256(repr(tuple(values)).encode()).hexdigest()[:8]
    return Enum(f"{name}_{digest}", {value: value for value in values})
