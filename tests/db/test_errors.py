"""The exception classes, their translation from SQLSTATEs, and the removal of passwords."""

from __future__ import annotations

import doctest
import re

import pytest

from iu_pipelines import errors
from iu_pipelines.errors import (
    ConnectionFailed,
    IuError,
    PermissionDenied,
    Refusal,
    StatementFailed,
    Unavailable,
    UsageError,
    from_sqlstate,
    redact,
)


def every_subclass(root: type[IuError]) -> set[type[IuError]]:
    found = {root}
    for child in root.__subclasses__():
        found |= every_subclass(child)
    return found


def test_the_docstring_lists_every_class() -> None:
    listed = set(re.findall(r"[├└]── (\w+)|^    (IuError)", errors.__doc__ or "", re.MULTILINE))
    public = {kind.__name__ for kind in every_subclass(IuError) if kind.__module__ == errors.__name__}
    assert {name for pair in listed for name in pair if name} == public


def test_every_refusal_has_its_own_code() -> None:
    refusals = every_subclass(Refusal) - {Refusal}
    assert {kind.default_code for kind in refusals} == set(errors.CODES)
    assert len(errors.CODES) == len(refusals)


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_a_refusal_keeps_its_code_message_and_hint(code: str) -> None:
    error = from_sqlstate(code, "no such thing: x", "name another")
    assert type(error) is errors.CODES[code]
    assert (error.message, error.hint, error.code, error.exit_code) == (
        "no such thing: x",
        "name another",
        code,
        1,
    )


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        (None, ConnectionFailed),
        ("08006", ConnectionFailed),
        ("57P01", ConnectionFailed),
        ("42501", PermissionDenied),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("53100", Unavailable),
        ("55P03", Unavailable),
        ("57014", Unavailable),
        ("42601", StatementFailed),
        ("23505", StatementFailed),
        ("IU999", Refusal),
    ],
)
def test_a_sqlstate_is_translated_to_its_class(sqlstate: str | None, kind: type[IuError]) -> None:
    error = from_sqlstate(sqlstate, "message")
    assert type(error) is kind
    assert error.code == sqlstate


def test_a_usage_error_has_exit_code_two() -> None:
    assert UsageError("x").exit_code == 2


@pytest.mark.parametrize(
    "secret_text",
    [
        "postgresql://ann:s3cret@db.example/iu",
        "postgresql://ann:p@s3cret@db.example/iu",
        "postgresql+psycopg2://ann:s3cret@db.example:5432/iu?sslmode=require",
        "postgresql:///iu?user=ann&password=s3cret&sslmode=require",
        "host=db.example user=ann password=s3cret",
        "host=db.example password = 'the s3cret' user=ann",
        "cannot connect to postgresql://:s3cret@/iu: refused",
    ],
)
def test_redact_replaces_passwords(secret_text: str) -> None:
    assert "s3cret" not in redact(secret_text)
    assert "***" in redact(secret_text)


def test_redact_does_not_change_text_without_a_password() -> None:
    for text in ("postgresql://ann@db.example:5432/iu", "postgresql:///iu?host=/run/pg", "at 10:30@noon"):
        assert redact(text) == text


def test_the_examples_in_docstrings_pass() -> None:
    assert doctest.testmod(errors).failed == 0
