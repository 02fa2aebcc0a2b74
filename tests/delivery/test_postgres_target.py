"""Targets of kind postgres: one row for each key, in a second database, and no way around the address."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from databases import Server
from delivery.kind_parts import answers_of, granted, listening, message, secrets, send
from delivery.world import PASSWORD, make_login
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery.kind import Answer
from iu_pipelines.delivery.postgres import PostgresTarget, inbox_sql
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, PermissionDenied, TargetNotSafe, UsageError


@pytest.fixture
def inbox(empty_gateway: Gateway) -> Gateway:
    """Return the administrator's gateway to a second database with the table of the inbox."""
    empty_gateway.run_script(inbox_sql())
    return empty_gateway


@pytest.fixture
def target(inbox: Gateway, server: Server, monkeypatch: pytest.MonkeyPatch) -> GrantedTarget:
    login = f"iu_test_inbox_{os.getpid()}"
    make_login(inbox, login)
    inbox.execute(f"grant insert, select (delivery_key) on public.iu_inbox to {login}")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {PASSWORD}")
    parts = urlsplit(inbox.url)
    return granted(f"postgresql://{login}@127.0.0.1:{parts.port}{parts.path}", kind="postgres")


def test_a_delivery_becomes_one_row(target: GrantedTarget, inbox: Gateway) -> None:
    one = message(5)
    for expected in ("inserted", "duplicate"):
        (answer,) = send(PostgresTarget, target, one, of=secrets())
        assert answer == Answer("sent", expected)
    (row,) = inbox.fetch_all("select * from public.iu_inbox")
    assert (row["delivery_key"], row["event_id"], row["subject"]) == (one.key, one.event_id, one.subject)
    assert (row["event_type"], row["sequence"], row["replayed"]) == ("version_applied", 5, False)
    assert row["headers"] == dict(one.headers)
    assert row["body"]["id"] == one.key


def test_the_effect_of_a_trigger_is_exactly_once(target: GrantedTarget, inbox: Gateway) -> None:
    inbox.run_script(
        """create table public.effect (n int); insert into public.effect values (0);
        create function public.count_up() returns trigger language plpgsql security definer as
        $$ begin update public.effect set n = n + 1; return new; end $$;
        create trigger effect after insert on public.iu_inbox
        for each row execute function public.count_up()"""
    )
    many = [message(number) for number in range(1, 31)]
    for _ in range(3):
        answers = send(PostgresTarget, target, *many, *many, of=secrets())
        assert {answer.decision for answer in answers} == {"sent"}
    assert inbox.fetch_value("select n from public.effect") == 30


def test_a_replay_is_marked(target: GrantedTarget, inbox: Gateway) -> None:
    send(PostgresTarget, target, message(1, body='{"type": "t", "replayed": true}'), of=secrets())
    assert inbox.fetch_value("select replayed from public.iu_inbox") is True


def test_the_login_may_only_add_rows(target: GrantedTarget, inbox: Gateway) -> None:
    parts = urlsplit(inbox.url)
    login = urlsplit(target.address).username
    send(PostgresTarget, target, message(1), of=secrets())
    with Gateway(f"postgresql://{login}:{PASSWORD}@127.0.0.1:{parts.port}{parts.path}") as gateway:
        for sql in ("select body from public.iu_inbox", "delete from public.iu_inbox"):
            with pytest.raises(PermissionDenied):
                gateway.execute(sql)


def test_the_script_may_be_run_twice(inbox: Gateway) -> None:
    inbox.run_script(inbox_sql())


