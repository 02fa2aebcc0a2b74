"""Functions of iu_pipelines never call better matching overloads that another role created in schema public.

PostgreSQL 14 lets every role create objects there, and a security definer would run them as its owner.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from engine.sessions import Session, emit_many, make_live, opened, value

OTHER_TYPES = {
    "text": ("character varying", "name", '"char"', "bpchar"),
    "integer": ("bigint", "smallint", "numeric"),
    "bigint": ("integer", "numeric"),
    "jsonb": ("json", "text"),
    "uuid": ("text",),
    "timestamp with time zone": ("timestamp without time zone",),
}
_FUNCTIONS = """
select p.proname, array(
    select format_type(a, null) from unnest(p.proargtypes) with ordinality as t (a, n) order by n
)
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%' and p.pronargs > 0
"""
_TRAP = """
create function public.{name}({arguments}) returns {result} language plpgsql as $$
begin raise exception 'hijacked: {name}({arguments})'; end $$
"""


def overloads(types: list[str]) -> Iterator[list[str]]:
    """Yield the argument types with one changed, and with all changed."""
    for place, kind in enumerate(types):
        for other in OTHER_TYPES.get(kind, ()):
            yield [*types[:place], other, *types[place + 1 :]]
    yield [OTHER_TYPES.get(kind, (kind,))[0] for kind in types]


def lay_traps(session: Session) -> int:
    """Create the overloads as a role that owns nothing, and return their number."""
    session.execute("create role iu_test_stranger")
    session.execute("grant usage, create on schema public to iu_test_stranger")
    functions = session.execute(_FUNCTIONS.encode()).fetchall()
    session.execute("set role iu_test_stranger")
    laid = 0
    for name, types in functions:
        for other in {tuple(one) for one in overloads(types)} - {tuple(types)}:
            trap = _TRAP.format(name=name, arguments=", ".join(other), result="boolean")
            try:
                session.execute(trap.encode())
                laid += 1
            except (psycopg.errors.DuplicateFunction, psycopg.errors.InsufficientPrivilege):
                continue
    session.execute("reset role")
    return laid


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    with opened(database) as (session,):
        session.execute("set client_min_messages = error")
        yield session
        session.execute("drop owned by iu_test_stranger")
        session.execute("drop role iu_test_stranger")


def test_better_matching_overloads_of_another_role_are_never_called(session: Session) -> None:
    make_live(session, "iu.structure_piece_split.workflow")
    assert lay_traps(session) > 100
    session.execute("grant workflow_admin to iu_test_stranger")
    session.execute("set role workflow_admin")
    emit_many(session, 30)
    value(session, "select public.fn_iu_emit_event('structure_piece_split'::text, 'A'::text, "
          "gen_random_uuid(), 'a'::text, '{}'::jsonb)")  # fmt: skip
    session.execute(
        "insert into public.information_unit (unit_id, canonical_address) "
        "values ('00000000-0000-4000-8000-000000000009', 'nine')"
    )
    session.execute(
        "insert into public.unit_version (unit_id, version_seq) "
        "select '00000000-0000-4000-8000-000000000009', n from generate_series(1, 3) as n"
    )
    session.execute("update public.iu_inbound_route set enabled = true, dry_run = false")
    session.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.orders')")
    typed = "'{}'::text"
    said = value(session, f"select public.fn_iu_route_worker_run({typed.format('tester')}, 100, null::text)")
    assert (said["seen"], said["dead_lettered"]) == (34, 1)
    letter = value(session, "select dead_letter_id from public.iu_route_dead_letter")
    event = value(session, "select event_id from public.iu_route_dead_letter")
    answer = value(session, "select public.fn_iu_route_dead_letter_replay(%s::uuid, null::text)", (letter,))
    assert answer["decision"] == "failed"
    for call in (
        "public.fn_iu_route_dead_letter_discard('{letter}'::uuid, 'x'::text)",
        "public.fn_iu_route_worker_seek('tester'::text, 'beginning'::text, 'x'::text)",
        "public.fn_iu_route_worker_health('tester'::text)",
        "public.fn_iu_route_worker_pending('tester'::text)",
        "public.fn_iu_event_reading('{event}'::uuid, 'tester'::text)",
        "public.fn_iu_gate_set('iu_core.stall_seconds'::text, '300'::text, 'x'::text)",
        "public.fn_iu_audit_chain_verify('tester'::text, null::bigint, null::bigint)",
        "public.fn_iu_audit_attempts_verify('tester'::text, null::bigint, null::bigint)",
    ):
        named = call.replace("{letter}", str(letter)).replace("{event}", str(event))
        assert value(session, f"select {named}") is not None
    session.execute("reset role")


def test_a_call_without_the_exact_types_can_be_hijacked_by_an_overload(session: Session) -> None:
    session.execute(
        "create function public.fn_iu_inexact() returns boolean language sql security definer "
        "set search_path = pg_catalog, pg_temp as 'select public.fn_iu_gate_open(session_user)'"
    )
    assert lay_traps(session) > 100
    with pytest.raises(psycopg.errors.RaiseException, match="hijacked: fn_iu_gate_open"):
        session.execute("select public.fn_iu_inexact()")
