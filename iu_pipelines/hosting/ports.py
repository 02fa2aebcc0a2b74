"""The ports of `iu dev`: which ones it takes, and whether they are free."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from iu_pipelines.errors import UsageError

_LARGEST: Final = 65_535
_DISTANCE: Final = 1000


@dataclass(frozen=True)
class Ports:
    """Where we listen; `evidence` is None where somebody else serves the packs."""

    host: str
    web: int
    evidence: int | None

    @property
    def web_url(self) -> str:
        """The address of the web UI."""
        return self._url(self.web)

    @property
    def evidence_url(self) -> str | None:
        """The address of the pages of evidence, or None."""
        return self._url(self.evidence) if self.evidence else None

    def require_free(self) -> None:
        """Raise UsageError where one port is given twice, or where something listens on one of them."""
        if self.web == self.evidence:
            raise UsageError(
                f"port {self.web} is asked for twice, by --port and by --evidence-port",
                hint="Choose another for one.",
            )
        for port in filter(None, (self.web, self.evidence)):
            _require_free(self.host, port)

    def _url(self, port: int) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"


def far_from(port: int) -> int:
    """Return a port that nobody takes for the next web UI."""
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
                hint="Stop what listens there, or choose others: iu dev --port PORT --evidence-port PORT",
            ) from None
