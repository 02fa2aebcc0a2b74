"""The log of the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iu_pipelines.db.embedded import server_log
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import IuError


def test_a_refused_statement_is_not_written_to_the_log(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway, pytest.raises(IuError):
        gateway.execute("select 'token-12345' || 1 / 0")
    assert "token-12345" not in (server.home / "postgres/server.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "permanent"),
    [
        ('FATAL:  unrecognized configuration parameter "no_such_setting"', True),
        ("PANIC:  could not locate a valid checkpoint record", True),
        ("LOG:  database system is ready to accept connections", False),
        ("FATAL:  the database system is starting up", False),
        ('FATAL:  database "iu" does not exist', False),
        ("LOG:  could not bind: Address already in use\nFATAL:  could not create any TCP/IP sockets", False),
        ("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use", False),
    ],
)
def test_only_a_fatal_error_that_a_retry_would_cause_again_is_permanent(text: str, permanent: bool) -> None:
    assert server_log.is_permanent_failure(text) is permanent


def test_a_large_log_is_renamed_before_the_next_start_writes(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"x" * 10_000_001)
    with server_log.opened(log) as handle:
        os.write(handle, b"new")
    assert server_log.read_from(log, 0) == "new"
    assert server_log.size(tmp_path / "server.log.1") == 10_000_001
