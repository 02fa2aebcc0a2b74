"""The two locks of a cluster, both made with flock.

One is the lock file: the process that starts or stops the server holds it. The other is on the data
directory: every process of the server inherits an open, locked handle of it, and the kernel drops the lock
when the last of them ends. A running server is told from a dead one by this lock and not by the pid file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iu_pipelines.db.embedded.cluster import Cluster
from iu_pipelines.db.embedded.waiting import START_SECONDS, wait_until
from iu_pipelines.errors import EmbeddedServerError


@contextmanager
def start_stop_lock(cluster: Cluster) -> Iterator[None]:
    """Hold the lock of starting and stopping; create the directory of the cluster when it is missing."""
    cluster.root.mkdir(parents=True, exist_ok=True)
    _ignore_in_git(cluster.home)
    seconds = 2 * START_SECONDS
    with cluster.lock.open("a", encoding="utf-8") as lock:
        if not wait_until(lambda: lock_exclusively(lock.fileno()), seconds):
            raise EmbeddedServerError(
                f"another process has been starting or stopping the server in {cluster.home}"
                f" for more than {seconds:.0f} seconds",
                hint=f"End the process that holds the lock on {cluster.lock}.",
            )
        yield


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    """Open a directory for locking and yield its file descriptor."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def lock_exclusively(handle: int) -> bool:
    """Take the exclusive lock if nobody holds the file or directory locked; return whether it was taken."""
    return _lock(handle, fcntl.LOCK_EX)


def is_alive(cluster: Cluster) -> bool:
    """Return whether any process of this cluster exists: they hold the lock on the data directory."""
    if not cluster.data.exists():
        return False
    with opened(cluster.data) as data:
        return not _lock(data, fcntl.LOCK_SH)


def _lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ignore_in_git(home: Path) -> None:
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
