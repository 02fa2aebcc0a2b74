"""Break each guarantee on purpose; the lines that prove it must fail and say what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

import pytest

from evidence.breaches import BREACHES, OF_THE_SERVER, PROBES, WORKER, Breach
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, verification
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence import collect, ledgers
from iu_pipelines.evidence.facts import LEDGERS, Evidence
from iu_pipelines.settings import sql_root

# Lines with tests of their own: a probe that commits, and a ledger that was rewritten completely.
ELSEWHERE = {
    *((probe, "POST-ROLLBACK what the probe left") for probe in PROBES),
    *((probe, "POST-ROLLBACK settings and routes") for probe in PROBES),
    (LEDGERS, "pack before: its batches"),
}
# Tables without the mark of a probe: their rows belong to a marked row, or are compared as settings.
UNMARKED = {"iu_route_attempt_log", "iu_route_attempt_tally", "iu_outbound_route_version", "unit_version"}


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.title)
def test_the_lines_that_prove_a_guarantee_fail_when_it_is_broken(worked: Gateway, breach: Breach) -> None:
    """Break a database on which every line passes, as the fixture `evidence` asserts."""
    worked.run_script(f"set session_replication_role = replica; {breach.done};")
    for step in breach.fails:
        assert_failed(breach, step, proof(worked, step))


@pytest.mark.parametrize("breach", OF_THE_SERVER, ids=lambda breach: breach.title)
def test_the_lines_that_prove_a_guarantee_fail_when_it_is_broken_for_a_whole_server(
    own_server: EmbeddedServer, breach: Breach
) -> None:
    with Gateway(own_server.ensure_running()) as gateway:
        migration.apply(gateway)
        gateway.run_script(breach.done)
        for step in breach.fails:
            assert_failed(breach, step, proof(gateway, step))


def assert_failed(breach: Breach, step: str, lines: Sequence[Line]) -> None:
    """Assert that each line that the breach names failed, with the text that it names."""
    for start, text in breach.fails[step].items():
        found = [line for line in lines if line.name.startswith(start)]
        assert found, f"{step} has no line {start}"
        for line in found:
            assert not line.passed, line
            assert text in line.seen


def proof(gateway: Gateway, step: str) -> Sequence[Line]:
    """Return the lines of a verify file, of a probe, or of the verification of the ledgers."""
    if step == LEDGERS:
        return list(collect.collect(gateway).proofs[-1].lines)
    (found,) = (verification.probe if step in PROBES else verification.verify)(gateway, step)
    return found.lines


def test_every_line_of_every_proof_fails_in_some_test(evidence: Evidence) -> None:
    broken = [
        (step, start)
        for breach in (*BREACHES, *OF_THE_SERVER)
        for step, lines in breach.fails.items()
        for start in lines
    ]
    never = [
        f"{proof.step}: {line.name}"
        for proof in evidence.proofs
        for line in proof.lines
        if (proof.step, line.name) not in ELSEWHERE
        and not any(proof.step == step and line.name.startswith(start) for step, start in broken)
    ]
    assert never == []


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_that_commits_fails(worked: Gateway, tmp_path: Path, name: str) -> None:
    tree = Path(copytree(sql_root(), tmp_path / "sql"))
    path = tree / "iu-core/sandbox" / f"{name}.sql"
    path.write_text(
        path.read_text().replace(
            "\nrollback;\n",
            "\nupdate public.dot_config set value = '7' where key = 'iu_core.stall_seconds';\ncommit;\n",
        )
    )
    before = rows(worked)
    (found,) = verification.probe(worked, name, root=tree)
    left, changed = (line for line in found.lines if line.name.startswith("POST-ROLLBACK"))
    assert (left.passed, changed.passed) == (False, False)
    grown = {table for table, count in rows(worked).items() if count > before[table]}
    found_in = set(re.findall(r" in (\w+)", left.seen))
    assert grown - UNMARKED <= found_in <= grown | {"dot_config"}  # a gate's value may have the mark too
    assert "dot_config" in changed.seen


def rows(gateway: Gateway) -> dict[str, int]:
    tables = gateway.fetch_all(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    return {
        table["relname"]: gateway.fetch_value(f"select count(*) from public.{table['relname']}")
        for table in tables
    }


def test_a_ledger_rewritten_with_valid_hashes_differs_from_the_previous_pack(worked: Gateway) -> None:
    before = collect.collect(worked)
    assert before.verdict.passed
    worked.run_script(
        """
        set session_replication_role = replica;
        do $$
        declare
            v_batch public.iu_route_batch;
            v_hash bytea := '\\x';
        begin
            for v_batch in select * from public.iu_route_batch order by batch_id loop
                v_batch.run_ref := 'forged';
                v_batch.previous_hash := v_hash;
                v_hash := public.fn_iu_batch_hash(v_batch);
                update public.iu_route_batch
                set run_ref = 'forged', previous_hash = v_batch.previous_hash, batch_hash = v_hash
                where batch_id = v_batch.batch_id;
            end loop;
            update public.iu_route_worker_cursor set last_batch_hash = v_hash;
        end $$;
        """
    )
    assert ledgers.verify_chain(worked, WORKER).fits
    after = collect.collect(worked, before)
    failed = {line.name: line.seen for line in after.proofs[-1].lines if not line.passed}
    newest = ledgers.verify_chain(worked, WORKER).newest_batch_id
    assert failed == {
        "pack before: its batches": f"batch {newest} of {WORKER} differs from the previous pack",
    }


def test_a_line_whose_check_raises_fails(worked: Gateway) -> None:
    worked.run_script("drop function public.fn_iu_audit_attempts_misfit")
    found = collect.collect(worked)
    failed = {line.name for line in found.proofs[-1].lines if not line.passed}
    assert failed == {f"attempts of {WORKER}"}
    assert not found.verdict.passed
