"""The secrets of targets: from variables `IU_SECRET_<NAME>` or files of a directory, never from the database.

A secret begins with the host that it is for, `host=hooks.example.com`, and then has one or more values,
newest first: `host=hooks.example.com whsec_… whsec_…`. So a person who may change the address of a target,
but not the environment of the sender, cannot have a secret used for another host. A secret for an address
with several hosts names all of them, separated by commas.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from typing import Final
from urllib.parse import urlsplit

from iu_pipelines import settings
from iu_pipelines.delivery.addresses import DEFAULT_PORTS
from iu_pipelines.domain.targets import SECRET_NAME_PATTERN
from iu_pipelines.errors import ArgumentInvalid, UsageError
from iu_pipelines.settings import Settings

_HOST: Final = "host="
_MOST_BYTES: Final = 65_536
_NAME: Final = re.compile(SECRET_NAME_PATTERN)
_HARMLESS: Final = re.compile(
    r"(?=.{1,60}$)([A-Z]?[a-z]+|[A-Z]{1,3})([_-]([A-Z]?[a-z]+|[A-Z]{1,3}))*", re.ASCII
)

HMAC: Final = "whsec_"
ED25519: Final = "whsk_"

MOST_VALUES: Final = 2
"""Values that a secret may have at a time."""

_NEW_BYTES: Final = 32

_Stamp = str | tuple[int, ...]


@dataclass(frozen=True)
class Secret:
    """The values of one secret and the host that they are for. Neither is printed."""

    name: str
    """The name of the secret."""
    host: str = field(repr=False)
    """The host that it is for, or several, separated by commas."""
    text: str = field(repr=False)
    """Its values as they were read, separated by spaces."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values, newest first."""
        return tuple(self.text.split())


@dataclass(frozen=True)
class Rotation:
    """What a rotation wrote: the file, and how many values it has now. The values are only in the file."""

    secret_name: str
    path: Path
    values: int
    form: str


class Secrets:
    """The secrets that a sender has. Each call looks whether a secret has changed, so it can be rotated.

    While it has not, `find` returns the same object.
    """

    def __init__(self, chosen: Settings) -> None:
        self._directory = chosen.secrets_dir
        self._read: dict[str, tuple[_Stamp, Secret]] = {}
        self._bound: dict[tuple[str, str], Secret] = {}

    def __repr__(self) -> str:
        return f"Secrets({str(self._directory)!r})"

    def find(self, secret_name: str, address: str) -> Secret:
        """Return a secret for an address.

        Raises:
            ArgumentInvalid: `secret_name` is no name of a secret.
            UsageError: there is no such secret, it names no host, or it is bound to another host.
        """
        found = self._current(secret_name)
        if self._bound.get((secret_name, address)) is not found:
            if not _is_bound(found.host, address):
                raise UsageError(
                    f"secret {secret_name} is bound to another host than that of the address",
                    hint="A secret is used for the host that it begins with (host=NAME) and for no other.",
                )
            self._bound[secret_name, address] = found
        return found

    def path(self, secret_name: str) -> Path | None:
        """Return the file of a secret, which need not exist, or None without a directory."""
        return file_of(self._directory, secret_name)

    def _current(self, secret_name: str) -> Secret:
        """Return the secret, read anew if its variable or the state of its file is another than before."""
        path = self.path(secret_name)
        given = settings.secret(secret_name)
        stamp: _Stamp = given.get_secret_value() if given else _stamp(secret_name, path)
        known = self._read.get(secret_name)
        if known and known[0] == stamp:
            return known[1]
        text = stamp if isinstance(stamp, str) else text_of(secret_name, path)
        found = parsed(secret_name, text)
        self._read[secret_name] = (stamp, found)
        return found


def rotate(chosen: Settings, secret_name: str) -> Rotation:
    """Put a new random value before the value of a secret, in its file. Senders sign with both from now on.

    `finish` removes the previous value. The file is replaced as a whole, and only its owner may read it.

    Raises:
        UsageError: the secret comes from a variable or is no file of IU_SECRETS_DIR, has other values than
            `whsec_…` and `whsk_…`, or has two already.
    """
    with _own_file(chosen, secret_name) as (path, found):
        if len(found.values) >= MOST_VALUES:
            raise UsageError(
                f"secret {secret_name} has {len(found.values)} values: its last rotation is not finished",
                hint="Finish the last rotation as soon as the receiver knows the newest value.",
            )
        return _replace(path, found, (new_value(found.values[0]), *found.values))


def finish(chosen: Settings, secret_name: str) -> Rotation:
    """Remove all values of a secret but the newest, in its file. Without others, it changes nothing.

    Raises:
        UsageError: as `rotate` does.
    """
    with _own_file(chosen, secret_name) as (path, found):
        if len(found.values) == 1:
            return Rotation(secret_name, path, 1, _form(found.values[0]))
        return _replace(path, found, found.values[:1])


def new_value(like: str = HMAC) -> str:
    """Return a new random value of the same form as `like`, which begins with `whsec_` or `whsk_`."""
    return _form(like) + base64.b64encode(token_bytes(_NEW_BYTES)).decode()


def file_of(directory: Path | None, secret_name: str) -> Path | None:
    """Return the file of a secret in a directory, which need not exist, or None without a directory.

    Raises:
        ArgumentInvalid: `secret_name` is no name of a secret.
    """
    check_name(secret_name)
    return directory / secret_name if directory else None


