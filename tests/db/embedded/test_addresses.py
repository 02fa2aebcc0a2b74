"""The port and the socket directory of a start."""

from __future__ import annotations

import socket

import pytest

from db.embedded.processes import kept, put, record
from iu_pipelines.db.embedded import addresses
from iu_pipelines.db.embedded.server import EmbeddedServer


def test_a_port_in_use_is_replaced_by_another(server: EmbeddedServer) -> None:
    put(server, 9)
    port = record(server)["port"]
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        url = server.ensure_running()
        assert f":{port}/" not in url
        assert kept(server) == 9


def test_a_port_taken_between_the_check_and_the_start_is_replaced(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1]]
        really = addresses.free_port
        monkeypatch.setattr(addresses, "free_port", lambda old: ports.pop() if ports else really(old))
        own_server.ensure_running()
    assert not ports
    assert own_server.is_running()
