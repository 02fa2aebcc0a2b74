"""The plan: the state of every step, and the steps that a migration would apply.

The state is derived from the ledger `iu_schema_step` and from the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps.files import CORE, Step, StepKey, find_module, load_steps, modules
from iu_pipelines.errors import StepRefused
from iu_pipelines.settings import sql_root

StepStatus = Literal["pending", "applied", "changed", "edited", "unknown"]

Ledger = Mapping[StepKey, Mapping[str, Any]]
"""The rows of `iu_schema_step`, by the key of the step."""

_SQL: Final = Statements(__name__)
_LEDGER_COLUMNS: Final = frozenset(
    {"module", "step_name", "checksum", "applied_at", "applied_by", "server_major"}
)


@dataclass(frozen=True)
class StepState:
    """The state of a step.

    * `pending`: the step is not in the ledger.
    * `applied`: the step is in the ledger with the checksum of its file.
    * `changed`: a repeatable step that will be applied again, because its text has changed or because it was
      applied on a server of another major version.
    * `edited`: any other step whose text has changed since it was applied.
    * `unknown`: the step is in the ledger, but has no file.

    `name` begins with the module and a slash unless the module is the core.
    """

    name: str
    status: StepStatus
    applied_at: datetime | None
    applied_by: str | None


@dataclass(frozen=True)
class PlannedStep:
    """A step that a migration would apply for the first time (`applied`) or again (`reapplied`)."""

    step: Step
    action: Literal["applied", "reapplied"]


def states(gateway: Queries, *, root: Path | None = None) -> list[StepState]:
    """Return the state of every step of the core and of the installed modules, in order.

    Raises:
        StepRefused: a stamp does not match the text of its step, or the table `iu_schema_step` lacks
            columns of the ledger.
    """
    ledger = read_ledger(gateway)
    return compare(ledger, load_stamped_steps(root, ledger))


def planned(gateway: Gateway, adding: Iterable[str] = (), *, root: Path | None = None) -> list[PlannedStep]:
    """Return the steps that a migration would apply, in order. `adding` names modules to install.

    The functions of a module are applied again if their text, the schema of the module or the major version
    of the server has changed.

    Raises:
        StepRefused: a step was edited after it was applied, or the ledger has a step without a file.
        UsageError: there is no such module.
    """
    ledger = read_ledger(gateway)
    steps = load_stamped_steps(root, ledger, adding)
    found = compare(ledger, steps)
    refuse_unsafe(found)
    status = {state.name: state.status for state in found}
    changed: set[str] = set()
    wanted = []
    for step in steps:
        if status[step.name] == "pending":
            changed.add(step.key.module)
            wanted.append(PlannedStep(step, "applied"))
        elif status[step.name] == "changed" or (step.is_repeatable and step.key.module in changed):
            wanted.append(PlannedStep(step, "reapplied"))
    return wanted


def installed(ledger: Ledger) -> set[str]:
    """Return the core and every module that has a step in the ledger."""
    return {CORE, *(key.module for key in ledger)}


def load_stamped_steps(root: Path | None, ledger: Ledger, adding: Iterable[str] = ()) -> list[Step]:
    """Return the runtime steps of the core, of the installed modules and of those in `adding`, in order.

    Raises:
        StepRefused: a stamp does not match the text of its step.
    """
    root = root or sql_root()
    wanted = installed(ledger) | {find_module(root, name) for name in adding}
    steps = load_steps(root, [name for name in modules(root) if name in wanted])
    stale = [step.name for step in steps if not step.is_stamped]
    if stale:
        raise StepRefused(
            f"the stamp does not match the text of: {', '.join(stale)}",
            hint="Restore the file, or stamp a step under development: iu steps stamp",
        )
    return steps


def read_ledger(gateway: Queries) -> Ledger:
    """Return the ledger. It is empty if the table does not exist yet."""
    columns = gateway.fetch_all(_SQL["ledger_columns"])
    if not columns:
        return {}
    if not {column["name"] for column in columns} >= _LEDGER_COLUMNS:
        raise foreign_objects(["iu_schema_step"])
    rows = gateway.fetch_all(_SQL["ledger"])
    return {StepKey(row["module"], row["step_name"]): row for row in rows}


def compare(ledger: Ledger, steps: Sequence[Step]) -> list[StepState]:
    """Return the state of every step in the files or in the ledger, in the order of application."""
    known = {step.key: step for step in steps}
    keys = [*known, *sorted(key for key in ledger if key not in known)]
    return [_state(key, known.get(key), ledger.get(key)) for key in keys]


def _state(key: StepKey, step: Step | None, row: Mapping[str, Any] | None) -> StepState:
    if row is None:
        return StepState(str(key), "pending", None, None)
    status: StepStatus
    if step is None:
        status = "unknown"
    elif row["checksum"] != step.checksum:
        status = "changed" if step.is_repeatable else "edited"
    else:
        status = "changed" if step.is_repeatable and not row["is_of_this_server"] else "applied"
    return StepState(str(key), status, row["applied_at"], row["applied_by"])


def refuse_unsafe(found: Iterable[StepState]) -> None:
    """Raise StepRefused if a step was edited after it was applied, or has no file."""
    found = list(found)
    edited = [state.name for state in found if state.status == "edited"]
    if edited:
        raise StepRefused(
            f"changed after it was applied: {', '.join(edited)}",
            hint="Restore the file, and write the change as a new step.",
        )
    refuse_unknown([state.name for state in found if state.status == "unknown"])


def refuse_unknown(names: Sequence[str]) -> None:
    """Raise StepRefused if `names` is not empty. These are the steps of the ledger that have no file."""
    if names:
        others = sorted({name.partition("/")[0] for name in names if "/" in name})
        raise StepRefused(
            f"the database has steps that this version does not know: {', '.join(names)}",
            hint="Install the version of iu-pipelines that applied them, or a newer one."
            if not others
            else f"Put the files of {', '.join(others)}, in this or a newer version, into the folder sql.",
        )


def foreign_objects(names: Sequence[str]) -> StepRefused:
    """Return the error for existing relations that a step would create and no recorded step created."""
    return StepRefused(
        f"schema public already contains {', '.join(names)}, which no recorded step created",
        hint="Choose an empty database with --database-url, or rename these objects.",
    )
