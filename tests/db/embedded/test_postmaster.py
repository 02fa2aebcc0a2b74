"""The processes of the server: stopped, killed, orphaned, or with a wrong pid file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.embedded.processes import gone, postmaster, record
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import EmbeddedServerError
from waiting import AT_ONCE, eventually


def test_stop_leaves_no_process_and_no_socket_directory(server: EmbeddedServer) -> None:
    pid, sockets = postmaster(server), Path(record(server)["socket_directory"])
    assert sockets.is_dir()
    assert server.stop() is True
    assert gone(pid)
    assert not sockets.exists()
    assert server.is_running() is False
    assert server.stop() is False


def test_stop_does_not_wait_for_a_client(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway:
        gateway.fetch_value("select 1")
        assert server.stop() is True


def test_stop_and_is_running_create_nothing_where_there_is_no_cluster(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "none")
    assert server.stop() is False
    assert server.is_running() is False
    assert not (tmp_path / "none").exists()
    with pytest.raises(EmbeddedServerError, match="no embedded server was ever started"):
        server.url("iu")


def test_a_query_that_outlives_its_killed_postmaster_is_ended(server: EmbeddedServer) -> None:
    busy = "import sys, iu_pipelines.db.gateway as g; g.Gateway(sys.argv[1]).run_script(sys.argv[2])"
    loop = "do $$ begin loop end loop; end $$"
    client = subprocess.Popen([sys.executable, "-c", busy, server.url(), loop], stderr=subprocess.DEVNULL)
    try:
        with Gateway(server.url()) as gateway:
            looping = "select 1 from pg_stat_activity where query like 'do $$ begin loop%'"
            eventually(lambda: gateway.fetch_one(looping), "the client loops")
        pid = postmaster(server)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        begin = time.monotonic()
        server.ensure_running()
        assert time.monotonic() - begin < AT_ONCE
    finally:
        client.kill()
        client.wait()


def test_a_pid_file_with_the_pid_of_another_program_is_ignored(server: EmbeddedServer) -> None:
    os.kill(postmaster(server), signal.SIGKILL)
    pid_file = server.home / "postgres/data/postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="utf-8")
        server.ensure_running()
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
