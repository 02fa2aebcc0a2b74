"""The operating system user that the server runs as.

PostgreSQL refuses to run as root. When this process is root, the server runs as an existing unprivileged
user, which may be unable to read root's directories. No user is created, and the mode of a directory of
another user is not changed.
"""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iu_pipelines.errors import EmbeddedServerError

_UNPRIVILEGED: Final = ("postgres", "nobody", "daemon")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that the server runs as; `switch` means that this process is root and must switch to it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(self) -> dict[str, Any]:
        """Return the `subprocess` arguments that run a program as this user with a minimal environment."""
        common: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if self.switch:
            common |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return common

    def own(self, file: Path | int) -> None:
        """Make this user the owner of a path or an open file, if `switch` is true."""
        if self.switch:
            os.chown(file, self.uid, self.gid)

    def reachable(self, directory: Path, handle: int) -> Path:
        """Return a path to the open directory that this user can access even inside root's directories."""
        if self.switch and sys.platform == "linux":
            return Path(f"/proc/self/fd/{handle}")
        return directory


def find(data: Path) -> ServerUser:
    """Return the owner of the data directory; if it is missing, this user, or an unprivileged user for root.

    Raises:
        EmbeddedServerError: the data belong to a user that this process cannot switch to, or this process is
            root and there is no unprivileged user.
    """
    me = os.geteuid()
    if data.exists():
        return _owner(data, me)
    if me:
        return _user(me, switch=False)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise EmbeddedServerError(
        f"PostgreSQL cannot run as root, and none of the users {', '.join(_UNPRIVILEGED)} exists",
        hint="Run this as a normal user, or set IU_DATABASE_URL to a server of your own.",
    )


def _owner(data: Path, me: int) -> ServerUser:
    owner = data.stat().st_uid
    if me not in (0, owner):
        raise EmbeddedServerError(
            f"{data} belongs to user {_user(owner, switch=False).name}",
            hint="Run this as that user, or set IU_HOME to a directory of your own.",
        )
    return _user(owner, switch=me != owner)


def _user(uid: int, *, switch: bool) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return ServerUser(f"number {uid}", uid, uid, switch)
    return ServerUser(entry.pw_name, uid, entry.pw_gid, switch)
