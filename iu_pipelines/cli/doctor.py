"""`iu doctor` and `iu wait`: what is wrong with an installation, and whether a database is ready."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command
from iu_pipelines.cli.connection import database_url
from iu_pipelines.cli.output import print_line, print_table, working
from iu_pipelines.db.steps import readiness
from iu_pipelines.domain.doctor.findings import Finding, Level
from iu_pipelines.domain.quantities import counted
from iu_pipelines.hosting.doctor import report

Port = Annotated[
    int, typer.Option("--port", min=1, max=65_535, help="Port of the web UI of iu dev, which is looked at.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait.")]
Migrated = Annotated[
    bool,
    typer.Option(
        "--migrated/--no-migrated", help="Whether to wait until every step of this version is applied, too."
    ),
]

All = Annotated[bool, typer.Option("--all", help="Show also what is ok. With --json everything is shown.")]

_OK: Final = "ok"
_LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note", "ok")


def register(app: typer.Typer) -> None:
    """Add the commands `iu doctor` and `iu wait`."""
    add_command(app, doctor)
    add_command(app, wait, installs_schema=True)


def doctor(call: Invocation, port: Port = 3000, show_all: All = False) -> Answer:
    """Examine environment, server, schema, roles, ports and Dagster. Exit code 1 if there is a problem.

    Examples:
        iu doctor
        iu doctor --all
    """
    with working("examining"):
        found = list(report.examine(call.settings, port))
    problems = any(finding.level == "problem" for finding in found)
    return Answer(
        {"passed": not problems, "findings": found},
        lambda: _print_findings(found, show_all=show_all),
        failed=problems,
    )


def _print_findings(found: Sequence[Finding], *, show_all: bool) -> None:
    """Print the worst findings first, and those that are ok only if `show_all`."""
    shown = [finding for finding in found if show_all or finding.level != _OK]
    shown.sort(key=lambda finding: _LEVELS.index(finding.level))
    rows = [(finding.level, finding.id, finding.found, finding.hint) for finding in shown]
    print_table("Findings", ("level", "check", "found", "what to do"), rows, empty="none")
    counts = Counter(finding.level for finding in found)
    words = ", ".join(counted(counts[level], level) for level in _LEVELS if level != _OK)
    print_line(f"{len(found)} checks: {words}, {counts[_OK]} ok{'' if show_all else ' (iu doctor --all)'}")


def wait(call: Invocation, timeout: Timeout = 60.0, migrated: Migrated = True) -> Answer:
    """Wait until the database answers and is migrated to this version. Exit code 1 after the timeout.

    Examples:
        iu wait --timeout 120
        iu wait --no-migrated
    """
    url = database_url(call.settings())
    seconds = readiness.wait(
        url, timeout, migrated=migrated, on_wait=lambda missing: call.say(f"waiting: {missing}")
    )
    return Answer(
        {"ready": True, "seconds": round(seconds, 3), "migrated": migrated},
        lambda: print_line(f"ready after {seconds:.1f} s"),
    )
