"""Emitting on each kind of connection: the event shares its transaction, and refusals are typed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from uuid import UUID, uuid4

import django.db
import psycopg
import psycopg2
import pytest
import sqlalchemy
import sqlalchemy.exc

from emit import shop
from emit.kinds import Caller
from iu_pipelines.emit import emit, emit_many, subject
from iu_pipelines.errors import (
    ArgumentInvalid,
    IuError,
    PayloadInvalid,
    PayloadNotRefsOnly,
    UnknownEventType,
    UsageError,
)

SUBJECT = subject("public.orders", 17)


def emit_paid(connection: Any, **changes: Any) -> UUID:
    arguments: dict[str, Any] = {
        "event_type": "order_paid",
        "canonical_address": "orders/17",
        "subject_ref": SUBJECT,
        "actor_ref": "shop",
        "safe_payload": {"item_count": 3},
    }
    return emit(connection, **{**arguments, **changes})


def test_a_committed_event_is_in_the_outbox_under_the_id_returned(caller: Caller, shop_url: str) -> None:
    event_id = emit_paid(caller.connection)
    assert shop.events(shop_url) == []
    caller.commit()
    assert shop.events(shop_url) == [(str(event_id), "orders/17", {"item_count": 3})]
    assert event_id.version == 7


def test_a_transaction_that_is_rolled_back_leaves_no_event(caller: Caller, shop_url: str) -> None:
    emit_paid(caller.connection)
    emit_many(caller.connection, [shop.paid(1), shop.paid(2)])
    caller.rollback()
    emit_paid(caller.connection, canonical_address="orders/18")
    caller.commit()
    assert shop.addresses(shop_url) == ["orders/18"]


def test_many_events_are_emitted_in_order(caller: Caller, shop_url: str) -> None:
    ids = emit_many(caller.connection, (shop.paid(n, item_count=n) for n in range(1, 51)))
    caller.commit()
    assert shop.events(shop_url) == [
        (str(event_id), f"orders/{n}", {"item_count": n}) for n, event_id in enumerate(ids, 1)
    ]


@pytest.mark.parametrize(
    ("changes", "refusal", "named"),
    [
        ({"event_type": "order_payed"}, UnknownEventType, "'order_payed'"),
        ({"safe_payload": {"customer": "x"}}, PayloadInvalid, "customer"),
        ({"safe_payload": {"invoice": {"body": 1}}}, PayloadNotRefsOnly, "body"),
        ({"safe_payload": {"invoice": "\0"}}, PayloadInvalid, "jsonb"),
        ({"canonical_address": " "}, ArgumentInvalid, "canonical_address"),
        ({"actor_ref": None}, ArgumentInvalid, "actor_ref"),
    ],
)
def test_a_refusal_of_sql_is_typed_and_its_cause_is_the_error_of_the_driver(
    caller: Caller, changes: dict[str, Any], refusal: type[IuError], named: str
) -> None:
    with pytest.raises(refusal, match=named) as refused:
        emit_paid(caller.connection, **changes)
    assert refused.value.hint
    assert isinstance(
        refused.value.__cause__, psycopg.Error | psycopg2.Error | sqlalchemy.exc.DBAPIError | django.db.Error
    )
    caller.rollback()
    emit_paid(caller.connection)


def test_a_refusal_names_the_place_of_the_event_and_none_is_emitted(caller: Caller, shop_url: str) -> None:
    events = [shop.paid(1), shop.paid(2, customer=5), shop.paid(3)]
    with pytest.raises(PayloadInvalid, match=r"^event 2: payload key 'customer' is not allowed"):
        emit_many(caller.connection, events)
    caller.rollback()
    assert shop.events(shop_url) == []


def test_another_error_of_the_driver_is_raised_unchanged(caller: Caller, kind: str, shop_url: str) -> None:
    with psycopg.connect(shop_url) as owner:
        owner.execute("drop function public.fn_iu_emit_event(text, text, uuid, text, jsonb)")
    expected: tuple[type[Exception], str] = {
        "psycopg": (psycopg.errors.UndefinedFunction, "psycopg.errors"),
        "psycopg2": (psycopg2.errors.UndefinedFunction, "psycopg2.errors"),
        "SQLAlchemy": (sqlalchemy.exc.ProgrammingError, "sqlalchemy.exc"),
        "Django": (django.db.ProgrammingError, "django.db.utils"),
    }[kind.split(maxsplit=1)[0]]
    with pytest.raises(expected[0], match="fn_iu_emit_event") as failed:
        emit_paid(caller.connection)
    assert type(failed.value).__module__ == expected[1]
    caller.rollback()


def test_an_argument_that_python_refuses_leaves_the_transaction_usable(caller: Caller, shop_url: str) -> None:
    emit_paid(caller.connection)
    for changes in (
        {"subject_ref": "5"},
        {"subject_ref": 5},
        {"event_type": 5},
        {"canonical_address": "orders/\0"},
        {"canonical_address": "orders/\udc80"},
    ):
        with pytest.raises(ArgumentInvalid, match=next(iter(changes))) as refused:
            emit_paid(caller.connection, **changes)
        assert refused.value.message.isprintable()
    for payload in ({"item_count": float("nan")}, {"item_count": 3.5j}, {("a", "b"): 1}):
        with pytest.raises(PayloadInvalid, match="not valid JSON"):
            emit_paid(caller.connection, safe_payload=payload)
    caller.commit()
    assert shop.addresses(shop_url) == ["orders/17"]


def test_the_hint_for_a_subject_that_is_no_uuid_names_the_function_that_computes_one() -> None:
    with pytest.raises(ArgumentInvalid, match="argument subject_ref is malformed: '5'") as refused:
        emit_paid(None, subject_ref="5")
    assert refused.value.hint
    assert "subject('schema.table', key)" in refused.value.hint


def test_the_payload_may_contain_a_uuid(caller: Caller, shop_url: str) -> None:
    invoice = uuid4()
    emit_paid(caller.connection, safe_payload={"invoice": invoice}, subject_ref=str(SUBJECT))
    emit_many(caller.connection, [shop.paid(1, invoice=invoice)])
    caller.commit()
    assert [payload for *_, payload in shop.events(shop_url)] == [{"invoice": str(invoice)}] * 2


def test_a_payload_that_is_left_out_is_empty(caller: Caller, shop_url: str) -> None:
    emit(caller.connection, "order_paid", "orders/17", SUBJECT, "shop")
    caller.commit()
    assert [payload for *_, payload in shop.events(shop_url)] == [{}]


def test_a_savepoint_that_is_rolled_back_takes_its_events_along(shop_url: str) -> None:
    with psycopg.connect(shop_url) as connection:
        emit_paid(connection)
        with pytest.raises(UnknownEventType), connection.transaction():
            emit_paid(connection, canonical_address="orders/18")
            emit_paid(connection, event_type="nope")
        emit_paid(connection, canonical_address="orders/19")
    assert shop.addresses(shop_url) == ["orders/17", "orders/19"]


def test_an_event_without_a_transaction_is_committed_by_itself(shop_url: str) -> None:
    with psycopg.connect(shop_url, autocommit=True) as connection:
        emit_paid(connection)
        assert shop.addresses(shop_url) == ["orders/17"]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_events_are_emitted_at_every_isolation_level(shop_url: str, level: str) -> None:
    with psycopg.connect(shop_url, autocommit=True) as owner:
        (name,) = owner.execute("select current_database()").fetchone() or ("",)
        owner.execute(f"alter database \"{name}\" set default_transaction_isolation = '{level}'".encode())
    with psycopg.connect(shop_url) as first, psycopg.connect(shop_url) as second:
        assert first.execute("show transaction_isolation").fetchone() == (level,)
        emit_many(first, [shop.paid(1)])
        emit_many(second, [shop.paid(2)])
        emit_paid(first)
    assert sorted(shop.addresses(shop_url)) == ["orders/1", "orders/17", "orders/2"]


def test_a_login_with_the_rights_of_iu_emitter_alone_may_emit(shop_url: str) -> None:
    with psycopg.connect(shop_url, options="-c role=iu_emitter") as connection:
        assert connection.execute("select current_user").fetchone() == ("iu_emitter",)
        emit_paid(connection)
        emit_many(connection, [shop.paid(1)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("select from public.event_outbox")
    assert shop.addresses(shop_url) == ["orders/17", "orders/1"]


def test_django_on_psycopg2_emits_too(shop_url: str) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import django; from django.conf import settings; from urllib.parse import urlsplit\n"
        "url = urlsplit(sys.argv[1])\n"
        "settings.configure(DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql',\n"
        "    'NAME': url.path[1:], 'USER': url.username, 'PASSWORD': url.password or '',\n"
        "    'HOST': url.hostname, 'PORT': url.port}})\n"
        "django.setup()\n"
        "from django.db import connection, transaction\n"
        "from iu_pipelines.emit import NewEvent, emit_many, subject\n"
        "from iu_pipelines.errors import UnknownEventType\n"
        "def event(kind): return NewEvent(kind, 'orders/1', subject('public.orders', 1), 'shop')\n"
        "with transaction.atomic(): print(*emit_many(connection, [event('order_paid')]))\n"
        "print(type(connection.connection).__module__)\n"
        "try: emit_many(connection, [event('nope')])\n"
        "except UnknownEventType as refused: print(refused)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, shop_url], capture_output=True, text=True, check=True, timeout=60
    )
    ((event_id, _, _),) = shop.events(shop_url)
    assert done.stdout.splitlines() == [
        event_id,
        "psycopg2.extensions",
        "event 1: unknown event type 'nope'",
    ]


class Stranger:
    """An object that is no connection."""


@pytest.mark.parametrize("call", [emit_paid, lambda given: emit_many(given, [shop.paid(1)])])
def test_an_object_that_is_no_connection_is_refused_with_what_is_accepted(call: Any) -> None:
    for given in (None, "postgresql://localhost/shop", Stranger(), sqlalchemy.create_engine("sqlite://")):
        with pytest.raises(UsageError, match="is no connection that can be used") as refused:
            call(given)
        assert type(given).__name__ in refused.value.message
        assert refused.value.hint
        assert "psycopg" in refused.value.hint
        assert "SQLAlchemy" in refused.value.hint
        assert "django" in refused.value.hint


def test_a_connection_to_another_database_system_is_refused() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(UsageError, match="is a connection to sqlite"):
        emit_paid(connection)
    engine.dispose()


def test_importing_it_imports_no_driver_and_no_framework() -> None:
    program = (
        "import sys, iu_pipelines.emit, iu_pipelines.testing\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    )
    names = [
        "psycopg",
        "psycopg2",
        "sqlalchemy",
        "django",
        "dagster",
        "pydantic",
        "pytest",
        "pandas",
        "typer",
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
