"""An outbox restored to a cluster where it was before, and cursors ahead of the server."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
import psycopg.sql
import pytest

from engine import broken
from engine.scenarios import CLEAN, judged
from engine.sessions import Session, drain, emit, emit_many, health, opened, run, seek, value
from faults import clusters
from faults.test_restore_and_clone import HALFWAY, NEW, WORKERS, burn, go_on, live_through
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.ledger import Ledger
from soak.verdict import judge
from waiting import eventually

_NUMBERS: Final = itertools.count()


@pytest.fixture(params=["A", "B"], ids=lambda name: f"{name}_is_ahead")
def ahead(request: pytest.FixtureRequest, three_clusters: dict[str, EmbeddedServer]) -> str:
    """Let one cluster assign many transaction ids, so that the ids of the others are lower."""
    name: str = request.param
    burn(three_clusters[name].ensure_running(), 20_000)
    return name


@pytest.fixture
def places(three_clusters: dict[str, EmbeddedServer], tmp_path: Path) -> Places:
    return Places(three_clusters, tmp_path)


class Places:
    """The outbox, in a database of one of the clusters."""

    def __init__(self, servers: dict[str, EmbeddedServer], archives: Path) -> None:
        self._servers = servers
        self._archives = archives
        self._at = ("A", f"journey_{next(_NUMBERS)}")
        self.url = servers["A"].ensure_database(self._at[1])
        with Gateway(self.url) as gateway:
            migration.apply(gateway)

    def dump(self, *options: str) -> Path:
        archive = self._archives / f"{next(_NUMBERS)}.dump"
        clusters.dump(self._servers[self._at[0]], self.url, archive, *options)
        return archive

    def restore(self, archive: Path, cluster: str) -> str:
        self._at = (cluster, f"journey_{next(_NUMBERS)}")
        self.url = self._servers[cluster].ensure_database(self._at[1])
        clusters.restore(self._servers[cluster], self.url, archive)
        return self.url

    def move(self, cluster: str) -> str:
        return self.restore(self.dump(), cluster)


def refusal(session: Session, worker: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as refused:
        run(session, worker)
    assert refused.value.sqlstate == "IU501", refused.value
    return refused.value


def is_refused(session: Session, worker: str) -> bool:
    """Return whether health reports that the worker is refused."""
    return any("until a seek" in reason for reason in health(session, worker)["reasons"])


def follow_the_hint(session: Session, worker: str) -> str:
    """Run a worker that is refused, follow the hint, and return the message."""
    assert is_refused(session, worker)
    assert value(session, "select public.fn_iu_route_worker_pending(%s)", (worker,)) is True
    refused = refusal(session, worker)
    wanted = re.search(r"select (fn_iu_route_worker_seek\(.*?\))\.", str(refused.diag.message_hint))
    assert wanted, refused.diag.message_hint
    assert value(session, f"select public.{wanted[1]}")["status"] == "sought"
    assert not is_refused(session, worker)
    return str(refused.diag.message_primary)


def test_a_worker_that_was_not_sought_elsewhere_is_refused_after_a_failback(places: Places) -> None:
    with opened(places.url) as (here,):
        emit_many(here, 10)
        run(here, "one", 10)
        run(here, "two", 10)
    with opened(places.move("B")) as (there,):
        follow_the_hint(there, "one")
        emit_many(there, 5)
        assert drain(there, "one") == 5
    with opened(places.move("A")) as (back,):
        follow_the_hint(back, "one")
        emit(back)
        assert drain(back, "one") == 1
        assert "anchor 1" in follow_the_hint(back, "two")
        assert drain(back, "two") == 6
        assert [judged(back, worker) for worker in ("one", "two")] == [CLEAN, CLEAN]


def test_a_failback_is_refused_where_nobody_was_sought_elsewhere(places: Places, ahead: str) -> None:
    with opened(places.url) as (here,):
        emit_many(here, 10)
        run(here, limit=10)
    with opened(places.move("B")) as (there,):
        emit_many(there, 5)
    with opened(places.move("A")) as (back,):
        emit(back)
        assert "table" in str(refusal(back, NEW).diag.message_primary)
        follow_the_hint(back, "tester")
        assert drain(back) == 6
        assert judged(back) == CLEAN


def live_on(url: str, sought: list[str]) -> None:
    """Emit, with one late commit, and let the sought workers read a part."""
    with opened(url, 2) as (session, late):
        emit_many(session, 3)
        for worker in sought:
            follow_the_hint(session, worker)
        late.execute("begin")
        emit(late, 301)
        emit_many(session, 4)
        for worker in sought:
            run(session, worker, 4)
        late.execute("commit")
        emit_many(session, 2)


def journey(places: Places, path: str, sought: list[str]) -> str:
    """Run in A, then in each cluster of `path`, where these workers are sought; return the last URL."""
    dumps: list[Path] = []
    live_through(places.url, lambda: dumps.append(places.dump()))
    places.restore(dumps[0], path[0])
    for cluster in path[1:]:
        live_on(places.url, sought)
        places.move(cluster)
    return places.url


@pytest.mark.parametrize("path", ["BA", "BCA"])
@pytest.mark.parametrize("sought", [[], [HALFWAY], ["late", "drained"]], ids=",".join)
def test_after_a_failback_nothing_is_lost_or_attempted_twice(
    places: Places, ahead: str, path: str, sought: list[str]
) -> None:
    url = journey(places, path, sought)
    with opened(url) as (session,):
        before = value(session, "select count(*) from public.iu_route_attempt_log")
        emit_many(session, 3)
        for worker in WORKERS:
            follow_the_hint(session, worker)
        assert value(session, "select count(*) from public.iu_route_attempt_log") == before
    go_on(url)


def lost_after(url: str, how: Callable[[Session], None]) -> int:
    """Return how many events a broken engine loses."""
    with opened(url) as (session,):
        how(session)
        emit_many(session, 3)
        for worker in WORKERS:
            if is_refused(session, worker):
                follow_the_hint(session, worker)
            drain(session, worker)
        return judge(session, Ledger(), [], WORKERS).lost


@pytest.mark.parametrize(
    ("how", "sought"),
    [(broken.identifier_alone, [HALFWAY]), (broken.no_table_in_the_anchor, [])],
    ids=["identifier_alone", "no_table_in_the_anchor"],
)
def test_comparing_only_part_of_the_anchor_loses_events_in_a_failback(
    places: Places,
    three_clusters: dict[str, EmbeddedServer],
    how: Callable[[Session], None],
    sought: list[str],
) -> None:
    burn(three_clusters["A"].ensure_running(), 20_000)
    assert lost_after(journey(places, "BA", sought), how) > 0


def test_a_worker_whose_event_is_missing_is_sent_to_the_beginning(places: Places) -> None:
    with opened(places.url) as (here,):
        emit_many(here, 5)
        run(here, limit=5)
    with opened(places.move("B")) as (there,):
        there.execute("alter table public.event_outbox disable trigger user")
        there.execute(
            "delete from public.event_outbox"
            " where event_seq = (select max(event_seq) from public.event_outbox)"
        )
        emit(there)
        hint = str(refusal(there, "tester").diag.message_hint)
        assert "is not in the outbox" in hint
        assert "'beginning'" in hint
        follow_the_hint(there, "tester")
        assert drain(there) == 5
        assert value(there, "select count(*) from public.iu_route_attempt") == 6


def passed_over(places: Places, servers: dict[str, EmbeddedServer]) -> str:
    """Let a worker pass over twenty events in B by a seek and read one of two later ones; move back to A."""
    burn(servers["A"].ensure_running(), 20_000)
    with opened(places.url) as (here,):
        emit_many(here, 20)
    with opened(places.move("B")) as (there,):
        seek(there, "latest")
        emit_many(there, 2)
        run(there, limit=1)
    return places.move("A")


def attempts_after_the_hint(url: str) -> int:
    with opened(url) as (session,):
        follow_the_hint(session, "tester")
        drain(session)
        return int(value(session, "select count(*) from public.iu_route_attempt"))


def test_events_that_a_seek_passed_over_stay_passed_over(
    places: Places, three_clusters: dict[str, EmbeddedServer]
) -> None:
    assert attempts_after_the_hint(passed_over(places, three_clusters)) == 2


def test_a_re_anchor_by_snapshots_attempts_what_a_seek_passed_over(
    places: Places, three_clusters: dict[str, EmbeddedServer]
) -> None:
    url = passed_over(places, three_clusters)
    with opened(url) as (session,):
        broken.unread_by_snapshots(session)
    assert attempts_after_the_hint(url) == 22


def test_only_data_put_back_into_the_same_tables_is_noticed(
    places: Places, three_clusters: dict[str, EmbeddedServer]
) -> None:
    """The table keeps its oid; the new xmin of the anchor's row is detected."""
    first = places.url
    with opened(first) as (here,):
        emit_many(here, 10)
        run(here, limit=10)
    with opened(places.move("B")) as (there,):
        emit_many(there, 5)
    archive = places.dump()
    empty(first)
    clusters.restore(three_clusters["A"], first, archive, *DATA)
    with opened(first) as (back,):
        emit(back)
        assert "is a copied row" in follow_the_hint(back, "tester")
        assert drain(back) == 6
        assert judged(back) == CLEAN


