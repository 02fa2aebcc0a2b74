"""The log of the server: rotation, reading, and whether a failed start can succeed on a retry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 10_000_000
_REJECTED_CLIENT: Final = re.compile(r"FATAL:  the database system is .*|FATAL:  .* does not exist")
_TRANSIENT: Final = re.compile("Address already in use|could not create any TCP/IP sockets|is still in use")


@contextmanager
def opened(log: Path) -> Iterator[int]:
    """Open the log for appending and yield its file descriptor; a log above 10 MB is renamed first."""
    if size(log) > _MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def size(log: Path) -> int:
    """Return the size of the log in bytes, or 0 if the file is missing."""
    return log.stat().st_size if log.exists() else 0


def read_from(log: Path, offset: int) -> str:
    """Return the text of the log from a byte offset to its end."""
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode("utf-8", "replace")


def is_permanent_failure(text: str) -> bool:
    """Return whether the text contains a fatal error that a retry of the start would cause again.

    Ignored are fatal errors of single clients, and errors about an address or shared memory still in use.
    """
    return bool(re.search(r"FATAL|PANIC", _REJECTED_CLIENT.sub("", text))) and not _TRANSIENT.search(text)
