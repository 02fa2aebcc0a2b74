"""Run the command line in this process and keep what it printed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from iu_pipelines.cli.main import run

Command = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `iu` with the words given."""

    def call(*words: str) -> Done:
        code = run(words)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return call


@pytest.fixture
def iu(command: Command, database: str) -> Command:
    """Run `iu` with the words given, on a fresh database with every step applied."""
    return lambda *words: command(*words, "--database-url", database)


@pytest.fixture
def empty_iu(command: Command, empty_database: str) -> Command:
    """Run `iu` with the words given, on an empty database."""
    return lambda *words: command(*words, "--database-url", empty_database)


@pytest.fixture(scope="module")
def kept_database(server: Any, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with every step applied, for tests that leave it as they found it."""
    name = f"iu_test_kept_{os.getpid()}_{request.node.path.stem}"
    yield server.create(name, template)
    server.drop(name)


@pytest.fixture
def kept_iu(command: Command, kept_database: str) -> Command:
    """Run `iu` with the words given, on the database that is kept."""
    return lambda *words: command(*words, "--database-url", kept_database)


@pytest.fixture
def no_iu(command: Command) -> Command:
    """Run `iu` with the words given, with no database to be had."""
    return lambda *words: command(*words, "--database-url", "postgresql://127.0.0.1:1/none")
