"""The file `iu.json` in the data directory: the port, password and socket directory of the cluster."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from iu_pipelines.db.embedded.cluster import HOST, SUPERUSER
from iu_pipelines.db.embedded.server_user import ServerUser
from iu_pipelines.errors import EmbeddedServerError

FILE: Final = "iu.json"
"""The name of the file in the data directory."""


@dataclass(frozen=True, slots=True)
class Record:
    """Connection data of the cluster; before the first start, port is 0 and socket_directory is empty."""

    port: int
    password: str
    socket_directory: str

    def url(self, database: str) -> str:
        """Return the URL of a database, with the user and password of the superuser."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/{database}?sslmode=disable"


def read(data: Path) -> Record:
    """Read the record in a data directory.

    Raises:
        EmbeddedServerError: the file is missing or invalid.
    """
    path = data / FILE
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise EmbeddedServerError(
            f"{path} is missing: no embedded server was ever started here",
            hint="Start the server first, or set IU_HOME to another directory.",
        ) from None
    except (ValueError, TypeError):
        raise EmbeddedServerError(
            f"{path} cannot be read",
            hint="Restore the file, or move the data directory away to start with an empty database.",
        ) from None


def write(data: Path, record: Record, user: ServerUser) -> None:
    """Replace the record in a data directory atomically; only `user` can read it."""
    new = data / f"{FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    user.own(new)
    new.replace(data / FILE)
