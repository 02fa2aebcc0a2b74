"""A short soak, and tests that its verdict counts each kind of violation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

import servers
from engine import broken
from engine.sessions import WORKER, Session, drain, emit, emit_many, make_live, opened, replay, run, value
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.failovers import SETTINGS, Fleet
from soak.ledger import Ledger
from soak.play import SHORT, Play
from soak.scenes import WORKERS
from soak.verdict import UNATTEMPTED, Verdict, judge, lost_so_far


@pytest.fixture
def installed(own_server: EmbeddedServer) -> str:
    """The URL of an installed database on a server that may crash."""
    url = servers.make(own_server.home, SETTINGS).ensure_running()
    with Gateway(url) as gateway:
        migration.apply(gateway)
    return url


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    with opened(database) as (session,):
        yield session


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """The servers of a soak; the first has an installed database and is in use."""
    fleet = Fleet(Ledger())
    try:
        with Gateway(fleet.start()) as gateway:
            migration.apply(gateway)
        yield fleet
    finally:
        fleet.stop()


def verdict(session: Session, ledger: Ledger | None = None) -> Verdict:
    return judge(session, ledger or Ledger(), [WORKER], [WORKER])


def test_ten_seconds_of_concurrent_clients_and_faults_break_no_guarantee(installed: str) -> None:
    play = Play(installed, SHORT)
    assert play.perform() == Verdict(), play.ledger.surprises
    for provoked in ("commits", "rollbacks", "terminated", "killed", "gate closings", "worker_busy"):
        assert play.ledger.counts[provoked] > 0, provoked


def test_failovers_under_load_break_no_guarantee(fleet: Fleet) -> None:
    kinds = ("promote", "recover", "leave", "return")
    failovers = tuple(zip((0.15, 0.4, 0.65, 0.9), kinds, strict=True))
    programme = replace(SHORT, seconds=14.0, crash_every=99.0, failovers=failovers)
    play = Play(fleet.url, programme, ledger=fleet.ledger, fleet=fleet)
    assert play.perform() == Verdict(), play.ledger.surprises
    for provoked in (
        "lost with the tail",
        "prepared and committed",
        *(f"failovers: {kind}" for kind in kinds),
    ):
        assert play.ledger.counts[provoked] > 0, provoked


def test_a_worker_that_runs_in_another_cluster_without_a_seek_is_counted_as_a_surprise(fleet: Fleet) -> None:
    with opened(fleet.url) as (session,):
        emit_many(session, 5)
        for worker in WORKERS:
            drain(session, worker)
        session.execute(
            "create or replace function public.fn_iu_cluster_require("
            "given public.iu_route_worker_cursor) "
            "returns bigint language sql stable as 'select 0::bigint'"
        )
    fleet.leave()
    for worker in WORKERS:
        assert f"{worker} runs in another cluster without a seek" in fleet.ledger.surprises


def test_an_event_known_before_a_failover_and_missing_after_it_is_counted_as_vanished() -> None:
    kept, tail, lost = uuid4(), uuid4(), uuid4()
    ledger = Ledger()
    ledger.commit([kept, lost], 0)
    known = ledger.known()
    ledger.commit([tail], 0)
    ledger.survive(known, lambda events: {kept}, [])
    assert (ledger.vanished, ledger.committed) == (1, [kept])
    assert ledger.counts["lost with the tail"] == 1


def test_a_transaction_that_is_prepared_again_after_a_failover_is_no_longer_undone() -> None:
    made, other = [uuid4()], [uuid4()]
    ledger = Ledger()
    ledger.prepare("it", made)
    ledger.undo(made + other)
    ledger.survive(0, lambda events: set(), ["it"])
    assert ledger.undone == other


def test_a_commit_acknowledged_after_a_failover_began_is_uncertain() -> None:
    made = [uuid4()]
    ledger = Ledger()
    ledger.survive(0, lambda events: set(), [])
    ledger.commit(made, 0)
    assert (ledger.committed, ledger.uncertain) == ([], [made])


def test_a_cursor_without_snapshots_loses_events_under_concurrent_load(installed: str) -> None:
    with opened(installed) as (session,):
        broken.plain_cursor(session)
    short = replace(SHORT, seconds=4.0, failing=0.0, crash_every=99.0, cut_every=99.0)
    play = Play(installed, short)
    found = play.perform()
    assert found.lost > 0
    assert found.lost < 4 * len(play.ledger.committed)


def test_the_verdict_is_clean_without_faults(session: Session) -> None:
    ledger = Ledger()
    ledger.commit([emit(session, 1), emit(session, 2)], 0)
    make_live(session, "iu.structure_piece_split.workflow")
    emit(session, 3, "structure_piece_split")
    drain(session)
    replay(session, value(session, "select dead_letter_id from public.iu_route_dead_letter"))
    assert verdict(session, ledger) == Verdict()


def test_an_event_without_its_attempt_is_counted_as_lost(session: Session) -> None:
    emit(session)
    drain(session)
    session.execute("alter table public.iu_route_attempt_log disable trigger all")
    session.execute("delete from public.iu_route_attempt_log")
    assert verdict(session).lost == 1
    assert lost_so_far(session) == 1


def test_a_repeated_attempt_is_reported_as_a_duplicate(session: Session) -> None:
    emit(session)
    drain(session)
    session.execute("alter table public.iu_route_attempt_log drop constraint each_try_is_made_once")
    session.execute(
        "insert into public.iu_route_attempt_log (event_id, worker_no, route_no, route_version, decision) "
        "select event_id, worker_no, route_no, route_version, decision from public.iu_route_attempt_log"
    )
    found = verdict(session)
    assert found.twice == 1
    assert found.unsound > 0


def test_an_event_that_two_batches_read_is_reported_as_a_duplicate(session: Session) -> None:
    emit(session)
    run(session)
    session.execute("update public.iu_outbound_route set enabled = false")
    session.execute("select public.fn_iu_route_worker_seek(%s, 'beginning', 'a test')", (WORKER,))
    run(session)
    assert verdict(session).twice == 1


def test_an_older_event_that_is_attempted_later_is_reported_as_out_of_order(session: Session) -> None:
    older, _ = emit(session, 1), emit(session, 1)
    drain(session)
    session.execute("alter table public.iu_route_attempt_log disable trigger all")
    session.execute(
        "update public.iu_route_attempt_log set attempt_id = default where event_id = %s", (older,)
    )
    assert verdict(session).disordered == 1


def test_differences_between_acknowledged_commits_and_the_outbox_are_detected(session: Session) -> None:
    kept, other = emit(session, 1), emit(session, 2)
    drain(session)
    ledger = Ledger()
    ledger.commit([kept, uuid4()], 0)
    ledger.undo([other])
    ledger.doubt([kept, uuid4()])
    ledger.surprise("something")
    found = verdict(session, ledger)
    assert (found.vanished, found.ghosts, found.halves, found.surprises) == (1, 1, 1, 1)


def test_a_batch_made_while_a_gate_was_closed_is_reported_as_a_violation(session: Session) -> None:
    emit(session)
    now = float(value(session, "select extract(epoch from clock_timestamp())"))
    drain(session)
    ledger = Ledger()
    ledger.closed.append((now - 1, now + 60))
    assert verdict(session, ledger).ungated == 1


def test_lost_events_are_counted_with_few_pages_and_without_statistics(session: Session) -> None:
    session.execute("alter table public.event_outbox set (autovacuum_enabled = off)")
    session.execute("alter table public.iu_route_attempt_log set (autovacuum_enabled = off)")
    for _ in range(4):
        emit_many(session, 1000)
    drain(session)
    assert lost_so_far(session) == 0
    plan = value(session, "explain (analyze, buffers, format json) " + UNATTEMPTED)[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 50_000
