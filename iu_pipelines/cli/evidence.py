"""`iu evidence` and `iu evidence verify`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from iu_pipelines.cli.command import Answer, Invocation, add_command, add_group
from iu_pipelines.cli.options import Workers, workers_asked_about
from iu_pipelines.cli.output import print_line, print_table, working
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.health import at_least
from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.times import in_utc
from iu_pipelines.evidence import chain, collect, compare, ledgers, pack, store
from iu_pipelines.evidence.chain import ChainReport
from iu_pipelines.evidence.compare import Change
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.evidence.pack import Pack
from iu_pipelines.evidence.states import States
from iu_pipelines.evidence.store import Place


def register(app: typer.Typer) -> None:
    """Add the commands about evidence."""
    group = add_group(app, "evidence", evidence, writes=True)
    add_command(group, verify)


def evidence(
    call: Invocation,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="The folder or URL of the chain of packs; default: one for each database under IU_HOME, or "
            "in IU_EVIDENCE_STORE.",
        ),
    ] = None,
    compare_with: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="OLD", show_default=False, help="Also print what changed since this pack."
        ),
    ] = None,
    probes: Annotated[
        bool,
        typer.Option(
            "--probes/--no-probes",
            help="Also run the probes, as the owner of the objects. As another role, give --no-probes.",
        ),
    ] = True,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Verify all batches and attempts, not only the newest 100,000 of each worker."
        ),
    ] = False,
    workers: Workers = None,
) -> Answer:
    """Run every proof and probe, and write a pack of evidence: an HTML page, JSON and JUnit.

    Changes nothing in the database; with live delivery the hash and the verdict of the pack are added to its
    ledger of packs. Exit code 1 when a line fails or is pending; the pack is written in any case.

    Examples:
        iu evidence
        iu evidence --no-probes --worker shop_outbound
        iu evidence --compare 000012/evidence.json
    """
    pack.require_extra()
    old = pack.read(store.open_directory(compare_with)) if compare_with else None
    with call.connect() as gateway, working("gathering evidence") as say:
        directory = _directory(call, gateway, out)
        depth = collect.EVERYTHING if full else collect.Depth()
        gathered = collect.collect(
            gateway,
            pack.newest(directory),
            workers=workers_asked_about(workers),
            depth=depth,
            probes=probes,
            say=say,
        )
        say("writing the pack")
        written = pack.write(gathered, directory, pack.only_writer(gateway))
        ledgers.record_pack(gateway, written.hash, gathered.verdict.passed)
    changes = compare.compare(old, gathered) if old else None

    def show() -> None:
        _print(gathered, written)
        if old and changes is not None:
            _print_changes(old, changes)

    return Answer(_summary(gathered, written, changes), show, failed=not gathered.verdict.passed)


def _directory(call: Invocation, gateway: Gateway, given: str | None) -> Place:
    """Open the directory that is given, or else that of the database."""
    if given:
        return store.open_directory(given)
    return pack.default_directory(call.settings().evidence_location, gateway)


def _summary(gathered: Evidence, written: Pack, changes: Sequence[Change] | None) -> dict[str, object]:
    summary: dict[str, object] = {
        "passed": gathered.verdict.passed,
        "lines": gathered.verdict.lines,
        "failed": [
            {"step": proof.step, "name": line.name, "expected": line.expected, "seen": line.seen}
            for proof in gathered.proofs
            for line in proof.lines
            if not line.passed
        ],
        "unread_domains": gathered.unread_domains,
        "pack": written.number,
        "hash": written.hash,
        "folder": store.text_of(written.folder),
        "report": store.text_of(written.report),
    }
    return summary if changes is None else summary | {"changes": changes}


def _print(gathered: Evidence, written: Pack) -> None:
    states = States(gathered)
    failed, pending = states.lines("failed"), states.lines("pending")
    for title, lines in (("Failed", failed), ("Pending: the step is not applied", pending)):
        if lines:
            rows = [(proof.step, line.name, line.expected, line.seen) for proof, line in lines]
            print_table(title, ("proof", "line", "expected", "seen"), rows, empty="none")
    print_line(
        f"{'FAIL' if failed else 'PENDING' if pending else 'PASS'}: "
        f"{counted(gathered.verdict.lines, 'line')} of {counted(len(gathered.proofs), 'proof')}, "
        f"{len(failed)} failed{f', {len(pending)} pending' if pending else ''}"
        f"{'' if gathered.probed else '; no probe was run'}"
    )
    print_line(states.headline())
    for domain in gathered.unread_domains:
        events = at_least(domain.unread_events, capped=domain.unread_events_capped)
        print_line(f"note: no worker reads domain {domain.event_domain}; unread events: {events}")
    print_line(f"pack {written.number}, hash {written.hash}")
    print_line(f"open {store.text_of(written.report)}")


def _print_changes(old: Evidence, changes: Sequence[Change]) -> None:
    rows = [(change.area, change.name, change.before, change.after) for change in changes]
    print_table(
        f"Changed since {in_utc(old.generated_at)}",
        ("", "what", "before", "now"),
        rows,
        empty="nothing except the time",
    )


def verify(
    call: Invocation,
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR]",
            show_default=False,
            help="The folder or URL of packs; default: that of the database.",
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="HASH",
            show_default=False,
            help="The hash of a pack, stored elsewhere. Detects that this pack or an earlier one was deleted "
            "or replaced.",
        ),
    ] = None,
) -> Answer:
    """Verify the chain of packs. Exit code 1 when a pack was altered, removed or moved.

    Examples:
        iu evidence verify
        iu evidence verify --head "$STORED_HASH"
    """
    if directory is None:
        with call.connect() as gateway:
            report = chain.verify(_directory(call, gateway, None), head)
    else:
        report = chain.verify(store.open_directory(directory), head)
    return Answer(_chain_summary(report), lambda: _print_chain(report), failed=not report.whole)


def _chain_summary(report: ChainReport) -> dict[str, object]:
    return {
        "whole": report.whole,
        "packs": report.packs,
        "newest": report.newest,
        "newest_hash": report.newest_hash,
        "head": report.head,
        "faults": report.faults,
    }


def _print_chain(report: ChainReport) -> None:
    for fault in report.faults:
        print_line(f"pack {fault.pack} {fault.message}")
    if report.head and report.newest and report.head < report.newest:
        newer = report.newest - report.head
        follow = f"{counted(newer, 'newer pack')} {'follows' if newer == 1 else 'follow'}"
        print_line(f"the hash is that of pack {report.head}; {follow}")
    state = "the chain is intact" if report.whole else "THE CHAIN IS BROKEN"
    print_line(f"{state}: {counted(report.packs, 'pack')}, newest {report.newest}, hash {report.newest_hash}")
