"""Fixtures: a running server, and a directory that every user can access."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer


@pytest.fixture
def server(own_server: EmbeddedServer) -> EmbeddedServer:
    """Return a running server for one test."""
    own_server.ensure_running()
    return own_server


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Yield a directory that every user can access, unlike `tmp_path`."""
    path = Path(tempfile.mkdtemp(prefix="iu-open-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
