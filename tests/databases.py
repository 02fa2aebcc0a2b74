"""Creation of databases on the server of a test run, with the isolation level in IU_TEST_ISOLATION."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from iu_pipelines.db.gateway import Gateway

_LEVEL: Final = os.environ.get("IU_TEST_ISOLATION")

ISOLATION: Final[Mapping[str, str]] = {"default_transaction_isolation": _LEVEL} if _LEVEL else {}
"""The server setting for IU_TEST_ISOLATION; empty without that variable."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `path`, which the processes of a run share."""
    with path.open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Server:
    """The server of this run, on which databases are created and dropped."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._gateway = Gateway(self.url("postgres"), application_name="iu tests")

    def url(self, database: str) -> str:
        return self._url._replace(path=f"/{database}").geturl()

    def create(self, database: str, template: str = "template1") -> str:
        self._gateway.execute(f'create database "{database}" template "{template}"')
        for name, value in ISOLATION.items():
            self._gateway.execute(f"alter database \"{database}\" set {name} = '{value}'")
        return self.url(database)

    def rename(self, database: str, name: str) -> None:
        self._gateway.execute(f'alter database "{database}" rename to "{name}"')

    def drop(self, database: str) -> None:
        self._gateway.execute(f'drop database if exists "{database}" with (force)')

    def exists(self, database: str) -> bool:
        return bool(self._gateway.fetch_one("select 1 from pg_database where datname = %s", (database,)))

    def close(self) -> None:
        self._gateway.close()
