"""Servers that tests of concurrency need besides the shared one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.settings import sql_root


@pytest.fixture
def proof_030() -> str:
    """Return the script that verifies the step of the outbox."""
    path = sql_root() / "iu-core" / "verify" / "030_event_types_and_outbox.sql"
    return path.read_text(encoding="utf-8")


@pytest.fixture
def own_prepared() -> Iterator[str]:
    """Yield a database with every step applied, on a separate server that allows two-phase commit."""
    home = Path(tempfile.mkdtemp(prefix="iu-own-"))
    server = servers.make(home, {"fsync": "off", "max_prepared_transactions": "5"})
    try:
        url = server.ensure_running()
        with Gateway(url) as gateway:
            migration.apply(gateway)
        yield url
    finally:
        server.stop()
        shutil.rmtree(home)
