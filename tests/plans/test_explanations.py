"""Pages that an explanation of an event touches: they do not grow with the tables, in four states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from databases import Server
from iu_pipelines.db.statements import load
from iu_pipelines.domain import event_origins, event_tail, events, gates, route_rules, worker
from plans.test_hot_paths import (
    BIG,
    EARLY,
    STATISTICS,
    WORKER,
    answer,
    batches,
    consume,
    fill,
    letters,
    scanned,
    undone,
    warm_pages,
)

STATEMENTS: Final = {
    "event": 60,
    "reading": 600,
    "event_type": 60,
    "has_reader": 60,
    "letters": 60,
    "seeks": 60,
    "newest_rounds": 60,
    "newest": 1_200,
    "capture": 60,
    "version": 60,
    "versions": 200,
    "history": 60,
    "batch": 60,
    "list_workers": 60,
}
"""The statements that read a table that can be big, each with the number of pages that it may touch."""

WAITING: Final = 20_000


@pytest.fixture(scope="module", params=STATISTICS)
def full(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[str]:
    """Yield the URL of a database with a big audit, many letters and waiting events."""
    name = f"iu_explained_{uuid4().hex[:8]}"
    url = server.create(name, template)
    with psycopg.connect(url, autocommit=True) as connection:
        for table in BIG:
            connection.execute(f"alter table public.{table} set (autovacuum_enabled = off)")
        if request.param == "analysed empty":
            connection.execute("analyze")
        for count in (EARLY, 60_000):
            fill(connection, count)
            consume(connection)
            letters(connection, min(count, 20_000))
            if request.param == "analysed long ago" and count == EARLY:
                connection.execute("analyze")
        fill(connection, WAITING)
        batches(connection, 20_000)
        if request.param == "analysed":
            connection.execute("vacuum analyze")
    yield url
    server.drop(name)


def statement(name: str, event_id: UUID) -> str:
    values = {
        "event_id": f"'{event_id}'::uuid",
        "worker_name": f"'{WORKER}'",
        "event_type": "'version_applied'",
        "event_domain": "'iu'",
        "max_rows": "1",
        "domain": "null",
        "before": "null",
        "window": "10000",
        "subject": "null",
        "address": "null",
        "since": "null",
        "route_codes": "array['iu.version_applied.workflow']",
        "unit_id": f"'{event_id}'::uuid",
        "version_seq": "7",
        "version_ref": "'x'",
        "key": f"'{gates.WORKER}'",
        "batch_id": "1",
    }
    return load(_MODULES.get(name, events.__name__))[name] % values


_MODULES: Final = {
    **dict.fromkeys(("seeks", "batch", "list_workers"), worker.__name__),
    **dict.fromkeys(("capture", "version"), event_origins.__name__),
    "versions": route_rules.__name__,
    "history": gates.__name__,
}
"""The modules of statements of other nouns that an explanation calls."""


def newest(connection: psycopg.Connection[Any], which: str) -> UUID:
    """Return the newest event, or the newest with a dead letter."""
    table = {"waiting": "event_outbox", "failed": "iu_route_dead_letter"}[which]
    found: UUID = answer(connection, f"select event_id from public.{table} order by event_id desc limit 1")
    return found


@pytest.mark.parametrize("which", ["waiting", "failed"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_of_an_explanation_touches_few_pages(full: str, name: str, which: str) -> None:
    with undone(full) as connection:
        event_id = newest(connection, which)
        sql = statement(name, event_id)
        connection.rollback()
        assert warm_pages(connection, sql) <= STATEMENTS[name]
        assert scanned(connection) == {}


def test_every_statement_of_an_explanation_is_measured_but_that_of_the_routes() -> None:
    assert set(load(events.__name__)) == {*STATEMENTS, "routes"} - set(_MODULES)


IDLE: Final = {"poll": 24, "batches_after": 12, "snapshot": 0, "replays_after": 8, "chosen_events": 12}
"""The statements of one idle poll of `iu tail --attempts`, each with the pages that it may touch.

A poll was seen to touch 4 to 17; a scan that begins with the domain touches more than 400.
"""


def idle(url: str, name: str) -> str:
    """Return a statement of a poll that finds nothing new."""
    with undone(url) as connection:
        return _idle(connection, name)


def _idle(connection: psycopg.Connection[Any], name: str) -> str:
    values = {
        "after_snapshot": f"'{answer(connection, 'select pg_current_snapshot()')}'",
        "until_snapshot": "null",
        "event_domain": "null",
        "after_xid": "null",
        "after_seq": "null",
        "max_rows": "1000",
        "after": f"'{json.dumps(answer(connection, _NEWEST_BATCHES))}'::jsonb",
        "floor": "9000000000",
        "known": "'{}'",
        "event_ids": f"array['{newest(connection, 'waiting')}']",
        "event_type": "null",
    }
    return load(event_tail.__name__)[name] % values


_NEWEST_BATCHES: Final = """select jsonb_object_agg(worker_name, batch_id) from (
    select worker_name, max(batch_id) as batch_id from public.iu_route_batch group by worker_name) as b"""


@pytest.mark.parametrize("name", IDLE)
def test_an_idle_poll_of_the_tail_touches_few_pages(full: str, name: str) -> None:
    with undone(full) as connection:
        sql = idle(full, name)
        assert warm_pages(connection, sql) <= IDLE[name]
        assert scanned(connection) == {}


def test_a_poll_beside_an_open_transaction_does_not_visit_its_events(full: str) -> None:
    with psycopg.connect(full) as late:
        fill(late, 20_000)
        with psycopg.connect(full) as other:
            fill(other, 1)
        with undone(full) as connection:
            sql = idle(full, "poll")
            assert warm_pages(connection, sql) <= 2 * IDLE["poll"]
        late.rollback()
