"""Starting the server: on demand, once, with the settings of the caller, and without loss of data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.embedded.processes import ENSURE, QUICK, assert_it_keeps_data, gone, kept, postmaster, put, spawn
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import EmbeddedServerError
from waiting import AT_ONCE


def test_it_starts_in_an_empty_directory_and_creates_the_database(server: EmbeddedServer) -> None:
    assert server.is_running()
    with Gateway(server.url()) as gateway:
        row = gateway.fetch_one(
            "select current_database() as name, pg_encoding_to_char(encoding) as encoding,"
            " inet_server_addr()::text as address, version() as version"
            " from pg_database where datname = current_database()"
        )
    assert row
    assert (row["name"], row["encoding"], row["address"]) == ("iu", "UTF8", "127.0.0.1/32")


def test_by_default_it_is_durable_and_uses_utc(own_server: EmbeddedServer) -> None:
    server = EmbeddedServer(own_server.home)
    with Gateway(server.ensure_running()) as gateway:
        shown = {
            name: gateway.fetch_value(f"show {name}")
            for name in ("fsync", "synchronous_commit", "data_checksums", "timezone", "listen_addresses")
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "timezone": "UTC",
        "listen_addresses": "127.0.0.1",
    }


def test_settings_of_the_caller_override_the_defaults(own_server: EmbeddedServer) -> None:
    server = EmbeddedServer(own_server.home, settings={"work_mem": "7MB", "timezone": "Asia/Tokyo"})
    with Gateway(server.ensure_running()) as gateway:
        assert gateway.fetch_value("show work_mem") == "7MB"
        assert gateway.fetch_value("show timezone") == "Asia/Tokyo"


def test_a_second_process_finds_the_same_server(server: EmbeddedServer) -> None:
    before = postmaster(server)
    said, _ = spawn(server.home).communicate(timeout=60)
    assert said.strip() == server.url()
    assert postmaster(server) == before


def test_data_and_port_survive_a_restart(server: EmbeddedServer) -> None:
    put(server, 7)
    before = server.url()
    server.stop()
    assert server.ensure_running() == before
    assert kept(server) == 7


def test_the_next_use_restarts_a_killed_server(server: EmbeddedServer) -> None:
    put(server, 8)
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert server.is_running() is False
    server.ensure_running()
    assert postmaster(server) != pid
    assert kept(server) == 8


def test_the_server_outlives_the_killed_process_that_started_it(own_server: EmbeddedServer) -> None:
    script = f"{ENSURE}\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", script, str(own_server.home)]
    owner = subprocess.run(command, timeout=60, check=False)
    assert owner.returncode == -signal.SIGKILL
    pid = postmaster(own_server)
    assert own_server.is_running()
    own_server.ensure_running()
    assert postmaster(own_server) == pid
    assert own_server.stop() is True


def test_a_changed_password_is_reported_at_once(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway:
        gateway.execute("alter role postgres password 'another'")
    begin = time.monotonic()
    with pytest.raises(EmbeddedServerError, match="rejects the password"):
        server.ensure_running()
    assert time.monotonic() - begin < AT_ONCE


def test_an_invalid_setting_is_reported_with_the_message_of_the_server(own_server: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_setting") as caught:
        EmbeddedServer(own_server.home, settings={"no_such_setting": "1"}).ensure_running()
    assert "server.log" in (caught.value.hint or "")


def test_a_relative_home_is_found_from_elsewhere(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_directory)
    server = EmbeddedServer(Path("rel"), settings=QUICK)
    try:
        server.ensure_running()
        monkeypatch.chdir("/")
        assert server.is_running()
    finally:
        server.stop()


def test_a_long_path_with_spaces_in_a_private_directory_works(open_directory: Path) -> None:
    closed = open_directory / "closed to others"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / ("deep " * 30).strip() / "ünï", settings=QUICK)
    try:
        assert_it_keeps_data(server)
    finally:
        server.stop()
