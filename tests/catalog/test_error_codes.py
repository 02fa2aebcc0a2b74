"""The error codes that SQL raises, that Python maps and that are documented for callers are the same."""

from __future__ import annotations

import re
from pathlib import Path

from iu_pipelines.errors import CODES
from iu_pipelines.settings import sql_root

PROMISED = frozenset(
    [
        "IU101",
        "IU102",
        "IU103",
        "IU104",
        "IU201",
        "IU202",
        "IU204",
        "IU205",
        "IU206",
        "IU301",
        "IU302",
        "IU303",
        "IU401",
        "IU501",
        "IU601",
        "IU602",
        "IU603",
        "IU604",
        "IU605",
        "IU606",
        "IU607",
        "IU701",
        "IU702",
        "IU703",
        "IU901",
    ]
)
INTERNAL = frozenset(["IU203", "IU902"])
RAISED_IN_PYTHON = frozenset(["IU701", "IU702"])

CODE = re.compile(r"errcode = '(\w{5})'|fn_iu_login_require\('\w+', '(\w{5})'\)")
RAISE = re.compile(r"\braise exception\b.*?;", re.DOTALL)
CAUGHT = ("errcode = 'serialization_failure'", "errcode = 'P0001', message = 'undo'")
"""Errors that the block that raises them catches, to undo what it did."""


def files() -> list[Path]:
    return sorted(sql_root().rglob("*.sql"))


def raised(text: str) -> set[str]:
    return {code for found in CODE.findall(text) for code in found if code} - {"P0001"}


def incomplete(text: str) -> list[str]:
    """Return the `raise` statements without an IU code or without a hint."""
    return [
        statement
        for statement in RAISE.findall(text)
        if ("hint =" not in statement or not re.search(r"errcode = ('IU|v_state|errcode)", statement))
        and not any(caught in statement for caught in CAUGHT)
    ]


def test_the_error_codes_raised_are_those_that_python_maps_and_the_contract_lists() -> None:
    seen = set().union(*(raised(file.read_text()) for file in files()))
    assert not seen & RAISED_IN_PYTHON
    assert seen | RAISED_IN_PYTHON == set(CODES) == PROMISED | INTERNAL


def test_every_error_has_a_code_and_a_hint() -> None:
    found = {file.stem: incomplete(file.read_text()) for file in files()}
    assert {name: statements for name, statements in found.items() if statements} == {}


def test_a_raise_without_a_code_or_a_hint_is_noticed() -> None:
    assert incomplete("raise exception 'no' using errcode = 'IU104';")
    assert incomplete("raise exception 'no' using hint = 'x';")
    assert not incomplete("raise exception 'no' using errcode = 'IU104', hint = 'x';")
    assert raised("raise exception 'no' using errcode = 'IU999'") - set(CODES)
