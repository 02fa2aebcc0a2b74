"""Verify compares whole functions with their files: parameters, options and every form of body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import code, files, verification
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.settings import sql_root

FUNCTIONS = code.by_step(files.load_steps(sql_root(), [files.CORE]))
ALL = [function for found in FUNCTIONS.values() for function in found.functions.values()]
LINE = "functions and views that are not those of the file"


def seen(gateway: Gateway, step: str) -> Line:
    (proof,) = verification.verify(gateway, step)
    (line,) = (line for line in proof.lines if line.name.startswith(LINE))
    return line


def test_every_function_and_view_of_the_database_is_compared(gateway: Gateway) -> None:
    rows = gateway.fetch_all(
        r"""select proname from pg_proc
            where pronamespace = 'public'::regnamespace and proname like 'fn\_iu\_%'
            union all
            select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'"""
    )
    assert sorted(row["proname"] for row in rows) == sorted(function.name for function in ALL)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            "create or replace function public.fn_iu_payload_is_plain(payload_text text) returns boolean "
            "language sql stable parallel safe return true",
            "fn_iu_payload_is_plain",
        ),
        ("alter function public.fn_iu_gate_open(text) security definer", "fn_iu_gate_open"),
        ("alter function public.fn_iu_gate_open(text) volatile", "fn_iu_gate_open"),
        ("alter function public.fn_iu_gate_open(text) parallel unsafe", "fn_iu_gate_open"),
        ("alter function public.fn_iu_gate_open(text) strict", "fn_iu_gate_open"),
        ("alter function public.fn_iu_gate_open(text) cost 1", "fn_iu_gate_open"),
        ("alter function public.fn_iu_gate_open(text) set search_path = public", "fn_iu_gate_open"),
        ("alter function public.fn_iu_route_worker_run reset search_path", "fn_iu_route_worker_run"),
        ("alter function public.fn_iu_cursor_backlog set enable_seqscan = on", "fn_iu_cursor_backlog"),
        ("drop function public.fn_iu_worker_summary", "fn_iu_worker_summary"),
        (
            """do $$ begin execute format(
                   'create or replace view public.iu_route_attempt as %s where false',
                   rtrim(pg_get_viewdef('public.iu_route_attempt'::regclass), ';')
               ); end $$""",
            "iu_route_attempt",
        ),
        ("alter view public.iu_route_attempt set (security_invoker = on)", "iu_route_attempt"),
        (
            "create or replace function public.fn_iu_batch_hash(batch public.iu_route_batch) returns bytea "
            "language sql stable parallel safe return '\\x'::bytea",
            "fn_iu_batch_hash",
        ),
    ],
)
def test_a_change_of_any_part_of_a_function_is_named(gateway: Gateway, change: str, name: str) -> None:
    assert seen(gateway, "070").passed
    gateway.execute(change)
    assert seen(gateway, "070").seen == name


def test_a_proof_that_always_passes_is_named(gateway: Gateway) -> None:
    gateway.execute(
        """create or replace function public.fn_iu_proof_note(name text, expected text, seen text)
           returns boolean language sql set search_path = pg_catalog, pg_temp as 'select true'"""
    )
    assert seen(gateway, "010").seen == "fn_iu_proof_note"


def test_comparing_leaves_nothing_behind(gateway: Gateway) -> None:
    verification.verify(gateway, "070")
    left = """select count(*) from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
               where n.nspname ~ '^pg_temp'"""
    assert gateway.fetch_value(left) == 0


@pytest.fixture
def without_temp(gateway: Gateway, login: Callable[[str], str]) -> Iterator[Gateway]:
    """Return a session of an auditor in a database in which PUBLIC may create no temporary objects."""
    name = gateway.fetch_value("select quote_ident(current_database())")
    gateway.execute(f"revoke temporary on database {name} from public")
    with Gateway(login("iu_auditor")) as auditor:
        yield auditor


def test_a_role_that_may_create_no_temporary_objects_compares_bodies_only(
    gateway: Gateway, without_temp: Gateway
) -> None:
    line = seen(without_temp, "070")
    assert line.passed
    assert "bodies only" in line.name
    gateway.execute(
        """create or replace function public.fn_iu_replay_delay(attempts int) returns interval
           language sql stable set search_path = pg_catalog, pg_temp as $$ select interval '1 minute' $$"""
    )
    assert seen(without_temp, "070").seen == "fn_iu_replay_delay"
