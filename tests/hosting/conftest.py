"""Settings with a home and databases of one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from iu_pipelines.settings import Settings, load


class Server(Protocol):
    """The server of the test run, as the tests here use it."""

    def drop(self, database: str) -> None: ...


@pytest.fixture
def chosen(tmp_path: Path, database: str, server: Server) -> Iterator[Settings]:
    """Settings with a directory and databases of one test."""
    yield load(home=tmp_path / "iu home", database_url=database)
    server.drop(f"{urlsplit(database).path.lstrip('/')}_dagster")