def check_name(secret_name: str, what: str = "a secret name") -> None:
    """Raise ArgumentInvalid unless `secret_name` is a name that a secret may have.

    The error says what it is and does not show it, because it may be the secret itself.
    """
    if not _NAME.fullmatch(secret_name):
        raise ArgumentInvalid(
            f"{what} of length {len(secret_name)} is not a name",
            hint="Give the name and never the secret: at most 63 of A-Z, 0-9 and _, beginning with a letter.",
        )


def shown(name: str) -> str:
    """Return the name of an option or a header for an error: only its length if it may be a secret."""
    return repr(name) if _HARMLESS.fullmatch(name) else f"of length {len(name)}"


def text_of(secret_name: str, path: Path | None) -> str:
    """Return the text of the file of a secret. The file may be a symbolic link inside its directory.

    Raises:
        UsageError: there is no such file, it is outside of the directory, unreadable, or too large.
    """
    if path is None or not path.is_file():
        raise _missing(secret_name, path)
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise UsageError(
            f"the file of secret {secret_name} is a link to a place outside of IU_SECRETS_DIR",
            hint="Put the file itself into IU_SECRETS_DIR.",
        )
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the file of secret {secret_name} cannot be read: {type(error).__name__}",
            hint="Give the sender the permission to read it; its text is UTF-8.",
        ) from None
    if len(content) > _MOST_BYTES:
        raise UsageError(
            f"the file of secret {secret_name} has more than {_MOST_BYTES} bytes",
            hint="A secret is a line of text, or a certificate with its key.",
        )
    return text


def parsed(secret_name: str, text: str) -> Secret:
    """Return the secret that a text contains.

    Raises:
        UsageError: the text does not begin with a host, or has nothing after it.
    """
    first, *rest = text.strip().split(maxsplit=1)[:2] or [""]
    host = first.removeprefix(_HOST).lower()
    if not first.startswith(_HOST) or not host or not rest:
        raise UsageError(
            f"secret {secret_name} does not begin with its host",
            hint="Write host=NAME, such as host=hooks.example.com, a space, and then the secret.",
        )
    return Secret(secret_name, host, rest[0])


@contextmanager
def _own_file(chosen: Settings, secret_name: str) -> Iterator[tuple[Path, Secret]]:
    """Yield the file of a secret that may be rotated, and its content, under a lock on its directory."""
    check_name(secret_name)
    if settings.secret(secret_name):
        raise UsageError(
            f"secret {secret_name} comes from the variable {settings.secret_variable(secret_name)}, which "
            "cannot be rotated",
            hint="Put it into a file of IU_SECRETS_DIR, or change the variable: the new value first.",
        )
    path = file_of(chosen.secrets_dir, secret_name)
    if path is None or not path.parent.is_dir():
        raise _missing(secret_name, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        found = parsed(secret_name, text_of(secret_name, path))
        if path.is_symlink():
            raise UsageError(
                f"the file of secret {secret_name} is a link",
                hint="Rotate the secret where the file is made, such as in the Secret of Kubernetes.",
            )
        if not all(value.startswith((HMAC, ED25519)) for value in found.values):
            raise UsageError(
                f"secret {secret_name} has other values than {HMAC}… and {ED25519}…",
                hint="Only a secret that signs webhooks can be rotated. Replace another one by hand.",
            )
        yield path, found
        os.fsync(directory)
    finally:
        os.close(directory)


def _replace(path: Path, found: Secret, values: Sequence[str]) -> Rotation:
    """Replace the file of a secret as a whole. The owner stays the same; only the owner may read it."""
    new, owner = path.with_name(f".{path.name}.new"), path.stat()
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(f"{_HOST}{found.host} {' '.join(values)}\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UsageError(
            f"the file of secret {found.name} cannot be replaced: {error.strerror}",
            hint="Run the command as the owner of the file.",
        ) from None
    return Rotation(found.name, path, len(values), _form(values[0]))


def _form(value: str) -> str:
    return ED25519 if value.startswith(ED25519) else HMAC


def _stamp(secret_name: str, path: Path | None) -> _Stamp:
    try:
        state: os.stat_result | None = path.stat() if path else None
    except OSError:
        state = None
    if state is None:
        raise _missing(secret_name, path)
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_dev)


def _missing(secret_name: str, path: Path | None) -> UsageError:
    """Return the error about a secret that is neither in its variable nor in its file, `path`."""
    variable = settings.secret_variable(secret_name)
    return UsageError(
        f"there is no secret {secret_name}",
        hint=f"Set {variable}, or write the file {path}."
        if path
        else f"Set {variable}, or IU_SECRETS_DIR to a directory that contains the file {secret_name}.",
    )


def _is_bound(hosts: str, address: str) -> bool:
    """Return whether each host of an address is one of `hosts`. Both may be several, separated by commas."""
    parts, bound = urlsplit(address), hosts.split(",")
    return all(
        bool(_names(f"{parts.scheme}://{one}") & set(bound))
        for one in parts.netloc.rpartition("@")[2].split(",")
    )


def _names(url: str) -> set[str]:
    """Return the host of a URL, without and with its port."""
    parts = urlsplit(url)
    name = (parts.hostname or "").lower()
    if ":" in name:
        name = f"[{name}]"
    return {name, f"{name}:{parts.port or DEFAULT_PORTS.get(parts.scheme)}"}
