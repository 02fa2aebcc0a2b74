"""Fixtures: copies of the SQL tree that a test may change, and logins."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
from iu_pipelines.settings import sql_root
from next_step import add_schema_step
from releases import RELEASES, unpacked, version


@pytest.fixture(params=RELEASES, ids=version)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the SQL tree of a release."""
    return unpacked(request.param, tmp_path / "released")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the SQL tree."""
    return Path(shutil.copytree(sql_root(), tmp_path / "sql"))


@pytest.fixture
def root(tree: Path) -> Path:
    """Return the copied tree with the example module."""
    shutil.copytree(Path(__file__).parent / "example", tree, dirs_exist_ok=True)
    files.stamp(tree)
    return tree


@pytest.fixture
def add_step(tree: Path) -> Callable[[str, str], None]:
    """Add a stamped schema step to the copied tree, as a developer would.

    The step requires the last schema step, and the functions require it. Its verify and rollback files do
    nothing.
    """

    def add(name: str, text: str) -> None:
        core = tree / "iu-core"
        add_schema_step(tree, name, text)
        (core / "verify" / f"{name}.sql").write_text("select public.fn_iu_proof_note('it is', 'so', 'so');\n")
        (core / "rollback" / f"{name}.sql").write_text(
            f"select public.fn_iu_step_forget('iu-core', '{name}');\n"
        )

    return add


@pytest.fixture
def login(gateway: Gateway) -> Iterator[Callable[[str], str]]:
    """Make a login in a role, and return its URL of the test's database."""
    made: list[str] = []

    def make(role: str) -> str:
        made.append(f"iu_test_login_{os.getpid()}_{len(made)}")
        gateway.execute(f"create role {made[-1]} login password 'secret' in role {role}")
        url = urlsplit(gateway.url)
        return url._replace(netloc=f"{made[-1]}:secret@{url.hostname}:{url.port}").geturl()

    yield make
    for name in made:
        gateway.execute(f"drop role {name}")
