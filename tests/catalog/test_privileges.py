"""Privileges of the roles: the whole access matrix in the catalog, and attempts by each role."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from iu_pipelines.db.steps import code, files
from iu_pipelines.settings import sql_root

EMITTER, ADMIN, AUDITOR = ROLES = ("iu_emitter", "workflow_admin", "iu_auditor")
PRIVILEGES = ("select", "insert", "update", "delete", "truncate", "references", "trigger")

DECLARED = code.read(next(step for step in files.load_steps(sql_root()) if step.is_repeatable))
MATRIX = {(access, role): set(privileges.split(", ")) for _, access, role, privileges in DECLARED.access}
ACCESS = {
    (kind, name.removeprefix("public.").partition("(")[0]): access
    for _, kind, name, access, *_ in DECLARED.objects
}


def may_touch(role: str, table: str) -> set[str]:
    """Return the privileges of the role on the table or view, as the files declare them."""
    access = ACCESS.get(("table", table)) or ACCESS["view", table]
    return MATRIX.get((access, role), set())


def may_run(role: str, function: str) -> bool:
    """Return whether the role may execute the function, as the files declare it."""
    return "execute" in MATRIX.get((ACCESS["function", function], role), set())


def test_the_matrix_gives_each_role_what_it_is_for_and_no_more() -> None:
    emits = {access for access, role in MATRIX if role == EMITTER}
    assert emits == {"emit", "compute", "subject", "registry"}
    assert {name for (_, name), access in ACCESS.items() if access == "emit"} == {
        "fn_iu_emit_event",
        "fn_iu_emit_events",
    }
    assert set().union(*(privileges for (_, role), privileges in MATRIX.items() if role == AUDITOR)) == {
        "select",
        "execute",
    }
    for access in ("record", "state"):
        assert {privilege for role in ROLES for privilege in MATRIX.get((access, role), set())} == {"select"}
    assert not any("truncate" in privileges or "trigger" in privileges for privileges in MATRIX.values())


def test_roles_write_directly_only_to_subjects_rules_and_registries() -> None:
    written_by_hand = {
        name for (_, name), access in ACCESS.items() if access in ("subject", "rule", "registry")
    }
    assert written_by_hand == {
        "information_unit",
        "unit_version",
        "iu_sql_link",
        "event_type_registry",
        "iu_outbound_route",
        "iu_inbound_route",
    }


@pytest.fixture
def session(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as session:
        yield session


@pytest.fixture
def kept_session(kept_database: str) -> Iterator[psycopg.Connection]:
    """Yield a session for tests that change nothing."""
    with psycopg.connect(kept_database, autocommit=True) as session:
        yield session


@contextmanager
def acting_as(session: psycopg.Connection, role: str) -> Iterator[None]:
    session.execute(f"set role {role}".encode())
    try:
        yield
    finally:
        session.execute("reset role")


def excesses(session: psycopg.Connection) -> list[tuple[str, str, str]]:
    """Return (role, object, privilege) wherever the catalog and the matrix differ."""
    tables = session.execute(
        b"""select r.role, c.relname, array(
            select v.privilege from unnest(%s::text []) as v (privilege)
            where has_table_privilege(r.role, c.oid, v.privilege)
        ) from pg_class as c cross join unnest(%s::text []) as r (role)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')""",
        (list(PRIVILEGES), list(ROLES)),
    ).fetchall()
    functions = session.execute(
        b"""select r.role, p.proname, has_function_privilege(r.role, p.oid, 'execute')
        from pg_proc as p cross join unnest(%s::text []) as r (role)
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%%'""",
        (list(ROLES),),
    ).fetchall()
    others = session.execute(
        b"""select r.role, c.relname, v.privilege from pg_class as c
        cross join unnest(%s::text []) as r (role)
        cross join unnest(array['usage', 'select', 'update']) as v (privilege)
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
            and has_sequence_privilege(r.role, c.oid, v.privilege)
        union all
        select r.role, c.relname || '.' || a.attname, v.privilege from pg_class as c
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        cross join unnest(%s::text []) as r (role)
        cross join unnest(array['select', 'insert', 'update', 'references']) as v (privilege)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
            and not has_table_privilege(r.role, c.oid, v.privilege)
            and has_column_privilege(r.role, c.oid, a.attnum, v.privilege)
        union all
        select r.role, 'public', 'create' from unnest(%s::text []) as r (role)
        where current_setting('server_version_num')::int >= 150000
            and has_schema_privilege(r.role, 'public', 'create')""",
        (list(ROLES), list(ROLES), list(ROLES)),
    ).fetchall()
    assert len(tables) > 60
    assert len(functions) > 150
    wrong = [
        (role, table, privilege)
        for role, table, privileges in tables
        for privilege in set(privileges) ^ may_touch(role, table)
    ]
    return others + wrong + [(r, f, "execute") for r, f, seen in functions if seen != may_run(r, f)]


