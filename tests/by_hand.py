"""Run a SQL file with psql alone, as an administrator does."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from iu_pipelines.db.embedded import binaries, server_user


def psql(url: str, path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the file `path` on the database at `url`, with the psql of the embedded server."""
    command = [program(), "-X", "-q", *options, "-d", url, "-f", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@cache
def program() -> str:
    """Return the path of the psql of the embedded server."""
    return str(binaries.find(None, server_user.find(Path("/nonexistent")), None).directory / "psql")
