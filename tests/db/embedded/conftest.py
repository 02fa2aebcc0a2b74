"""Fixtures: a running server, and a directory that every user can enter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer


@pytest.fixture
def server(own_server: EmbeddedServer) -> EmbeddedServer:
    """A running server for one test alone."""
    own_server.ensure_running()
    return own_server


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="iu-open-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
