"""Fixtures that run the command line in this process and return what it printed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cli.offices import OfficeIu
from cli.running import Done, Iu
from delivery.office import Office
from iu_pipelines.cli.main import run
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iu:
    """Run `iu` with the words given."""

    def call(*words: str) -> Done:
        code = run(words)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return call


@pytest.fixture
def iu(command: Iu, database: str) -> Iu:
    """Run `iu` with the words given, on a fresh database with every step applied."""
    return lambda *words: command(*words, "--database-url", database)


@pytest.fixture
def empty_iu(command: Iu, empty_database: str) -> Iu:
    """Run `iu` with the words given, on an empty database."""
    return lambda *words: command(*words, "--database-url", empty_database)


@pytest.fixture
def kept_iu(command: Iu, kept_database: str) -> Iu:
    """Run `iu` with the words given, on the database that the tests of a module share."""
    return lambda *words: command(*words, "--database-url", kept_database)


@pytest.fixture
def no_iu(command: Iu) -> Iu:
    """Run `iu` with the words given, with a URL where no server listens."""
    return lambda *words: command(*words, "--database-url", "postgresql://127.0.0.1:1/none")


@pytest.fixture
def worked(database: str) -> Gateway:
    """A database with three batches of two events."""
    with Gateway(database) as gateway:
        for number in range(6):
            outbox.emit(gateway, "version_applied", f"docs/{number}", uuid4(), "test", {})
        for _ in range(3):
            worker.run_once(gateway, DEFAULT_WORKER, 2)
        return gateway


@pytest.fixture
def office_iu(command: Iu, office: Office) -> OfficeIu:
    """Run `iu` as one of the logins of an office, whose route may be promoted."""
    return OfficeIu(office, command)
