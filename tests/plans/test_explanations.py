"""Pages that an explanation of an event touches: they do not grow with the tables, in four states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from databases import Server
from iu_pipelines.db.statements import load
from iu_pipelines.domain import events, worker
from plans.test_hot_paths import (
    BIG,
    EARLY,
    STATISTICS,
    WORKER,
    answer,
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
    }
    module = worker if name == "seeks" else events
    return load(module.__name__)[name] % values


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
    assert set(load(events.__name__)) == {*STATEMENTS, "routes"} - {"seeks"}
