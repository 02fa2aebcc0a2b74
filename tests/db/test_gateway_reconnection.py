"""The gateway while its server is stopped and after it was restarted."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import ConnectionFailed
from waiting import AT_ONCE, eventually


@pytest.fixture
def running(own_server: EmbeddedServer) -> EmbeddedServer:
    own_server.ensure_running()
    return own_server


def test_a_gateway_reports_a_stopped_server_and_reconnects_when_it_runs_again(
    running: EmbeddedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with Gateway(running.url()) as gateway:
        gateway.fetch_value("select 1")
        running.stop()
        begin = time.monotonic()
        with pytest.raises(ConnectionFailed, match="no server is listening"):
            gateway.fetch_value("select 1")
        assert time.monotonic() - begin < AT_ONCE
        running.ensure_running()
        assert gateway.fetch_value("select 1") == 1
    assert capfd.readouterr() == ("", "")


def test_a_call_succeeds_when_the_server_answers_before_the_pool_has_connected_again(
    running: EmbeddedServer,
) -> None:
    """After an outage the pool pauses between its attempts. Here none of them can succeed."""
    with Gateway(running.url()) as gateway, Gateway(running.url()) as other:
        pid = gateway.fetch_value("select pg_backend_pid()")
        assert gateway._pool
        gateway._pool.conninfo = "postgresql://127.0.0.1:1/none"
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
        assert gateway.fetch_value("select pg_backend_pid()") not in (None, pid)
        used_by_this_process = "select count(*) from pg_stat_activity where application_name = 'iu'"
        eventually(lambda: other.fetch_value(used_by_this_process) == 1)


def test_a_program_that_does_not_close_its_gateway_ends_at_once_without_output(
    running: EmbeddedServer,
) -> None:
    script = "import sys, iu_pipelines.db.gateway as g; x = g.Gateway(sys.argv[1]); x.fetch_value('select 1')"
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, running.url()], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - begin < AT_ONCE


def test_a_transaction_that_waits_too_long_for_its_process_is_ended_by_the_server(
    running: EmbeddedServer,
) -> None:
    """So a process that stands still holds no lock for long."""
    with Gateway(running.url(), idle_seconds=1) as idle, Gateway(running.url()) as other:
        other.execute("create table place (n int)")
        with pytest.raises(ConnectionFailed, match="idle-in-transaction"), idle.transaction() as session:
            session.execute("lock table place")
            eventually(lambda: other.fetch_value(_LOCKS) == 0, "the lock is gone")
            session.fetch_value("select 1")
        assert idle.fetch_value("select 1") == 1


_LOCKS: Final = "select count(*) from pg_locks where relation = 'place'::regclass"
