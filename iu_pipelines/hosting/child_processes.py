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

_RUN_AS_CHILD: Final = "iu_pipelines.hosting.run_as_child"
_STOP_SECONDS: Final = 20.0
_TAIL_LINES: Final = 15


@dataclass(frozen=True)
class ChildProcess:
    """One process that we started, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines that the process wrote."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


@dataclass
class ChildProcesses:
    """Processes with a process group each, so that all that they start can be ended.

    Their logs lie in `logs`; `environment` is all of theirs.
    """

    logs: Path
    environment: Mapping[str, str]
    running: list[ChildProcess] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        """Start a module of Python with `arguments`, the first of which names it."""
        log = self.logs / f"{name}.log"
        command = [sys.executable, "-m", _RUN_AS_CHILD, *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(ChildProcess(name, process, log))

    def require_alive(self) -> None:
        """Raise an error that shows what a process said last, where one has ended by itself."""
        for child in self.running:
            if child.process.poll() is not None:
                raise IuError(
                    f"{child.name} ended with code {child.process.returncode}: {child.tail()}",
                    hint=f"See {child.log}.",
                )

    def stop(self) -> None:
        """End every process, the last one first, and whatever it had started."""
        for child in reversed(self.running):
            _signal_group(child.process.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self.running:
            while _group_lives(child) and time.monotonic() < deadline:
                time.sleep(0.1)
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.running.clear()


def _group_lives(child: ChildProcess) -> bool:
    """Whether any process of the group is left; a finished leader is collected on the way."""
    child.process.poll()
    try:
        os.killpg(child.process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
