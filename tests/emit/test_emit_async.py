"""Emitting on asynchronous connections of psycopg and SQLAlchemy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from emit import kinds, shop
from iu_pipelines import emit as emission
from iu_pipelines.emit import emit, emit_async, emit_many_async, subject
from iu_pipelines.errors import PayloadInvalid, UnknownEventType, UsageError
from iu_pipelines.testing import emitted_events_async

KINDS: Final = (
    "psycopg",
    "psycopg cursor",
    "psycopg pipeline",
    "SQLAlchemy connection",
    "SQLAlchemy session",
)

Work = Callable[[Any], Awaitable[None]]


@asynccontextmanager
async def opened(kind: str, url: str) -> AsyncIterator[Any]:
    """Open an asynchronous connection of this kind; its transaction is rolled back at the end."""
    if kind.startswith("psycopg"):
        connection = await psycopg.AsyncConnection.connect(url)
        try:
            if kind == "psycopg pipeline":
                async with connection.pipeline():
                    yield connection
            else:
                yield connection.cursor() if kind == "psycopg cursor" else connection
        finally:
            await connection.close()
        return
    engine = create_async_engine(kinds.alchemy_url(url, "psycopg"))
    try:
        async with AsyncSession(engine) if kind == "SQLAlchemy session" else engine.connect() as given:
            yield given
    finally:
        await engine.dispose()


def owner(connection: Any) -> Any:
    """Return the object with `commit` and `rollback`: a cursor has none."""
    return connection.connection if isinstance(connection, psycopg.AsyncCursor) else connection


@pytest.mark.parametrize("kind", KINDS)
def test_events_share_the_transaction_of_an_asynchronous_connection(kind: str, shop_url: str) -> None:
    async def work() -> None:
        async with opened(kind, shop_url) as connection:
            await emit_async(connection, "order_paid", "orders/1", subject("public.orders", 1), "shop")
            await owner(connection).rollback()
            await emit_async(connection, "order_paid", "orders/2", subject("public.orders", 2), "shop")
            await emit_many_async(connection, [shop.paid(3, item_count=1), shop.paid(4)])
            emitted = await emitted_events_async(connection)
            assert emitted == [shop.paid(2), shop.paid(3, item_count=1), shop.paid(4)]
            assert shop.events(shop_url) == []
            await owner(connection).commit()

    asyncio.run(work())
    assert shop.addresses(shop_url) == ["orders/2", "orders/3", "orders/4"]


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_on_an_asynchronous_connection_are_typed(kind: str, shop_url: str) -> None:
    async def work() -> None:
        async with opened(kind, shop_url) as connection:
            with pytest.raises(UnknownEventType, match="nope"):
                await emit_async(connection, "nope", "orders/1", subject("public.orders", 1), "shop")
            await owner(connection).rollback()
            with pytest.raises(PayloadInvalid, match="event 2: payload key 'customer'"):
                await emit_many_async(connection, [shop.paid(1), shop.paid(2, customer=1)])
            await owner(connection).rollback()
            with pytest.raises(UsageError, match="is asynchronous") as refused:
                emit(connection, "order_paid", "orders/1", subject("public.orders", 1), "shop")
            assert refused.value.hint
            assert "_async" in refused.value.hint

    asyncio.run(work())


def test_a_connection_that_is_not_asynchronous_is_refused(shop_url: str) -> None:
    for kind, message in (("psycopg", "is not asynchronous"), ("Django", "is not asynchronous")):
        with kinds.opened(kind, shop_url) as caller, pytest.raises(UsageError, match=message):
            asyncio.run(emit_many_async(caller.connection, [shop.paid(1)]))
    with pytest.raises(UsageError, match="NoneType is no connection that can be used"):
        asyncio.run(emit_many_async(cast("Any", None), [shop.paid(1)]))


def test_several_statements_without_a_transaction_are_refused(
    shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emission, "STATEMENT_EVENTS", 10)
    events = [shop.paid(n) for n in range(1, 36)]

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(shop_url, autocommit=True) as connection:
            async with connection.pipeline():
                with pytest.raises(UsageError, match="outside a transaction"):
                    await emit_many_async(connection, events)
            async with connection.pipeline(), connection.transaction():
                assert len(await emit_many_async(connection, events)) == 35

    asyncio.run(work())
    assert len(shop.events(shop_url)) == 35
