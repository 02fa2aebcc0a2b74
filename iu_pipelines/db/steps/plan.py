"""The plan: every step, as the ledger and the files see it.

Stands on ``iu_schema_step``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps.files import Step, load_steps
from iu_pipelines.errors import StepRefused
from iu_pipelines.settings import sql_root

StepStatus = Literal["pending", "applied", "changed", "edited", "unknown"]

_LEDGER_COLUMNS: Final = frozenset({"step_name", "checksum", "applied_at", "applied_by"})


@dataclass(frozen=True)
class StepState:
    """A step as the ledger and the files see it.

    ``changed`` is a repeatable step that will be applied again, ``edited`` one that must not have
    changed, ``unknown`` one that only the ledger knows.
    """

    name: str
    status: StepStatus
    applied_at: datetime | None
    applied_by: str | None


def states(gateway: Gateway, *, root: Path | None = None) -> list[StepState]:
    """Return the state of every step in order. Raises StepRefused on a stale stamp or a foreign ledger."""
    return compare(read_ledger(gateway), load_stamped_steps(root))


def load_stamped_steps(root: Path | None) -> list[Step]:
    """Return the runtime steps. Raises StepRefused where a stamp does not match the text of its step."""
    steps = load_steps(root or sql_root())
    stale = [step.name for step in steps if not step.is_stamped]
    if stale:
        raise StepRefused(
            f"the stamp does not match the text of: {', '.join(stale)}",
            hint="Put the file back as it was; a step under development is stamped with: iu steps stamp",
        )
    return steps


def read_ledger(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """Return the rows of the ledger by step name; empty where there is no ledger yet."""
    columns = gateway.fetch_all(
        """select attname::text as name
             from pg_attribute
            where attrelid = to_regclass('public.iu_schema_step') and attnum > 0 and not attisdropped"""
    )
    if not columns:
        return {}
    if not {column["name"] for column in columns} >= _LEDGER_COLUMNS:
        raise foreign_objects(["iu_schema_step"])
    rows = gateway.fetch_all("select step_name, checksum, applied_at, applied_by from public.iu_schema_step")
    return {row["step_name"]: row for row in rows}


def compare(ledger: dict[str, dict[str, Any]], steps: list[Step]) -> list[StepState]:
    """Return the state of every step that the ledger or the files know."""
    known = {step.name: step for step in steps}
    return [_state(name, known.get(name), ledger.get(name)) for name in sorted(known.keys() | ledger.keys())]


def _state(name: str, step: Step | None, row: dict[str, Any] | None) -> StepState:
    if row is None:
        return StepState(name, "pending", None, None)
    status: StepStatus
    if step is None:
        status = "unknown"
    elif row["checksum"] == step.checksum:
        status = "applied"
    else:
        status = "changed" if step.is_repeatable else "edited"
    return StepState(name, status, row["applied_at"], row["applied_by"])


def refuse_unknown(names: list[str]) -> None:
    """Raise StepRefused where the ledger has steps that the files do not."""
    if names:
        raise StepRefused(
            f"the database has steps that this version does not know: {', '.join(names)}",
            hint="Install the version of iu-pipelines that applied them, or a newer one.",
        )


def foreign_objects(names: list[str]) -> StepRefused:
    """Return the error for objects of our names that no recorded step made."""
    return StepRefused(
        f"schema public already holds {', '.join(names)}, which no recorded step made",
        hint="Name an empty database with --database-url, or rename what is there.",
    )
