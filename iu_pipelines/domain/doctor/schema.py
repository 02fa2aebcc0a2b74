"""Checks of the schema: whether its objects, their code, rights and triggers are those of the files."""

from __future__ import annotations

from typing import Any, Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import code
from iu_pipelines.domain.doctor.database import SCHEMA, Asked
from iu_pipelines.domain.doctor.findings import Verdict

_SQL: Final = Statements(__name__)
_VERIFY: Final = "iu verify compares everything."


@SCHEMA("schema.functions")
def functions(asked: Asked) -> Verdict:
    """Compare the bodies of the functions with those of the files."""
    created = [one for part in code.by_step(asked.steps).values() for one in part.functions.values()]
    differing = code.differing_bodies(asked.queries, created)
    if not differing:
        return Verdict("ok", f"{len(created)} functions and views are those of the files")
    return Verdict(
        "problem",
        f"not those of the files: {', '.join(sorted(differing))}",
        "Find out who changed them. To restore a function, run its file below sql/ with psql, as the owner. "
        f"{_VERIFY}",
    )


@SCHEMA("schema.objects")
def objects(asked: Asked) -> Verdict:
    """Look for objects of the manifest that do not exist."""
    return _none(asked, _SQL["missing"], "no object is missing", f"Restore them from a backup. {_VERIFY}")


@SCHEMA("schema.rights")
def rights(asked: Asked) -> Verdict:
    """Compare the privileges on every object with the access matrix."""
    hint = f"Grant or revoke what is named; docs/operate/roles.md has the roles. {_VERIFY}"
    return _none(asked, _SQL["rights"], "privileges are those of the access matrix", hint)


@SCHEMA("schema.writers")
def writers(asked: Asked) -> Verdict:
    """Look for roles that may write what only functions write."""
    hint = "Revoke it: revoke insert, update, delete, truncate, trigger on TABLE from ROLE"
    return _none(asked, _SQL["writers"], "no role may write what only functions write", hint)


@SCHEMA("schema.append_only")
def append_only(asked: Asked) -> Verdict:
    """Look for tables of records that allow changes."""
    hint = f"Find out who removed the trigger, and what was changed since: iu audit verify. {_VERIFY}"
    return _none(asked, _SQL["append_only"], "records refuse update, delete and truncate", hint)


@SCHEMA("schema.dry_run")
def dry_run(asked: Asked) -> Verdict:
    """Look for the constraint that keeps every route a dry run."""
    hint = (
        "Add it: alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run); "
        "if that fails, a route is not a dry run."
    )
    return _none(
        asked, _SQL["dry_run"], "the constraint dry_run_is_enforced keeps every route a dry run", hint
    )


@SCHEMA("schema.values")
def values(asked: Asked) -> Verdict:
    """Look for gates and settings whose values do not fit; only plain SQL can write one."""
    hint = "Such a gate is closed. Set it to a value that fits: iu gate set KEY VALUE --reason WHY"
    return _none(asked, _SQL["values"], "the values of gates and settings fit", hint)


@SCHEMA("schema.row_security")
def row_security(asked: Asked) -> Verdict:
    """Look for row security on a table of iu. The login needs no privilege."""
    tables = [one[2] for step in asked.steps for one in code.read(step).objects if one[1] == "table"]
    found = [row["name"] for row in asked.rows(_SQL["row_security"], tables=tables)]
    if not found:
        return Verdict("ok", "off for every table of iu")
    return Verdict(
        "problem",
        f"on for {', '.join(found)}: functions that read it are refused (42501)",
        f"alter table {found[0]} no force row level security, disable row level security "
        "(docs/operate/own-server.md).",
    )


@SCHEMA("schema.triggers")
def triggers(asked: Asked) -> Verdict:
    """Look for disabled triggers of iu, also those of captures on other tables."""
    (found,) = asked.rows(_SQL["triggers"])
    if not found["names"]:
        return Verdict("ok", "no trigger of iu is disabled")
    return Verdict(
        "problem",
        f"disabled: {found['names']}",
        f"Changes meanwhile were not captured or checked. The owner of the table runs: {found['statements']}",
    )


@SCHEMA("schema.captures")
def captures(asked: Asked) -> Verdict:
    """Compare the trigger functions of captures with their definitions."""
    hint = (
        "If columns are missing, name those of the table in the outbox file. iu apply FILE generates again "
        "the functions of captures that are not off (docs/how-to/capture-a-table.md#rename-or-drop-a-column)."
    )
    return _none(
        asked, _SQL["captures"], "the trigger functions of captures are those of their definitions", hint
    )


def _none(asked: Asked, statement: str, good: str, hint: str) -> Verdict:
    """Return a problem if a statement returns a text that is not null."""
    found: Any = asked.queries.fetch_value(statement)
    return Verdict("problem", str(found), hint) if found else Verdict("ok", good)