@pytest.mark.parametrize(
    ("sql", "status_class"),
    [("alter table public.iu_inbox add constraint c check (event_type <> 'version_applied')", "sql_error"),
     ("alter table public.iu_inbox rename to gone", "sql_error"),
     ("revoke insert on public.iu_inbox from public, {login}", "sql_error")],
)  # fmt: skip
def test_a_row_that_is_refused_is_tried_again(
    target: GrantedTarget, inbox: Gateway, sql: str, status_class: str
) -> None:
    inbox.execute(sql.format(login=urlsplit(target.address).username))
    (answer,) = send(PostgresTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", status_class, False)
    assert "version_applied" not in str(answer.error)


def test_a_wrong_password_is_a_fault_of_the_sender(
    target: GrantedTarget, inbox: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    if inbox.fetch_value("select count(*) from pg_hba_file_rules where auth_method = 'trust'"):
        pytest.skip("the server asks for no password")
    monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 wrong-s3cret")
    (answer,) = send(PostgresTarget, target, of=secrets())
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "login_refused", True)


def test_a_lock_ends_with_the_timeout(target: GrantedTarget, inbox: Gateway) -> None:
    target = replace(target, timeout_seconds=1)
    with inbox.transaction() as session:
        session.execute("lock table public.iu_inbox in exclusive mode")
        began = time.monotonic()
        (answer,) = send(PostgresTarget, target, of=secrets())
        assert (answer.decision, answer.status_class) == ("retry", "timeout")
        assert time.monotonic() - began < 5
    assert send(PostgresTarget, target, of=secrets())[0].decision == "sent"


def test_an_open_target_survives_lost_connections_and_a_new_password(
    target: GrantedTarget, inbox: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = urlsplit(target.address).username

    async def run() -> None:
        opened = PostgresTarget(target, secrets())
        await opened.open()
        assert (await opened.send(message(1))).decision == "sent"
        inbox.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (login,))
        decisions = [(await opened.send(message(2))).decision for _ in range(3)]
        assert decisions[-1] == "sent"
        inbox.execute(f"alter role {login} password 'another'")
        monkeypatch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 another")
        inbox.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (login,))
        assert (await opened.send(message(3))).decision == "sent"
        await opened.close()

    try:
        asyncio.run(run())
    finally:
        inbox.execute(f"alter role {login} password '{PASSWORD}'")
    assert inbox.fetch_value("select count(*) from public.iu_inbox") == 3


_BAD = """
postgresql://u@8.8.8.8,127.0.0.1/d postgresql://u@8.8.8.8:5432,127.0.0.1:5432/d postgresql:///d postgresql://u@/d
postgresql://u@%2Fvar%2Frun%2Fpostgresql/d postgresql://u@8.8.8.8/ postgresql://u@8.8.8.8 postgresql://8.8.8.8/d
postgresql://u@8.8.8.8/d?hostaddr=127.0.0.1 postgresql://u@8.8.8.8/d?host=127.0.0.1
postgresql://u@8.8.8.8/d?service=x postgresql://u@8.8.8.8/d?passfile=/etc/passwd
postgresql://u@8.8.8.8/d?port=1 postgresql://u@8.8.8.8/d?options=-c%20x postgresql://u@8.8.8.8/d?sslkey=/x
postgresql://u@8.8.8.8/d?sslmode=disable postgresql://u@8.8.8.8/d?sslmode=require
postgresql://u@8.8.8.8/d?sslmode=verify-full&host=127.0.0.1 postgresql://u@8.8.8.8/d?sslrootcert=/etc/passwd
postgresql://u@8.8.8.8/d?password=x postgresql://u@8.8.8.8/d?user=x postgresql://u@8.8.8.8/d?HOST=127.0.0.1
postgresql://u@8.8.8.8/d?dbname=host%3D127.0.0.1 postgresql://u@8.8.8.8/d?krbsrvname=x https://u@8.8.8.8/d
postgresql://u@8.8.8.8/a/b postgresql://u@8.8.8.8/d%2Fe postgresql://u@8.8.8.8/d#x host=127.0.0.1
postgresql://u%00@8.8.8.8/d postgresql://u@8.8.8.8/d%00 postgresql://u@8.8.8.8/d?sslmode postgresql://@8.8.8.8/d
postgresql+psycopg://u@8.8.8.8/d postgresql://u@8.8.8.8/d?host=verify-full
"""


@pytest.mark.parametrize("address", _BAD.split())
def test_an_address_has_one_host_and_only_known_parameters(address: str) -> None:
    with pytest.raises(ArgumentInvalid):
        PostgresTarget.check(address, {}, "HOOK", private=False)