def test_the_privileges_in_the_database_equal_the_matrix(kept_session: psycopg.Connection) -> None:
    assert excesses(kept_session) == []


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ("grant update on public.event_outbox to workflow_admin", (ADMIN, "event_outbox", "update")),
        ("grant select on public.event_outbox to iu_emitter", (EMITTER, "event_outbox", "select")),
        ("revoke select on public.iu_route_attempt from iu_auditor", (AUDITOR, "iu_route_attempt", "select")),
        (
            "grant execute on function public.fn_iu_batch_record(public.iu_route_batch) to workflow_admin",
            (ADMIN, "fn_iu_batch_record", "execute"),
        ),
        (
            "grant update (actor_ref) on public.event_outbox to workflow_admin",
            (ADMIN, "event_outbox.actor_ref", "update"),
        ),
        (
            "grant usage on sequence public.event_outbox_event_seq_seq to iu_emitter",
            (EMITTER, "event_outbox_event_seq_seq", "usage"),
        ),
        ("grant create on schema public to workflow_admin", (ADMIN, "public", "create")),
        ("grant workflow_admin to iu_auditor", (AUDITOR, "fn_iu_gate_set", "execute")),
    ],
)
def test_a_privilege_that_differs_from_the_matrix_is_detected(
    kept_session: psycopg.Connection, change: str, noticed: tuple[str, str, str]
) -> None:
    with kept_session.transaction(force_rollback=True):
        kept_session.execute(change.encode())
        assert noticed in excesses(kept_session)


