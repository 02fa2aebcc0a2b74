"""Simulations: the answer is what then happens, nothing is written, and nobody waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

import servers
from acceptance.gitfolder import GitFolder
from databases import Server
from engine.sessions import emit_many, make_live, opened, value
from iu_pipelines.db import statements
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import event_types, outbox, worker
from iu_pipelines.domain.outbox_file import reading
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans import applying, planning
from iu_pipelines.domain.simulations import past, proposal
from iu_pipelines.domain.simulations.proposal import Proposal
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import ArgumentInvalid, OutboxFileInvalid, StatementFailed, UsageError
from iu_pipelines.evidence import simulations
from iu_pipelines.evidence.simulations import NOT_READ, Compared, Request, Simulation
from iu_pipelines.ingest.git import ingest_git
from iu_pipelines.ingest.git_history import open_repository

WEEK: Final = timedelta(days=7)
INSTALLED: Final = "iu.version_applied.workflow"

ONE_ROUTE: Final = """
routes:
  docs.version_applied.index:
    event_type: version_applied
    target: {kind: workflow, ref: index}
  iu.version_applied.workflow:
    event_type: version_applied
    target: {kind: workflow, ref: event_outbox}
    enabled: false
  docs.link_created.index:
    event_type: sql_link_created
    target: {kind: workflow, ref: index}
workers:
  new_reader: {domain: iu}
"""
"""At most one enabled route for each type: the worker takes its fast path."""

TWO_ROUTES: Final = """
event_types:
  order_paid: {domain: shop, subject_table: orders, payload_keys: [], enabled: false}
routes:
  docs.version_applied.index:
    event_type: version_applied
    target: {kind: workflow, ref: index}
  docs.version_applied.mirror:
    event_type: version_applied
    target: {kind: workflow, ref: mirror}
  iu.structure_piece_split.workflow:
    event_type: structure_piece_split
    target: {kind: workflow, ref: event_outbox}
    enabled: false
  shop.order_paid.billing:
    event_type: order_paid
    target: {kind: workflow, ref: billing}
workers:
  new_reader: {domain: iu}
  shop_reader: {domain: shop}
"""

ATTEMPTS: Final = """
select event_id, route_code, decision from public.iu_route_attempt where worker_name = %s
"""
FOOTPRINT: Final = """
select
    pg_current_wal_insert_lsn()::text as wal,
    pg_snapshot_xmax(pg_current_snapshot())::text as next_xid,
    (select sum(hashtext(c::text)::bigint) from pg_catalog.pg_class as c where c.oid > 0) as relations,
    (select sum(hashtext(p::text)::bigint) from pg_catalog.pg_proc as p) as functions,
    (select sum(hashtext(s::text)::bigint) from pg_catalog.pg_sequences as s) as sequences
