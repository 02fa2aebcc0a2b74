"""A copy of the SQL tree that a test may change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iu_pipelines.db.steps import files
from iu_pipelines.settings import sql_root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the SQL tree."""
    return Path(shutil.copytree(sql_root(), tmp_path / "sql"))


@pytest.fixture
def add_step(tree: Path) -> Callable[[str, str], None]:
    """Add a stamped runtime step, with a verify and a rollback twin that do nothing, to the copied tree."""

    def add(name: str, text: str) -> None:
        (tree / "iu-core/runtime" / f"{name}.sql").write_text(text)
        (tree / "iu-core/verify" / f"{name}.sql").write_text(
            "select public.fn_iu_proof_note('it is', 'so', 'so');\n"
        )
        (tree / "iu-core/rollback" / f"{name}.sql").write_text(
            f"select public.fn_iu_step_forget('{name}');\n"
        )
        files.stamp(tree)

    return add