def test_only_data_put_into_an_outbox_with_an_anchor_of_its_own_is_noticed(
    places: Places, three_clusters: dict[str, EmbeddedServer], tmp_path: Path
) -> None:
    """The anchor belongs to the other outbox, and has the number that the cursor names."""
    with opened(places.url) as (here,):
        emit_many(here, 10)
        run(here, limit=10)
    archive = places.dump("--exclude-table-data=public.event_outbox_cluster")
    url = Places(three_clusters, tmp_path).url
    empty(url, "event_outbox_cluster")
    clusters.restore(three_clusters["A"], url, archive, *DATA)
    with opened(url) as (session,):
        emit(session)
        assert "anchor 1 of another copy" in follow_the_hint(session, "tester")
        assert drain(session) == 1
        assert judged(session) == CLEAN


@pytest.fixture
def younger(three_clusters: dict[str, EmbeddedServer]) -> str:
    """Make an outbox in epoch 5 of transaction ids, on a server that is then set back to epoch 0."""
    server = three_clusters["C"]
    server.stop()
    clusters.reset_wal(server, "--epoch=5")
    server.ensure_running()
    url = server.ensure_database(f"journey_{next(_NUMBERS)}")
    with Gateway(url) as gateway:
        migration.apply(gateway)
    live_through(url)
    name = url.partition("?")[0].rpartition("/")[2]
    server.stop()
    clusters.reset_wal(server, "--epoch=0")
    server.ensure_running()
    return server.url(name)


