"""Processes that a command starts, watches and ends again, together with all that they start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from iu_pipelines.errors import IuError

_SERVICE: Final = "iu_pipelines.hosting.child"
_STOP_SECONDS: Final = 20.0
_TAIL_LINES: Final = 15


@dataclass(frozen=True)
class Service:
    """One process that we started, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines that the process wrote."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


@dataclass
class Services:
    """Processes with a process group each, so that all that they start can be ended.

    Their logs lie in *logs*; *environment* is all of theirs.
    """

    logs: Path
    environment: Mapping[str, str]
    running: list[Service] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        """Start a module of Python with *arguments*, the first of which names it."""
        log = self.logs / f"{name}.log"
        command = [sys.executable, "-m", _SERVICE, *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Service(name, process, log))

    def require_alive(self) -> None:
        """Raise an error that shows what a process said last, where one has ended by itself."""
        for service in self.running:
            if service.process.poll() is not None:
                raise IuError(
                    f"{service.name} ended with code {service.process.returncode}: {service.tail()}",
                    hint=f"see {service.log}",
                )

    def stop(self) -> None:
        """End every process, the last one first, and whatever it had started."""
        for service in reversed(self.running):
            _signal_group(service.process.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        for service in self.running:
            while _group_lives(service) and time.monotonic() < deadline:
                time.sleep(0.1)
            _signal_group(service.process.pid, signal.SIGKILL)
            service.process.wait()
        self.running.clear()


def _group_lives(service: Service) -> bool:
    """Whether any process of the group is left; a finished leader is collected on the way."""
    service.process.poll()
    try:
        os.killpg(service.process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
