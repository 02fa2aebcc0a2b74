"""Clusters of one test module, besides the one that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sessions import opened
from faults import clusters
from iu_pipelines.db.embedded.server import EmbeddedServer


@pytest.fixture(scope="module")
def three_clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmbeddedServer]]:
    """Yield the clusters A, B and C, which have only the roles of a dump."""
    home = tmp_path_factory.mktemp("clusters")
    settings = {"fsync": "off", "wal_level": "logical"}
    servers = {name: EmbeddedServer(home / name, settings=settings) for name in "ABC"}
    try:
        for server in servers.values():
            with opened(server.ensure_running()) as (session,):
                for role in clusters.ROLES:
                    session.execute(f"create role {role}".encode())
        yield servers
    finally:
        for server in servers.values():
            server.stop()
