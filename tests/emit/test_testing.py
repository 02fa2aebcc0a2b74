"""The fixture `outbox_events` for tests of users, on each kind of connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from emit import kinds, shop
from emit.kinds import Caller
from iu_pipelines.emit import NewEvent, emit_many
from iu_pipelines.errors import UsageError

Events = Callable[[Any], list[NewEvent]]


def test_the_events_of_the_own_transaction_are_returned_in_order(
    caller: Caller, shop_url: str, outbox_events: Events
) -> None:
    assert outbox_events(caller.connection) == []
    events = [shop.paid(3, item_count=1), shop.paid(1), shop.paid(2, invoice={"id": [1, 2]})]
    emit_many(caller.connection, events[:1])
    emit_many(caller.connection, events[1:])
    with psycopg.connect(shop_url) as other:
        emit_many(other, [shop.paid(9)])
    assert outbox_events(caller.connection) == events
    caller.commit()
    assert outbox_events(caller.connection) == []
    assert len(shop.events(shop_url)) == 4


def test_reading_the_events_commits_nothing(caller: Caller, shop_url: str, outbox_events: Events) -> None:
    emit_many(caller.connection, [shop.paid(1)])
    outbox_events(caller.connection)
    assert shop.events(shop_url) == []
    caller.rollback()
    assert outbox_events(caller.connection) == []


def test_events_of_a_savepoint_that_was_rolled_back_are_not_returned(
    shop_url: str, outbox_events: Events
) -> None:
    with psycopg.connect(shop_url) as connection:
        emit_many(connection, [shop.paid(1)])
        with connection.transaction(force_rollback=True):
            emit_many(connection, [shop.paid(2)])
            assert outbox_events(connection) == [shop.paid(1), shop.paid(2)]
        with connection.transaction():
            emit_many(connection, [shop.paid(3)])
        assert outbox_events(connection) == [shop.paid(1), shop.paid(3)]


def test_a_connection_without_a_transaction_is_refused(shop_url: str, outbox_events: Events) -> None:
    with psycopg.connect(shop_url, autocommit=True) as connection:
        for given in (connection, connection.cursor()):
            with pytest.raises(UsageError, match="has no open transaction") as refused:
                outbox_events(given)
            assert refused.value.hint
    with (
        kinds.django_connection(shop_url) as given,
        pytest.raises(UsageError, match="has no open transaction"),
    ):
        outbox_events(given)


def test_the_roles_of_an_emitter_and_an_auditor_suffice(shop_url: str, outbox_events: Events) -> None:
    with psycopg.connect(shop_url, autocommit=True) as owner:
        owner.execute("begin")
        owner.execute("create role shop_tests in role iu_emitter, iu_auditor")
        owner.execute("set local role shop_tests")
        emit_many(owner, [shop.paid(1)])
        assert outbox_events(owner) == [shop.paid(1)]
        owner.execute("rollback")


def test_a_row_that_is_captured_emits_in_the_transaction_of_its_insert(
    shop_url: str, outbox_events: Events
) -> None:
    with psycopg.connect(shop_url) as connection:
        connection.execute(
            """update public.iu_inbound_route set enabled = true, dry_run = false
               where source_table = 'iu_sql_link'"""
        )
        connection.execute(
            """insert into public.iu_sql_link (sql_object_ref, actor_ref)
               values ('public.orders', 'ann')"""
        )
        (event,) = outbox_events(connection)
        assert (event.event_type, event.canonical_address) == ("sql_link_created", "public.orders")
        connection.rollback()
