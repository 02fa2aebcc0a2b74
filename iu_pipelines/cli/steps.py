"""``iu migrate``, ``iu verify``, ``iu probe``, ``iu rollback`` and ``iu steps``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from iu_pipelines.cli.connection import connect
from iu_pipelines.cli.options import AsJson, DatabaseUrl
from iu_pipelines.cli.output import duration, print_json, print_line, print_table, working
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.settings import sql_root

ProofName = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", show_default=False, help="Only this one: a name, or its number."),
]


def register(app: typer.Typer) -> None:
    """Add the commands about steps."""
    app.command()(migrate)
    app.command()(verify)
    app.command()(probe)
    app.command()(rollback)
    group = typer.Typer(no_args_is_help=True, help="The steps as files and in the ledger.")
    group.command("list")(list_steps)
    group.command()(stamp)
    app.add_typer(group, name="steps")


def migrate(
    without_roles: Annotated[
        bool, typer.Option("--without-roles", help="Create no roles; the installer owns everything.")
    ] = False,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Apply every pending step, each in a transaction of its own. Safe to repeat."""
    with connect(database_url) as gateway, working("applying steps") as say:
        results = migration.apply(gateway, on_step=lambda done: say(done.name), without_roles=without_roles)
    _show_results(results, "every step is applied already", as_json)


def rollback(
    step: Annotated[
        str, typer.Argument(help="The step to go back to, which stays applied; 000 undoes every step.")
    ],
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Undo the steps after STEP, all of them or, where data would be lost, none."""
    with connect(database_url) as gateway, working("rolling back") as say:
        results = migration.rollback(gateway, step, on_step=lambda done: say(done.name))
    _show_results(results, f"no step after {step} is applied", as_json)


def verify(step: ProofName = None, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Prove, read-only, that every step still holds. Exit code 1 when a line fails."""
    with connect(database_url) as gateway, working("verifying"):
        proofs = verification.verify(gateway, step)
    _show_proofs(proofs, as_json)


def probe(step: ProofName = None, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Exercise the engine in transactions that are rolled back. Exit code 1 when a line fails."""
    with connect(database_url) as gateway, working("probing"):
        proofs = verification.probe(gateway, step)
    _show_proofs(proofs, as_json)


def list_steps(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show every step and whether it is applied."""
    with connect(database_url) as gateway:
        states = plan.states(gateway)
    if as_json:
        print_json(states)
    else:
        print_states(states)


def print_states(states: Sequence[plan.StepState]) -> None:
    """Print the plan as a table."""
    rows = [(state.name, state.status, state.applied_at, state.applied_by) for state in states]
    print_table("Steps", ("step", "status", "applied at", "by"), rows, empty="there are none")


def stamp(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when one is stale.")
    ] = False,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Write the checksum of each runtime step into its last statement."""
    stale = files.stamp(sql_root(), check=check)
    if as_json:
        print_json({"stale": stale, "written": not check})
    else:
        verb = "stale" if check else "stamped"
        print_line(f"{verb}: {', '.join(stale)}" if stale else "every stamp is right")
    if stale and check:
        raise typer.Exit(1)


def _show_results(results: Sequence[migration.StepResult], nothing: str, as_json: bool) -> None:
    if as_json:
        print_json(results)
        return
    rows = [(result.name, result.action.replace("_", " "), duration(result.seconds)) for result in results]
    print_table("Steps", ("step", "done", "time"), rows, empty=nothing)
    for result in results:
        for notice in result.notices:
            print_line(f"{result.name}: {notice}")


def _show_proofs(proofs: Sequence[verification.Proof], as_json: bool) -> None:
    passed = all(proof.passed for proof in proofs)
    if as_json:
        print_json({"passed": passed, "proofs": [_plain(proof) for proof in proofs]})
    else:
        for proof in proofs:
            print_proof(proof)
        lines = [line for proof in proofs for line in proof.lines]
        failed = sum(not line.passed for line in lines)
        print_line(f"{len(lines) - failed} passed, {failed} failed")
    if not passed:
        raise typer.Exit(1)


def _plain(proof: verification.Proof) -> dict[str, Any]:
    """Return a proof as JSON has it, with the step in each line."""
    lines = [{"step": proof.step, **asdict(line)} for line in proof.lines]
    return {**asdict(proof), "lines": lines}


def print_proof(proof: verification.Proof) -> None:
    """Print the lines of one proof as a table."""
    rows = [("PASS" if line.passed else "FAIL", line.name, line.expected, line.seen) for line in proof.lines]
    title = f"{proof.step} ({duration(proof.seconds)})"
    print_table(
        title, ("", "proof", "expected", "seen"), rows, empty="it printed no line, and so proves nothing"
    )
