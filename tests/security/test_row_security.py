"""With row security on a table, functions that read it are refused, and no hidden event is consumed."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from engine import broken
from engine.scenarios import CLEAN, Report, judged
from engine.sessions import Session, drain, emit, emit_many, health, make_live, opened, run, value
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification

RUN = "select public.fn_iu_route_worker_run('tester', 10)"
CALLS = {
    "run": RUN,
    "replay": "select public.fn_iu_route_dead_letter_replay(dead_letter_id) from public.kept",
    "discard": "select public.fn_iu_route_dead_letter_discard(dead_letter_id, 'a test') from public.kept",
    "seek": "select public.fn_iu_route_worker_seek('tester', 'latest', 'a test')",
    "pending": "select public.fn_iu_route_worker_pending('tester')",
    "reading": "select public.fn_iu_event_reading(event_id, 'tester') from public.waiting",
    "gate": "select public.fn_iu_gate_set('iu_core.routes_enabled', 'false', 'a test')",
    "retention": "select public.fn_iu_retention_run('a test')",
    "version": """insert into public.unit_version (unit_id, version_seq)
        select unit_id, 2 from public.information_unit""",
    "link": "insert into public.iu_sql_link (sql_object_ref) values ('TEST/1')",
    "audit": "select public.fn_iu_audit_attempts_verify('tester')",
    "chain": "select public.fn_iu_audit_chain_verify('tester')",
    "replayable": "select public.fn_iu_dead_letters_replayable(10)",
    "prove": "do $$ begin perform public.fn_iu_module_prove('iu-core'); end $$",
    "emit": "select public.fn_iu_emit_event('version_applied', 'TEST/1', gen_random_uuid(), 'tester', '{}')",
    "bulk": """select public.fn_iu_emit_events('[{"event_type": "version_applied",
        "canonical_address": "TEST/1", "subject_ref": "00000000-0000-4000-8000-000000000001",
        "actor_ref": "tester", "safe_payload": {}}]')""",
}
READS = {
    "run": "dot_config iu_route_worker_cursor event_outbox event_outbox_cluster iu_outbound_route "
    "iu_route_attempt_log iu_route_attempt_tally iu_route_batch",
    "replay": "dot_config iu_route_dead_letter iu_outbound_route iu_route_attempt_log iu_audit_name",
    "discard": "iu_route_dead_letter",
    "seek": "iu_route_worker_cursor event_outbox event_outbox_cluster iu_route_worker_seek",
    "pending": "iu_route_worker_cursor event_outbox event_outbox_cluster",
    "reading": "iu_route_worker_cursor event_outbox event_outbox_cluster iu_route_attempt_log",
    "gate": "dot_config",
    "retention": "dot_config iu_route_worker_cursor event_outbox event_outbox_cluster",
    "version": "event_type_registry information_unit event_outbox",
    "link": "iu_inbound_route",
    "audit": "iu_route_batch iu_route_attempt_log",
    "chain": "iu_route_batch",
    "replayable": "iu_route_dead_letter iu_outbound_route",
    "prove": "iu_schema_object iu_schema_access",
    "emit": "event_type_registry",
    "bulk": "event_type_registry",
}
CASES = [(name, table) for name, tables in READS.items() for table in tables.split()]

Make = Callable[[], Session]


def force(session: Session, table: str) -> None:
    session.execute(
        f"alter table public.{table} enable row level security, force row level security".encode()
    )


def prepare(session: Session) -> None:
    """Make a dead letter, a waiting event and a unit with one version, and set retention."""
    make_live(session)
    emit(session)
    run(session)
    session.execute("create table public.kept as select dead_letter_id from public.iu_route_dead_letter")
    session.execute("grant select on public.kept to public")
    session.execute("update public.iu_outbound_route set dry_run = true")
    session.execute("insert into public.information_unit (canonical_address) values ('TEST/1')")
    session.execute(
        "insert into public.unit_version (unit_id, version_seq) "
        "select unit_id, 1 from public.information_unit"
    )
    session.execute("update public.dot_config set value = '30' where key = 'iu_core.retention_days'")
    emit(session)
    session.execute(
        "create table public.waiting as "
        "select event_id from public.event_outbox order by event_seq desc limit 1"
    )
    session.execute("grant select on public.waiting to public")


@pytest.mark.read_committed
@pytest.mark.parametrize(("name", "table"), CASES)
def test_a_function_that_reads_a_table_with_row_security_raises_an_error_that_names_it(
    kept_database: str, name: str, table: str
) -> None:
    with opened(kept_database) as (session,), session.transaction(force_rollback=True):
        prepare(session)
        force(session, table)
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=f'security policy for table "{table}"'
        ):
            if name in {"audit", "chain", "replayable", "prove"}:
                session.execute("set role iu_owner")
            session.execute(CALLS[name].encode())


def hide(session: Session) -> None:
    """Hide the events of one actor from everybody."""
    force(session, "event_outbox")
    session.execute("create policy not_all on public.event_outbox using (actor_ref <> 'tester')")
    session.execute("create policy all_in on public.event_outbox for insert with check (true)")


def unhide(session: Session) -> None:
    session.execute("alter table public.event_outbox disable row level security")


def test_a_worker_raises_an_error_instead_of_skipping_events_that_a_policy_hides(database: str) -> None:
    with opened(database) as (session,):
        run(session)
        emit_many(session, 5)
        hide(session)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="event_outbox"):
            run(session)
        unhide(session)
        assert drain(session) == 5
        assert judged(session) == CLEAN


def test_without_row_security_off_a_worker_loses_events_that_a_policy_hides(database: str) -> None:
    with opened(database) as (session,):
        broken.blind_to_policies(session)
        run(session)
        emit_many(session, 5)
        hide(session)
        # An idle run within a minute does not move the cursor, so make the last run older.
        session.execute("update public.iu_route_worker_cursor set last_run_at = now() - interval '1 hour'")
        assert run(session)["seen"] == 0
        unhide(session)
        drain(session)
        assert judged(session) == Report(lost=5)


def test_an_insert_that_a_policy_refuses_is_an_error_and_no_event(database: str) -> None:
    with opened(database) as (session,):
        force(session, "event_outbox")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match='policy for table "event_outbox"'):
            emit(session)
        unhide(session)
        assert value(session, "select count(*) from public.event_outbox") == 0


@pytest.mark.parametrize(
    "table", ["event_outbox", "iu_route_worker_cursor", "dot_config", "iu_schema_object"]
)
@pytest.mark.parametrize("how", ["enable row level security", "force row level security"])
def test_health_and_verify_name_the_table(gateway: Gateway, table: str, how: str) -> None:
    gateway.execute(f"alter table public.{table} enable row level security, {how}")
    with opened(gateway.url) as (session,):
        said = health(session)
        assert said["healthy"] is False
        assert f"row security is on for {table}" in said["reasons"][0]
    gateway.execute(f"alter table public.{table} no force row level security")
    (proof,) = verification.verify(gateway, "070_functions")
    (line,) = [line for line in proof.lines if line.name == "tables under row security"]
    assert (line.passed, line.expected, line.seen) == (False, "none", table)
    gateway.execute(f"alter table public.{table} disable row level security")
    (proof,) = verification.verify(gateway, "070_functions")
    assert proof.passed


def test_an_auditor_is_told_and_not_shown_less(database: str) -> None:
    with opened(database) as (session,):
        session.execute("alter table public.dot_config enable row level security")
        session.execute("set role iu_auditor")
        assert value(session, "select count(*) from public.dot_config") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match='policy for table "dot_config"'):
            session.execute("select public.fn_iu_gate_list()")
