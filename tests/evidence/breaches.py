"""Breaches of the guarantees: SQL that breaks one, and the lines of proofs that must fail then.

The SQL is run by a superuser with `session_replication_role = replica`, so append-only triggers do not fire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from iu_pipelines.db.steps import code, files
from iu_pipelines.evidence.facts import LEDGERS
from iu_pipelines.settings import sql_root

ROUTE = "iu.version_applied.workflow"
WORKER = "iu_outbound_default"

_SIGNATURES = {
    "fn_iu_emit_event": (
        "event_type text, canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb",
        "uuid",
    ),
    "fn_iu_route_worker_run": ("worker_name text, batch_limit int, run_ref text default null", "jsonb"),
    "fn_iu_route_worker_seek": ('worker_name text, "position" text, reason text', "jsonb"),
    "fn_iu_route_dead_letter_replay": ("dead_letter_id uuid, run_ref text default null", "jsonb"),
    "fn_iu_route_dead_letter_discard": ("dead_letter_id uuid, reason text", "jsonb"),
    "fn_iu_gate_set": ("key text, value text, reason text", "jsonb"),
    "fn_iu_route_worker_health": ("worker_name text default 'iu_outbound_default'", "jsonb"),
}


class Breach(NamedTuple):
    """SQL that breaks a guarantee, and what must fail then.

    `fails` has, by proof and beginning of a line's name, a part of the text that the line must have seen.
    """

    title: str
    done: str
    fails: Mapping[str, Mapping[str, str]]


def replaced(signature: str, body: str) -> str:
    """Return SQL that replaces the body of a function."""
    settings = "set search_path = pg_catalog, pg_temp"
    return f"create or replace function public.{signature} {settings} as $$ {body} $$"


def wrapped(function: str, body: str) -> str:
    """Return SQL that wraps a function: `body` sets `answer`, and calls the original by `honest()`."""
    parameters, returned = _SIGNATURES[function]
    copy = function.replace("fn_iu_", "honest_")
    names = ", ".join(parameter.split()[0] for parameter in parameters.split(", "))
    calls = body.replace("honest()", f"honest({names})").replace("honest(", f"public.{copy}(")
    return f"""
        do $copy$ begin
            execute replace(pg_get_functiondef('public.{function}'::regproc), '{function}', '{copy}');
        end $copy$;
        create or replace function public.{function}({parameters}) returns {returned} language plpgsql as $$
        #variable_conflict use_variable
        declare
            answer {returned};
            cursor_before public.iu_route_worker_cursor;
        begin {calls}; return answer; end $$
        """


def tampered(table: str, body: str) -> str:
    """Return SQL that creates a trigger before each insert into a table."""
    return f"""
        create function public.tamper() returns trigger language plpgsql as $$ begin {body} end $$;
        create trigger a_tamper before insert on public.{table} for each row execute function public.tamper()
        """


def opened(which: str = "") -> str:
    """Return SQL that opens the gates."""
    return f"update public.dot_config set value = 'true' where key like 'iu_core.route%_enabled' {which};"


def ignoring_gates(which: str = "") -> str:
    """Return SQL that makes the worker and the replay open the gates before they read them."""
    return (
        wrapped("fn_iu_route_worker_run", f"{opened(which)} answer := honest()")
        + ";"
        + wrapped("fn_iu_route_dead_letter_replay", f"{opened(which)} answer := honest()")
    )


DELIVERY_FUNCTION = replaced(
    "fn_iu_route_deliver(event_id uuid, route_code text) returns void language plpgsql", "begin end"
)
PAYLOADS = replaced(
    "fn_iu_payload_check(safe_payload jsonb, listed_keys text[] default null) returns void language plpgsql",
    "begin end",
)
NO_CHECK = "alter table public.iu_outbound_route drop constraint dry_run_is_enforced"
RECORDS = [
    entry[2].removeprefix("public.")
    for step in files.load_steps(sql_root(), [files.CORE])
    for entry in code.read(step).objects
    if entry[3] == "record"
]
PROBES = [file.name for file in files.load(sql_root(), "sandbox")]
WITHOUT_LEDGER_LINE = ("010_roles_and_ledger", "100_route_worker_live_verification")
STEPS = [file.name for file in files.load(sql_root(), "verify")]

DELIVERY = [
    Breach(
        "the check of routes is dropped",
        NO_CHECK,
        {
            "040_routes": {"safety check": "null"},
            "080_fail_closed_delivery_probe": {"C0": "done"},
            "100_route_worker_live_verification": {"health of": "false: the safety check"},
        },
    ),
    Breach(
        "the check of routes checks nothing",
        f"{NO_CHECK}, add constraint dry_run_is_enforced check (true)",
        {"040_routes": {"safety check": "CHECK (true)"}},
    ),
    Breach(
        "a route is live",
        f"{NO_CHECK}; update public.iu_outbound_route set dry_run = false",
        {
            "040_routes": {"routes that are not": ROUTE},
            "040_worker_live_dryrun_probe": {"P2": "status=failed"},
            "050_trigger_in_out_dlq_probe": {
                "E.4": "dry_run=false",
                "E.5 isolated": "dead_lettered:1",
                "E.5 attempt": "failed, worker_process_error",
                "E.6 replay of the dry-run": "stays open",
            },
        },
    ),
    Breach(
        "the delivery function raises nothing",
        DELIVERY_FUNCTION,
        {
            "090_route_worker_enable": {"delivery seam fails closed": "nothing was raised"},
            "040_worker_live_dryrun_probe": {"P6": "delivered_sent +1"},
            "030_replay_discard_probe": {"D4": "sent", "D8": "sent +", "D9": "iu_route_attempt +"},
            "080_fail_closed_delivery_probe": {
                **{f"C{place}": "delivery done" for place in range(1, 9)},
                "C9": "of 64",
            },
            "090_worker_rules_probe": {"W11": "1 x sent", "W12": "done", "W13": "iu_route_dead_letter +0"},
        },
    ),
    Breach(
        "the delivery gate is open",
        "select public.fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'test')",
        {"020_gates": {"delivery gates are closed": "delivery true"}},
    ),
    Breach(
        "a route is listed as live",
        f"select public.fn_iu_gate_set('iu_core.delivery_live_routes', '{ROUTE}', 'test')",
        {"050_trigger_in_out_dlq_probe": {"E.8": f'live_routes="{ROUTE}"'}},
    ),
    Breach(
        "the tally counts a sent attempt",
        f"update public.iu_route_attempt_tally set sent = 1 where tally_key = '{WORKER}'",
        {
            "090_route_worker_enable": {"attempts that were sent": "1"},
            "100_route_worker_live_verification": {"delivered without a promotion": "1"},
        },
    ),
]

GATES = [
    Breach(
        "gates are ignored",
        ignoring_gates(),
        {
            "020_gates_probe": {"G1": "worker gate: ran", "G3": "master closed: replayed", "G5": "ran"},
            "030_replay_discard_probe": {"D1": "replayed"},
            "040_worker_live_dryrun_probe": {"P1": "ran", "P8": "ran"},
        },
    ),
    Breach(
        "any value but false opens a gate",
        ignoring_gates("and value <> 'false'"),
        {"020_gates_probe": {"G4": "x ran"}},
    ),
    Breach(
        "a gate has no row",
        "delete from public.dot_config where key = 'iu_core.route_worker_enabled'",
        {
            "020_gates": {"gates have their rows": "4"},
            "080_route_worker_disable": {"worker gate has a row": "null"},
        },
    ),
    Breach(
        "a gate has an invalid value",
        "update public.dot_config set value = 'maybe' where key = 'iu_core.route_worker_enabled'",
        {
            "020_gates": {"values that do not fit": "iu_core.route_worker_enabled"},
            "080_route_worker_disable": {"worker gate has a row": "no"},
        },
    ),
    Breach(
        "setting a gate to an invalid value is accepted",
        wrapped("fn_iu_gate_set", "return honest(); exception when sqlstate 'IU202' then return '{}'"),
        {"020_gates_probe": {"G7": "unknown gate done, value done"}},
    ),
    Breach(
        "events behind a closed gate are lost",
        wrapped(
            "fn_iu_route_worker_run",
            "answer := honest(); if answer ->> 'status' like '%closed' then"
            " perform public.fn_iu_route_worker_seek(worker_name, 'latest', 'test'); end if",
        ),
        {"020_gates_probe": {"G2": "backlog 0", "G6": "seen 0"}},
    ),
    Breach(
        "a setting was changed without a row of its history",
        "update public.dot_config set value = 'false' where key = 'iu_core.route_worker_enabled'",
        {"020_gates": {"last change of each setting": "iu_core.route_worker_enabled"}},
    ),
    Breach(
        "the trigger of the history of gates is dropped",
        "drop trigger trg_iu_gate_history on public.dot_config",
        {"020_gates": {"history trigger": "null"}, "020_gates_probe": {"G8": "false"}},
    ),
    Breach(
        "the history of the worker gate is deleted",
        "delete from public.dot_config_history where key = 'iu_core.route_worker_enabled'",
        {
            "080_route_worker_disable": {"closing of the worker gate": "no"},
            "090_route_worker_enable": {"opening of the worker gate": "no"},
        },
    ),
]

EMITTING = [
    Breach(
        "payloads are not checked",
        PAYLOADS,
        {
            "030_event_types_and_outbox": {"payload with a body": "nothing was raised"},
            "010_emit_probe": {"E4": "17 numbers done", "E5": "secret in the depth", "E7": "done"},
        },
    ),
    Breach(
        "the outbox has a column for a body",
        "alter table public.event_outbox add column body text",
        {
            "030_event_types_and_outbox": {"columns that could hold": "body"},
            "050_trigger_in_out_dlq_probe": {"E.3 columns": "1"},
        },
    ),
    Breach(
        "a key is added to every payload",
        wrapped(
            "fn_iu_emit_event",
            """safe_payload := safe_payload || '{"extra": 1}'; answer := honest()""",
        ),
        {"050_trigger_in_out_dlq_probe": {"E.3 payload": "extra"}},
    ),
    Breach(
        "stream and lane of the registered types are changed",
        "update public.event_type_registry set event_stream = 'other', delivery_lane = 'batch'",
        {
            "010_emit_probe": {"E1": "stream other, lane batch"},
            "050_trigger_in_out_dlq_probe": {"E.3 emitted row": "stream other"},
        },
    ),
    Breach(
        "any type may be emitted",
        wrapped("fn_iu_emit_event", "return honest(); exception when sqlstate 'IU101' then return null"),
        {"010_emit_probe": {"E3": "unknown done, disabled done"}},
    ),
    Breach(
        "a registered type is deleted",
        "delete from public.event_type_registry where event_type = 'sql_link_created'",
        {"030_event_types_and_outbox": {"registered types": "structure_piece_split, version_applied"}},
    ),
    Breach(
        "required arguments are not checked",
        replaced(
            "fn_iu_argument_require(name text, value text, longest int) returns void"
            " language plpgsql immutable",
            "begin end",
        ),
        {"010_emit_probe": {"E6": "type "}, "030_replay_discard_probe": {"D7": "without a reason done"}},
    ),
    Breach(
        "a bulk emit is in reverse order",
        """
        alter function public.fn_iu_emit_events rename to honest_emit_events;
        create function public.fn_iu_emit_events(events jsonb) returns setof uuid language sql as $$
            select public.honest_emit_events((
                select jsonb_agg(e.event order by e.place desc)
                from jsonb_array_elements(events) with ordinality as e (event, place)
            ))
        $$
        """,
        {"010_emit_probe": {"E2": "out of order"}},
    ),
    Breach(
        "event ids do not grow with time",
        "create or replace function public.fn_iu_event_id() returns uuid language sql volatile"
        " return gen_random_uuid()",
        {"030_event_types_and_outbox": {"ids of events": "4"}},
    ),
    Breach(
        "event_id has another default",
        "alter table public.event_outbox alter column event_id set default gen_random_uuid()",
        {"030_event_types_and_outbox": {"default of event_id": "gen_random_uuid()"}},
    ),
    Breach(
        "the sequence of event_seq has a cache",
        "alter sequence public.event_outbox_event_seq_seq cache 10",
        {"030_event_types_and_outbox": {"a number is drawn": "it is not"}},
    ),
    Breach(
        "an event is emitted twice",
        wrapped("fn_iu_emit_event", "answer := honest(); answer := honest()"),
        {"090_worker_rules_probe": {"W2": "seen 2"}},
    ),
    Breach(
        "every event is in the domain iu",
        tampered("event_outbox", "new.event_domain := 'iu'; return new;"),
        {"090_worker_rules_probe": {"W1 ": "seen 3"}},
    ),
]

APPEND_ONLY = [
    *(
        Breach(
            f"{table} is no longer append-only",
            f"drop trigger trg_iu_append_only on public.{table}",
            {"070_functions": {"append-only tables that let": table}},
        )
        for table in RECORDS
    ),
    Breach(
        "append-only triggers are off",
        "alter table public.event_outbox disable trigger trg_iu_append_only;"
        "alter table public.dot_config_history disable trigger trg_iu_append_only;"
        "alter table public.iu_inbound_capture disable trigger trg_iu_append_only;"
        "alter table public.iu_route_attempt_log disable trigger trg_iu_append_only",
        {
            "010_emit_probe": {"E8": "update done"},
            "020_gates_probe": {"G9": "update done"},
            "070_inbound_live_capture_probe": {"I7": "update done"},
        },
    ),
    Breach(
        "an append-only trigger does not fire on truncate",
        "create or replace trigger trg_iu_append_only before update or delete on public.iu_route_batch"
        " for each statement execute function public.fn_iu_append_only_refuse()",
        {"070_functions": {"append-only tables that let": "iu_route_batch"}},
    ),
]

ROUTES = [
    Breach(
        "routes have no history",
        "drop trigger trg_iu_route_version on public.iu_outbound_route",
        {"040_routes": {"trigger trg_iu_route_version": "null"}},
    ),
    Breach(
        "the history of a route was edited",
        "update public.iu_outbound_route_version set target_ref = 'elsewhere'",
        {"040_routes": {"routes that differ": ROUTE}},
    ),
    Breach(
        "every route is enabled",
        tampered("iu_outbound_route", "new.enabled := true; return new;"),
        {
            "030_replay_discard_probe": {"D2": "disabled: dry_run"},
            "090_worker_rules_probe": {"W3": "iu_probe_090.off"},
        },
    ),
]

RIGHTS = [
    Breach(
        "a table has row security",
        "alter table public.event_outbox enable row level security, force row level security",
        {
            "070_functions": {"tables under row security": "event_outbox"},
            "040_worker_live_dryrun_probe": {"runs to its end": 'security policy for table "event_outbox"'},
        },
    ),
    Breach(
        "the run function has row_security on",
        "alter function public.fn_iu_route_worker_run set row_security = on",
        {"090_worker_rules_probe": {"W14": "done"}},
    ),
    Breach(
        "an administrator may write the outbox",
        "grant insert on public.event_outbox to workflow_admin",
        {
            "070_functions": {
                "rights to write": "workflow_admin: insert on event_outbox",
                "rights that differ from the matrix": "event_outbox (workflow_admin may insert)",
            },
            "010_emit_probe": {"R workflow_admin write": "outbox done"},
        },
    ),
    Breach(
        "an auditor may write tables and set gates",
        "grant update (resolution) on public.iu_route_dead_letter to iu_auditor;"
        "grant delete on public.iu_route_batch to iu_auditor;"
        "grant execute on function public.fn_iu_gate_set to iu_auditor",
        {
            "070_functions": {"rights to write": "iu_auditor: update on iu_route_dead_letter"},
            "010_emit_probe": {"R iu_auditor write": "batches IU203", "R iu_auditor rule": "gate done"},
        },
    ),
    Breach(
        "an auditor may emit, and not read",
        "grant execute on function public.fn_iu_emit_event to iu_auditor;"
        "revoke select on public.event_outbox from iu_auditor",
        {"010_emit_probe": {"R iu_auditor emit": "emit done", "R iu_auditor read": "outbox 42501"}},
    ),
    Breach(
        "an emitter may read, set gates and delete",
        "grant select on public.event_outbox to iu_emitter;"
        "grant delete on public.iu_route_batch to iu_emitter;"
        "grant execute on function public.fn_iu_gate_set to iu_emitter",
        {
            "010_emit_probe": {
                "R iu_emitter read": "outbox done",
                "R iu_emitter write": "batches IU203",
                "R iu_emitter rule": "gate done",
            }
        },
    ),
    Breach(
        "an emitter and an administrator may not do their work",
        "revoke execute on function public.fn_iu_emit_event from iu_emitter, workflow_admin;"
        "revoke execute on function public.fn_iu_route_worker_seek from workflow_admin;"
        "revoke select on public.event_outbox from workflow_admin",
        {
            "010_emit_probe": {
                "R iu_emitter emit": "emit 42501",
                "R workflow_admin emit": "emit 42501",
                "R workflow_admin rule": "seek 42501",
                "R workflow_admin read": "outbox 42501",
            }
        },
    ),
    Breach(
        "PUBLIC may do something",
        "grant select on public.event_outbox to public;"
        "grant execute on function public.fn_iu_emit_event to public",
        {
            "010_roles_and_ledger": {
                "tables open to PUBLIC": "event_outbox",
                "functions open to PUBLIC": "fn_iu_emit_event",
            }
        },
    ),
]

CODE = [
    Breach(
        "a function has no fixed search path, no comment, and another owner",
        "alter function public.fn_iu_emit_event reset search_path;"
        "comment on function public.fn_iu_emit_event is null;"
        "alter function public.fn_iu_emit_event owner to current_user",
        {
            "070_functions": {
                "functions without a fixed search_path": "fn_iu_emit_event",
                "functions without a comment": "fn_iu_emit_event",
                "objects that others": "fn_iu_emit_event",
            }
        },
    ),
    Breach(
        "the manifest differs from the files",
        "update public.iu_schema_object set access = 'state' where object = 'public.event_outbox';"
        "insert into public.iu_schema_access (module, access, role_name, verbs, declared_by, declared_in)"
        " values ('iu-core', 'state', 'iu_emitter', 'select', '070_functions', pg_current_xact_id())",
        {
            "070_functions": {
                "entries of the manifest that are not": "table public.event_outbox: state",
                "rights that differ from the matrix": "iu_emitter may not select",
            }
        },
    ),
    Breach(
        "a function is dropped",
        "drop function public.fn_iu_route_dead_letter_discard",
        {
            "070_functions": {
                "objects of the manifest that are missing": "fn_iu_route_dead_letter_discard",
                "functions and views that are not those of the file": "fn_iu_route_dead_letter_discard",
            }
        },
    ),
    Breach(
        "a function was patched by hand",
        replaced(
            "fn_iu_replay_delay(attempts int) returns interval language sql stable",
            "select interval '1 minute'",
        ),
        {
            "070_functions": {"functions and views that are not those of the file": "fn_iu_replay_delay"},
            "030_replay_discard_probe": {"D5": "not doubled"},
        },
    ),
    Breach(
        "the proofs always pass",
        replaced(
            "fn_iu_proof_note(name text, expected text, seen text) returns boolean language plpgsql",
            "begin raise notice 'PASS % | expected % | seen %', name, expected, expected; return true; end",
        ),
        {"010_roles_and_ledger": {"functions and views that are not those of the file": "fn_iu_proof_note"}},
    ),
    *(
        Breach(
            f"the ledger has lost step {step[:3]}",
            f"delete from public.iu_schema_step where step_name = '{step}'",
            {step: {"ledger": "pending"}},
        )
        for step in STEPS
        if step not in WITHOUT_LEDGER_LINE
    ),
    Breach(
        "the ledger has lost the steps with a line of another name",
        f"delete from public.iu_schema_step where step_name = any ('{{{', '.join(WITHOUT_LEDGER_LINE)}}}')",
        {step: {"ledger": "", "ledger holds the step": "0"} for step in WITHOUT_LEDGER_LINE},
    ),
    Breach(
        "a step was edited after it was applied",
        "update public.iu_schema_step set checksum = repeat('0', 64) where step_name = '040_routes'",
        {"040_routes": {"ledger": "edited"}},
    ),
    Breach(
        "the default worker never ran",
        "update public.iu_route_worker_cursor set last_run_at = null",
        {"090_route_worker_enable": {"first run": "no"}},
    ),
]

WORKERS = [
    Breach(
        "the unique constraint of attempts is dropped",
        "alter table public.iu_route_attempt_log drop constraint each_try_is_made_once",
        {
            "050_worker": {"each try and each dead letter": "1"},
            "040_worker_live_dryrun_probe": {"P4": "attempts 2", "P9": "iu_route_attempt +5"},
        },
    ),
    Breach(
        "a run does not move its cursor",
        wrapped(
            "fn_iu_route_worker_run",
            "select c.* into cursor_before from public.iu_route_worker_cursor as c"
            " where c.worker_name = fn_iu_route_worker_run.worker_name;"
            " answer := honest();"
            " delete from public.iu_route_worker_cursor as c where c.worker_name = cursor_before.worker_name;"
            " insert into public.iu_route_worker_cursor"
            " select cursor_before.* where cursor_before.worker_name is not null",
        ),
        {"040_worker_live_dryrun_probe": {"P3": "seen=1"}, "090_worker_rules_probe": {"W5": "2, 2, 2, 2"}},
    ),
    Breach(
        "a seek emits",
        wrapped(
            "fn_iu_route_worker_seek",
            "answer := honest(); perform public.fn_iu_emit_event("
            "'version_applied', 'x', gen_random_uuid(), 'test', '{}')",
        ),
        {
            "040_worker_live_dryrun_probe": {"P0": "event_outbox +2"},
            "050_trigger_in_out_dlq_probe": {"E.9 in-transaction": "event_outbox +2"},
            "060_organic_trigger_out_probe": {"O7": "event_outbox +7"},
        },
    ),
    Breach(
        "seeks are not recorded",
        tampered("iu_route_worker_seek", "return null;"),
        {"090_worker_rules_probe": {"W9": "0 seeks"}},
    ),
    Breach(
        "a seek accepts an unknown position",
        wrapped(
            "fn_iu_route_worker_seek", "return honest(); exception when sqlstate 'IU501' then return '{}'"
        ),
        {"090_worker_rules_probe": {"W8": "unknown event done"}},
    ),
    Breach(
        "a batch has no bounds and no run_ref",
        wrapped(
            "fn_iu_route_worker_run",
            "answer := honest(worker_name, greatest(1, least(coalesce(batch_limit, 1), 100000)), null)",
        ),
        {"090_worker_rules_probe": {"W4": "0 done", "W5": "0 attempts", "W6": "0 of the run"}},
    ),
    Breach(
        "two workers share a cursor",
        wrapped(
            "fn_iu_route_worker_run",
            "answer := honest(replace(worker_name, 'iu_probe_090_other', 'iu_probe_090_worker'),"
            " batch_limit, run_ref)",
        ),
        {"090_worker_rules_probe": {"W7": "seen 0"}},
    ),
    Breach(
        "a cursor of an old anchor is accepted",
        wrapped(
            "fn_iu_route_worker_run",
            "update public.iu_route_worker_cursor"
            " set anchor_key = (public.fn_iu_cluster_newest()).anchor_key; answer := honest()",
        ),
        {"090_worker_rules_probe": {"W10": "done, done"}},
    ),
    Breach(
        "the outbox came from another cluster",
        "insert into public.event_outbox_cluster (system_identifier, restored_seq) values (42, 0)",
        {"030_event_types_and_outbox": {"outbox is where": "names database cluster 42"}},
    ),
    Breach(
        "an event has a transaction id that is ahead of the server",
        "insert into public.event_outbox (emitted_xid, event_id, event_type, event_domain)"
        " values ('900000000000', '030aaaaa-0000-4000-8000-000000000030', 'version_applied', 'iu')",
        {"030_event_types_and_outbox": {"events whose": "030aaaaa"}},
    ),
    Breach(
        "a flood of failures is not refused",
        replaced(
            "fn_iu_flood_refuse(batch public.iu_route_batch) returns void language plpgsql", "begin end"
        ),
        {"090_worker_rules_probe": {"W12": "done, letters +11"}},
    ),
    Breach(
        "batches are altered after they are hashed",
        tampered("iu_route_batch", "new.started_at := new.started_at - interval '1 hour'; return new;"),
        {"090_worker_rules_probe": {"W6": "was altered"}},
    ),
    Breach(
        "the decisions skipped and dry_run are swapped",
        tampered(
            "iu_route_attempt_log",
            "new.decision := case new.decision when 'dry_run' then 'skipped' when 'skipped' then 'dry_run'"
            " else new.decision end; return new;",
        ),
        {
            "040_worker_live_dryrun_probe": {"P2": "status=skipped"},
            "060_organic_trigger_out_probe": {"O5": "skipped"},
            "070_inbound_live_capture_probe": {"I5": "dry_run 1"},
        },
    ),
    Breach(
        "health reports closed gates",
        wrapped(
            "fn_iu_route_worker_health",
            """answer := honest() || '{"worker_gate_open": false, "reasons": []}'""",
        ),
        {
            "040_worker_live_dryrun_probe": {"P5": "worker_gate_open=false"},
            "020_gates_probe": {"G2": "0 reasons"},
        },
    ),
]

DEAD_LETTERS = [
    Breach(
        "a replay makes its route dry",
        wrapped(
            "fn_iu_route_dead_letter_replay",
            "update public.iu_outbound_route set dry_run = true; answer := honest()",
        ),
        {
            "040_worker_live_dryrun_probe": {
                "P7 dead-letter replay, route live": "decision=dry_run",
                "P7 dead-letter replay, dry-run restored": "attempt_no=2",
            },
            "080_fail_closed_delivery_probe": {"C5": "replay dry_run"},
        },
    ),
    Breach(
        "every replay resolves its dead letter",
        wrapped(
            "fn_iu_route_dead_letter_replay",
            "answer := honest(); update public.iu_route_dead_letter as l set resolution = 'replayed',"
            " resolved_at = clock_timestamp() where l.dead_letter_id = $1",
        ),
        {"050_trigger_in_out_dlq_probe": {"E.6 replay of the unrouted": "replayed, attempts 2"}},
    ),
    Breach(
        "a replay reopens a resolved dead letter",
        wrapped(
            "fn_iu_route_dead_letter_replay",
            "update public.iu_route_dead_letter as l set resolution = null, resolved_at = null"
            " where l.dead_letter_id = $1; answer := honest()",
        ),
        {"030_replay_discard_probe": {"D3": "replayed"}},
    ),
    Breach(
        "a discard does not record its reason",
        wrapped(
            "fn_iu_route_dead_letter_discard",
            "answer := honest(); update public.iu_route_dead_letter as l set resolution_reason = null"
            " where l.dead_letter_id = $1",
        ),
        {"030_replay_discard_probe": {"D6": "discarded, , by us"}},
    ),
    Breach(
        "a failure has no dead letter",
        "delete from public.iu_route_dead_letter",
        {"050_worker": {"dead letters against": "have no dead letter"}},
    ),
    Breach(
        "a batch does not count its failures",
        "update public.iu_route_batch set dead_lettered = 0",
        {"050_worker": {"newest batches with a failure": "5"}},
    ),
    Breach(
        "a dead letter has a wrong number of attempts",
        "update public.iu_route_dead_letter set attempts = 9",
        {
            "050_worker": {"dead letters against": "records 9 attempts"},
            LEDGERS: {"replays of dead letters": "records 9 attempts"},
        },
    ),
    Breach(
        "a replayed dead letter is open",
        "update public.iu_route_dead_letter set resolution = null, resolved_at = null",
        {"050_worker": {"dead letters against": "is open"}},
    ),
]

TRIGGERS = [
    Breach(
        "the trigger-in of iu_sql_link is disabled",
        "alter table public.iu_sql_link disable trigger trg_iu_sql_in_iu_sql_link",
        {
            "060_inbound": {"trigger-in of iu_sql_link": "null"},
            "050_trigger_in_out_dlq_probe": {"E.7 trigger-in": "disabled"},
            "070_inbound_live_capture_probe": {
                "I2": "captures none",
                "I3": "captures none",
                "I4": "about something else",
                "I5": "null",
                "I6": "captures 0",
                "I8": "event_outbox +0",
            },
        },
    ),
    Breach(
        "every insert is captured",
        """
        create function public.tamper() returns trigger language plpgsql as $$ begin
            insert into public.iu_inbound_capture (route_code, source_table, source_op, source_ref, decision)
            values ('iu_sql.iu_sql_link.insert', 'iu_sql_link', 'insert', new.link_id, 'dry_run');
            return null;
        end $$;
        create trigger a_tamper after insert on public.iu_sql_link
        for each row execute function public.tamper()
        """,
        {"070_inbound_live_capture_probe": {"I1": "captures dry_run without an event"}},
    ),
    Breach(
        "the inbound route emits another type",
        "update public.iu_inbound_route set target_event_type = 'version_applied'",
        {
            "060_inbound": {"inbound route": "to version_applied"},
            "050_trigger_in_out_dlq_probe": {"E.7 inbound route": "to version_applied"},
        },
    ),
    Breach(
        "a capture names an event that does not exist",
        "insert into public.iu_inbound_capture"
        " (route_code, source_table, source_op, source_ref, decision, event_id)"
        " values ('test', 'iu_sql_link', 'insert', gen_random_uuid(), 'emitted', gen_random_uuid())",
        {"060_inbound": {"captures that say emitted": "1"}},
    ),
    Breach(
        "changes of routes are not recorded",
        "alter table public.iu_outbound_route disable trigger trg_iu_config_history",
        {"110_configuration": {"tables whose changes are recorded": "iu_inbound_route, iu_route_worker"}},
    ),
    Breach(
        "captures are not checked",
        "alter table public.iu_inbound_route disable trigger trg_iu_capture_define",
        {"110_configuration": {"check of captures": "disabled"}},
    ),
    Breach(
        "a capture has no function",
        "alter table public.iu_inbound_route disable trigger trg_iu_capture_define;"
        " insert into public.iu_inbound_route (route_code, source_table, source_op, target_event_type,"
        " subject_columns, address_template) values"
        " ('test', 'public.information_unit', 'insert', 'version_applied', '{unit_id}', 'x');"
        " alter table public.iu_inbound_route enable trigger trg_iu_capture_define",
        {"110_configuration": {"captures whose function": "test (missing)"}},
    ),
    Breach(
        "a function looks like that of a capture",
        "create function public.fn_iu_capture_999() returns trigger language plpgsql as"
        " $$ begin return null; end $$",
        {"110_configuration": {"trigger functions without a capture": "fn_iu_capture_999"}},
    ),
    Breach(
        "the trigger-out of unit_version is dropped",
        "drop trigger trg_iu_unit_version_out on public.unit_version",
        {
            "060_inbound": {"trigger-out of unit_version": "null"},
            "060_organic_trigger_out_probe": {
                "O2": ", , ",
                "O3": "null",
                "O4": "seen 0",
                "O5": "null",
                "O6": "done",
                "O7": "event_outbox +0",
            },
        },
    ),
    Breach(
        "the first version emits as well",
        """
        create function public.tamper() returns trigger language plpgsql as $$ begin
            perform public.fn_iu_emit_event('version_applied', 'x', new.unit_id, 'test', '{}');
            return null;
        end $$;
        create trigger a_tamper after insert on public.unit_version
        for each row execute function public.tamper()
        """,
        {"060_organic_trigger_out_probe": {"O1": "event_outbox +1"}},
    ),
]

LEDGER_BREACHES = [
    Breach(
        "an attempt was deleted",
        "delete from public.iu_route_attempt_log where attempt_id = 10",
        {"050_worker": {"consumed events without an attempt": "1"}},
    ),
    Breach(
        "a tally was changed",
        f"update public.iu_route_attempt_tally set attempts = 3 where tally_key = '{WORKER}'",
        {"050_worker": {"tallies that differ": WORKER}},
    ),
    Breach(
        "a batch was altered",
        "update public.iu_route_batch set seen = 5",
        {"050_worker": {"chain of batches": "was altered"}, LEDGERS: {f"chain of {WORKER}": "was altered"}},
    ),
    Breach(
        "a batch was deleted",
        "delete from public.iu_route_batch"
        " where batch_id = (select min(b.batch_id) + 1 from public.iu_route_batch as b)",
        {
            "050_worker": {"chain of batches": "does not follow batch"},
            LEDGERS: {f"chain of {WORKER}": "does not follow batch"},
        },
    ),
    Breach(
        "an attempt was edited",
        "update public.iu_route_attempt_log set decision = 'skipped' where attempt_id = 2",
        {
            "050_worker": {"attempts against": "attempt 2 of batch"},
            LEDGERS: {f"attempts of {WORKER}": "attempt 2 of batch"},
        },
    ),
    Breach(
        "retention deleted events that are too young",
        "insert into public.iu_retention_history (event_domain, from_seq, to_seq, events, attempts,"
        " oldest_at, newest_at, events_hash, retention_days, reason)"
        " values ('iu', 1, 2, 2, 2, now(), now(), sha256(''), 30, 'test')",
        {"050_worker": {"rounds of retention": "1"}},
    ),
    *(
        Breach(
            f"an earlier probe {probe[:3]} left a row",
            f"insert into public.iu_audit_name (name) values ('iu_probe_{probe[:3]}_left')",
            {probe: {"BEFORE": "1 in iu_audit_name"}},
        )
        for probe in PROBES
    ),
]

BREACHES = [
    *DELIVERY,
    *GATES,
    *EMITTING,
    *APPEND_ONLY,
    *ROUTES,
    *RIGHTS,
    *CODE,
    *WORKERS,
    *DEAD_LETTERS,
    *TRIGGERS,
    *LEDGER_BREACHES,
]

# Breaches of what all databases of a server share, so each is done on its own server.
OF_THE_SERVER = [
    Breach(
        "a group role is dropped",
        "drop owned by iu_auditor; drop role iu_auditor",
        {"010_roles_and_ledger": {"group roles are there": "3"}},
    ),
    Breach(
        "a group role can log in",
        "alter role iu_emitter login",
        {"010_roles_and_ledger": {"group roles cannot log in": "one can"}},
    ),
    Breach(
        "workflow_admin is a member of iu_owner",
        "grant iu_owner to workflow_admin",
        {"070_functions": {"group roles that are members of iu_owner": "workflow_admin"}},
    ),
]
