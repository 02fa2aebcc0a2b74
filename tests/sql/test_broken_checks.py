"""Tests of the checks of types, routes, targets and gates fail if a check is edited."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from sql.test_behaviours import connection
from sql.test_broken_lookups import edited, fails

__all__ = ["connection"]

LIVE: Final = "worker/the_cursor_of_a_live_route_is_no_worker"
UNREAD_BY_WORKERS: Final = "health/a_domain_that_only_a_live_route_reads_has_no_reader"
UNREAD_LIVE: Final = "retention/an_event_that_a_live_route_has_not_read_stays"
LEFT_ALONE: Final = "retention/a_domain_that_only_a_live_route_reads_is_left_alone"
HELD: Final = "retention/a_module_holds_events"
SENT: Final = "health/what_modules_sent_is_added"
KIND: Final = "c.cursor_kind = 'audit'"

EDITS: Final = {
    "reserved names are allowed": (
        "worker/a_reserved_name_of_a_worker_is_refused",
        "fn_iu_worker_name_require(text)",
        ("'^(live|replay):'", "'^(live):'"),
    ),
    "the cursor of a live route is a worker": (
        LIVE,
        "fn_iu_cursors()",
        (KIND, "true"),
    ),
    "the cursor of a live route needs attempts": (
        LIVE,
        "fn_iu_attempts_conservation(text, integer)",
        (f"and {KIND}", ""),
    ),
    "the cursor of a live route needs batches": (
        LIVE,
        "fn_iu_audit_chain_verify(text, bigint, bigint)",
        (f"and {KIND}", ""),
    ),
    "events wait for the cursor of a live route": (
        LIVE,
        "fn_iu_event_type_waiting(text, integer)",
        ("and w.cursor_kind = 'audit'", ""),
    ),
    "the cursor of a live route is in the history of workers": (
        LIVE,
        "fn_iu_config_history_record()",
        ("is distinct from 'delivery'", "is not null"),
    ),
    "a live route is a reader of a domain": (
        UNREAD_BY_WORKERS,
        "fn_iu_cursors()",
        (KIND, "true"),
    ),
    "retention does not wait for live routes": (
        UNREAD_LIVE,
        "fn_iu_retention_stop_seq(text, bigint, integer, integer)",
        ("c.retired_at is null", f"c.retired_at is null and {KIND}"),
    ),
    "a live route that holds an event is not named": (
        UNREAD_LIVE,
        "fn_iu_cursor_reader(public.iu_route_worker_cursor)",
        ("else 'live route ' ||", "else 'worker ' ||"),
    ),
    "retention drops what only a live route has read": (
        LEFT_ALONE,
        "fn_iu_retention_stop_seq(text, bigint, integer, integer)",
        (f"having bool_or({KIND})", ""),
    ),
    "a live route is enough of a reader for retention": (
        LEFT_ALONE,
        "fn_iu_retention_holder(public.event_outbox)",
        (f"and {KIND}", ""),
    ),
    "retention ignores what modules hold": (
        HELD,
        "fn_iu_retention_stop_seq(text, bigint, integer, integer)",
        ("or o.event_seq >= v_hold", ""),
    ),
    "the hold of a module is not named": (
        HELD,
        "fn_iu_retention_holder(public.event_outbox)",
        ("if v_hold is not null", "if false"),
    ),
    "the hold of one module hides that of another": (
        HELD,
        "fn_iu_retention_hold(text)",
        ("v_seq < event_seq or event_seq is null", "true"),
    ),
    "a function that no module declared holds events": (
        HELD,
        "fn_iu_module_functions(text)",
        (
            "select split_part(o.object, '(', 1) from public.iu_schema_object as o",
            "select 'public.' || o.proname from (select p.proname, p.oid::regprocedure::text as object, "
            "'function' as kind, '' as module from pg_proc as p where p.proname like '%shop%') as o",
        ),
    ),
    "what modules sent is not added": (
        SENT,
        "fn_iu_route_worker_health(text)",
        ("v_tally.sent + (select m.sent from public.fn_iu_modules_sent_tally() as m)", "v_tally.sent"),
    ),
    "what a module sent without a promotion is not told": (
        SENT,
        "fn_iu_sent_tally()",
        ("m.unpromoted + core.sent", "core.sent"),
    ),
    "what the core sent counts as promoted": (
        SENT,
        "fn_iu_sent_tally()",
        ("m.unpromoted + core.sent", "m.unpromoted"),
    ),
    "an unknown type has routes": (
        "routes/a_route_needs_a_registered_type_and_a_code_of_its_own",
        "fn_iu_route_check()",
        ("where r.event_type = new.event_type", ""),
    ),
    "the code of a route is not checked": (
        "routes/a_route_needs_a_registered_type_and_a_code_of_its_own",
        "fn_iu_route_check()",
        ("'^[a-z0-9_][a-z0-9_.-]{0,99}$'", "''"),
    ),
    "every kind is known": (
        "routes/an_unknown_kind_of_target_is_refused_with_the_known_ones",
        "fn_iu_route_check()",
        ("where k.kind = new.target_kind", ""),
    ),
    "kinds of others are known without the module": (
        "routes/an_unknown_kind_of_target_is_refused_with_the_known_ones",
        "fn_iu_route_check()",
        ("s.module = 'iu-delivery' and ", ""),
    ),
    "a kind is missing": (
        "routes/an_unknown_kind_of_target_is_refused_with_the_known_ones",
        "fn_iu_target_kinds()",
        ("('redis', 'iu-delivery', 'a stream of Redis')", "('rediss', 'iu-delivery', 'a stream of Redis')"),
    ),
    "secrets are allowed": (
        "routes/a_secret_in_a_target_is_refused_and_not_shown",
        "fn_iu_target_secret_refuse(text, text)",
        ("v_found is not null", "false"),
    ),
    "the secret is shown": (
        "routes/a_secret_in_a_target_is_refused_and_not_shown",
        "fn_iu_target_secret_refuse(text, text)",
        ("name, v_found using", "name, v_found || value using"),
    ),
    "only the reference is judged": (
        "routes/a_secret_in_a_target_is_refused_and_not_shown",
        "fn_iu_route_check()",
        ("array['route_code', 'event_type', 'target_kind', 'target_ref']", "array['target_ref']"),
    ),
    "parameters are not judged": (
        "routes/a_secret_in_a_target_is_refused_and_not_shown",
        "fn_iu_target_secret(text)",
        ("where word.name is not null", "where false"),
    ),
    "a reference to a secret is refused": (
        "routes/a_secret_in_a_target_is_refused_and_not_shown",
        "fn_iu_target_secret(text)",
        ("and given.parts[1] ~* public.fn_iu_payload_key_regexp()", ""),
    ),
    "every update is checked": (
        "event_types/a_row_from_before_the_checks_can_still_be_disabled",
        "fn_iu_route_check()",
        ("case tg_op when 'UPDATE' then to_jsonb(old) else '{}' end", "'{}'::jsonb"),
    ),
    "payload keys are not checked": (
        "event_types/payload_keys_are_names_of_plain_ascii",
        "fn_iu_payload_keys_require(text[])",
        ("is not true then", "is null then"),
    ),
    "the domain may always change": (
        "event_types/a_domain_changes_only_while_no_event_of_the_type_waits",
        "fn_iu_event_type_move(text, text, text)",
        ("v_waiting > 0", "false"),
    ),
    "a domain without a worker has no waiting events": (
        "event_types/a_domain_changes_only_while_no_event_of_the_type_waits",
        "fn_iu_event_type_waiting(text, integer)",
        ("left join public.iu_route_worker_cursor", "inner join public.iu_route_worker_cursor"),
    ),
    "the fastest worker decides what waits": (
        "event_types/events_of_a_type_wait_for_the_worker_that_is_furthest_behind",
        "fn_iu_event_type_waiting(text, integer)",
        ("greatest(v_most, v_count)", "v_count"),
    ),
    "a retired worker decides what waits": (
        "event_types/events_of_a_type_wait_for_the_worker_that_is_furthest_behind",
        "fn_iu_event_type_waiting(text, integer)",
        ("and w.retired_at is null", ""),
    ),
    "a type in use may go": (
        "event_types/a_type_in_use_is_neither_removed_nor_renamed",
        "fn_iu_event_type_release(text)",
        ("v_count > 0", "false"),
    ),
    "domain and lane are not checked": (
        "event_types/domain_stream_lane_and_subject_table_of_a_type_are_checked",
        "fn_iu_event_type_check()",
        ("else '^[a-z][a-z0-9_.-]{0,62}$' end", "else '' end"),
    ),
    "a gate never says that it has no effect": (
        "gates/a_gate_that_is_opened_without_effect_says_why",
        "fn_iu_gate_note(text, text)",
        ("if v_name is null or", "if true or"),
    ),
    "a closed delivery gate is not mentioned": (
        "gates/a_gate_that_is_opened_without_effect_says_why",
        "fn_iu_gate_note(text, text)",
        ("v_name = 'live_routes' and not", "false and not"),
    ),
    "a subject without a uuid is refused without advice": (
        "outbox/a_subject_that_is_no_uuid_is_refused_with_advice",
        "fn_iu_event_subject(bigint, text, text, text, text, jsonb)",
        ("fn_iu_subject", "fn_subject"),
    ),
}


@pytest.mark.parametrize("breach", EDITS)
def test_a_missing_check_is_noticed(connection: psycopg.Connection, breach: str) -> None:
    behaviour, function, edit = EDITS[breach]
    fails(connection, behaviour, edited(connection, function, *edit))
