"""The gateway: values, transactions, notices, and failed connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from databases import Server
from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.errors import (
    ConnectionFailed,
    IuError,
    Notice,
    PermissionDenied,
    ServerTooOld,
    StatementFailed,
    Unavailable,
    UnknownEventType,
    UsageError,
)
from waiting import AT_ONCE


@pytest.fixture(scope="module")
def scratch(server: Server) -> Iterator[str]:
    name = f"iu_test_gateway_{uuid4().hex[:8]}"
    url = server.create(name)
    yield url
    server.drop(name)


@pytest.fixture
def gateway(scratch: str) -> Iterator[Gateway]:
    with Gateway(scratch, application_name="iu test") as gateway:
        yield gateway


def test_values_and_rows_are_returned_as_python_objects(gateway: Gateway) -> None:
    name = uuid4()
    row = gateway.fetch_one("select %s::uuid as id, %s::jsonb as j, array[1, 2] as a", (name, {"k": [1]}))
    assert row == {"id": UUID(str(name)), "j": {"k": [1]}, "a": [1, 2]}
    assert gateway.fetch_value("select %(x)s::int + 1", {"x": 41}) == 42
    assert gateway.fetch_all("select * from generate_series(1, 3) as n") == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_query_without_rows_returns_none_or_an_empty_list(gateway: Gateway) -> None:
    assert gateway.fetch_value("select 1 where false") is None
    assert gateway.fetch_one("select 1 where false") is None
    assert gateway.fetch_all("select 1 where false") == []


def test_a_percent_sign_needs_no_escape_without_params(gateway: Gateway) -> None:
    assert gateway.fetch_value("select '100%s' like '100%'") is True


def test_the_application_name_is_sent_to_the_server(gateway: Gateway) -> None:
    assert gateway.fetch_value("select current_setting('application_name')") == "iu test"


def test_a_connection_uses_the_given_role(scratch: str) -> None:
    with Gateway(scratch, role="pg_monitor") as gateway:
        assert gateway.fetch_value("select current_user") == "pg_monitor"


def test_a_role_that_does_not_exist_is_named_in_the_error(scratch: str) -> None:
    refused = pytest.raises(IuError, match='the role "no such role" does not exist')
    with Gateway(scratch, role="no such role") as gateway, refused:
        gateway.fetch_value("select 1")


def test_each_call_is_committed_and_counts_its_rows(gateway: Gateway, scratch: str) -> None:
    gateway.execute("create table counted (n int)")
    assert gateway.execute("insert into counted select generate_series(1, 5)") == 5
    with Gateway(scratch) as other:
        assert other.fetch_value("select count(*) from counted") == 5


def test_a_transaction_whose_block_raises_is_rolled_back(gateway: Gateway) -> None:
    gateway.execute("create table undone (n int)")
    with pytest.raises(RuntimeError, match="enough"), gateway.transaction() as session:
        session.execute("insert into undone values (1)")
        raise RuntimeError("enough")
    assert gateway.fetch_value("select count(*) from undone") == 0


def test_a_failed_statement_rolls_back_its_transaction(gateway: Gateway) -> None:
    gateway.execute("create table half (n int)")
    with pytest.raises(StatementFailed, match="division by zero"), gateway.transaction() as session:
        session.execute("insert into half values (1)")
        session.fetch_value("select 1 / 0")
    assert gateway.fetch_value("select count(*) from half") == 0


def test_an_error_of_a_deferred_constraint_is_translated(gateway: Gateway) -> None:
    gateway.execute("create table late (n int unique deferrable initially deferred)")
    with pytest.raises(StatementFailed, match=r"Key \(n\)=\(1\)") as caught, gateway.transaction() as session:
        session.execute("insert into late values (1), (1)")
    assert caught.value.code == "23505"


def test_rows_are_copied_in_as_a_stream(gateway: Gateway) -> None:
    gateway.execute("create table copied (n int, t text, j jsonb)")
    rows = ((n, "tab\tand\nline", {"n": n}) for n in range(10_000))
    with gateway.transaction() as session:
        assert session.copy_rows("copy copied (n, t, j) from stdin", rows) == 10_000
        assert session.fetch_value("select sum((j->>'n')::int) from copied") == sum(range(10_000))


def test_a_failed_copy_is_rolled_back(gateway: Gateway) -> None:
    gateway.execute("create table broken (n int)")
    with pytest.raises(StatementFailed, match="invalid input syntax"), gateway.transaction() as session:
        session.copy_rows("copy broken (n) from stdin", [(1,), ("two",)])
    assert gateway.fetch_value("select count(*) from broken") == 0


def test_notices_are_returned_in_order(gateway: Gateway) -> None:
    script = "do $$ begin raise notice 'one'; raise warning 'two'; end $$;"
    expected = [Notice("NOTICE", "one"), Notice("WARNING", "two")]
    assert gateway.run_script(script) == expected
    with gateway.transaction() as session:
        session.execute(script)
        assert session.notices == expected


def test_an_error_contains_its_line_and_the_notices_before_it(gateway: Gateway) -> None:
    script = "do $$ begin raise notice 'so far'; end $$;\nselect 1;\nselect nonsense;"
    with pytest.raises(StatementFailed, match="at line 3") as caught:
        gateway.run_script(script)
    assert caught.value.notices == (Notice("NOTICE", "so far"),)


def test_a_script_is_one_transaction(gateway: Gateway) -> None:
    with pytest.raises(StatementFailed):
        gateway.run_script("create table never (n int); select 1 / 0;")
    assert gateway.fetch_value("select to_regclass('never')") is None


def test_a_script_does_not_change_settings_of_later_calls(gateway: Gateway) -> None:
    gateway.run_script("set search_path = pg_catalog; begin; create table public.gone (n int); rollback;")
    assert gateway.fetch_value("show search_path") == '"$user", public'
    assert gateway.fetch_value("select to_regclass('public.gone')") is None


def test_an_error_of_class_iu_keeps_its_message_and_hint(gateway: Gateway) -> None:
    script = (
        "do $$ begin raise exception using errcode = 'IU101', message = 'no type x', hint = 'add it'; end $$"
    )
    with pytest.raises(UnknownEventType) as caught:
        gateway.execute(script)
    assert (caught.value.message, caught.value.hint) == ("no type x", "add it")


def test_a_missing_privilege_raises_permission_denied(scratch: str) -> None:
    with Gateway(scratch, role="pg_monitor") as gateway, pytest.raises(PermissionDenied):
        gateway.fetch_value("select count(*) from pg_authid")


def test_the_hint_of_a_missing_privilege_names_the_login_and_not_the_role(scratch: str) -> None:
    with Gateway(scratch, role="pg_monitor") as gateway, pytest.raises(PermissionDenied) as refused:
        gateway.fetch_all("select * from pg_authid")
    assert (refused.value.hint or "").startswith("The login is postgres. Connect as a member of iu_emitter")


def test_the_hint_of_a_schema_of_others_is_the_statement_for_its_owner(
    scratch: str, gateway: Gateway
) -> None:
    for schema in ("shop_of_others", '"shop-of-others"'):
        gateway.execute(f"create schema {schema}")
        with Gateway(scratch, role="pg_monitor") as reader, pytest.raises(PermissionDenied) as refused:
            reader.fetch_all(f"select *\nfrom {schema}.orders")
        grant = f"grant usage on schema {schema} to postgres"
        assert refused.value.hint == f"Let the owner of the schema run: {grant}"


def test_a_parameter_of_an_unsupported_type_raises_statement_failed(gateway: Gateway) -> None:
    with pytest.raises(StatementFailed, match="object"):
        gateway.fetch_value("select %s", (object(),))


def test_the_next_call_replaces_a_terminated_connection(gateway: Gateway, scratch: str) -> None:
    pid = gateway.fetch_value("select pg_backend_pid()")
    with Gateway(scratch) as killer:
        assert killer.fetch_value("select pg_terminate_backend(%s, 5000)", (pid,)) is True
    assert gateway.fetch_value("select pg_backend_pid()") != pid


def test_a_connection_terminated_within_a_transaction_raises_connection_failed(
    gateway: Gateway, scratch: str
) -> None:
    with Gateway(scratch) as killer, pytest.raises(ConnectionFailed), gateway.transaction() as session:
        pid = session.fetch_value("select pg_backend_pid()")
        killer.fetch_value("select pg_terminate_backend(%s, 5000)", (pid,))
        session.fetch_value("select 1")
    assert gateway.fetch_value("select 1") == 1


def test_a_call_fails_while_all_connections_are_in_use(scratch: str) -> None:
    refused = pytest.raises(Unavailable, match="all 1 connections")
    with Gateway(scratch, max_size=1) as gateway, gateway.transaction(), refused:
        gateway.fetch_value("select 1")


def test_many_threads_share_one_gateway(gateway: Gateway) -> None:
    seen: list[int] = []

    def ask(n: int) -> None:
        seen.append(gateway.fetch_value("select %s::int from pg_sleep(0.01)", (n,)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(16))


def test_the_server_version_is_a_number(gateway: Gateway, scratch: str) -> None:
    assert gateway.server_version() == probe(scratch) >= 140_000


def test_a_closed_gateway_opens_again_when_it_is_used(gateway: Gateway) -> None:
    gateway.close()
    gateway.close()
    assert gateway.fetch_value("select 1") == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"netloc": "ann:s3cret@no-such-host.invalid"}, "host name is unknown"),
        ({"netloc": "ann:s3cret@127.0.0.1:1"}, "no server is listening"),
        ({"netloc": "ann:s3cret@127.0.0.1:99999"}, "port is not a number"),
        ({"password": "s3cret"}, "rejected the user or the password"),
        ({"path": "/no_such_database"}, '"no_such_database" does not exist'),
        ({"query": "host=/no/such/directory"}, "no server is listening"),
    ],
)
def test_a_failed_connection_is_reported_at_once_with_its_reason(
    scratch: str, change: dict[str, str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    with (
        Gateway(_changed(scratch, **change)) as gateway,
        pytest.raises(ConnectionFailed, match=sentence) as e,
    ):
        gateway.fetch_value("select 1")
    assert time.monotonic() - begin < AT_ONCE
    assert e.value.hint
    assert e.value.message.startswith("cannot connect to postgresql://")
    assert "s3cret" not in e.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "mode", "reason"),
    [
        (None, 0, "{file} does not exist. PGPASSFILE names another one."),
        ("{host}:{port}:{base}:{user}:s3cret", 0o644, "{file} is open to other users, so that it is ignored. "
            "Run: chmod 600 {file}"),
        ("{host}:{port}:another:{user}:s3cret", 0o600, "{file} has no line for {host}:{port}:{base}:{user}."),
        ("{host}:{port}:{base}:nobody:s3cret", 0o600, "{file} has no line for {host}:{port}:{base}:{user}."),
    ],
)  # fmt: skip
def test_a_missing_password_is_an_error_that_says_where_it_was_looked_for(
    scratch: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str | None,
    mode: int,
    reason: str,
) -> None:
    url, names = _without_password(scratch, tmp_path, monkeypatch)
    if line:
        _write(names["file"], line.format(**names), mode)
    looked = f"The URL has none, PGPASSWORD is not set, and the password file {reason.format(**names)}"
    with Gateway(url) as gateway, pytest.raises(ConnectionFailed, match="none was found") as e:
        gateway.fetch_value("select 1")
    assert (e.value.code, e.value.hint) == ("28P01", looked)


def test_a_wrong_password_is_an_error_that_says_where_it_is_from(
    scratch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, names = _without_password(scratch, tmp_path, monkeypatch)
    _write(names["file"], "*:*:*:*:s3cret", 0o600)

    def hint(url: str) -> str | None:
        with Gateway(url) as gateway, pytest.raises(ConnectionFailed, match="rejected the user") as e:
            gateway.fetch_value("select 1")
        return e.value.hint

    assert hint(url) == f"Check the user in the URL, and the password in the file {names['file']}."
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    assert hint(url) == "Check the user in the URL, and the password in PGPASSWORD."
    assert hint(_changed(scratch, password="s3cret")) == "Check the user and the password in the URL."


def _without_password(
    url: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, str]]:
    """Return a URL without its password, and the words of the hints. PGPASSFILE is relative."""
    parts = urlsplit(url)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("PGPASSFILE", "pgpass")
    names = {"host": parts.hostname, "port": parts.port, "base": parts.path[1:], "user": parts.username}
    bare = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
    return bare, {name: str(value) for name, value in names.items()} | {"file": str(directory / "pgpass")}


def _write(file: str, line: str, mode: int) -> None:
    Path(file).write_text(f"{line}\n", encoding="utf-8")
    Path(file).chmod(mode)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@db.example/iu",
        "host=db.example password=s3cret",
        "db.example",
        "postgresql+psycopg2://ann:s3cret@db.example/iu",
        "postgresql://ann:s3cret%zz@db.example/iu",
        "postgresql://ann:s3cret@[::1/iu",
        "postgresql://ann:s3cret@db.example/iu?no_such_option=1",
    ],
)
def test_an_invalid_url_raises_usage_error_without_the_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Gateway(url)
    assert caught.value.hint
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_connecting_to_a_server_that_never_responds_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with (
            Gateway(f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/iu") as gateway,
            pytest.raises(ConnectionFailed, match="did not answer in time"),
        ):
            gateway.fetch_value("select 1")
        assert time.monotonic() - begin < AT_ONCE


def test_a_server_that_is_too_old_is_refused(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iu_pipelines.db.gateway.OLDEST_SERVER", 990_000)
    with Gateway(scratch) as gateway, pytest.raises(ServerTooOld, match=r"is PostgreSQL 1\d"):
        gateway.fetch_value("select 1")


def _changed(url: str, *, password: str = "", **parts: str) -> str:
    split = urlsplit(url)
    if password:
        parts["netloc"] = f"{split.username}:{password}@{split.hostname}:{split.port}"
    return split._replace(**parts).geturl()
