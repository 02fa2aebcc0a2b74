"""The ports of `iu dev`, and a check that they are free."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from iu_pipelines.errors import UsageError

_LARGEST: Final = 65_535
_DISTANCE: Final = 1000


@dataclass(frozen=True)
class Ports:
    """The address of `iu dev`; `evidence` is None if another server serves the evidence packs."""

    host: str
    web: int
    evidence: int | None

    @property
    def web_url(self) -> str:
        """The URL of the web UI."""
        return self._url(self.web)

    @property
    def evidence_url(self) -> str | None:
        """The URL of the evidence packs, or None."""
        return self._url(self.evidence) if self.evidence else None

    def require_free(self) -> None:
        """Raise UsageError if both ports are the same or one of them is in use."""
        if self.web == self.evidence:
            raise UsageError(
                f"port {self.web} is given twice, as --port and as --evidence-port",
                hint="Choose another port for one of them.",
            )
        for port in filter(None, (self.web, self.evidence)):
            _require_free(self.host, port)

    def _url(self, port: int) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"


def far_from(port: int) -> int:
    """Return the default evidence port for a web UI port, 1,000 away, so that adjacent ports stay free."""
    return port + _DISTANCE if port + _DISTANCE <= _LARGEST else port - _DISTANCE


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host} port {port}: {error.strerror}",
                hint="Stop the process there, or choose other ports: iu dev --port PORT --evidence-port PORT",
            ) from None
