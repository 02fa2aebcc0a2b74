"""The SQL trees of the releases, which `tests/steps/releases` holds as archives."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

RELEASES: Final = sorted((Path(__file__).parent / "steps" / "releases").glob("*.tar.gz"))


def version(archive: Path) -> str:
    """Return the version of a release, as the id of a test."""
    return archive.name.removesuffix(".tar.gz")


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack a release in `folder`, and return its SQL tree."""
    with tarfile.open(archive) as opened:
        if hasattr(tarfile, "data_filter"):
            opened.extractall(folder, filter="data")
        else:  # Python 3.11 before 3.11.4, as in Debian 12
            opened.extractall(folder)
    return folder / "sql"
