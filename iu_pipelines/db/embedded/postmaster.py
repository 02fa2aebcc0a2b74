"""The processes of the server: launch, find and stop the postmaster, and end processes that outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from iu_pipelines.db.embedded import addresses, binaries, locks, record, server_log, server_user
from iu_pipelines.db.embedded.cluster import Cluster
from iu_pipelines.db.embedded.record import Record
from iu_pipelines.db.embedded.server_user import ServerUser
from iu_pipelines.db.embedded.waiting import STOP_SECONDS, wait_until
from iu_pipelines.errors import EmbeddedServerError


def launch(cluster: Cluster, data: int) -> int:
    """Start the postmaster in the background and return the size of its log before the start.

    `data` is the open, locked data directory. The postmaster inherits it, so the lock lasts as long as any
    of its processes.
    """
    user = server_user.find(cluster.data)
    found = binaries.find(cluster.pg_bin, user, cluster.major_version())
    cluster.pid_file.unlink(missing_ok=True)
    new = _renew_record(cluster, user)
    postgres = str(found.directory / "postgres")
    command = [postgres, "-D", str(user.reachable(cluster.data, data)), *_options(cluster, new)]
    with server_log.opened(cluster.log) as log:
        offset = server_log.size(cluster.log)
        subprocess.run(
            ["/bin/sh", "-c", '"$0" "$@" &', *command],
            pass_fds=[data],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
            **user.popen(),
        )
    return offset


def find(cluster: Cluster) -> int | None:
    """Return the pid in the pid file, if that process is a postgres."""
    try:
        first = cluster.pid_file.read_text(encoding="utf-8").splitlines()[0]
    except (FileNotFoundError, IndexError):
        return None
    return int(first) if first.isdigit() and "postgres" in _program_name(int(first)) else None


def stop(cluster: Cluster) -> None:
    """Stop the server with a fast shutdown, then an immediate one; return when its last process has ended.

    Raises:
        EmbeddedServerError: a process is still running after both timeouts.
    """
    for request, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS / 3)):
        pid = find(cluster)
        if pid:
            os.kill(pid, request)
        end_orphans(cluster)
        if wait_until(lambda: not locks.is_alive(cluster), seconds):
            return
    raise EmbeddedServerError(
        f"the server in {cluster.home} does not stop",
        hint=f"Read the log {cluster.log}, and kill process {find(cluster) or 'postgres'}.",
    )


def end_orphans(cluster: Cluster) -> None:
    """End the processes that still run after their postmaster was killed. This works on Linux only."""
    if find(cluster) or not cluster.pid_file.exists():
        return
    data = cluster.data.stat()
    for directory in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if os.path.samestat(directory.stat(), data):
                os.kill(int(directory.parent.name), signal.SIGQUIT)


def _renew_record(cluster: Cluster, user: ServerUser) -> Record:
    """Write the record for this start: the previous port if it is free, and a new socket directory."""
    old = record.read(cluster.data)
    addresses.remove_socket_directory(old.socket_directory)
    sockets = addresses.new_socket_directory(user)
    new = replace(old, port=addresses.free_port(old.port), socket_directory=sockets)
    record.write(cluster.data, new, user)
    return new


def _options(cluster: Cluster, current: Record) -> list[str]:
    listen = {"port": str(current.port), "unix_socket_directories": current.socket_directory}
    settings = {**cluster.settings, **listen}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _program_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except FileNotFoundError:
        ps = ["/bin/ps", "-o", "comm=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True, check=False).stdout
