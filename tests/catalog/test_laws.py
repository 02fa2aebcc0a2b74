"""The installed catalog follows the rules of laws.py, and a violation of each rule is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from catalog.laws import LAWS, Law
from databases import Server


@pytest.fixture(scope="module", params=["template", "delivery_template"], ids=["core", "delivery"])
def catalog(server: Server, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """Return a session on a database of these tests, of the core or with the module; each test rolls back."""
    template = request.getfixturevalue(request.param)
    name = f"{template}_catalog_{getattr(request.config, 'workerinput', {}).get('workerid', 'main')}"
    url = server.create(name, template)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    server.drop(name)


def breaches(catalog: psycopg.Connection, law: Law) -> list[str]:
    return [row[0] for row in catalog.execute(law.breaches.encode())]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.sentence)
def test_the_database_catalog_satisfies_the_rule(catalog: psycopg.Connection, law: Law) -> None:
    assert breaches(catalog, law) == []


@pytest.mark.parametrize(
    ("law", "statement"),
    [pytest.param(law, statement, id=law.sentence) for law in LAWS for statement in law.broken_by],
)
def test_a_violation_of_the_rule_is_noticed(catalog: psycopg.Connection, law: Law, statement: str) -> None:
    with catalog.transaction(force_rollback=True):
        catalog.execute(statement.encode())
        assert breaches(catalog, law) != []


PUBLIC_FUNCTIONS = {
    "fn_iu_emit_event": (
        "event_type text, canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb",
        "uuid",
    ),
    "fn_iu_emit_events": ("events jsonb", "SETOF uuid"),
    "fn_iu_route_worker_run": (
        "worker_name text, batch_limit integer, run_ref text DEFAULT NULL::text",
        "jsonb",
    ),
    "fn_iu_route_dead_letter_replay": ("dead_letter_id uuid, run_ref text DEFAULT NULL::text", "jsonb"),
    "fn_iu_route_dead_letter_discard": ("dead_letter_id uuid, reason text", "jsonb"),
    "fn_iu_route_worker_seek": ('worker_name text, "position" text, reason text', "jsonb"),
    "fn_iu_route_worker_health": ("worker_name text DEFAULT 'iu_outbound_default'::text", "jsonb"),
    "fn_iu_route_deliver": ("event_id uuid, route_code text", "void"),
    "fn_iu_gate_set": ("key text, value text, reason text", "jsonb"),
    "fn_iu_sql_link_inbound_capture": ("", "trigger"),
}


@pytest.mark.parametrize("name", PUBLIC_FUNCTIONS)
def test_a_public_function_has_the_signature_that_callers_rely_on(
    catalog: psycopg.Connection, name: str
) -> None:
    rows = catalog.execute(
        "select pg_get_function_arguments(oid), pg_get_function_result(oid) from pg_proc where proname = %s",
        (name,),
    ).fetchall()
    assert rows == [PUBLIC_FUNCTIONS[name]]


COLUMNS = {
    "dot_config": "key value description updated_at updated_by",
    "dot_config_history": "key old_value new_value reason changed_by changed_at",
    "event_type_registry": "event_type event_domain event_stream delivery_lane payload_classification "
    "event_subject_table payload_keys enabled",
    "event_outbox": "event_id event_seq emitted_xid event_domain event_type event_stream delivery_lane "
    "canonical_address event_subject_table event_subject_ref actor_ref "
    "payload_classification safe_payload created_at",
    "iu_outbound_route": "route_code event_type enabled dry_run target_kind target_ref",
    "iu_inbound_route": "route_code source_table source_op target_event_type enabled dry_run",
    "iu_inbound_capture": "route_code source_table source_op source_ref decision event_id captured_at",
    "iu_route_worker_cursor": "worker_name cursor_event_id cursor_created_at last_run_at last_run_summary",
    "iu_route_batch": "batch_id worker_name run_ref started_at finished_at seen attempts_written skipped "
    "dead_lettered first_event_seq last_event_seq",
    "iu_route_attempt": "attempt_id batch_id worker_name event_id route_code idempotency_key "
    "attempt_no status "
    "decision delivered target_kind target_ref error_code error_detail created_at",
    "iu_route_dead_letter": "dead_letter_id event_id worker_name route_code idempotency_key event_snapshot "
    "failure_code failure_detail attempts resolution resolved_at resolved_by resolution_reason "
    "next_replay_at created_at",
    "information_unit": "unit_id canonical_address",
    "unit_version": "unit_id version_seq",
    "iu_sql_link": "link_id unit_id sql_object_ref",
    "iu_schema_step": "step_name checksum applied_at applied_by",
}


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_has_the_columns_that_callers_rely_on(catalog: psycopg.Connection, table: str) -> None:
    rows = catalog.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        (f"public.{table}",),
    )
    assert set(COLUMNS[table].split()) <= {name for (name,) in rows}


def plpgsql_check(catalog: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return the findings of plpgsql_check for every function. Skips if the extension is missing."""
    known = catalog.execute("select from pg_available_extensions where name = 'plpgsql_check'").fetchone()
    if known is None:
        pytest.skip("this server has no extension plpgsql_check (Debian: postgresql-<major>-plpgsql-check)")
    catalog.execute("create extension plpgsql_check")
    catalog.execute("set local plpgsql.extra_errors = 'all'")
    return catalog.execute(
        """select f.functionid::regproc, f.lineno, f.level, f.message
        from pg_proc as p inner join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
        left join pg_trigger as t on t.tgfoid = p.oid and not t.tgisinternal
        cross join lateral plpgsql_check_function_tb(
            p.oid, coalesce(t.tgrelid, 0),
            newtable => case when t.tgnewtable is not null then 'arrived' end
        ) as f
        where p.pronamespace = 'public'::regnamespace and f.level in ('error', 'warning')"""
    ).fetchall()


def test_every_function_passes_plpgsql_check(catalog: psycopg.Connection) -> None:
    with catalog.transaction(force_rollback=True):
        assert plpgsql_check(catalog) == []


def test_a_function_that_plpgsql_check_finds_wrong_is_noticed(catalog: psycopg.Connection) -> None:
    with catalog.transaction(force_rollback=True):
        catalog.execute(
            "create function public.fn_iu_wrong() returns void language plpgsql as "
            "'begin perform o.no_such_column from public.event_outbox as o; end'"
        )
        assert [function for function, *_ in plpgsql_check(catalog)] == ["fn_iu_wrong"]