@pytest.mark.parametrize(
    "address",
    ["postgresql://u:pw@8.8.8.8/d", "postgresql://u:@8.8.8.8/d", "postgresql://u@127.0.0.1/d",
     "postgresql://u@localhost/d", "postgresql://u@127.1/d", "postgresql://u@[::1]/d",
     "postgresql://u@8.8.8.8@127.0.0.1/d"],
)  # fmt: skip
def test_an_unsafe_address_is_refused(address: str) -> None:
    with pytest.raises(TargetNotSafe) as refused:
        PostgresTarget.check(address, {}, "HOOK", private=False)
    assert "pw" not in refused.value.message


@pytest.mark.parametrize(
    "address",
    ["postgresql://u@db.example/d", "postgres://u@db.example:6432/d?sslmode=verify-full",
     "postgresql://u@db.example/d?sslmode=verify-full&sslrootcert=system", "postgresql://a%40b@db.example/d"],
)  # fmt: skip
def test_a_public_address_is_allowed(address: str) -> None:
    PostgresTarget.check(address, {}, "HOOK", private=False)


def test_the_secret_is_needed() -> None:
    with pytest.raises(ArgumentInvalid, match="needs a secret"):
        PostgresTarget.check("postgresql://u@db.example/d", {}, None, private=False)


def test_a_name_that_resolves_to_loopback_sees_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of libpq lead it nowhere else, either."""
    monkeypatch.setenv("IU_SECRET_HOOK", "host=db.example.com x")
    monkeypatch.setattr("socket.getaddrinfo", answers_of({"db.example.com": ["127.0.0.1"]}))
    with listening() as listener:
        place = f"postgresql://u@db.example.com:{listener.port}/d"
        target = granted(place, kind="postgres", allow_private=False, timeout_seconds=1)
        (answer,) = send(PostgresTarget, target, of=secrets())
        assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", "not_safe", False)
        assert listener.connections() == 0
        (answer,) = send(PostgresTarget, replace(target, allow_private=True), of=secrets())
        assert answer.decision == "retry"
        assert listener.connections() > 0, "the listener would have seen a connection"


def test_variables_of_libpq_do_not_change_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", "host=db.example.com x")
    monkeypatch.setattr("socket.getaddrinfo", answers_of({"db.example.com": ["127.0.0.2"]}))
    with listening() as listener:
        for name, value in {
            "PGHOST": "127.0.0.1", "PGHOSTADDR": "127.0.0.1", "PGPORT": str(listener.port), "PGDATABASE": "x",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        place = f"postgresql://u@db.example.com:{listener.port}/d"
        target = granted(place, kind="postgres", allow_private=True, timeout_seconds=1)
        (answer,) = send(PostgresTarget, target, of=secrets())
        assert answer.decision == "retry"
        assert listener.connections() == 0


def test_a_secret_of_another_host_is_not_used(target: GrantedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=db.example.com {PASSWORD}")
    with pytest.raises(UsageError, match="bound to another host"):
        send(PostgresTarget, target, of=secrets())


_DEFERRED = """
create function public.refuse() returns trigger language plpgsql as
$$ begin raise exception 'no'; end $$;
create constraint trigger late after insert on public.iu_inbox deferrable initially deferred
for each row execute function public.refuse()
"""


def test_a_test_finds_what_would_refuse_a_row_and_leaves_none(target: GrantedTarget, inbox: Gateway) -> None:
    def tested() -> Answer:
        async def run() -> Answer:
            opened = PostgresTarget(target, secrets())
            await opened.open()
            try:
                return await opened.test(message(1))
            finally:
                await opened.close()

        return asyncio.run(run())

    assert tested() == Answer("sent", "inserted")
    assert inbox.fetch_value("select count(*) from public.iu_inbox") == 0
    inbox.run_script(_DEFERRED)
    assert (tested().decision, tested().status_class) == ("retry", "sql_error")
    inbox.run_script("drop table public.iu_inbox")
    assert (tested().decision, tested().status_class) == ("retry", "sql_error")
