"""The addresses that the server listens on: a free TCP port and a private directory for the Unix socket."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from iu_pipelines.db.embedded.cluster import HOST
from iu_pipelines.db.embedded.server_user import ServerUser
from iu_pipelines.errors import EmbeddedServerError


def free_port(preferred: int) -> int:
    """Return the preferred port if it is free, else any free port; 0 means no preference.

    Raises:
        EmbeddedServerError: no port is free.
    """
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise EmbeddedServerError(f"no port is free on {HOST}", hint="End programs that use many ports.")


def new_socket_directory(user: ServerUser) -> str:
    """Create a directory for the socket that only `user` can access, and return its path."""
    directory = tempfile.mkdtemp(prefix="iu-", dir=short_directory())
    user.own(Path(directory))
    return directory


def remove_socket_directory(directory: str) -> None:
    """Remove a directory of `new_socket_directory`; an empty name means that there is nothing to remove."""
    if directory:
        shutil.rmtree(directory, ignore_errors=True)


def short_directory() -> str:
    """Return a directory in which the path of a socket stays below the limit of 103 bytes."""
    common = "/tmp"  # noqa: S108 - mkdtemp makes a private directory inside
    return common if os.access(common, os.W_OK | os.X_OK) else tempfile.gettempdir()
