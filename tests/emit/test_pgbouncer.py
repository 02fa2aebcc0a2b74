"""Emitting through a real PgBouncer in transaction mode, whose connections to the server are shared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import pages
from emit import bouncer, kinds, shop
from iu_pipelines.emit import emit, emit_async, emit_many, emit_many_async, subject
from iu_pipelines.errors import UnknownEventType


@pytest.fixture
def pooled_url(shop_url: str, shared: Path) -> Iterator[str]:
    """Yield the URL of a database with a shop behind PgBouncer."""
    if bouncer.PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    with bouncer.in_front_of(shop_url, shared) as url:
        yield url


def test_psycopg_as_the_page_connects_emits_and_rolls_back(pooled_url: str, shop_url: str) -> None:
    made = [pages.run("docs/how-to/pgbouncer.md", "PgBouncer", url=pooled_url) for _ in range(4)]
    connections = [names["connection"] for names in made]
    for turn in range(20):
        for connection in connections:
            emit(connection, "order_paid", f"orders/{turn}", subject("public.orders", turn), "shop")
            emit_many(connection, [shop.paid(turn), shop.paid(turn)])
            connection.rollback() if turn % 2 else connection.commit()
    with pytest.raises(UnknownEventType):
        emit(connections[0], "nope", "orders/1", subject("public.orders", 1), "shop")
    for connection in connections:
        connection.close()
    assert len(shop.addresses(shop_url)) == 10 * 4 * 3
    assert {*shop.addresses(shop_url)} == {f"orders/{turn}" for turn in range(0, 20, 2)}


def test_prepared_statements_are_why_the_page_switches_them_off(pooled_url: str) -> None:
    """With PgBouncer from 1.21 on and its default settings there would be no error."""
    with (
        psycopg.connect(pooled_url, prepare_threshold=0, autocommit=True) as first,
        psycopg.connect(pooled_url, prepare_threshold=0, autocommit=True) as second,
        pytest.raises(psycopg.errors.DuplicatePreparedStatement),
    ):
        for connection in (first, second) * 3:
            emit_many(connection, [shop.paid(1)])


def test_a_sqlalchemy_session_emits(pooled_url: str, shop_url: str) -> None:
    engine = sqlalchemy.create_engine(
        kinds.alchemy_url(pooled_url, "psycopg"), connect_args={"prepare_threshold": None}, poolclass=NullPool
    )
    for turn in range(10):
        with Session(engine) as session:
            emit_many(session, [shop.paid(turn)])
            session.rollback() if turn % 2 else session.commit()
    assert shop.addresses(shop_url) == [f"orders/{turn}" for turn in range(0, 10, 2)]


def test_asynchronous_connections_emit_at_the_same_time(pooled_url: str, shop_url: str) -> None:
    async def work(order: int) -> None:
        async with await psycopg.AsyncConnection.connect(pooled_url, prepare_threshold=None) as connection:
            for _ in range(10):
                async with connection.transaction():
                    await emit_async(
                        connection, "order_paid", f"orders/{order}", subject("public.orders", order), "shop"
                    )
                    await emit_many_async(connection, [shop.paid(order)])

    async def at_the_same_time() -> None:
        await asyncio.gather(*(work(order) for order in range(4)))

    asyncio.run(at_the_same_time())
    assert sorted(shop.addresses(shop_url)) == sorted(
        f"orders/{order}" for order in range(4) for _ in range(20)
    )
