"""The record of port and password, and its file permissions."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.embedded.processes import record
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import ConnectionFailed, EmbeddedServerError, IuError
from waiting import eventually


def test_every_connection_needs_the_password(server: EmbeddedServer) -> None:
    known = record(server)
    wrong = server.url().replace(known["password"], "guessed")
    by_socket = f"postgresql://postgres@/iu?host={known['socket_directory']}&port={known['port']}"
    for url, reason in (
        (wrong, "rejected the user or the password"),
        (by_socket, "asks for a password, and none was found"),
    ):
        with Gateway(url) as gateway, pytest.raises(IuError, match=reason):
            gateway.fetch_value("select 1")


def test_a_login_of_another_user_of_the_operating_system_needs_a_host_or_that_user(
    server: EmbeddedServer,
) -> None:
    """A server of a distribution has such a line for its socket."""
    known = record(server)
    rules = server.home / "postgres/data/pg_hba.conf"
    rules.write_text(f"local all shop peer\n{rules.read_text(encoding='utf-8')}", encoding="utf-8")
    with Gateway(server.url()) as gateway:
        gateway.execute("create role shop login")
        gateway.fetch_value("select pg_reload_conf()")
    by_socket = f"postgresql://shop@/iu?host={known['socket_directory']}&port={known['port']}"

    def refusal() -> ConnectionFailed | None:
        with Gateway(by_socket) as gateway, pytest.raises(ConnectionFailed) as refused:
            gateway.fetch_value("select 1")
        return refused.value if "password" not in refused.value.message else None

    refused = eventually(refusal, "the rules are read again")
    assert refused.code == "28000"
    assert 'accepts "shop" here only from the user of the operating system with that name' in refused.message
    assert (refused.hint or "").startswith("Run the command as that user, or name the host in the URL")


def test_files_that_others_can_read_contain_no_secret(server: EmbeddedServer) -> None:
    readable = [path for path in server.home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert {path.name for path in readable} <= {"lock", ".gitignore"}
    assert Path(record(server)["socket_directory"]).stat().st_mode & 0o077 == 0


def test_an_unreadable_record_is_named_in_the_error(server: EmbeddedServer) -> None:
    server.stop()
    path = server.home / "postgres/data/iu.json"
    whole = path.read_text(encoding="utf-8")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(EmbeddedServerError, match=r"iu\.json cannot be read"):
        server.ensure_running()
    path.write_text(whole, encoding="utf-8")
