"""Batches of events that need several statements: all or none, in a transaction of the caller."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from emit import shop
from emit.kinds import Caller
from iu_pipelines import emit as emission
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox
from iu_pipelines.emit import NewEvent, emit_many
from iu_pipelines.errors import PayloadInvalid, UnknownEventType, UsageError


@pytest.fixture(autouse=True)
def _small_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission, "STATEMENT_EVENTS", 10)


def test_a_batch_of_several_statements_keeps_its_order(caller: Caller, shop_url: str) -> None:
    ids = emit_many(caller.connection, [shop.paid(n) for n in range(1, 36)])
    assert shop.events(shop_url) == []
    caller.commit()
    assert [event_id for event_id, *_ in shop.events(shop_url)] == [str(event_id) for event_id in ids]
    assert shop.addresses(shop_url) == [f"orders/{n}" for n in range(1, 36)]


def test_the_place_in_a_refusal_counts_all_events(caller: Caller) -> None:
    events = [shop.paid(n) for n in range(1, 36)]
    events[24] = NewEvent("nope", "orders/25", events[0].subject_ref, "shop")
    with pytest.raises(UnknownEventType, match=r"^event 25: unknown event type 'nope'"):
        emit_many(caller.connection, events)


def test_an_event_that_python_refuses_is_named_before_anything_is_sent(caller: Caller, shop_url: str) -> None:
    events = [shop.paid(n) for n in range(1, 36)]
    events[24] = shop.paid(25, item_count=float("inf"))
    with pytest.raises(PayloadInvalid, match=r"^event 25: the payload is not valid JSON"):
        emit_many(caller.connection, events)
    caller.commit()
    assert shop.events(shop_url) == []


def test_an_iterator_that_fails_emits_nothing(caller: Caller, shop_url: str) -> None:
    def given() -> Any:
        yield from (shop.paid(n) for n in range(1, 36))
        raise LookupError

    with pytest.raises(LookupError):
        emit_many(caller.connection, given())
    caller.commit()
    assert shop.events(shop_url) == []


def test_several_statements_without_a_transaction_are_refused(shop_url: str) -> None:
    events = [shop.paid(n) for n in range(1, 36)]
    with psycopg.connect(shop_url, autocommit=True) as connection:
        with pytest.raises(UsageError, match="outside a transaction"):
            emit_many(connection, events)
        with connection.pipeline(), pytest.raises(UsageError, match="outside a transaction"):
            emit_many(connection, events)
        assert shop.events(shop_url) == []
        with connection.transaction():
            assert len(emit_many(connection, events)) == 35
        assert len(emit_many(connection, events[:10])) == 10
    assert len(shop.events(shop_url)) == 45


def test_several_statements_without_a_transaction_are_refused_in_django(django_connection: Any) -> None:
    with pytest.raises(UsageError, match="outside a transaction"):
        emit_many(django_connection, [shop.paid(n) for n in range(1, 36)])


def test_the_size_of_a_statement_is_limited(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission, "STATEMENT_BYTES", 1_000)
    sizes = [len(array) for _, array in emission._batches(shop.paid(n) for n in range(1, 36))]
    assert len(sizes) > 4
    assert max(sizes) < 1_400
    with psycopg.connect(shop_url) as connection:
        emit_many(connection, [shop.paid(n) for n in range(1, 36)])
    assert shop.addresses(shop_url) == [f"orders/{n}" for n in range(1, 36)]


def test_no_event_is_no_statement() -> None:
    assert emit_many(None, []) == []


def test_a_gateway_emits_several_statements_in_one_transaction(shop_url: str) -> None:
    events = [shop.paid(n) for n in range(1, 36)]
    with Gateway(shop_url) as gateway:
        with pytest.raises(UnknownEventType, match=r"^event 36: "):
            outbox.emit_many(
                gateway, [*events, NewEvent("nope", "orders/36", events[0].subject_ref, "shop", {})]
            )
        assert shop.events(shop_url) == []
        assert len(outbox.emit_many(gateway, events)) == 35
    assert len({*shop.addresses(shop_url)}) == 35
