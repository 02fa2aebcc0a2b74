"""The record of port and password, and its file permissions."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.embedded.processes import record
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import EmbeddedServerError, IuError


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
