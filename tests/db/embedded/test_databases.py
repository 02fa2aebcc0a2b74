"""Creating databases, also while the server recovers."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.errors import ConnectionFailed, UsageError


def test_a_second_database_is_created_once(server: EmbeddedServer) -> None:
    assert server.ensure_database("dagster") == server.ensure_database("dagster") == server.url("dagster")
    with pytest.raises(UsageError, match="not a valid database name"):
        server.ensure_database('x"; drop database iu; --')


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_ensure_database_waits_for_a_server_that_recovers_from_a_killed_backend(
    server: EmbeddedServer,
) -> None:
    for _ in range(5):
        with suppress(ConnectionFailed), Gateway(server.url()) as gateway:
            os.kill(int(gateway.fetch_value("select pg_backend_pid()")), signal.SIGKILL)
            _await_recovery(server)
        server.ensure_database("iu")
        assert server.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_ensure_database_retries_when_a_server_closes_the_connection_before_it_recovers(
    server: EmbeddedServer,
) -> None:
    for _ in range(5):
        with Gateway(server.url()) as gateway:
            os.kill(int(gateway.fetch_value("select pg_backend_pid()")), signal.SIGKILL)
        for _ in range(20):
            server.ensure_database("iu")


def _await_recovery(server: EmbeddedServer) -> None:
    """Return as soon as the server rejects a connection."""
    for _ in range(1000):
        try:
            probe(server.url())
        except ConnectionFailed:
            return
    raise AssertionError("the server rejected no connection")
