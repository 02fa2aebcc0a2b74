"""The log of the server."""

from __future__ import annotations

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import IuError


def test_a_refused_statement_is_not_written_to_the_log(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway, pytest.raises(IuError):
        gateway.execute("select 'token-12345' || 1 / 0")
    assert "token-12345" not in (server.home / "postgres/server.log").read_text(encoding="utf-8")
