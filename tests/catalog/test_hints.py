"""No hint advises to skip or discard events, because operators follow hints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from iu_pipelines.cli.main import COMMANDS
from iu_pipelines.settings import sql_root

_PYTHON: Final = Path(__file__).parents[2] / "iu_pipelines"
_SQL_HINT: Final = re.compile(r"\bhint\s*:?=\s*(?P<hint>(?:'(?:[^']|'')*'|[^';])*);", re.IGNORECASE)
_COMMAND: Final = re.compile(r"\biu ([a-z]+)")
_LOSES: Final = re.compile(r"\b(latest|discard|pass over|skip the)\b", re.IGNORECASE)


def of_sql(text: str) -> Iterator[str]:
    """Yield the expressions after `hint =`, up to the end of the statement."""
    yield from (found["hint"] for found in _SQL_HINT.finditer(text))


def of_python(text: str) -> Iterator[str]:
    """Yield the arguments named `hint` and the values assigned to a name or attribute `hint`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword):
            names = [node.arg or ""]
        elif isinstance(node, ast.Assign):
            names = [ast.unparse(target).rpartition(".")[2] for target in node.targets]
        else:
            continue
        if "hint" in names:
            yield ast.unparse(node.value)


HINTS: Final = [
    *((path, hint) for path in sql_root().rglob("*.sql") for hint in of_sql(path.read_text("utf-8"))),
    *((path, hint) for path in _PYTHON.rglob("*.py") for hint in of_python(path.read_text("utf-8"))),
]


def test_no_hint_advises_to_skip_events() -> None:
    assert [(path.name, hint) for path, hint in HINTS if _LOSES.search(hint)] == []


def test_every_command_that_a_hint_names_exists() -> None:
    known = {word for names in COMMANDS.values() for word in names}
    named = [(path.name, word) for path, hint in HINTS for word in _COMMAND.findall(hint)]
    assert len(named) > 50
    assert [pair for pair in named if pair[1] not in known] == []


def test_the_hints_of_both_languages_are_read() -> None:
    found = {path.suffix: sum(other.suffix == path.suffix for other, _ in HINTS) for path, _ in HINTS}
    assert found[".sql"] > 30
    assert found[".py"] > 20


@pytest.mark.parametrize(
    "hints",
    [
        of_sql("raise exception 'x' using hint = format('Then: iu seek %L; now', 'latest');"),
        of_python("raise Refused('x', hint=f'Run iu seek latest --worker {name}')"),
        of_python("error.hint = 'Skip the events: iu seek ' + 'latest'"),
    ],
    ids=["sql", "an argument", "an attribute"],
)
def test_a_hint_that_advises_to_skip_events_is_noticed(hints: Iterator[str]) -> None:
    assert any(_LOSES.search(hint) for hint in hints)
