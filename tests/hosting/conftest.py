"""Settings with a home and databases for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from iu_pipelines.settings import Settings, load


class Server(Protocol):
    """The part of the server of the test run that these tests use."""

    def drop(self, database: str) -> None: ...


@pytest.fixture
def chosen(tmp_path: Path, database: str, server: Server) -> Iterator[Settings]:
    """Yield settings with a home and a database for one test; drop Dagster's database at the end."""
    yield load(home=tmp_path / "iu home", database_url=database)
    server.drop(f"{urlsplit(database).path.lstrip('/')}_dagster")