@pytest.mark.parametrize(
    "attempt",
    [
        "insert into public.event_outbox (event_domain, event_type) values ('iu', 'version_applied')",
        "update public.event_outbox set actor_ref = 'x'",
        "delete from public.event_outbox",
        "truncate public.event_outbox",
        "insert into public.iu_route_attempt_log (event_id, worker_no, decision) "
        "values (gen_random_uuid(), 1, 'sent')",
        "delete from public.iu_route_attempt_log",
        "insert into public.iu_route_dead_letter (event_id, idempotency_key) values (gen_random_uuid(), 'x')",
        "update public.iu_route_worker_cursor set position_seq = 0",
        "update public.dot_config set value = 'true'",
        "insert into public.dot_config_history (key, changed_by) values ('x', 'nobody')",
        "alter table public.event_outbox disable trigger all",
        "alter table public.iu_outbound_route drop constraint dry_run_is_enforced",
        "alter table public.iu_outbound_route disable trigger trg_iu_route_version",
        "alter function public.fn_iu_route_deliver(uuid, text) security invoker",
        "create or replace function public.fn_iu_route_deliver(event_id uuid, route_code text) returns void "
        "language sql as 'select null::void'",
        "drop table public.event_outbox",
        "select public.fn_iu_dead_letters_set_aside(null::public.iu_route_batch)",
        "select setval('public.event_outbox_event_seq_seq', 1)",
        "set session_replication_role = replica",
        "set role iu_owner",
    ],
)
def test_workflow_admin_cannot_bypass_the_functions(kept_session: psycopg.Connection, attempt: str) -> None:
    role = f"iu_test_privileges_{os.getpid()}"
    kept_session.execute(f"create role {role} login in role workflow_admin".encode())
    try:
        kept_session.execute(f"set session authorization {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), kept_session.transaction():
            kept_session.execute("set role workflow_admin")
            kept_session.execute(attempt.encode())
    finally:
        kept_session.execute("reset session authorization")
        kept_session.execute(f"drop role {role}".encode())


def test_workflow_admin_may_do_everything_that_operation_needs(session: psycopg.Connection) -> None:
    unit = "00000000-0000-4000-8000-000000000001"
    with acting_as(session, ADMIN):
        for statement in (
            f"insert into public.information_unit (unit_id, canonical_address) values ('{unit}', 'a')",
            f"insert into public.unit_version (unit_id, version_seq) values ('{unit}', 1), ('{unit}', 2)",
            "select public.fn_iu_route_worker_run('iu_outbound_default', 10)",
            "select public.fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'again')",
            "select public.fn_iu_gate_set('iu_core.delivery_enabled', 'false', 'x')",
            "update public.iu_outbound_route set target_ref = 'elsewhere'",
            "select public.fn_iu_route_worker_health()",
        ):
            session.execute(statement.encode())
        row = session.execute(
            "select changed_by from public.dot_config_history order by change_no desc"
        ).fetchone()
    assert row == (session.info.user,)


def test_an_emitter_emits_and_does_nothing_else(session: psycopg.Connection) -> None:
    emit = b"select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', '{}')"
    with acting_as(session, EMITTER):
        assert session.execute(emit).fetchone()
        for statement in (
            "select * from public.event_outbox",
            "select public.fn_iu_route_worker_run('w', 1)",
            "select public.fn_iu_route_worker_health()",
            "select public.fn_iu_gate_set('iu_core.routes_enabled', 'false', 'x')",
            "select * from public.dot_config",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement.encode())


def test_a_link_of_an_emitter_is_captured_and_emitted(session: psycopg.Connection) -> None:
    session.execute("update public.iu_inbound_route set enabled = true, dry_run = false")
    with acting_as(session, EMITTER):
        session.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.orders')")
    assert session.execute(
        "select count(*) from public.iu_inbound_capture where decision = 'emitted'"
    ).fetchone() == (1,)


def test_an_auditor_reads_everything_and_changes_nothing(session: psycopg.Connection) -> None:
    tables = [
        name
        for (name,) in session.execute(
            "select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace "
            "and relkind in ('r', 'v')"
        )
    ]
    with acting_as(session, AUDITOR):
        for table in tables:
            session.execute(f"select * from public.{table} limit 1".encode())
            with pytest.raises(psycopg.errors.Error) as refused:
                session.execute(f"delete from public.{table}".encode())
            assert refused.value.sqlstate in {"42501", "55000"}
        session.execute("select public.fn_iu_route_worker_health()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(
                "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', '{}')"
            )


def test_a_role_without_privileges_reads_and_runs_nothing(session: psycopg.Connection) -> None:
    role = f"iu_test_nobody_{os.getpid()}"
    session.execute(f"create role {role}".encode())
    try:
        with acting_as(session, role):
            for statement in (
                "select * from public.dot_config",
                "select * from public.iu_route_attempt",
                "select public.fn_iu_gate_open('iu_core.routes_enabled')",
                "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', '{}')",
                "select public.fn_iu_proof_end('x')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(statement.encode())
    finally:
        session.execute(f"drop role {role}".encode())


def test_a_hostile_search_path_and_temp_objects_change_nothing(session: psycopg.Connection) -> None:
    for statement in (
        "create temp table event_outbox (like public.event_outbox)",
        "create temp table dot_config (key text, value text)",
        "insert into pg_temp.dot_config values ('iu_core.routes_enabled', 'false')",
        "create function pg_temp.lower(text) returns text language sql as 'select ''stolen'''",
        "create function pg_temp.clock_timestamp() returns timestamptz language sql "
        "as $$ select 'epoch'::timestamptz $$",
        "set search_path = pg_temp, public, pg_catalog",
    ):
        session.execute(statement.encode())
    session.execute("select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', '{}')")
    row = session.execute("select public.fn_iu_route_worker_run('w', 10) ->> 'attempts_written'").fetchone()
    assert row == ("1",)
    assert session.execute("select count(*) from pg_temp.event_outbox").fetchone() == (0,)
    assert session.execute("select min(created_at) > 'yesterday' from public.event_outbox").fetchone() == (
        True,
    )
