"""Creation of a new cluster with initdb, completely or not at all."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from iu_pipelines.db.embedded import binaries, locks, record, server_errors, server_user
from iu_pipelines.db.embedded.binaries import Binaries
from iu_pipelines.db.embedded.cluster import SUPERUSER, Cluster
from iu_pipelines.db.embedded.record import Record
from iu_pipelines.db.embedded.server_user import ServerUser
from iu_pipelines.db.embedded.waiting import START_SECONDS, wait_until


def create(cluster: Cluster) -> None:
    """Create the cluster in `data.new`, and rename that to `data` when it is complete."""
    user = server_user.find(cluster.data)
    found = binaries.find(cluster.pg_bin, user, None)
    new = cluster.new_data
    _remove_unfinished(new)
    new.mkdir(mode=0o700)
    user.own(new)
    password = secrets.token_urlsafe(24)
    try:
        _run_locked(cluster, found, user, password)
        record.write(new, Record(0, password, ""), user)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    new.rename(cluster.data)


def _remove_unfinished(new: Path) -> None:
    """Remove the directory that a killed process left, after the initdb that it started has ended."""
    if not new.exists():
        return
    with locks.opened(new) as data:
        wait_until(lambda: locks.lock_exclusively(data), START_SECONDS)
    shutil.rmtree(new)


def _run_locked(cluster: Cluster, found: Binaries, user: ServerUser, password: str) -> None:
    """Run initdb on the new data directory, which is locked until initdb ends, even if this process dies."""
    with locks.opened(cluster.new_data) as data, tempfile.TemporaryFile() as password_file:
        locks.lock_exclusively(data)
        password_file.write(password.encode())
        password_file.seek(0)
        user.own(password_file.fileno())
        done = subprocess.run(
            [
                str(found.directory / "initdb"),
                f"--pgdata={user.reachable(cluster.new_data, data)}",
                f"--pwfile=/dev/fd/{password_file.fileno()}",
                *_options(found.major),
                *(["--no-sync"] if cluster.settings.get("fsync") == "off" else []),
            ],
            pass_fds=[data, password_file.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **user.popen(),
        )
    if done.returncode:
        raise server_errors.from_output(cluster, "could not create a new database cluster", done.stdout)


def _options(major: int) -> list[str]:
    """Return the options of initdb; the locale is C.UTF-8 from PostgreSQL 17 on, and before that on Linux."""
    if major >= 17:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        locale = ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
    return [
        f"--username={SUPERUSER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
        *locale,
    ]
