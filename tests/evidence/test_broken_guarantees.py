"""The checker is checked: each guarantee is broken on purpose, and the line that proves it must say so.

Rows are edited as a superuser whose triggers are off, which no append-only trigger can stop.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from typing import NamedTuple

import pytest

from iu_pipelines.db import step_files, steps
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.evidence import audit, collect
from iu_pipelines.domain.worker import DEFAULT_WORKER as WORKER
from iu_pipelines.settings import sql_root

ROUTE = "iu.version_applied.workflow"
PROBES = {file.name for file in step_files.load(sql_root(), "sandbox")}
APPEND_ONLY = (
    "event_outbox",
    "iu_route_attempt_log",
    "iu_route_batch",
    "dot_config_history",
    "iu_outbound_route_version",
    "iu_inbound_capture",
    "iu_route_worker_seek",
    "iu_audit_name",
)


class Breach(NamedTuple):
    """What is done, which line of which file must fail, and what it must name."""

    done: str
    step: str
    line: str
    named: str = ""


def replaced(signature: str, body: str) -> str:
    settings = "set search_path = pg_catalog, pg_temp"
    return f"create or replace function public.{signature} {settings} as $$ {body} $$"


SEAM = replaced(
    "fn_iu_route_deliver(event_id uuid, route_code text) returns void language plpgsql", "begin end"
)
PAYLOADS = replaced("fn_iu_payload_check(safe_payload jsonb) returns void language plpgsql", "begin end")


def opening(which: str) -> str:
    """A worker, and a replay, that open the gates before they ask."""
    opened = f"update public.dot_config set value = 'true' where key like 'iu_core.route%_enabled' {which};"
    return f"""
        alter function public.fn_iu_route_worker_run rename to honest_run;
        alter function public.fn_iu_route_dead_letter_replay rename to honest_replay;
        create function public.fn_iu_route_worker_run(
            worker_name text, batch_limit int, run_ref text default null
        ) returns jsonb language plpgsql as $$ begin {opened}
            return public.honest_run(worker_name, batch_limit, run_ref); end $$;
        create function public.fn_iu_route_dead_letter_replay(dead_letter_id uuid, run_ref text default null)
        returns jsonb language plpgsql as $$ begin {opened}
            return public.honest_replay(dead_letter_id, run_ref); end $$
        """


GATES = opening("")
LENIENT_GATES = opening("and value <> 'false'")
IMPATIENT = replaced(
    "fn_iu_replay_delay(attempts int) returns interval language sql stable", "select interval '1 minute'"
)
NO_CAPTURE = "alter table public.iu_sql_link disable trigger trg_iu_sql_in_iu_sql_link"
NO_ORGANIC = "drop trigger trg_iu_unit_version_out on public.unit_version"
NO_CHECK = "alter table public.iu_outbound_route drop constraint dry_run_is_enforced"
GRANT = "grant insert on public.event_outbox to workflow_admin"

BREACHES = {
    "the check is dropped": [
        Breach(NO_CHECK, "040_routes", "safety check dry_run_is_enforced", "null"),
        Breach(NO_CHECK, "080_fail_closed_delivery_probe", "C0", "done"),
        Breach(NO_CHECK, "100_route_worker_live_verification", "health", "false"),
    ],
    "the check is there and not valid": [
        Breach(
            f"{NO_CHECK}, add constraint dry_run_is_enforced check (true)",
            "040_routes",
            "safety check dry_run_is_enforced",
            "CHECK (true)",
        )
    ],
    "a route is live": [
        Breach(
            f"{NO_CHECK}; update public.iu_outbound_route set dry_run = false",
            "040_routes",
            "live routes",
            "iu.version_applied.workflow",
        )
    ],
    "the seam is open": [
        Breach(SEAM, "090_route_worker_enable", "delivery seam fails closed", "nothing was raised"),
        Breach(SEAM, "040_worker_live_dryrun_probe", "P6", "delivered_sent +1"),
        Breach(SEAM, "080_fail_closed_delivery_probe", "C5", "seam done"),
        Breach(SEAM, "080_fail_closed_delivery_probe", "C9", "of 64"),
        Breach(SEAM, "030_replay_discard_probe", "D4", "sent"),
    ],
    "a delivery gate is open": [
        Breach(
            "select public.fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'test')",
            "020_gates",
            "delivery gates are closed",
            "delivery true",
        ),
        Breach(
            f"select public.fn_iu_gate_set('iu_core.delivery_live_routes', '{ROUTE}', 'test')",
            "050_trigger_in_out_dlq_probe",
            "E.8",
            'live_routes="iu.version_applied.workflow"',
        ),
    ],
    "gates are not asked": [
        Breach(GATES, "040_worker_live_dryrun_probe", "P1", "ran"),
        Breach(GATES, "020_gates_probe", "G1", "ran"),
        Breach(GATES, "030_replay_discard_probe", "D1", "replayed"),
    ],
    "gates are lenient": [
        Breach(LENIENT_GATES, "020_gates_probe", "G4", "x ran"),
    ],
    "a payload is not looked at": [
        Breach(PAYLOADS, "030_event_types_and_outbox", "payload with a body", "nothing was raised"),
        Breach(PAYLOADS, "010_emit_probe", "E5", "secret in the depth"),
        Breach(PAYLOADS, "010_emit_probe", "E4", "17 numbers done"),
    ],
    "the outbox has a column for a body": [
        Breach(
            "alter table public.event_outbox add column body text",
            "030_event_types_and_outbox",
            "columns that could hold",
            "body",
        ),
        Breach(
            "alter table public.event_outbox add column body text",
            "050_trigger_in_out_dlq_probe",
            "E.3 columns",
            "1",
        ),
    ],
    "an append-only trigger is gone": [
        Breach(
            f"drop trigger trg_iu_append_only on public.{table}",
            "070_functions",
            "append-only tables that let",
            table,
        )
        for table in APPEND_ONLY
    ],
    "an append-only trigger is off, or lets truncate through": [
        Breach(
            "alter table public.event_outbox disable trigger trg_iu_append_only",
            "030_event_types_and_outbox",
            "append-only trigger of event_outbox",
            "disabled",
        ),
        Breach(
            "alter table public.event_outbox disable trigger trg_iu_append_only",
            "010_emit_probe",
            "E8",
            "update done",
        ),
        Breach(
            "create or replace trigger trg_iu_append_only before update or delete on public.iu_route_batch"
            " for each statement execute function public.fn_iu_append_only_refuse()",
            "070_functions",
            "append-only tables that let",
            "iu_route_batch",
        ),
    ],
    "another trigger is gone": [
        Breach(
            "drop trigger trg_iu_gate_history on public.dot_config", "020_gates", "history trigger", "null"
        ),
        Breach("drop trigger trg_iu_gate_history on public.dot_config", "020_gates_probe", "G8"),
        Breach(
            "drop trigger trg_iu_route_version on public.iu_outbound_route",
            "040_routes",
            "trigger trg_iu_route",
            "null",
        ),
        Breach(NO_CAPTURE, "060_inbound", "trigger-in of iu_sql_link", "null"),
        Breach(NO_CAPTURE, "050_trigger_in_out_dlq_probe", "E.7 trigger-in", "disabled"),
        Breach(NO_CAPTURE, "070_inbound_live_capture_probe", "I2", "captures none"),
        Breach(NO_ORGANIC, "060_inbound", "trigger-out of unit_version", "null"),
        Breach(NO_ORGANIC, "060_organic_trigger_out_probe", "O2"),
    ],
    "a right is granted": [
        Breach(GRANT, "070_functions", "rights to write", "workflow_admin: insert on event_outbox"),
        Breach(GRANT, "010_emit_probe", "R workflow_admin write", "outbox done"),
        Breach(
            "grant update (resolution) on public.iu_route_dead_letter to iu_auditor",
            "070_functions",
            "rights to write",
            "iu_auditor: update on iu_route_dead_letter",
        ),
        Breach(
            "grant delete on public.iu_route_batch to iu_emitter",
            "010_emit_probe",
            "R iu_emitter write",
            "batches ",
        ),
        Breach(
            "grant select on public.event_outbox to public",
            "010_roles_and_ledger",
            "tables open",
            "event_outbox",
        ),
        Breach(
            "grant select on public.event_outbox to iu_emitter",
            "010_emit_probe",
            "R iu_emitter read",
            "outbox done",
        ),
        Breach(
            "grant execute on function public.fn_iu_emit_event to public",
            "010_roles_and_ledger",
            "functions open",
            "fn_iu_emit_event",
        ),
        Breach(
            "grant execute on function public.fn_iu_gate_set to iu_auditor",
            "010_emit_probe",
            "R iu_auditor rule",
            "gate done",
        ),
    ],
    "a function is not what it was": [
        Breach(
            "alter function public.fn_iu_emit_event reset search_path",
            "070_functions",
            "functions without a fixed search_path",
            "fn_iu_emit_event",
        ),
        Breach(
            "comment on function public.fn_iu_emit_event is null",
            "070_functions",
            "functions without a comment",
            "fn_iu_emit_event",
        ),
        Breach(
            "alter function public.fn_iu_emit_event owner to current_user",
            "070_functions",
            "objects that others",
            "fn_iu_emit_event",
        ),
        Breach(
            "drop function public.fn_iu_route_dead_letter_discard",
            "070_functions",
            "verbs of the contract that are missing",
            "fn_iu_route_dead_letter_discard",
        ),
        Breach(IMPATIENT, "030_replay_discard_probe", "D5", "not doubled"),
    ],
    "a step is not what it was": [
        Breach(
            "update public.iu_schema_step set checksum = repeat('0', 64) where step_name = '040_routes'",
            "040_routes",
            "ledger",
            "edited",
        )
    ],
    "uniqueness is gone": [
        Breach(
            "drop index public.first_attempt_is_made_once", "050_worker", "first attempts and replays", "1"
        )
    ],
    "a setting was changed behind its history": [
        Breach(
            "update public.dot_config set value = 'false' where key = 'iu_core.route_worker_enabled'",
            "020_gates",
            "last change of each setting",
            "iu_core.route_worker_enabled",
        ),
        Breach(
            "update public.iu_outbound_route_version set target_ref = 'elsewhere'",
            "040_routes",
            "routes that differ",
            "iu.version_applied.workflow",
        ),
    ],
    "an event was passed over": [
        Breach(
            "delete from public.iu_route_attempt_log where attempt_id = 10",
            "050_worker",
            "consumed events without an attempt",
            "1",
        )
    ],
    "a tally was changed": [
        Breach(
            "update public.iu_route_attempt_tally set attempts = 3 where tally_key = 'iu_outbound_default'",
            "050_worker",
            "tallies that differ",
            "iu_outbound_default",
        )
    ],
    "a failure has no letter": [
        Breach(
            "delete from public.iu_route_dead_letter",
            "050_worker",
            "dead letters against",
            "have no dead letter",
        )
    ],
    "a letter is not what its replays say": [
        Breach(
            "update public.iu_route_dead_letter set attempts = 9",
            "050_worker",
            "dead letters against",
            "says 9 attempts",
        ),
        Breach(
            "update public.iu_route_dead_letter set resolution = null, resolved_at = null",
            "050_worker",
            "dead letters against",
            "is open",
        ),
    ],
    "a batch was altered": [
        Breach("update public.iu_route_batch set seen = 5", "050_worker", "chain of batches", "was altered")
    ],
    "an attempt was edited": [
        Breach(
            "update public.iu_route_attempt_log set decision = 'skipped' where attempt_id = 2",
            "050_worker",
            "attempts against",
            "attempt 2 of batch",
        )
    ],
}


@pytest.mark.parametrize(
    "breach",
    [
        pytest.param(breach, id=f"{title}: {breach.step}")
        for title, found in BREACHES.items()
        for breach in found
    ],
)
def test_a_guarantee_that_is_broken_turns_the_line_that_proves_it(worked: Gateway, breach: Breach) -> None:
    whole = proof(worked, breach.step)
    assert whole.passed, [line for line in whole.lines if not line.passed]
    worked.run_script(f"set session_replication_role = replica; {breach.done};")
    failed = {line.name: line.seen for line in proof(worked, breach.step).lines if not line.passed}
    (name,) = (name for name in failed if name.startswith(breach.line))
    assert breach.named in failed[name]


def proof(gateway: Gateway, step: str) -> steps.Proof:
    (found,) = (steps.probe if step in PROBES else steps.verify)(gateway, step)
    return found


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_that_commits_is_found_out(worked: Gateway, tmp_path: Path, name: str) -> None:
    tree = Path(copytree(sql_root(), tmp_path / "sql"))
    path = tree / "iu-core/sandbox" / f"{name}.sql"
    path.write_text(path.read_text().replace("\nrollback;\n", "\ncommit;\n"))
    (found,) = steps.probe(worked, name, root=tree)
    failed = [line for line in found.lines if not line.passed and "what the probe left" in line.name]
    assert [line.expected for line in failed] == ["nothing"]
    assert "iu_route_worker_cursor" in failed[0].seen or "iu_audit_name" in failed[0].seen


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
    assert audit.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_attempt_log alter column attempt_id drop identity if exists;"
        "alter table public.iu_route_attempt_log alter column attempt_id set default 1000;"
        "drop index public.first_attempt_is_made_once;"
        f"set session_replication_role = replica; {edit.format(log='public.iu_route_attempt_log')};"
    )
    found = audit.verify_attempts(worked, WORKER)
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
    assert audit.replays_fault(worked) is None
    done = edit.format(log="public.iu_route_attempt_log")
    worked.run_script(f"set session_replication_role = replica; {done};")
    assert named in (audit.replays_fault(worked) or "")


def test_the_error_of_an_attempt_is_held_against_its_letter(worked: Gateway) -> None:
    worked.run_script(
        """
        set session_replication_role = replica;
        delete from public.iu_route_attempt_log where attempt_no > 1;
        update public.iu_route_dead_letter set attempts = 1, resolution = null, resolved_at = null;
        """
    )
    assert audit.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "set session_replication_role = replica;"
        "update public.iu_route_attempt_log set error_detail = 'all was well' where decision = 'failed'"
    )
    assert "tells another error" in (audit.verify_attempts(worked, WORKER).fault or "")


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
    assert audit.verify_chain(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_batch alter column batch_id drop identity if exists;"
        f"set session_replication_role = replica; {done.format(ledger='public.iu_route_batch', **ids)};"
    )
    found = audit.verify_chain(worked, WORKER)
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
    assert audit.verify_chain(worked, WORKER).fits
    after = collect.collect(worked, before)
    failed = {line.name: line.seen for line in after.proofs[-1].lines if not line.passed}
    newest = audit.verify_chain(worked, WORKER).newest_batch_id
    assert failed == {
        "pack before: its batches": f"batch {newest} of {WORKER} is no longer what it was",
    }


def test_a_checker_that_is_broken_itself_fails_its_line(worked: Gateway) -> None:
    worked.run_script("drop function public.fn_iu_audit_attempts_misfit")
    found = collect.collect(worked)
    failed = {line.name for line in found.proofs[-1].lines if not line.passed}
    assert failed == {f"attempts of {WORKER}"}
    assert not found.verdict.passed
