"""Startup of the server, until it accepts connections."""

from __future__ import annotations

import time

from iu_pipelines.db.embedded import databases, locks, postmaster, record, server_errors, server_log
from iu_pipelines.db.embedded.cluster import SUPERUSER, Cluster
from iu_pipelines.db.embedded.waiting import POLL_SECONDS, START_SECONDS
from iu_pipelines.errors import EmbeddedServerError


def ensure_accepting(cluster: Cluster) -> None:
    """Start the server unless it runs, and wait until it accepts connections; retry transient failures.

    Raises:
        EmbeddedServerError: the server failed to start, rejects the recorded password, or did not accept
            connections in time.
        ConnectionFailed: the server has no free connection.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        log_offset = _launch_unless_alive(cluster)
        if _wait_until_accepting(cluster, deadline):
            return
        _raise_permanent_failure(cluster, log_offset)
    failure = f"the server did not accept connections within {START_SECONDS:.0f} seconds"
    raise server_errors.from_output(cluster, failure, "")


def _launch_unless_alive(cluster: Cluster) -> int:
    """Launch the server unless one of its processes exists; return the offset of its output in the log."""
    with locks.opened(cluster.data) as data:
        if locks.lock_exclusively(data):
            return postmaster.launch(cluster, data)
        postmaster.end_orphans(cluster)
        return server_log.size(cluster.log)


def _wait_until_accepting(cluster: Cluster, deadline: float) -> bool:
    """Return whether the server accepted a connection before its last process ended or the deadline."""
    while time.monotonic() < deadline and locks.is_alive(cluster):
        failure = databases.connection_failure(cluster)
        if failure is None:
            return True
        if failure.code == databases.TOO_MANY_CONNECTIONS:
            raise failure
        if failure.code == databases.INVALID_PASSWORD:
            raise EmbeddedServerError(
                f"the server in {cluster.home} rejects the password in {cluster.data / record.FILE}",
                hint=f"Set the password of role {SUPERUSER} to that value again (alter role … password …).",
            )
        time.sleep(POLL_SECONDS)
    return False


def _raise_permanent_failure(cluster: Cluster, log_offset: int) -> None:
    """Raise the error in the log since `log_offset`, unless a retry can succeed."""
    output = server_log.read_from(cluster.log, log_offset)
    if server_log.is_permanent_failure(output):
        raise server_errors.from_output(cluster, "the server did not start", output)
    time.sleep(POLL_SECONDS)
