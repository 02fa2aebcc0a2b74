"""The endpoint of `iu metrics --serve`, in a process of its own, and its shared snapshots."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dev_server import free_port
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import metrics
from iu_pipelines.errors import UsageError
from iu_pipelines.hosting import metrics_server, ports
from iu_pipelines.hosting.metrics_server import Source, serving
from iu_pipelines.settings import load
from metrics_endpoint import DOWN, UP, scrape, served
from waiting import AT_ONCE, eventually

POOL_SECONDS = 4.5
"""Less than the time for which a pool tries to connect to a server that stopped."""


def test_the_endpoint_is_on_loopback_and_its_address_is_printed(tmp_path: Path, kept_database: str) -> None:
    with served(tmp_path, kept_database) as (group, port):
        assert UP in scrape(port)
        assert f"http://127.0.0.1:{port}/metrics" in group.output()
        with pytest.raises(OSError, match="refused"):
            scrape(port, "127.0.0.2")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as root:
            assert root.read() == b"The metrics are at /metrics\n"
        for path in ("/metric", "/metrics/x", "/favicon.ico"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_endpoint_quietly(
    tmp_path: Path, kept_database: str, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", "metrics", "--serve", "--port", str(free_port())],
        env={**os.environ, "IU_DATABASE_URL": kept_database, "IU_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "metrics" in process.stdout.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_the_endpoint_answers_while_the_database_is_down_and_recovers(
    tmp_path: Path, own_server: EmbeddedServer
) -> None:
    own_server.ensure_running()
    with Gateway(own_server.url()) as gateway:
        migration.apply(gateway)
    with served(tmp_path, own_server.url()) as (group, port):
        assert UP in scrape(port)
        own_server.stop()
        eventually(lambda: DOWN in scrape(port), "the endpoint says that the database is down")
        assert "iu_worker_backlog_events" not in scrape(port)
        own_server.ensure_running()
        eventually(lambda: UP in scrape(port), "the endpoint says that the database is up")
        assert "database    it answers again" in group.output()
        assert "Traceback" not in group.output()


def test_an_embedded_server_that_was_stopped_is_not_started_by_a_scrape_and_not_waited_for(
    own_server: EmbeddedServer,
) -> None:
    own_server.ensure_running()
    with Gateway(own_server.url()) as gateway:
        migration.apply(gateway)
    said: list[str] = []
    source = Source(load(home=own_server.home), said.append)
    assert source.read() is not None
    own_server.stop()
    for limit in (AT_ONCE, POOL_SECONDS):
        source._read_at = float("-inf")
        started = time.monotonic()
        assert source.read() is None
        assert time.monotonic() - started < limit
    assert not own_server.is_running()
    assert len(said) == 1


def test_a_port_in_use_is_refused(kept_database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}"),
            serving("127.0.0.1", port, load(database_url=kept_database), print),
        ):
            pass


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("nosuchhost.invalid", "No host has this name"),
        ("192.0.2.1", "no address of this machine"),
    ],
)
def test_a_host_that_is_not_of_this_machine_is_told_from_a_port_in_use(host: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        ports.require_free(host, free_port(), "Choose another port.")
    assert refused.value.message.startswith(f"cannot listen on {host} port ")
    assert said in (refused.value.hint or "")
    assert "--host" in (refused.value.hint or "")


def test_a_url_that_is_not_valid_is_refused_before_the_endpoint_starts() -> None:
    url = "mysql://a:c4nary@127.0.0.1/b"
    with (
        pytest.raises(UsageError, match="does not begin with postgresql") as refused,
        serving("127.0.0.1", free_port(), load(database_url=url), print),
    ):
        pass
    assert "c4nary" not in f"{refused.value.message}{refused.value.hint}"


def test_scrapes_at_the_same_time_share_one_snapshot(
    kept_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(load(database_url=kept_database), print)
    found: list[metrics.Snapshot | None] = []
    scrapes = [threading.Thread(target=lambda: found.append(source.read())) for _ in range(8)]
    for thread in scrapes:
        thread.start()
    for thread in scrapes:
        thread.join()
    assert None not in found
    assert len({id(one) for one in found}) == 1
    monkeypatch.setattr(metrics_server, "SHARED_SECONDS", 0.0)
    assert source.read() is not found[0]
    source.close()


def test_an_error_is_reported_once_without_its_password(kept_database: str) -> None:
    said: list[str] = []
    url = "postgresql://nobody:c4nary@127.0.0.1:1/none"
    source = Source(load(database_url=url), said.append)
    for _ in range(2):
        source._read_at = float("-inf")
        assert source.read() is None
    assert len(said) == 1
    assert "c4nary" not in said[0]
    assert "127.0.0.1" in said[0]
    source.close()


def test_a_closed_output_does_not_stop_the_endpoint() -> None:
    def broken(_text: str) -> None:
        raise BrokenPipeError

    source = Source(load(database_url="postgresql://127.0.0.1:1/none"), broken)
    assert source.read() is None
