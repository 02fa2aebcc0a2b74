"""The secrets of targets: from variables `IU_SECRET_<NAME>` or files of a directory, never from the database.

A secret begins with the host that it is for, `host=hooks.example.com`, and then has one or more values,
newest first: `host=hooks.example.com whsec_… whsec_…`. So a person who may change the address of a target,
but not the environment of the sender, cannot have a secret used for another host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from iu_pipelines import settings
from iu_pipelines.errors import ArgumentInvalid, UsageError
from iu_pipelines.settings import Settings

_HOST: Final = "host="
_MOST_BYTES: Final = 65_536


@dataclass(frozen=True)
class Secret:
    """The values of one secret and the host that they are for. Neither is printed."""

    name: str
    host: str = field(repr=False)
    text: str = field(repr=False)

    @property
    def values(self) -> tuple[str, ...]:
        """The values, newest first."""
        return tuple(self.text.split())


class Secrets:
    """The secrets that a sender has. A secret is read anew at each call, so that it can be rotated."""

    def __init__(self, chosen: Settings) -> None:
        self._directory = chosen.secrets_dir

    def find(self, secret_name: str, address: str) -> Secret:
        """Return a secret for an address.

        Raises:
            UsageError: there is no such secret, it names no host, or it is bound to another host.
        """
        found = self._parsed(secret_name, self._text(secret_name))
        if not _is_bound(found.host, address):
            raise UsageError(
                f"secret {secret_name} is bound to another host than that of the address",
                hint="A secret is used for the host that it begins with (host=NAME) and for no other.",
            )
        return found

    def _text(self, secret_name: str) -> str:
        given = settings.secret(secret_name)
        if given:
            return given.get_secret_value()
        path = self.path(secret_name)
        if path is not None and path.is_file():
            return path.read_bytes()[:_MOST_BYTES].decode()
        raise UsageError(
            f"there is no secret {secret_name}",
            hint=f"Set {settings.secret_variable(secret_name)}, or IU_SECRETS_DIR to a directory that "
            f"contains the file {secret_name}.",
        )

    def path(self, secret_name: str) -> Path | None:
        """Return the file of a secret, which need not exist, or None without a directory."""
        if "/" in secret_name or secret_name.startswith("."):
            raise ArgumentInvalid(
                f"secret name {secret_name!r} is not a name", hint="Use capitals and digits."
            )
        return self._directory / secret_name if self._directory else None

    @staticmethod
    def _parsed(secret_name: str, text: str) -> Secret:
        first, _, rest = text.strip().partition(" ") if " " in text.strip() else text.strip().partition("\n")
        if not first.startswith(_HOST) or not rest.strip():
            raise UsageError(
                f"secret {secret_name} does not begin with its host",
                hint="Write it as: host=hooks.example.com SECRET",
            )
        return Secret(secret_name, first.removeprefix(_HOST).lower(), rest.strip())


def _is_bound(host: str, address: str) -> bool:
    parts = urlsplit(address)
    name = (parts.hostname or "").lower()
    return host in (name, f"{name}:{parts.port or {'https': 443, 'http': 80}.get(parts.scheme)}")
