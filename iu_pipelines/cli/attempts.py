"""`iu audit` lists attempts and open dead letters, `iu audit verify` verifies the ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Annotated
from uuid import UUID

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command, add_group
from iu_pipelines.cli.dead_letters import print_letters
from iu_pipelines.cli.exports import export
from iu_pipelines.cli.options import Limit, parse_uuid, row_number
from iu_pipelines.cli.output import print_line, print_table, working
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, dead_letters, deliveries, worker
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import ArgumentInvalid, UsageError
from iu_pipelines.evidence import ledgers


def register(app: typer.Typer) -> None:
    """Add the commands about attempts."""
    group = add_group(app, "audit", audit)
    add_command(group, verify)
    add_command(group, export)


def audit(
    gateway: Gateway,
    event: Annotated[
        UUID | None,
        typer.Option(
            parser=parse_uuid, metavar="UUID", show_default=False, help="Only the attempts of this event."
        ),
    ] = None,
    run_ref: Annotated[
        str | None,
        typer.Option("--run", metavar="REF", show_default=False, help="Only the attempts of this run."),
    ] = None,
    worker_name: Annotated[
        str | None,
        typer.Option(
            "--worker", metavar="NAME", show_default=False, help="Only the attempts of this worker."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", show_default=False, help="Only the attempts with this idempotency key."
        ),
    ] = None,
    before: Annotated[
        int | None,
        typer.Option(
            "--before",
            metavar="ID",
            callback=row_number,
            show_default=False,
            help="Only attempts older than this attempt, for the next page.",
        ),
    ] = None,
    limit: Limit = 10,
) -> Answer:
    """Show attempts by decision, the newest attempts, and the open dead letters.

    With a filter, attempts are not counted by decision. Only --worker filters the open dead letters too.

    Examples:
        iu audit
        iu audit --event 0199c1d2-0000-7000-8000-000000000042
        iu audit --worker shop_outbound --limit 100
    """
    choice = Choice(event, run_ref, worker_name, key)
    title, tries = _select_attempts(gateway, choice, limit, before)
    counts = attempts.counts_by_decision(gateway)
    letters = dead_letters.list_letters(gateway, worker_name=worker_name, limit=limit)
    letters_open = dead_letters.count_open(gateway, worker_name)

    def show() -> None:
        if not choice.is_made:
            print_counts(counts)
        print_attempts(title, tries)
        print_letters(_letters_title(choice, len(letters), letters_open), letters)

    data = {
        "attempts_by_decision": {count.decision: count.attempts for count in counts},
        "attempts": tries,
        "dead_letter_open": letters_open,
        "dead_letters": letters,
    }
    return Answer(data, show)


@dataclass(frozen=True)
class Choice:
    """The filter of `iu audit`. At most one field is set; if none is, it matches all attempts."""

    event: UUID | None
    run_ref: str | None
    worker_name: str | None
    key: str | None

    @property
    def is_made(self) -> bool:
        """Whether a field is set."""
        return any(value is not None for value in astuple(self))


def _letters_title(choice: Choice, shown: int, letters_open: int) -> str:
    """Return the title of the open dead letters: whose they are, and how many are not shown."""
    whose = f" of {choice.worker_name}" if choice.worker_name is not None else ""
    everyone = "of all workers, " if choice.is_made and not whose else ""
    part = f"the {shown:,} due first of {letters_open:,}" if shown < letters_open else f"{letters_open:,}"
    return f"Open dead letters{whose} ({everyone}{part})"


def _select_attempts(
    gateway: Gateway, choice: Choice, limit: int, before: int | None
) -> tuple[str, list[attempts.Attempt]]:
    """Return a title and the attempts.

    Raises UsageError if more than one filter is set, or if --before is combined with --event or --key.
    """
    if sum(value is not None for value in astuple(choice)) > 1:
        raise UsageError(
            "only one of --event, --run, --worker and --key may be given", hint="Give one of them."
        )
    if before is not None and (choice.event or choice.key is not None):
        raise UsageError(
            "--before cannot be combined with --event or --key",
            hint="Leave out --before: --event and --key show all their attempts at once.",
        )
    if choice.event:
        return f"Attempts of {choice.event}", attempts.for_event(gateway, choice.event)
    if choice.key is not None:
        return f"Attempts of {choice.key}", attempts.for_key(gateway, choice.key)
    if choice.run_ref is not None:
        found = attempts.for_run(gateway, choice.run_ref, limit, before)
        return f"Newest attempts of {choice.run_ref}", found
    if choice.worker_name is not None:
        worker.require(gateway, choice.worker_name)
        found = attempts.for_worker(gateway, choice.worker_name, limit, before)
        return f"Newest attempts of {choice.worker_name}", found
    return "Newest attempts", attempts.recent(gateway, limit, before)


def print_counts(counts: Sequence[attempts.DecisionCount]) -> None:
    """Print attempts by decision as a table."""
    rows = [(count.decision, count.attempts) for count in counts]
    print_table("Attempts by decision", ("decision", "attempts"), rows, empty="none yet")


def print_attempts(title: str, tries: Sequence[attempts.Attempt]) -> None:
    """Print attempts as a table."""
    columns = ("attempt", "batch", "at", "event", "worker", "route", "try", "decision", "error")
    rows = [
        (
            str(attempt.attempt_id),
            None if attempt.batch_id is None else str(attempt.batch_id),
            attempt.created_at,
            attempt.event_id,
            attempt.worker_name,
            attempt.route_code,
            attempt.attempt_no,
            attempt.decision,
            attempt.error_detail or attempt.error_code,
        )
        for attempt in tries
    ]
    print_table(title, columns, rows, empty="none yet")


def verify(
    call: Invocation,
    worker_name: Annotated[
        str | None,
        typer.Option("--worker", metavar="NAME", show_default=False, help="Only this worker; default: all."),
    ] = None,
    from_batch: Annotated[
        int | None, typer.Option("--from", metavar="ID", min=1, show_default=False, help="The first batch.")
    ] = None,
    to_batch: Annotated[
        int | None, typer.Option("--to", metavar="ID", min=1, show_default=False, help="The last batch.")
    ] = None,
    chain_only: Annotated[
        bool, typer.Option("--chain-only", help="Verify the chain of batches, but not their attempts.")
    ] = False,
) -> Answer:
    """Verify the ledgers: recompute the chain of batches, and compare each attempt with its batch and route.

    Without --worker and a range, deliveries are verified too, if their module is installed. Prints the first
    mismatch of each ledger. Exit code 1 when there is one. Takes no lock.

    Examples:
        iu audit verify
        iu audit verify --worker shop_outbound --from 100 --to 200
    """
    if from_batch is not None and to_batch is not None and from_batch > to_batch:
        raise UsageError(
            f"--from {from_batch} is after --to {to_batch}", hint="--from must not be greater than --to."
        )
    with call.connect() as gateway, working("verifying the ledgers") as say:
        names = _select_workers(ledgers.worker_names(gateway), worker_name)
        chains: list[ledgers.ChainCheck] = []
        tries: list[ledgers.AttemptsCheck] = []
        for name in names:
            say(name)
            chains.append(ledgers.verify_chain(gateway, name, from_batch, to_batch))
            if not chain_only:
                tries.append(ledgers.verify_attempts(gateway, name, from_batch, to_batch))
        replays = None if chain_only else ledgers.replays_fault(gateway)
        of_deliveries = None
        if worker_name is None and from_batch is None and to_batch is None:
            of_deliveries = _verify_deliveries(gateway, chain_only=chain_only)
    found = [*(check.fault for check in chains), *(check.fault for check in tries), replays]
    found += [of_deliveries.chains.fault, of_deliveries.states_fault] if of_deliveries else []
    faults = [fault for fault in found if fault]
    data = {"fits": not faults, "faults": faults, "chains": chains, "attempts": tries}
    return Answer(
        {**data, "deliveries": of_deliveries},
        lambda: _print_ledgers(chains, tries, of_deliveries, faults),
        failed=bool(faults),
    )


@dataclass(frozen=True)
class DeliveriesCheck:
    """The result of verifying deliveries. `states_fault` describes an event that is in no state or in two."""

    chains: deliveries.DeliveryChains
    states_fault: str | None


def _verify_deliveries(gateway: Gateway, *, chain_only: bool) -> DeliveriesCheck | None:
    """Verify the deliveries; None if their module is not installed."""
    if not deliveries.is_installed(gateway):
        return None
    states_fault = None if chain_only else deliveries.misfit(gateway)
    return DeliveriesCheck(deliveries.verify_chains(gateway), states_fault)


def _select_workers(known: list[str], wanted: str | None) -> list[str]:
    if wanted is None:
        return known
    if wanted not in known:
        raise ArgumentInvalid(f"no such worker: {wanted!r}", hint=similar_names("workers", wanted, known))
    return [wanted]


def _print_ledgers(
    chains: Sequence[ledgers.ChainCheck],
    tries: Sequence[ledgers.AttemptsCheck],
    of_deliveries: DeliveriesCheck | None,
    faults: Sequence[str],
) -> None:
    verified = {check.worker_name: check for check in tries}
    rows = [
        (
            chain.worker_name,
            chain.batches,
            verified[chain.worker_name].attempts if chain.worker_name in verified else None,
            chain.newest_batch_id and str(chain.newest_batch_id),
            chain.newest_hash,
        )
        for chain in chains
    ]
    columns = ("worker", "batches verified", "attempts verified", "newest batch", "hash")
    print_table("Ledgers", columns, rows, empty="no worker has run yet")
    if of_deliveries:
        found = of_deliveries.chains
        print_line(
            f"deliveries: {found.batches:,} batches, {found.ledger_rows:,} rows of the ledger and "
            f"{found.entries:,} claims, outcomes and decisions verified"
        )
    for fault in faults:
        print_line(f"MISMATCH: {fault}")
    if not faults:
        print_line("all rows match")
