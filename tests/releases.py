"""The SQL trees of the releases, which `tests/steps/releases` holds as archives."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

import pytest

RELEASES: Final = sorted((Path(__file__).parent / "steps" / "releases").glob("*.tar.gz"))


@pytest.fixture(params=RELEASES, ids=lambda archive: archive.name.removesuffix(".tar.gz"))
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The SQL tree of a release."""
    folder = tmp_path / "released"
    with tarfile.open(request.param) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:  # Python 3.11 before 3.11.4, as in Debian 12
            archive.extractall(folder)
    return folder / "sql"
