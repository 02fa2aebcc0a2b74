"""Fixtures that run the command line in this process and return what it printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cli.offices import OfficeIu, Shop
from cli.running import Done, Iu
from delivery.office import Office
from delivery.receiver import receiving
from delivery.world import DEPLOYMENT
from iu_pipelines.cli.main import run
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import secrets
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


@pytest.fixture
def secrets_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of the sender's secrets, with one for this machine."""
    place = tmp_path / "secrets"
    place.mkdir()
    (place / "SHOP").write_text(f"host=127.0.0.1 {secrets.new_value()}", encoding="utf-8")
    monkeypatch.setenv("IU_SECRETS_DIR", str(place))
    return place


@pytest.fixture
def shop(
    office_iu: OfficeIu, secrets_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """Yield an office with a route that is live to a receiver."""
    monkeypatch.setenv("IU_DEPLOYMENT", DEPLOYMENT)
    with receiving(tmp_path / "received") as receiver:
        shop = Shop(office_iu, receiver)
        shop.aim()
        shop.promote()
        yield shop
