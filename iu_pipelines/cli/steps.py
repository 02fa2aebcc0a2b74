"""`iu migrate`, `iu verify`, `iu probe`, `iu rollback`, `iu steps` and `iu sql`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.options import Workers, workers_asked_about
from iu_pipelines.cli.output import duration, print_line, print_table, print_verbatim, working
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.domain.quantities import counted
from iu_pipelines.settings import sql_root

ProofName = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", show_default=False, help="Only this step: its name or number."),
]


Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also print every line that the steps report.")
]

_DETAIL: Final = re.compile(r"(PASS|summary|L\d+) ")
"""A line of a step that reports no decision and no exception: a passed check, or a summary as JSON."""


def register(app: typer.Typer) -> None:
    """Add the commands about steps."""
    add_command(app, migrate, installs_schema=True, writes=True)
    add_command(app, verify)
    add_command(app, probe, writes=True)
    add_command(app, rollback, writes=True)
    group = add_group(app, "steps", "List the steps, and stamp their files.")
    add_command(group, list_steps, "list")
    add_command(group, stamp)
    group = add_group(app, "sql", "The SQL files of this package, for psql.")
    add_command(group, sql_path, "path")


def migrate(
    gateway: Gateway,
    adding: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="MODULE",
            show_default=False,
            help="Also install this module. Later calls of iu migrate, iu verify and iu probe include it "
            "automatically. May be repeated.",
        ),
    ] = None,
    show_plan: Annotated[
        bool,
        typer.Option("--plan", help="Only print the steps that would be applied, in order."),
    ] = False,
    without_roles: Annotated[
        bool, typer.Option("--without-roles", help="Create no roles; the installing role owns everything.")
    ] = False,
    verbose: Verbose = False,
) -> Answer:
    """Apply every pending step, each in its own transaction. Safe to repeat.

    Examples:
        iu migrate --database-url postgresql://postgres@localhost/shop
        iu migrate --with delivery
        iu migrate --plan
    """
    modules = adding or []
    if show_plan:
        return _planned(plan.planned(gateway, modules))
    with working("applying steps") as say:
        results = migration.apply(
            gateway,
            modules,
            on_step=lambda done: say(done.name),
            on_wait=lambda step: say(f"{step} waits for a lock"),
            without_roles=without_roles,
        )
    states = plan.states(gateway)
    return Answer(results, lambda: _print_applied(results, len(states), verbose))


def _print_applied(results: Sequence[migration.StepResult], steps: int, verbose: bool) -> None:
    _print_results(results, "every step is already applied", verbose)
    if results:
        checks = sum(notice.startswith("PASS ") for result in results for notice in result.notices)
        passed = f", {counted(checks, 'check')} passed" if checks else ""
        print_line(
            f"{counted(len(results), 'step')} applied{passed}; all {steps} steps are applied. Next: iu status"
        )


def _planned(wanted: Sequence[plan.PlannedStep]) -> Answer:
    data = [
        {
            "module": one.step.key.module,
            "name": one.step.key.name,
            "action": one.action,
            "file": str(one.step.file.path),
        }
        for one in wanted
    ]
    return Answer(data, lambda: _print_plan(wanted))


def _print_plan(wanted: Sequence[plan.PlannedStep]) -> None:
    """Print the plan as a table, and the equivalent psql commands."""
    words = {"applied": "would be applied", "reapplied": "would be applied again"}
    rows = [(one.step.key.module, one.step.key.name, words[one.action]) for one in wanted]
    print_table("Plan", ("module", "step", "action"), rows, empty="every step is already applied")
    if wanted:
        print_line("The same with psql, in this order:")
    for one in wanted:
        print_verbatim(f"  psql -1 -v ON_ERROR_STOP=1 -f {shlex.quote(str(one.step.file.path))}")


def rollback(
    gateway: Gateway,
    step: Annotated[str, typer.Argument(help="The last step that remains applied; 000 undoes every step.")],
    module: Annotated[
        str, typer.Option("--module", metavar="MODULE", help="The module whose steps are undone.")
    ] = files.CORE,
    verbose: Verbose = False,
) -> Answer:
    """Undo all steps of a module after STEP, or none of them if one refuses because data would be lost.

    Examples:
        iu rollback 000 --module iu-delivery
    """
    with working("rolling back") as say:
        results = migration.rollback(gateway, step, module, on_step=lambda done: say(done.name))
    return Answer(results, lambda: _print_undone(results, step, verbose))


def _print_undone(results: Sequence[migration.StepResult], step: str, verbose: bool) -> None:
    _print_results(results, f"no step after {step} is applied", verbose)
    if results:
        print_line(f"{counted(len(results), 'step')} rolled back.")


def verify(gateway: Gateway, step: ProofName = None, workers: Workers = None) -> Answer:
    """Verify every step with its read-only proof. Exit code 1 when a line fails.

    Examples:
        iu verify
        iu verify 100 --worker shop_outbound
    """
    with working("verifying"):
        return _proven(verification.verify(gateway, step, workers=workers_asked_about(workers)))


def probe(gateway: Gateway, step: ProofName = None) -> Answer:
    """Run the probes, in transactions that are rolled back. Exit code 1 when a line fails.

    Examples:
        iu probe
        iu probe 040
    """
    with working("probing"):
        return _proven(verification.probe(gateway, step))


def list_steps(gateway: Gateway) -> Answer:
    """Show every step and whether it is applied.

    Examples:
        iu steps list
    """
    states = plan.states(gateway)
    return Answer(states, lambda: print_states(states))


def print_states(states: Sequence[plan.StepState]) -> None:
    """Print the state of each step as a table."""
    rows = [(state.name, state.status, state.applied_at, state.applied_by) for state in states]
    print_table("Steps", ("step", "status", "applied at", "by"), rows, empty="none")


def stamp(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when a stamp is stale.")
    ] = False,
) -> Answer:
    """Write the checksum of each runtime step into its last statement.

    Examples:
        iu steps stamp
        iu steps stamp --check
    """
    stale = files.stamp(sql_root(), check=check)
    action = "stale" if check else "stamped"
    line = f"{action}: {', '.join(stale)}" if stale else "every stamp is current"
    return Answer(
        {"stale": stale, "written": not check}, lambda: print_line(line), failed=bool(stale) and check
    )


def sql_path() -> Answer:
    """Print the directory with the SQL files of this package: those of `iu-core` and of each module.

    Examples:
        iu sql path
    """
    path = str(sql_root())
    return Answer({"path": path}, lambda: print_verbatim(path))


def _print_results(results: Sequence[migration.StepResult], nothing: str, verbose: bool) -> None:
    """Print the steps as a table, and what the server said about them; its details only if `verbose`."""
    rows = [(result.name, result.action.replace("_", " "), duration(result.seconds)) for result in results]
    print_table("Steps", ("step", "action", "time"), rows, empty=nothing)
    for result in results:
        for notice in result.notices:
            if verbose or not _DETAIL.match(notice):
                print_line(f"{result.name}: {notice}")


def _proven(proofs: Sequence[verification.Proof]) -> Answer:
    passed = all(proof.passed for proof in proofs)
    data = {"passed": passed, "proofs": [_plain(proof) for proof in proofs]}
    return Answer(data, lambda: _print_proofs(proofs), failed=not passed)


def _print_proofs(proofs: Sequence[verification.Proof]) -> None:
    for proof in proofs:
        print_proof(proof)
    lines = [line for proof in proofs for line in proof.lines]
    failed = sum(not line.passed for line in lines)
    print_line(f"{len(lines) - failed} passed, {failed} failed")


def _plain(proof: verification.Proof) -> dict[str, Any]:
    """Return a proof for the JSON output, with the name of the step in each line."""
    lines = [{"step": proof.step, **asdict(line)} for line in proof.lines]
    return {**asdict(proof), "lines": lines}


def print_proof(proof: verification.Proof) -> None:
    """Print the lines of one proof as a table."""
    rows = [("PASS" if line.passed else "FAIL", line.name, line.expected, line.seen) for line in proof.lines]
    title = f"{proof.step} ({duration(proof.seconds)})"
    print_table(title, ("", "proof", "expected", "seen"), rows, empty="no lines, so nothing was proven")