def test_cursors_and_events_with_ids_ahead_of_the_server_are_refused_until_a_seek(
    younger: str,
) -> None:
    with opened(younger) as (session,):
        emit_many(session, 3)
        assert "emitted event" in str(refusal(session, NEW).diag.message_primary)
        for worker in WORKERS:
            said = follow_the_hint(session, worker)
            assert re.search(r"21474\d{6}, but those of this server end at \d{3,6}$|anchor 1", said)
    go_on(younger)


def test_without_the_check_for_ids_ahead_of_the_server_events_are_lost(younger: str) -> None:
    assert lost_after(younger, broken.no_look_ahead) > 0


def test_retention_and_the_conservation_check_do_not_trust_a_cursor_ahead_of_the_server(younger: str) -> None:
    with opened(younger) as (session,):
        session.execute("select public.fn_iu_gate_set('iu_core.retention_days', '1', 'a test')")
        emit(session)
        assert value(session, "select public.fn_iu_retention_run() ->> 'status'") == "other_cluster"
        assert value(session, UNATTEMPTED) == 0
        for worker in WORKERS:
            follow_the_hint(session, worker)
        assert value(session, "select public.fn_iu_retention_run() ->> 'status'") == "ran"


@pytest.mark.read_committed
def test_a_dump_over_a_promoted_copy_is_refused_and_continues_where_it_stood(
    three_clusters: dict[str, EmbeddedServer], tmp_path: Path
) -> None:
    """Staging has the identity of production, and assigns the same transaction ids and oids again."""
    production = three_clusters["B"]
    production.stop()
    staging = clusters.copy_files(production, tmp_path / "staging")
    production.ensure_running()
    try:
        places = Places({"A": production, "S": staging}, tmp_path)
        burn(places.url, 5_000)
        live_through(places.url)
        staging.ensure_running()
        url = places.move("S")
        with opened(url) as (session,):
            emit_many(session, 4)
            refusal(session, NEW)
            for worker in WORKERS:
                follow_the_hint(session, worker)
        go_on(url)
    finally:
        staging.stop()


