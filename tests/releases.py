"""The SQL trees of the releases, which `tests/steps/releases` holds as archives."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

import pytest

import programs
from iu_pipelines.settings import sql_root

RELEASES: Final = sorted((Path(__file__).parent / "steps" / "releases").glob("*.tar.gz"))
FIRST: Final = next(archive for archive in RELEASES if archive.name == "0.1.0.tar.gz")


_PROGRAM: Final = programs.load(".ci/release.py")
_TODAY: Final = _PROGRAM.files_of_sql(sql_root().parent)
OLDER: Final = [archive for archive in RELEASES if _PROGRAM.archived(archive) != _TODAY]


def version(archive: Path) -> str:
    """Return the version of a release, which is the name of its archive."""
    return archive.name.removesuffix(".tar.gz")


def extracted(archive: Path, folder: Path) -> Path:
    """Return the SQL tree of a release, in a folder that is made."""
    with tarfile.open(archive) as opened:
        if hasattr(tarfile, "data_filter"):
            opened.extractall(folder, filter="data")
        else:  # Python 3.11 before 3.11.4, as in Debian 12
            opened.extractall(folder)
    return folder / "sql"


@pytest.fixture(params=RELEASES, ids=version)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The SQL tree of a release."""
    return extracted(request.param, tmp_path / "released")


@pytest.fixture(params=OLDER, ids=version)
def older_release(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The SQL tree of a release that differs from today's."""
    return extracted(request.param, tmp_path / "released")


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    """The SQL tree of 0.1.0, which lacks the module iu-delivery, captures and domains of workers."""
    return extracted(FIRST, tmp_path / "released")
