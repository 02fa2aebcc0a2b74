"""The engine classifies each SQLSTATE as decision 019 does: a system error or an error of the event."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from databases import Server

_PAGE: Final = Path(__file__).parents[2] / "docs/decisions/019-flood-guard-and-systemic-faults.md"
_ROW: Final = re.compile(r"^\| (?P<codes>[0-9A-Z, ]+)\b[^|]*\| (?P<whose>event|system) \|", re.MULTILINE)
_ASKED: Final = "select state, public.fn_iu_fault_is_systemic(state) from unnest(%s::text[]) as s (state)"


def decided() -> dict[str, bool]:
    """Return for each class or SQLSTATE of the table whether it is a system error."""
    rows = _ROW.findall(_PAGE.read_text(encoding="utf-8"))
    codes = re.compile(r"\b(?:[0-9A-Z]{5}|[0-9A-Z]{2})\b")
    return {code: whose == "system" for row, whose in rows for code in codes.findall(row)}


def known() -> list[str]:
    """Return every SQLSTATE that psycopg has a class for."""
    found = (getattr(psycopg.errors, name) for name in dir(psycopg.errors))
    return sorted({state for one in found if isinstance(state := getattr(one, "sqlstate", None), str)})


@pytest.fixture(scope="module")
def session(server: Server, template: str) -> Iterator[psycopg.Connection]:
    name = f"{template}_fault_classes_{os.getpid()}"
    url = server.create(name, template)
    with psycopg.connect(url, autocommit=True) as session:
        yield session
    server.drop(name)


def test_the_function_classifies_every_sqlstate_as_decision_019_does(session: psycopg.Connection) -> None:
    table = decided()
    states = [*known(), "IU201", "ZZ001"]
    assert len(states) > 200
    assert dict(session.execute(_ASKED, (states,)).fetchall()) == {
        state: table.get(state, table.get(state[:2], False)) for state in states
    }


def test_every_class_of_the_server_is_in_the_table() -> None:
    assert {state[:2] for state in known()} <= decided().keys()


def test_a_missing_function_and_a_full_disk_are_system_errors_and_a_refused_delivery_is_not() -> None:
    table = decided()
    assert (table["42"], table["53"], table["IU"], table["P0"]) == (True, True, False, False)
