"""The checker is checked: each guarantee is broken on purpose, and the line that proves it must say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

import pytest
from breaches import AUDIT, BREACHES, OF_THE_SERVER, PROBES, WORKER, Breach

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, verification
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence import collect, ledgers
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.settings import sql_root

CASES = [
    pytest.param(breach, step, id=f"{breach.title}: {step}") for breach in BREACHES for step in breach.turns
]
# Broken by tests of their own: a probe that commits, and a ledger that was rewritten whole.
ELSEWHERE = {
    *((probe, "POST-ROLLBACK what the probe left") for probe in PROBES),
    *((probe, "POST-ROLLBACK settings and routes") for probe in PROBES),
    (AUDIT, "pack before: its batches"),
}
# Rows without a mark: they go with a row that bears it, or with a counter or route that is held as a setting.
UNMARKED = {"iu_route_attempt_log", "iu_route_attempt_tally", "iu_outbound_route_version", "unit_version"}


@pytest.mark.parametrize(("breach", "step"), CASES)
def test_a_guarantee_that_is_broken_turns_the_lines_that_prove_it(
    worked: Gateway, breach: Breach, step: str
) -> None:
    assert [line for line in proof(worked, step) if not line.passed] == []
    worked.run_script(f"set session_replication_role = replica; {breach.done};")
    turned(breach, step, proof(worked, step))


@pytest.mark.parametrize("breach", OF_THE_SERVER, ids=lambda breach: breach.title)
def test_what_is_broken_for_a_whole_server_turns_the_line_that_proves_it(
    own_server: EmbeddedServer, breach: Breach
) -> None:
    with Gateway(own_server.ensure_running()) as gateway:
        migration.apply(gateway)
        gateway.run_script(breach.done)
        for step in breach.turns:
            turned(breach, step, proof(gateway, step))


def turned(breach: Breach, step: str, lines: Sequence[Line]) -> None:
    """Every line that is named must have failed, and must say what is wrong."""
    for start, named in breach.turns[step].items():
        found = [line for line in lines if line.name.startswith(start)]
        assert found, f"{step} has no line {start}"
        for line in found:
            assert not line.passed, line
            assert named in line.seen


def proof(gateway: Gateway, step: str) -> Sequence[Line]:
    """The lines of a verify file, of a probe, or of the audit."""
    if step == AUDIT:
        return list(collect.collect(gateway).proofs[-1].lines)
    (found,) = (verification.probe if step in PROBES else verification.verify)(gateway, step)
    return found.lines


def test_every_line_of_every_proof_has_been_seen_to_fail(evidence: Evidence) -> None:
    broken = [
        (step, start)
        for breach in (*BREACHES, *OF_THE_SERVER)
        for step, turns in breach.turns.items()
        for start in turns
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
def test_a_probe_that_commits_is_found_out(worked: Gateway, tmp_path: Path, name: str) -> None:
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
    assert grown - UNMARKED <= set(re.findall(r" in (\w+)", left.seen)) <= grown
    assert "dot_config" in changed.seen


def rows(gateway: Gateway) -> dict[str, int]:
    tables = gateway.fetch_all(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    return {
        table["relname"]: gateway.fetch_value(f"select count(*) from public.{table['relname']}")
        for table in tables
    }


EDITS = {
    "its decision": ("update {log} set decision = 'skipped' where attempt_id = 6", "says skipped"),
    "its decision and its error": (
        "update {log} set decision = 'failed', error_code = 'worker_process_error' where attempt_id = 6",
        "failed and was not set aside",
    ),
    "its route": (
        "update {log} set route_no = 1, route_version = 1 where attempt_id = 6",
        "state of a route",
    ),
    "its event, for one of another batch": (
        "update {log} set event_id = (select event_id from {log} where attempt_id = 1), worker_no = worker_no"
        " where attempt_id = 6",
        "",
    ),
    "its event, for one that is not there": (
        "update {log} set event_id = gen_random_uuid() where attempt_id = 6",
        "not in the outbox",
    ),
    "its time": (
        "update {log} set created_at = created_at - interval '1 hour' where attempt_id = 6",
        "dated outside",
    ),
    "its batch": (
        "update {log} set batch_id = (select max(batch_id) from public.iu_route_batch) where attempt_id = 6",
        "",
    ),
    "its worker": ("update {log} set worker_no = 1 where attempt_id = 6", "has 3 attempts"),
    "its place": (
        "update {log} set attempt_id = case attempt_id when 6 then 7 else 6 end where attempt_id in (6, 7)",
        "order of events",
    ),
    "that it is there": ("delete from {log} where attempt_id = 6", "has 3 attempts"),
    "that there is no more": (
        "insert into {log} (batch_id, event_id, worker_no, route_no, route_version, decision)"
        " select batch_id, gen_random_uuid(), worker_no, route_no, route_version, decision from {log}"
        " where attempt_id = 6",
        "not in the outbox",
    ),
    "that it was delivered": ("update {log} set decision = 'sent' where attempt_id = 6", "says sent"),
}


@pytest.mark.parametrize(("edit", "named"), [pytest.param(*edit, id=title) for title, edit in EDITS.items()])
def test_an_edited_attempt_is_named(worked: Gateway, edit: str, named: str) -> None:
    assert ledgers.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_attempt_log alter column attempt_id drop identity if exists;"
        "alter table public.iu_route_attempt_log alter column attempt_id set default 1000;"
        "drop index public.first_attempt_is_made_once;"
        f"set session_replication_role = replica; {edit.format(log='public.iu_route_attempt_log')};"
    )
    found = ledgers.verify_attempts(worked, WORKER)
    assert not found.fits
    assert named in (found.fault or "")
    assert f"batch {found.misfit_batch_id}" in (found.fault or "")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ("update {log} set error_detail = 'all was well' where attempt_no = 2", "tells another error"),
        ("update {log} set decision = 'dry_run', error_code = null where attempt_no = 2", "after attempt 2"),
        ("update {log} set decision = 'skipped' where attempt_no = 3", "is replayed"),
        ("delete from {log} where attempt_no = 2", "says 3 attempts, but 1"),
        ("delete from {log} where attempt_no = 3", "says 3 attempts, but 1"),
    ],
)
def test_an_edited_replay_is_named_by_its_letter(worked: Gateway, edit: str, named: str) -> None:
    assert ledgers.replays_fault(worked) is None
    done = edit.format(log="public.iu_route_attempt_log")
    worked.run_script(f"set session_replication_role = replica; {done};")
    assert named in (ledgers.replays_fault(worked) or "")


def test_the_error_of_an_attempt_is_held_against_its_letter(worked: Gateway) -> None:
    worked.run_script(
        """
        set session_replication_role = replica;
        delete from public.iu_route_attempt_log where attempt_no > 1;
        update public.iu_route_dead_letter set attempts = 1, resolution = null, resolved_at = null;
        """
    )
    assert ledgers.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "set session_replication_role = replica;"
        "update public.iu_route_attempt_log set error_detail = 'all was well' where decision = 'failed'"
    )
    assert "tells another error" in (ledgers.verify_attempts(worked, WORKER).fault or "")


TAMPERING = {
    "altered": ("update {ledger} set dead_lettered = 1 where batch_id = {second}", "second", "was altered"),
    "altered, with its hash made good": (
        "update {ledger} as b set seen = 3 where b.batch_id = {second};"
        "update {ledger} as b set batch_hash = public.fn_iu_batch_hash(b) where b.batch_id = {second}",
        "third",
        "does not follow batch {second}",
    ),
    "deleted in the middle": (
        "delete from {ledger} where batch_id = {second}",
        "third",
        "does not follow batch {first}",
    ),
    "deleted at the beginning": (
        "delete from {ledger} where batch_id = {first}",
        "second",
        "names one before it",
    ),
    "deleted at the end": (
        "delete from {ledger} where batch_id = {last}",
        "fourth",
        "one after it was taken out",
    ),
    "swapped": (
        "update {ledger} set batch_id = -1 where batch_id = {second};"
        "update {ledger} set batch_id = {second} where batch_id = {third};"
        "update {ledger} set batch_id = {third} where batch_id = -1",
        "second",
        "does not follow batch {first}",
    ),
    "put in": (
        "insert into {ledger} select (jsonb_populate_record(b, jsonb_build_object('batch_id', {last} + 1))).*"
        " from {ledger} as b where b.batch_id = {last}",
        "forged",
        "does not follow batch {last}",
    ),
    "all deleted": ("delete from {ledger}", "none", "has no batch, but its cursor names one"),
}


@pytest.mark.parametrize(
    ("done", "misfit", "named"), [pytest.param(*case, id=title) for title, case in TAMPERING.items()]
)
def test_a_tampered_batch_is_the_first_row_that_does_not_fit(
    worked: Gateway, done: str, misfit: str, named: str
) -> None:
    rows = worked.fetch_all("select batch_id from public.iu_route_batch order by batch_id")
    ids = dict(
        zip(("first", "second", "third", "fourth", "last"), (row["batch_id"] for row in rows), strict=True)
    )
    assert ledgers.verify_chain(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_batch alter column batch_id drop identity if exists;"
        f"set session_replication_role = replica; {done.format(ledger='public.iu_route_batch', **ids)};"
    )
    found = ledgers.verify_chain(worked, WORKER)
    assert found.misfit_batch_id == {**ids, "forged": ids["last"] + 1, "none": None}[misfit]
    assert named.format(**ids) in (found.fault or "")


def test_a_ledger_that_was_rewritten_whole_is_found_by_the_pack_before(worked: Gateway) -> None:
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
        "pack before: its batches": f"batch {newest} of {WORKER} is no longer what it was",
    }


def test_a_checker_that_is_broken_itself_fails_its_line(worked: Gateway) -> None:
    worked.run_script("drop function public.fn_iu_audit_attempts_misfit")
    found = collect.collect(worked)
    failed = {line.name for line in found.proofs[-1].lines if not line.passed}
    assert failed == {f"attempts of {WORKER}"}
    assert not found.verdict.passed
