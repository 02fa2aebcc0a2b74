"""The names of the steps of the core, and the addition of a schema step to a copy of the SQL tree.

The names are read from the files. Tests number their steps from 990 on, above all real steps, so that a
release with a new step does not change them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from iu_pipelines.db.steps import files
from iu_pipelines.settings import sql_root

_STEPS: Final = files.load_steps(sql_root(), [files.CORE])

NAMES: Final = [step.name for step in _STEPS]
"""All steps, in the order of application."""

FUNCTIONS: Final = [step.name for step in _STEPS if step.is_repeatable]
"""The functions steps."""

SCHEMA: Final = NAMES[: NAMES.index(FUNCTIONS[0])]
"""The schema steps: all that come before the functions."""

AFTER: Final = NAMES[len(SCHEMA) + len(FUNCTIONS) :]
"""The steps that require functions."""


def require(name: str) -> str:
    """Return the statement with which a step requires the step `name` of the core."""
    return f"select public.fn_iu_step_require('iu-core', '{name}');"


def add_schema_step(root: Path, name: str, text: str) -> None:
    """Add the schema step `name` to the tree at `root`, and stamp it.

    It requires the last schema step, and the functions steps require it.
    """
    steps = files.load_steps(root, [files.CORE])
    functions = [step for step in steps if step.is_repeatable]
    last = steps[steps.index(functions[0]) - 1].name
    for step in functions:
        path = step.file.path
        path.write_text(path.read_text().replace(require(last), require(name)))
    (root / "iu-core/runtime" / f"{name}.sql").write_text(f"{require(last)}\n{text}")
    files.stamp(root)
