"""No statement of a function or a command is compiled by a server with its distribution's settings.

A function that disables planner methods has plans of cost 1e10, and without `jit = off` every call is
compiled: up to some hundred milliseconds for a statement (decision 045). auto_explain logs the plan of each
statement, also inside functions, and whether it was compiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from databases import Server
from engine.sessions import Session, emit, emit_many, make_live, opened, run, value
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db import gateway
from plans.test_hot_paths import BIG, EMIT, HOT, REPLAY, RUN, SEEK, WORKER, batches, consume, fill, letters

HELD: Final = 5_000
TYPES: Final = 200
DUE: Final = "update public.iu_route_dead_letter set next_replay_at = now() - interval '1 second'"
LETTER: Final = "(select dead_letter_id from public.iu_route_dead_letter limit 1)"
FIRST: Final = "(select event_id::text from public.event_outbox order by event_seq limit 1)"
OBSERVED: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_level": "notice",
    "client_min_messages": "notice",
    "jit": "on",
}

ROUTES: Final = """insert into public.iu_outbound_route (
    route_code, event_type, enabled, target_kind, target_ref)
select 'plan.' || t.event_type || '.' || i, t.event_type, true, 'workflow', 'elsewhere'
from public.event_type_registry as t cross join generate_series(2, {}) as i
where t.event_type = 'version_applied' or t.event_type like 'kind\\_%'"""
KINDS: Final = """insert into public.event_type_registry (event_type, event_stream, delivery_lane)
select 'kind_' || i, 'update', 'immediate' from generate_series(1, %s) as i"""
OF_KINDS: Final = """select count(*) from public.fn_iu_emit_events((
    select jsonb_agg(jsonb_build_object('event_type', 'kind_' || 1 + i %% %s, 'canonical_address', 'PLAN/1',
        'subject_ref', gen_random_uuid(), 'actor_ref', 'plan', 'safe_payload', '{}'::jsonb))
    from generate_series(1, 1000) as i))"""

FUNCTIONS: Final[dict[str, tuple[str, ...]]] = {
    **{name: (sql,) for name, (sql, _) in HOT.items()},
    "a run of a batch with two routes a type": (ROUTES.format(2), RUN),
    "a run of a batch with sixty routes a type": (ROUTES.format(60), RUN.replace("1000", "100")),
    "a run of a batch of many types": (RUN, ROUTES.format(3), RUN),
    "a run of one event": (RUN.replace("1000", "1"),),
    "two runs of one window": (RUN.replace("1000", "10"), RUN.replace("1000", "10")),
    "a run of own events": (RUN, RUN, EMIT, RUN, EMIT, RUN),
    "a run after a seek": (SEEK.format("beginning"), RUN),
    "a seek to an event": (f"select public.fn_iu_route_worker_seek('{WORKER}', {FIRST}, 'plan')",),
    "a discard": (f"select public.fn_iu_route_dead_letter_discard({LETTER}, 'plan')",),
    "the letters that are due": (DUE, "select * from public.fn_iu_dead_letters_replayable(100)"),
    "the state of retention": ("select public.fn_iu_retention_state('iu')",),
    "a round of retention": (
        "select public.fn_iu_gate_set('iu_core.retention_days', '1', 'plan')",
        "select public.fn_iu_retention_run('plan', 1000)",
    ),
    "the conservation of attempts": (f"select * from public.fn_iu_attempts_conservation('{WORKER}', 1000)",),
    "the verification of every batch's link": (f"select public.fn_iu_audit_chain_verify('{WORKER}')",),
    "the verification of every attempt": (f"select public.fn_iu_audit_attempts_verify('{WORKER}')",),
    "the verification of the counts": (
        f"select public.fn_iu_audit_counts_misfit('{WORKER}', 0, 9223372036854775807)",
    ),
    "the verification of the replays": ("select public.fn_iu_audit_replays_misfit()",),
}
"""Calls, each with the statements of its transaction; events wait to be read."""

COMMANDS: Final = (
    *("status", "types", "gate show", "route list", "batch list", "batch show 1", "audit", "audit verify"),
    *("steps list", "verify", "retention show", "metrics", "run", "evidence --out {pack}"),
)


class ObservedPlans:
    """Plans in the notices of auto_explain: how many ran, and which were compiled."""

    def __init__(self) -> None:
        self.count = 0
        self.compiled: list[str] = []

    def add(self, notice: psycopg.errors.Diagnostic) -> None:
        _, said, plan = (notice.message_primary or "").partition("Query Text: ")
        self.count += bool(said)
        if "JIT:" in plan:
            self.compiled.append(plan[:300])


@pytest.fixture
def plans() -> ObservedPlans:
    return ObservedPlans()


@pytest.fixture(scope="module", params=["never analysed", "analysed"])
def watched(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[str]:
    """Yield the URL of a database whose sessions log the plan of every statement as a notice."""
    name = f"iu_compiled_{uuid4().hex[:12]}"
    url = server.create(name, template)
    with opened(url) as (session,):
        require_compiler(session)
        for table in BIG:
            session.execute(f"alter table public.{table} set (autovacuum_enabled = off)".encode())
        furnish(session)
        if request.param == "analysed":
            session.execute("vacuum analyze")
        for setting, wanted in OBSERVED.items():
            session.execute(f"alter database {name} set {setting} = '{wanted}'".encode())
    yield url
    server.drop(name)


def require_compiler(session: Session) -> None:
    if not value(session, "select pg_jit_available()"):
        pytest.skip("this server has no JIT compiler")
    try:
        session.execute("load 'auto_explain'")
    except psycopg.errors.UndefinedFile:
        pytest.skip("this server has no auto_explain")


def furnish(session: Session) -> None:
    """Create read events, open dead letters, old batches, and two batches of events that wait."""
    fill(session, HELD)
    session.execute("set session_replication_role = replica")
    session.execute("update public.event_outbox set created_at = created_at - interval '10 days'")
    session.execute("reset session_replication_role")
    consume(session)
    letters(session, 100)
    batches(session, 1_000)
    fill(session, 1_000)
    session.execute(KINDS, (TYPES,))
    session.execute(OF_KINDS, (TYPES,))


@pytest.mark.read_committed
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_statement_of_a_function_is_jit_compiled(watched: str, plans: ObservedPlans, name: str) -> None:
    with opened(watched) as (session,), session.transaction(force_rollback=True):
        session.add_notice_handler(plans.add)
        for statement in FUNCTIONS[name]:
            session.execute(statement.encode())
    assert plans.count > 0
    assert plans.compiled == []


def test_no_statement_of_a_batch_with_failing_events_or_of_their_replay_is_jit_compiled(
    watched: str, plans: ObservedPlans
) -> None:
    with opened(watched) as (session,), session.transaction(force_rollback=True):
        run(session, WORKER, 2000)
        make_live(session, "iu.structure_piece_split.workflow")
        emit_many(session, 500)
        emit_many(session, 5, "structure_piece_split")
        session.add_notice_handler(plans.add)
        said = run(session, WORKER)
        session.execute(DUE)
        session.execute(REPLAY)
    assert said["dead_lettered"] == 5
    assert plans.compiled == []


def test_no_statement_of_a_run_that_reads_a_late_transaction_is_jit_compiled(
    watched: str, plans: ObservedPlans
) -> None:
    with opened(watched, 2) as (session, late):
        late.execute("begin")
        emit(late, 1)
        emit(session, 2)
        while run(session, WORKER)["seen"]:
            pass
        late.execute("commit")
        session.add_notice_handler(plans.add)
        assert run(session, WORKER)["seen"] == 1
        session.execute("select public.fn_iu_route_worker_seek(%s, 'beginning', 'plan')", (WORKER,))
    assert plans.compiled == []


@pytest.mark.parametrize("words", COMMANDS)
def test_no_statement_of_a_command_is_jit_compiled(
    watched: str, plans: ObservedPlans, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure = gateway._configure

    def listen(connection: psycopg.Connection[Any]) -> None:
        configure(connection)
        connection.add_notice_handler(plans.add)

    monkeypatch.setattr(gateway, "_configure", listen)
    iu([*words.format(pack=tmp_path / "pack").split(), "--database-url", watched])
    assert plans.count > 0
    assert plans.compiled == []


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("jit_above_cost = 0", id="a lower threshold"),
        pytest.param(
            "enable_seqscan = off set enable_indexscan = off set enable_bitmapscan = off",
            id="planner methods disabled without jit = off",
        ),
    ],
)
def test_jit_compilation_of_a_function_is_detected(watched: str, plans: ObservedPlans, settings: str) -> None:
    with opened(watched) as (session,), session.transaction(force_rollback=True):
        if session.info.server_version >= 180000 and "enable" in settings:
            pytest.skip("PostgreSQL 18 counts disabled plan nodes and adds no cost")
        session.execute(f"alter function public.fn_iu_gate_open(text) set {settings}".encode())
        session.add_notice_handler(plans.add)
        session.execute(RUN)
    assert plans.compiled != []
