"""Checks of the group roles, of the login of this process, and of other logins with too many rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import code
from iu_pipelines.domain.doctor.database import SCHEMA, SERVER, Asked
from iu_pipelines.domain.doctor.findings import Verdict

OWNER: Final = "iu_owner"

_MAY: Final[Mapping[str, str]] = {
    OWNER: "everything, as the owner",
    "workflow_admin": "run, replay, seek, set gates and configure",
    "iu_emitter": "emit",
    "iu_auditor": "read",
    "iu_approver": "approve promotions",
    "iu_sender": "deliver to the targets granted to it",
}
_PAGE: Final = "docs/operate/roles.md"
_SQL: Final = Statements(__name__)


def group_roles(asked: Asked) -> list[str]:
    """Return the group roles: the owner, and those to which a step grants privileges."""
    granted = {entry[2] for step in asked.steps for entry in code.read(step).access}
    return [OWNER, *sorted(granted)]


@SERVER("roles.login")
def login(asked: Asked) -> Verdict:
    """Report what the login may do. Look for one that may do everything, or nothing."""
    (row,) = asked.rows(_SQL["login"], roles=group_roles(asked))
    name, roles = row["login"], row["roles"]
    if row["is_superuser"]:
        found = f"{name} is a superuser, who may do everything"
        hint = f"Use it to install only. For daily work, create logins as {_PAGE} shows."
        return Verdict("ok", found) if asked.is_embedded else Verdict("warning", found, hint)
    may = "; ".join(f"{role}: {_MAY.get(role, 'see its module')}" for role in roles)
    if OWNER in roles:
        hint = f"Use it to install only. Daily work needs workflow_admin, iu_emitter or iu_auditor ({_PAGE})."
        return Verdict("warning", f"{name} is a member of {may}", hint)
    if not roles and not row["owns_schema"]:
        return Verdict(
            "warning",
            f"{name} is a member of no role of iu, and may do nothing",
            f"An administrator may run: grant iu_auditor to {name}, or another role of {_PAGE}",
        )
    return Verdict("ok", f"{name} is a member of {may}" if roles else f"{name} owns the schema of iu")


@SCHEMA("roles.exist")
def exist(asked: Asked) -> Verdict:
    """Look for group roles that are missing, cannot use the schema, can log in, or may do too much."""
    wanted = group_roles(asked)
    rows = {row["name"]: row for row in asked.rows(_SQL["group_roles"], roles=wanted)}
    if not rows[OWNER]["owns_schema"]:
        owner = rows[OWNER]["owner"]
        return Verdict(
            "note", f"installed without roles: {owner} owns everything, and only its members may work"
        )
    missing = [name for name in wanted if not rows[name]["is_there"]]
    if missing:
        return Verdict(
            "problem",
            f"group roles are missing: {', '.join(missing)}",
            "A dump contains no roles. Create each: create role NAME nologin; then run: iu verify",
        )
    outside = [name for name in wanted if not rows[name]["uses_schema"]]
    if outside:
        roles = ", ".join(outside)
        return Verdict(
            "problem",
            f"group roles may not use the schema public: {roles}",
            f"Let the owner of the schema run: grant usage on schema public to {roles}",
        )
    strong = [f"{name} {row['powers']}" for name, row in rows.items() if row["powers"]]
    if strong:
        return Verdict(
            "problem",
            f"group roles have rights that all their members would get: {', '.join(strong)}",
            "Take them away: alter role NAME nologin nosuperuser nocreaterole nobypassrls",
        )
    return Verdict("ok", ", ".join(wanted))


@SCHEMA("roles.members")
def members(asked: Asked) -> Verdict:
    """Look for logins that own the schema without being the one that installs."""
    found = [row["name"] for row in asked.rows(_SQL["owners"])]
    if len(found) <= 1:
        return Verdict("ok", f"logins that own the schema, besides superusers: {', '.join(found) or 'none'}")
    return Verdict(
        "warning",
        f"{len(found)} logins may change and drop everything: {', '.join(found)}",
        f"Leave one for installing. From each other: revoke {OWNER} from NAME; then grant the role that it "
        f"needs ({_PAGE}).",
    )


@SCHEMA("roles.approvers")
def approvers(asked: Asked) -> Verdict:
    """Look for approvers that also propose or deliver, as the login of a service does."""
    found = asked.rows(_SQL["approvers"])
    if not found:
        return Verdict("ok", "no approver may propose or deliver")
    return Verdict(
        "warning",
        "; ".join(f"{row['name']} approves promotions and is a member of {row['others']}" for row in found),
        "Give approval to a person's own login: create one, grant iu_approver to it, and revoke iu_approver "
        "from the login that a program uses.",
    )


@SCHEMA("roles.public")
def public(asked: Asked) -> Verdict:
    """Look for privileges that every login has."""
    found = asked.rows(_SQL["public"])
    if not found:
        return Verdict("ok", "PUBLIC has no privilege on an object of iu")
    return Verdict(
        "problem", f"every login may {_listed(found)}", "Revoke it: revoke all on OBJECT from public"
    )


def _listed(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['verbs']} {row['object']}" for row in rows)