UNATTEMPTED: Final = """
select count(*) from public.iu_route_worker_cursor as c, public.fn_iu_cursor_unattempted(c, 1000)
"""


def replicate(source: str, target: str) -> None:
    """Subscribe the tables at `target` to those at `source`, and wait until they are copied."""
    with opened(source) as (here,), opened(target) as (there,):
        here.execute("create publication everything for all tables")
        there.execute(
            psycopg.sql.SQL("create subscription copied connection {} publication everything").format(source)
        )
        wait_until(there, "select bool_and(srsubstate = 'r') from pg_subscription_rel")


def wait_until(session: Session, condition: str) -> None:
    eventually(lambda: value(session, condition), condition, pause=0.1)


CURSOR_EVENT: Final = "select cursor_event_id::text from public.iu_route_worker_cursor"

SEQUENCES_OF_A_REPLICA: Final = """
select string_agg(format(
    'select setval(%L, max(%I)) from public.%I',
    pg_get_serial_sequence('public.' || c.table_name, c.column_name), c.column_name, c.table_name
), '; ')
from information_schema.columns as c
where c.table_schema = 'public' and c.is_identity = 'YES'
    and c.table_name not in ('event_outbox', 'event_outbox_cluster')
"""


def test_a_logical_replica_is_refused_and_continues_where_it_stood_after_the_subscription(
    places: Places,
) -> None:
    source = places.url
    live_through(source)
    url = places.restore(places.dump("--schema-only"), "B")
    replicate(source, url)
    with opened(source) as (here,), opened(url) as (there,):
        stood = value(there, f"{CURSOR_EVENT} where worker_name = 'halfway'")
        assert "subscription" in str(refusal(there, HALFWAY).diag.message_primary)
        with pytest.raises(psycopg.Error, match="by a subscription"):
            seek(there, stood, HALFWAY)
        emit_many(here, 5)
        drain(here, "drained", 3)
        events = value(here, "select count(*) from public.event_outbox")
        wait_until(there, f"select count(*) = {events} from public.event_outbox")
        there.execute("drop subscription copied")
        there.execute(value(there, SEQUENCES_OF_A_REPLICA).encode())
        for worker in WORKERS:
            follow_the_hint(there, worker)
    go_on(url)


DATA: Final = ("--data-only", "--disable-triggers")


def empty(url: str, *but: str) -> None:
    """Delete the rows of all tables except these."""
    with opened(url, options="-c session_replication_role=replica") as (session,):
        tables = value(
            session,
            "select string_agg(format('public.%%I', relname), ', ') from pg_class "
            "where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> all (%s)",
            (list(but),),
        )
        session.execute(f"truncate {tables}".encode())
