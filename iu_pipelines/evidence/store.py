"""The store of evidence packs: a directory of this host, or one behind a URL that fsspec understands.

A remote directory is a `UPath` whose filesystem is open, so that the paths below it share the connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard
from urllib.parse import urlsplit

from iu_pipelines import extras
from iu_pipelines.errors import IuError, redact

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"
"""A file or directory, on this host or remote."""

_LOCAL: Final = re.compile(r"(file|local):/")
_OBJECTS: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})
"""Protocols of object stores: without directories, and with an atomic creation of objects."""

_SECRET: Final = re.compile(r"pass|secret|token|key|sas|cred|connection_string", re.IGNORECASE)
_HINT: Final = "Check the URL, its credentials and the network. No complete pack was changed."


class StoreFailed(IuError):
    """A remote store could not be opened, read or written, or two processes wrote to it at the same time."""


def local_directory(location: str) -> Path | None:
    """Return the directory of a path or of a `file:` URL; None for a URL of a remote store."""
    if "://" in location and not _LOCAL.match(location):
        return None
    found = open_directory(location)
    return found if isinstance(found, Path) else None


def open_directory(location: str) -> Place:
    """Open the directory of a path or URL.

    Raises:
        ExtraMissing: the location is a URL, and the packages that open URLs are not installed.
        StoreFailed: it cannot be opened. The message has no secret of the URL.
    """
    if "://" not in location:
        return Path(location)
    extras.require("evidence", "fsspec", "upath")
    with _translated("open", _hidden(location), _secrets_of_url(location)):
        from upath import UPath  # noqa: PLC0415  most commands use no remote store

        found = UPath(location, skip_instance_cache=True)
        if found.protocol in ("file", "local"):
            return Path(found.path)
        found.fs.invalidate_cache()
    return found


def reopened(directory: UPath) -> UPath:
    """Return the same directory with a new connection: an idle one may have been closed by the server."""
    with _reaching(directory, "open"):
        found = type(directory)(directory.path, protocol=directory.protocol, **directory.storage_options)
        found.fs.invalidate_cache()
    return found


def is_remote(place: Place) -> TypeGuard[UPath]:
    """Return whether a place is in a remote store."""
    return not isinstance(place, Path)


def text_of(place: Place) -> str:
    """Return the path, or the URL without user, password and query."""
    if not is_remote(place):
        return str(place)
    text, host, port = str(place), place.storage_options.get("host"), place.storage_options.get("port")
    server = f"{host}:{port}" if port else host
    return _hidden(text.replace(":///", f"://{server}/", 1) if host else text)


def names(directory: Place) -> list[str]:
    """Return the names of what a directory contains, sorted; none if it does not exist."""
    if not is_remote(directory):
        return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    found = _listed(directory)
    # Over a lost connection, fsspec's FTP says that the directory is missing. A new connection tells.
    return (_listed(reopened(directory)) or []) if found is None else found


def _listed(directory: UPath) -> list[str] | None:
    with _reaching(directory, "list"):
        directory.fs.invalidate_cache()
        try:
            return sorted(path.name for path in directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return None


def read(file: Place) -> bytes:
    """Return the content of a file. Raises OSError, for a remote file only FileNotFoundError; StoreFailed."""
    if not is_remote(file):
        return file.read_bytes()
    with _reaching(file, "read"):
        content: bytes = file.fs.cat_file(file.path)
    return content


def read_if_exists(file: Place) -> bytes | None:
    """Return the content of a file, or None if there is no such file. Raises OSError; StoreFailed."""
    if not is_remote(file) and not file.is_file():
        return None
    try:
        return read(file)
    except FileNotFoundError:
        return None


def write(file: UPath, content: bytes, *, is_new: bool = False) -> None:
    """Write a file and its directories. With `is_new`, raise StoreFailed if the file exists.

    An object store compares and writes in one operation. Other stores are asked first.
    """
    is_object = file.protocol in _OBJECTS
    if is_new and not is_object and file.name in names(file.parent):
        raise _written_by_another(file)
    try:
        with _reaching(file, "write"):
            if not is_object:
                file.fs.makedirs(file.parent.path, exist_ok=True)
            file.fs.pipe_file(file.path, content, **({"mode": "create"} if is_new and is_object else {}))
    except FileExistsError:
        raise _written_by_another(file) from None
    except FileNotFoundError:
        raise StoreFailed(f"cannot write {text_of(file)}: no such directory or bucket", hint=_HINT) from None


def _written_by_another(file: UPath) -> StoreFailed:
    return StoreFailed(
        f"another process wrote {text_of(file)} at the same time",
        hint="Run iu evidence verify, and make another pack with iu evidence.",
    )


@contextmanager
def _reaching(place: UPath, action: str) -> Iterator[None]:
    from fsspec.config import conf  # noqa: PLC0415

    given = [place.storage_options, conf.get(place.protocol, {})]
    with _translated(action, text_of(place), _secrets_in(given)):
        yield


@contextmanager
def _translated(action: str, shown: str, secrets: Iterable[str]) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except Exception as error:  # noqa: BLE001  each filesystem raises exceptions of its own
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in secrets:
            text = text.replace(secret, "***")
        raise StoreFailed(f"cannot {action} {shown}: {_hidden(text)}", hint=_HINT) from None


def _hidden(text: str) -> str:
    """Return `text` without the passwords and queries of its URLs."""
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?***", redact(text))


def _secrets_of_url(url: str) -> list[str]:
    password = urlsplit(url).password
    return [password] if password else []


def _secrets_in(options: object) -> list[str]:
    """Return the values of options whose names say that they are secret, at any depth."""
    if isinstance(options, list):
        return [secret for part in options for secret in _secrets_in(part)]
    if not isinstance(options, Mapping):
        return []
    found: list[str] = []
    for name, value in options.items():
        is_secret = isinstance(value, str) and value and _SECRET.search(str(name))
        found += [value] if is_secret else _secrets_in(value)
    return found
