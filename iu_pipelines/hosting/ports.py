"""The ports of `iu dev` and `iu metrics`, and a check that they are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from iu_pipelines.errors import UsageError

_LARGEST: Final = 65_535
_EVIDENCE_DISTANCE: Final = 1000
_METRICS_DISTANCE: Final = 1500
_OTHER_PORTS: Final = (
    "Stop the process there, or choose other ports: "
    "iu dev --port PORT --evidence-port PORT --metrics-port PORT"
)

METRICS_PORT: Final = 4500
"""The default port of `iu metrics --serve`, and of the metrics of `iu dev` with its default port."""


@dataclass(frozen=True)
class Ports:
    """The address of `iu dev`.

    `evidence` is None if another server serves the evidence packs, `metrics` if no metrics are served.
    """

    host: str
    web: int
    evidence: int | None
    metrics: int | None = None

    @property
    def web_url(self) -> str:
        """The URL of the web UI."""
        return _url(self.host, self.web)

    @property
    def evidence_url(self) -> str | None:
        """The URL of the evidence packs, or None."""
        return _url(self.host, self.evidence) if self.evidence else None

    @property
    def metrics_url(self) -> str | None:
        """The URL of the metrics, or None."""
        return metrics_url(self.host, self.metrics) if self.metrics else None

    def require_free(self) -> None:
        """Raise UsageError if two ports are the same or one of them is in use."""
        seen: dict[int, str] = {}
        for option, port in self._chosen.items():
            if port in seen:
                raise UsageError(
                    f"port {port} is given twice, as {seen[port]} and as {option}",
                    hint="Choose another port for one of them.",
                )
            seen[port] = option
        for port in seen:
            require_free(self.host, port, _OTHER_PORTS)

    @property
    def _chosen(self) -> Mapping[str, int]:
        options = {
            "--port": self.web,
            "--evidence-port": self.evidence,
            "--metrics-port": self.metrics,
        }
        return {option: port for option, port in options.items() if port}


def evidence_port(port: int) -> int:
    """Return the default evidence port for a web UI port, 1,000 away, so that adjacent ports stay free."""
    return _far_from(port, _EVIDENCE_DISTANCE)


def metrics_port(port: int) -> int:
    """Return the default port of the metrics for a web UI port, 1,500 away."""
    return _far_from(port, _METRICS_DISTANCE)


def metrics_url(host: str, port: int) -> str:
    """Return the URL that a Prometheus server scrapes."""
    return f"{_url(host, port)}/metrics"


def require_free(host: str, port: int, hint: str) -> None:
    """Raise UsageError if no server can listen on the port, with `hint` if it is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host} port {port}: {error.strerror}", hint=_advice(error, hint)
            ) from None


def _advice(error: OSError, if_in_use: str) -> str:
    if isinstance(error, socket.gaierror):
        return "No host has this name. Give --host an address of this machine, such as 127.0.0.1 or 0.0.0.0."
    if error.errno == errno.EADDRNOTAVAIL:
        return "It is no address of this machine. Give --host one that is, such as 127.0.0.1 or 0.0.0.0."
    if error.errno == errno.EACCES:
        return "This user may not listen there. Choose a port from 1024 on."
    return if_in_use


def _far_from(port: int, distance: int) -> int:
    return port + distance if port + distance <= _LARGEST else port - distance


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
