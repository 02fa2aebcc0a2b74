"""The two flock locks of a cluster.

The process that starts or stops the server locks the file `lock`. The other lock is on the data directory:
every process of the server inherits an open, locked file descriptor of it, and the kernel releases the lock
when the last of them ends. This lock, and not the pid file, shows whether the server is running.
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
    """Hold the lock for starting and stopping; create the directory of the cluster if it is missing."""
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
    """Try to lock a file or directory exclusively without waiting; return whether it is locked now."""
    return _lock(handle, fcntl.LOCK_EX)


def is_alive(cluster: Cluster) -> bool:
    """Return whether a process of this cluster exists, which means that the data directory is locked."""
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
