"""The findings about a database. Each check reads in a read-only transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from iu_pipelines.db.gateway import Gateway, fetch_plain
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import code, plan
from iu_pipelines.db.steps.files import Step, load_steps, modules
from iu_pipelines.domain.doctor.findings import Checks, Finding, Verdict, failed, finding
from iu_pipelines.errors import IuError, redact
from iu_pipelines.settings import sql_root

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class Setting:
    """A setting of the server, as a client gets it that sends no startup options of iu."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Asked:
    """What a check may read. `queries` is a read-only transaction.

    `is_embedded` is whether the server is the embedded one, `is_pooled` whether a pooler is between, and
    `sees_sessions` whether the login sees what sessions of other roles do. `steps` are those of the files.
    """

    queries: Queries
    settings: dict[str, Setting]
    is_embedded: bool
    is_pooled: bool
    sees_sessions: bool
    steps: tuple[Step, ...] = ()

    def rows(self, statement: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        return self.queries.fetch_all(statement, params)


SERVER: Final[Checks[Asked]] = Checks()
"""Checks that need no schema of iu."""

SCHEMA: Final[Checks[Asked]] = Checks()
"""Checks that need the schema of iu."""


def examine(url: str, *, is_embedded: bool = False) -> Iterator[Finding]:
    """Yield the findings about a database and its server. A server that is down is one finding."""
    identifier = "server.reachable"
    try:
        with Gateway(url, application_name="iu doctor") as gateway:
            version = gateway.server_version()
            found = f"PostgreSQL {version // 10_000}.{version % 10_000} at {redact(url)}"
            yield Finding(identifier, "ok", found, None)
            identifier = "server.stays"
            asked = _asked(gateway, is_embedded)
            yield from _findings(gateway, SERVER, asked)
            yield from _schema_findings(gateway, asked)
    except IuError as error:
        yield failed(identifier, error)


def _asked(gateway: Gateway, is_embedded: bool) -> Asked:
    plain = fetch_plain(gateway.url, _SQL["settings"])
    settings = {row["name"]: Setting(**row) for row in plain.rows}
    sees_sessions = bool(gateway.fetch_value(_SQL["sees_sessions"]))
    return Asked(gateway, settings, is_embedded, plain.is_pooled, sees_sessions, _steps(gateway))


def _steps(gateway: Gateway) -> tuple[Step, ...]:
    """Return the steps of the installed modules.

    If the ledger is not visible, as for senders, they are the core and those of which a table exists.
    """
    root = sql_root()
    try:
        names = plan.installed(plan.read_ledger(gateway))
    except IuError:
        names = plan.installed({}) | {name for name in modules(root) if _has_table(gateway, root, name)}
    return tuple(load_steps(root, [name for name in modules(root) if name in names]))


def _has_table(gateway: Gateway, root: Path, module: str) -> bool:
    objects = [one for step in load_steps(root, [module]) for one in code.read(step).objects]
    tables = [one[2] for one in objects if one[1] == "table"]
    return bool(gateway.fetch_value(_SQL["any_exists"], {"tables": tables}))


def _schema_findings(gateway: Gateway, asked: Asked) -> Iterator[Finding]:
    """Yield the state of the steps, and if the schema is installed, the findings about it."""
    states: list[plan.StepState] = []

    def steps() -> Verdict:
        states.extend(plan.states(gateway))
        return _steps_verdict(states)

    yield from finding("schema.steps", steps)
    if not states or any(state.applied_at for state in states):
        yield from _findings(gateway, SCHEMA, asked)


def _steps_verdict(states: list[plan.StepState]) -> Verdict:
    if not any(state.applied_at for state in states):
        return Verdict("problem", "the schema is not installed", "Run: iu migrate")
    differing = [f"{state.name} ({state.status})" for state in states if state.status != "applied"]
    if not differing:
        return Verdict("ok", f"all {len(states)} steps are applied")
    unsafe = any(state.status in {"edited", "unknown"} for state in states)
    hint = (
        "Install the version of iu-pipelines that migrated this database (docs/operate/upgrade.md)."
        if unsafe
        else "Run: iu migrate"
    )
    return Verdict("problem", f"not the schema of this version: {', '.join(differing)}", hint)


def _findings(gateway: Gateway, checks: Checks[Asked], asked: Asked) -> Iterator[Finding]:
    for identifier, check in checks:

        def run(check: Any = check) -> Verdict | None:
            with gateway.transaction() as session:
                session.execute(_SQL["read_only"])
                verdict: Verdict | None = check(replace(asked, queries=session))
                return verdict

        yield from finding(identifier, run)
