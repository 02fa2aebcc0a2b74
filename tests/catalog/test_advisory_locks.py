"""No function or step takes an advisory lock, because every login can take any of them and keep it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from iu_pipelines.settings import sql_root

_PYTHON: Final = Path(__file__).parents[2] / "iu_pipelines"

_KNOWN: Final = {"db/steps/migration.sql", "domain/units.sql", "evidence/pack.sql"}
"""A migration, the ingestion of a git history and an upload of evidence: none delays a worker or an emit."""


def test_no_function_or_step_takes_an_advisory_lock() -> None:
    found = [path.name for path in sql_root().rglob("*.sql") if "pg_advisory" in path.read_text("utf-8")]
    found += [path.name for path in sql_root().rglob("*.sql") if "pg_try_advisory" in path.read_text("utf-8")]
    assert found == []


def test_the_statements_that_take_one_are_known() -> None:
    paths = [path for path in _PYTHON.rglob("*.sql") if "advisory_xact_lock" in path.read_text("utf-8")]
    assert {str(path.relative_to(_PYTHON)) for path in paths} == _KNOWN
    assert not [path for path in _PYTHON.rglob("*.py") if "pg_advisory" in path.read_text("utf-8")]
