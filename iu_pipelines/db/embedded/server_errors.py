"""Conversion of PostgreSQL's output and of OSError into EmbeddedServerError."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iu_pipelines.db.embedded.cluster import Cluster
from iu_pipelines.errors import EmbeddedServerError


def from_output(cluster: Cluster, failure: str, output: str) -> EmbeddedServerError:
    """Return the error for a failed program, with the last three error or hint lines of its output."""
    if re.search("No space left on device|Check free disk space", output):
        return _disk_full(cluster.home)
    lines = [line for line in output.splitlines() if re.search(r"FATAL|PANIC|HINT|error:|ERROR", line)]
    reasons = "; ".join(re.sub(r"^.*?(?=FATAL|PANIC|HINT|ERROR|error:)", "", line) for line in lines[-3:])
    return EmbeddedServerError(
        f"{failure} in {cluster.home}" + (f": {reasons}" if reasons else ""),
        hint=f"Read the log {cluster.log}.",
    )


@contextmanager
def translated(home: Path) -> Iterator[None]:
    """Translate OSError into EmbeddedServerError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(home) from error
        raise EmbeddedServerError(
            f"cannot use {error.filename or home}: {error.strerror}",
            hint="Set IU_HOME to a directory that you may write to.",
        ) from error


def _disk_full(home: Path) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"no space is left on the disk of {home}",
        hint="Free some space, or set IU_HOME to a directory on another disk.",
    )