"""

Answers = Counter[tuple[UUID, str | None, str]]


def source(text: str = TWO_ROUTES) -> Source:
    return reading.read(text.encode(), "outbox.yaml")


def simulate(gateway: Gateway, text: str = TWO_ROUTES, **asked: Any) -> Simulation:
    return simulations.simulate(gateway, source(text), Request(**{"since": WEEK, **asked}))


def apply(gateway: Gateway, text: str = TWO_ROUTES) -> None:
    applying.apply(gateway, source(text), planning.make(gateway, source(text)), "a test")


def drain(gateway: Gateway, name: str) -> None:
    while worker.run_once(gateway, name, 1000).seen:
        pass


def attempts(gateway: Gateway, name: str) -> Answers:
    """Return every attempt of a worker."""
    rows = gateway.fetch_all(ATTEMPTS, (name,))
    return Counter((row["event_id"], row["route_code"], row["decision"]) for row in rows)


def expected(gateway: Gateway, found: Simulation, domain: str) -> Answers:
    """Return the attempts that a simulation promises for every event of a domain."""
    answers: Answers = Counter()
    for event in gateway.fetch_all(
        "select event_id, event_type from public.event_outbox where event_domain = %s", (domain,)
    ):
        routes: list[tuple[str | None, str]] = [*found.proposed[event["event_type"]].items()]
        answers.update((event["event_id"], *decided) for decided in routes or [(None, "skipped")])
    return answers


def totals(found: Simulation, name: str | None) -> dict[tuple[str, str | None, str, str], int]:
    """Return the number of events by type, route, and both decisions of one worker."""
    return {
        (one.event_type, one.route_code, one.was, one.would): one.events
        for one in found.comparison
        if one.worker_name == name
    }


def row(found: Simulation, route: str | None, name: str = DEFAULT_WORKER) -> Compared:
    (one,) = (one for one in found.comparison if (one.route_code, one.worker_name) == (route, name))
    return one


@pytest.fixture
def history(gateway: Gateway, tmp_path: Path) -> Gateway:
    """A database with a git history of 5,000 versions and events of other types, of which a part is read."""
    folder = GitFolder(tmp_path / "history")
    for commit in range(10):
        folder.commit({b"docs/%d" % number: b"%d" % commit for number in range(500)})
    event_types.add(gateway, ORDER_PAID)
    for kind in ("structure_piece_split", "sql_link_created", "order_paid"):
        new = [outbox.NewEvent(kind, f"{kind}/{place}", uuid4(), "test", {}) for place in range(40)]
        outbox.emit_many(gateway, new)
    for _ in range(3):
        worker.run_once(gateway, DEFAULT_WORKER, 20)
    ingest_git(gateway, open_repository(folder.path))
    for _ in range(2):
        worker.run_once(gateway, DEFAULT_WORKER, 1000)
    return gateway


ORDER_PAID: Final = event_types.EventType(
    event_type="order_paid",
    event_domain="shop",
    event_stream="update",
    delivery_lane="immediate",
    payload_classification="safe_metadata",
    event_subject_table="orders",
    payload_keys=[],
    enabled=True,
)


@pytest.fixture
def small(gateway: Gateway, database: str) -> Gateway:
    """A database with ten events, of which the default worker has read six."""
    with opened(database) as [session]:
        emit_many(session, 10)
    worker.run_once(gateway, DEFAULT_WORKER, 6)
    return gateway


@pytest.mark.parametrize(("text", "domains"), [(ONE_ROUTE, ["iu"]), (TWO_ROUTES, ["iu", "shop"])])
def test_the_answer_is_what_a_new_worker_then_decides_for_each_event_of_a_git_history(
    history: Gateway, text: str, domains: list[str]
) -> None:
    found = simulate(history, text)
    assert found.events == 4500 + 3 * 40
    apply(history, text)
    for domain, reader in zip(domains, ["new_reader", "shop_reader"], strict=False):
        drain(history, reader)
        assert attempts(history, reader) == expected(history, found, domain)
    assert {} in found.proposed.values()
    again = simulate(history, text, workers=("new_reader",))
    assert (again.changed, again.not_read, again.decisions) == (0, 0, 4500 + 2 * 40)


def test_what_was_decided_is_what_the_attempts_of_each_worker_say(history: Gateway) -> None:
    found = simulate(history)
    made = Counter(route for _, route, _ in attempts(history, DEFAULT_WORKER).elements())
    split = "iu.structure_piece_split.workflow"
    version = made[INSTALLED]
    assert made == {INSTALLED: version, split: 40, None: 40}
    assert version == 1000
    left = 4500 - version
    mirrors = ("docs.version_applied.index", "docs.version_applied.mirror")
    assert totals(found, DEFAULT_WORKER) == {
        ("structure_piece_split", split, "dry_run", "skipped"): 40,
        ("sql_link_created", None, "skipped", "skipped"): 40,
        ("version_applied", INSTALLED, "dry_run", "dry_run"): version,
        ("version_applied", INSTALLED, "not read", "dry_run"): left,
    } | {
        ("version_applied", route, was, "dry_run"): count
        for route in mirrors
        for was, count in (("not routed", version), ("not read", left))
    }
    assert totals(found, "shop_reader") == {
        ("order_paid", "shop.order_paid.billing", "not read", "dry_run"): 40
    }
    assert found.changed == version + 40
    assert found.not_read == left + 4500 + 80 + 40


def test_examples_are_the_newest_events_of_their_row(history: Gateway) -> None:
    found = simulate(history, examples=2)
    for one in found.comparison:
        assert len(one.examples) == 2
        for event_id in one.examples:
            made = {
                (attempt["route_code"], attempt["decision"])
                for attempt in history.fetch_all(
                    "select route_code, decision from public.fn_iu_attempts_by_event(%s) "
                    "where worker_name = %s",
                    (event_id, one.worker_name),
                )
            }
            routes = dict(made)
            was = routes.get(one.route_code, "not routed" if made else NOT_READ)
            assert one.was == ("skipped" if None in routes else was)
    newest = history.fetch_value(
        "select array(select a.event_id from public.iu_route_attempt as a where a.route_code = %s "
        "order by a.event_id desc limit 2)",
        (INSTALLED,),
    )
    (read,) = (one for one in found.comparison if (one.route_code, one.was) == (INSTALLED, "dry_run"))
    assert list(read.examples) == newest


def test_chunks_of_any_size_and_a_limit_give_the_answer_of_one_chunk(
    history: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = simulate(history)
    monkeypatch.setattr(past, "LOOKUPS", 7)  # a chunk has 1,000 events
    asked: list[tuple[int, float]] = []
    parts = simulations.simulate(
        history, source(), Request(since=WEEK), lambda events, part: asked.append((events, part))
    )
    assert replace(parts, since=whole.since, until=whole.until) == whole
    assert [events for events, _ in asked] == [1000, 2000, 3000, 4000, 4620]
    assert all(0 <= part <= 1 for _, part in asked)
    limited = simulate(history, limit=1500)
    assert limited.events == 1500
    newest = history.fetch_value("select max(event_id::text) from public.event_outbox")
    assert newest in {str(one) for compared in limited.comparison for one in compared.examples}


def test_a_window_has_the_events_from_its_beginning_to_its_end(gateway: Gateway, database: str) -> None:
    with opened(database) as [session]:
        emit_many(session, 3)
        middle = value(session, "select clock_timestamp()")
        emit_many(session, 4, first=10)
    assert simulate(gateway, since=middle).events == 4
    assert simulate(gateway, since=middle - WEEK, until=middle).events == 3
    assert simulate(gateway).events == 7
    with pytest.raises(UsageError, match="the window is empty: it begins at"):
        simulate(gateway, since=middle, until=middle)


def test_the_routes_of_a_plan_with_prune_are_without_those_that_the_file_does_not_name(
    small: Gateway,
) -> None:
    apply(small, ONE_ROUTE)
    nothing = "event_types: {}"
    assert simulate(small, nothing).proposed == {"version_applied": {"docs.version_applied.index": "dry_run"}}
    pruned = simulate(small, nothing, prune=True)
    assert pruned.proposed == {"version_applied": {}}
    assert "new_reader" not in {one.worker_name for one in pruned.comparison}


def test_a_route_that_is_no_dry_run_is_shown_as_delivery(small: Gateway, database: str) -> None:
    with opened(database) as [session]:
        make_live(session)
    worker.run_once(small, DEFAULT_WORKER, 2)
    found = simulate(small, "event_types: {}")
    assert totals(found, DEFAULT_WORKER) == {
        ("version_applied", INSTALLED, "dry_run", "delivery"): 6,
        ("version_applied", INSTALLED, "failed", "delivery"): 2,
        ("version_applied", INSTALLED, "not read", "delivery"): 2,
    }
    assert found.changed == 6


def test_events_of_a_domain_that_no_worker_reads_are_not_decided_and_a_warning_names_it(
    small: Gateway,
) -> None:
    event_types.add(small, ORDER_PAID)
    outbox.emit(small, "order_paid", "a", uuid4(), "test", {})
    found = simulate(small, "event_types: {}")
    assert totals(found, None) == {("order_paid", None, NOT_READ, NOT_READ): 1}
    assert "no worker reads the domain shop: nothing would be decided about its events" in found.warnings
    assert (found.events, found.decisions) == (11, 10)
    assert simulate(small, "event_types: {}", workers=(DEFAULT_WORKER,)).events == 10


def test_a_worker_that_does_not_exist_and_is_not_in_the_file_is_refused(small: Gateway) -> None:
    with pytest.raises(ArgumentInvalid, match="no such worker: 'nobody'") as caught:
        simulate(small, workers=("nobody",))
    assert caught.value.hint == f"Existing workers: {DEFAULT_WORKER}, new_reader, shop_reader."
    assert simulate(small, workers=("new_reader",)).decisions == 10


def test_events_that_retention_has_deleted_are_named_in_a_warning(small: Gateway) -> None:
    small.execute(
        """insert into public.iu_retention_history (event_domain, from_seq, to_seq, events, attempts,
        oldest_at, newest_at, events_hash, retention_days, reason)
        values ('iu', 1, 1, 1, 1, now() - interval '3 days', now() - interval '2 days', '', 2, 'a test')"""
    )
    (warning,) = (one for one in simulate(small).warnings if "retention" in one)
    assert warning.startswith("retention has deleted events of the domain iu up to ")
    assert not any("retention" in one for one in simulate(small, since=timedelta(days=1)).warnings)


def test_a_file_that_does_not_fit_is_refused_as_a_plan_refuses_it(small: Gateway) -> None:
    text = "routes: {a.b: {event_type: nothing, target: {kind: workflow, ref: x}}}"
    with pytest.raises(OutboxFileInvalid) as planned:
        planning.make(small, source(text))
    with pytest.raises(OutboxFileInvalid) as simulated:
        simulate(small, text)
    assert (str(simulated.value), simulated.value.hint) == (str(planned.value), planned.value.hint)


def test_an_auditor_may_simulate(small: Gateway, database: str) -> None:
    with Gateway(database, role="iu_auditor") as auditor:
        assert simulate(auditor).comparison == simulate(small).comparison


@pytest.fixture
def alone(own_server: EmbeddedServer) -> Iterator[Gateway]:
    """A server of its own, on which nothing but the test works."""
    quiet = {"autovacuum": "off", "bgwriter_lru_maxpages": "0", "checkpoint_timeout": "1h"}
    url = servers.make(own_server.home, {**servers.FAST, **quiet}).ensure_running()
    server = Server(url)
    with Gateway(server.create("alone", "template1")) as gateway:
        migration.apply(gateway)
        with opened(gateway.url) as [session]:
            emit_many(session, 3000)
            worker.run_once(gateway, DEFAULT_WORKER, 1000)
            session.execute("vacuum analyze")
            session.execute("checkpoint")
        yield gateway
    server.close()


def counts(gateway: Gateway) -> dict[str, int]:
    """Return the number of rows of every table."""
    tables = gateway.fetch_all("select tablename from pg_catalog.pg_tables where schemaname = 'public'")
    return {
        one["tablename"]: gateway.fetch_value(f'select count(*) from public."{one["tablename"]}"')
        for one in tables
    }


def leaves_a_trace(gateway: Gateway, act: Callable[[], object]) -> bool:
    """Return whether `act` changes rows, sequences, the catalog, the next transaction id or the WAL.

    The server logs its running transactions now and then, so `act` is tried several times.
    """
    for _ in range(4):
        before, rows = gateway.fetch_one(FOOTPRINT), counts(gateway)
        act()
        after = gateway.fetch_one(FOOTPRINT)
        if (before, rows) == (after, counts(gateway)):
            return False
    return True


def test_a_simulation_leaves_no_trace(alone: Gateway) -> None:
    simulate(alone)
    assert not leaves_a_trace(alone, lambda: simulate(alone))


INSERT: Final = "insert into public.iu_audit_name (name) values ('a trace') returning name_no"
NEXTVAL: Final = "select pg_catalog.nextval('public.iu_route_batch_batch_id_seq')"


@pytest.mark.parametrize(
    "write",
    [
        INSERT,
        NEXTVAL,
        "select pg_catalog.pg_current_xact_id()",
        "select pg_catalog.pg_logical_emit_message(false, 'a', 'test')",
    ],
)
def test_what_a_simulation_must_not_do_is_noticed_as_a_trace(alone: Gateway, write: str) -> None:
    with Gateway(alone.url) as other:
        calls = iter(range(9))
        assert leaves_a_trace(
            alone, lambda: other.fetch_value(write.replace("a trace", f"trace {next(calls)}"))
        )


@pytest.mark.parametrize("write", [INSERT, NEXTVAL])
def test_the_server_refuses_a_write_in_a_simulation(
    small: Gateway, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    def propose(session: Queries, *given: Any, **named: Any) -> Proposal:
        session.fetch_value(write)
        return proposal.propose(session, *given, **named)

    monkeypatch.setattr(simulations, "proposal", SimpleNamespace(propose=propose))
    with pytest.raises(StatementFailed, match="in a read-only transaction"):
        simulate(small)


def test_workers_emitters_and_an_apply_go_on_during_a_simulation(small: Gateway, database: str) -> None:
    with opened(database, options="-c lock_timeout=1s") as [session]:
        before = simulate(small)

        def meanwhile(events: int, part: float) -> None:
            emit_many(session, 5, first=100)
            session.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
            apply(small)

        during = simulations.simulate(small, source(), Request(since=WEEK), meanwhile)
        assert during.comparison == before.comparison
        after = simulate(small)
        assert (after.events, after.changes) == (15, ())


def test_a_simulation_waits_for_no_worker_emitter_or_apply(small: Gateway, database: str) -> None:
    before = simulate(small)
    impatient = f"{database}{'&' if '?' in database else '?'}options=-c%20lock_timeout%3D1s"
    with opened(database, 3) as [emitter, runner, applier], Gateway(impatient) as gateway:
        for session in (emitter, runner, applier):
            session.execute("begin")
        emit_many(emitter, 5, first=100)
        runner.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
        applier.execute(statements.load(applying.__name__)["lock_configuration"].encode())
        applier.execute("update public.iu_outbound_route set enabled = false")
        assert simulate(gateway).comparison == before.comparison


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_chunk_scans_the_two_primary_keys_whatever_the_statistics_say(
    gateway: Gateway, database: str, analyzed: bool
) -> None:
    with opened(database) as [session]:
        emit_many(session, 3)
        session.execute("analyze")
        emit_many(session, 3000, first=10)
        worker.run_once(gateway, DEFAULT_WORKER, 2000)
        if analyzed:
            session.execute("analyze")
    given = {
        "first_id": UUID(int=0),
        "before_id": UUID(int=2**128 - 1),
        "since": datetime(2020, 1, 1, tzinfo=UTC),
        "until": None,
        "names": [DEFAULT_WORKER],
        "domains": ["iu"],
        "only_domains": ["iu"],
        "examples": 3,
        "events": 1000,
    }
    with gateway.snapshot() as session:
        past.prepare(session)
        chunk = statements.load(past.__name__)["chunk"]
        for _ in range(8):  # from the sixth execution on the plan may be generic
            session.fetch_all(chunk, given)
        lines = [row["QUERY PLAN"] for row in session.fetch_all(f"explain {chunk}", given)]
    scans = [line.split("->")[-1].split("(")[0].strip() for line in lines if "Scan" in line]
    assert "Index Scan Backward using event_outbox_pkey on event_outbox o" in scans
    assert "Index Scan using each_try_is_made_once on iu_route_attempt_log a" in scans
    assert not [scan for scan in scans if "Seq Scan" in scan or "Bitmap" in scan]


def test_every_statement_of_a_snapshot_sees_the_same_rows_and_none_can_write(gateway: Gateway) -> None:
    with gateway.snapshot() as session:
        events = "select count(*) from public.event_outbox"
        before = session.fetch_value(events)
        outbox.emit(gateway, "version_applied", "a", uuid4(), "test", {})
        assert session.fetch_value(events) == before
    with (
        pytest.raises(StatementFailed, match="read-only transaction"),
        gateway.snapshot() as session,
    ):
        session.execute("delete from public.dot_config")
