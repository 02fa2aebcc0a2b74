"""Tests of captures fail if the functions that generate, check or record them are edited."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from sql.test_behaviours import connection
from sql.test_broken_lookups import edited, fails

__all__ = ["connection"]

EDITS: Final = {
    "a changed key is an update": (
        "a_changed_key_is_a_delete_and_an_insert",
        "fn_iu_capture_body(public.iu_inbound_route)",
        ("new_rows as n inner join old_rows as o on ' || v_same", "new_rows as n cross join old_rows as o'"),
    ),
    "every updated row counts as inserted": (
        "a_changed_key_is_a_delete_and_an_insert",
        "fn_iu_capture_body(public.iu_inbound_route)",
        (" and not exists (select from %s as o where %s)", " and not exists (select from %s as o where not %s)"),
    ),
    "updates that change a key have no trigger": (
        "a_changed_key_is_a_delete_and_an_insert",
        "fn_iu_capture_triggers(public.iu_inbound_route)",
        ("union select 'update'", ""),
    ),
    "the table is compared by its name alone": (
        "a_capture_function_cannot_be_attached_to_anything_else",
        "fn_iu_capture_require(integer, oid, name, text, text)",
        (
            "relation is distinct from public.fn_iu_capture_table(v_capture.source_table)",
            "relation::regclass::text not like '%orders'",
        ),
    ),
    "the name of the trigger is not checked": (
        "a_capture_function_cannot_be_attached_to_anything_else",
        "fn_iu_capture_require(integer, oid, name, text, text)",
        ("trigger_name !~", "false and trigger_name !~"),
    ),
    "values are read by casts": (
        "a_capture_runs_no_text_and_no_cast_of_an_owner",
        "fn_iu_capture_value(oid, text, text, boolean)",
        ("concat(%1$s.%2$I)", "%1$s.%2$I::text"),
    ),
    "a refused event is left out": (
        "a_refused_event_fails_the_statement_or_is_counted_as_the_capture_says",
        "fn_iu_capture_record(public.iu_inbound_route, text[], uuid[], jsonb)",
        ("left join emitted on", "inner join emitted on"),
    ),
    "a dry run emits": (
        "a_dry_run_capture_records_what_would_be_refused_and_emits_nothing",
        "fn_iu_capture_record(public.iu_inbound_route, text[], uuid[], jsonb)",
        ("and not capture.dry_run", ""),
    ),
    "a capture that is attached may be removed": (
        "a_capture_is_removed_only_when_its_triggers_are_gone",
        "fn_iu_capture_define()",
        (") and v_attached is not null then", ") and false then"),
    ),
    "the name of a column is not judged": (
        "a_capture_that_does_not_fit_its_table_is_refused_with_what_to_do",
        "fn_iu_capture_check(public.iu_inbound_route)",
        ("jsonb_build_object(v_payload.value, 0)", "'{}'"),
    ),
}


@pytest.mark.parametrize("breach", EDITS)
def test_a_wrong_capture_is_noticed(connection: psycopg.Connection, breach: str) -> None:
    behaviour, function, edit = EDITS[breach]
    fails(connection, f"inbound/{behaviour}", edited(connection, function, *edit))
