"""Find PostgreSQL's binaries for the embedded server: in a given directory, on PATH or in the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iu_pipelines.db.embedded import wheel
from iu_pipelines.db.embedded.server_user import ServerUser
from iu_pipelines.errors import EmbeddedServerError

OLDEST_MAJOR: Final = 14
"""The oldest major version of PostgreSQL that is supported."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory that contains a working `initdb` and `postgres` of one major version."""

    directory: Path
    major: int


def find(pg_bin: Path | None, user: ServerUser, major: int | None) -> Binaries:
    """Return the first binaries that `user` can run: those in `pg_bin`, else on PATH, else in the wheel.

    `major` is the version that created the existing data, or None for a new cluster; only binaries of that
    version are accepted.

    Raises:
        EmbeddedServerError: no such binaries were found; the message lists the searched directories.
    """
    rejected: list[str] = []
    for directory in [pg_bin] if pg_bin else _candidates(user):
        found = _inspect(directory, user)
        if isinstance(found, str):
            rejected.append(f"{directory} ({found})")
        elif found.major < OLDEST_MAJOR or (major and found.major != major):
            rejected.append(f"{directory} (PostgreSQL {found.major})")
        else:
            return found
    raise _not_found(rejected, major)


def _candidates(user: ServerUser) -> Iterator[Path]:
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    for directory in wheel.bin_directories():
        unreadable = user.switch and directory.is_dir() and isinstance(_inspect(directory, user), str)
        yield wheel.readable_copy(directory) if unreadable else directory


def _inspect(directory: Path, user: ServerUser) -> Binaries | str:
    """Return the binaries in `directory`, or the reason why `user` cannot use them."""
    output = ""
    for name in ("initdb", "postgres"):
        try:
            command = [str(directory / name), "--version"]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=30, check=False, **user.popen()
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"user {user.name} cannot run {name}: {getattr(error, 'strerror', None) or error}"
        output = done.stdout
    version = re.search(r"\(PostgreSQL\) (\d+)", output)
    return Binaries(directory, int(version[1])) if version else f"{name} --version prints no version"


def _not_found(rejected: list[str], major: int | None) -> EmbeddedServerError:
    wanted = f"PostgreSQL {major}, which created the existing data," if major else "PostgreSQL 14 or newer"
    empty = ", or move the data directory away to start with an empty database" if major else ""
    return EmbeddedServerError(
        f"{wanted} was not found; searched {', '.join(rejected) or 'PATH and the installed wheel'}",
        hint=f"Set IU_PG_BIN to the directory of its initdb and postgres{empty}.",
    )
