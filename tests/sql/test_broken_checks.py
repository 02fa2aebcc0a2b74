"""Tests of the checks of types, routes, targets and gates fail if a check is edited."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from sql.test_behaviours import connection
from sql.test_broken_lookups import edited, fails

__all__ = ["connection"]

EDITS: Final = {
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
