"""Child processes that a command starts, monitors and stops, together with their descendants."""

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
    """A child process and the file of its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


@dataclass
class ChildProcesses:
    """Child processes, each in its own process group, so that their descendants can be stopped too.

    `logs` is the directory of their output, `environment` their complete environment.
    """

    logs: Path
    environment: Mapping[str, str]
    running: list[ChildProcess] = field(default_factory=list)

    def start(self, name: str, *arguments: str, python: str = sys.executable) -> None:
        """Start a Python module; the first of `arguments` is its name, the rest are its arguments.

        `python` is the interpreter, which may belong to another environment.
        """
        log = self.logs / f"{name}.log"
        command = [sys.executable, "-m", _RUN_AS_CHILD, python, "-m", *arguments]
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
        """Raise IuError with the last output of a process, if one has exited."""
        for child in self.running:
            if child.process.poll() is not None:
                raise IuError(
                    f"{child.name} exited with code {child.process.returncode}: {child.tail()}",
                    hint=f"See {child.log}.",
                )

    def stop(self) -> None:
        """Stop all processes and their descendants with SIGINT, last started first; SIGKILL after 20 s."""
        for child in reversed(self.running):
            _signal_group(child.process.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self.running:
            while _group_exists(child) and time.monotonic() < deadline:
                time.sleep(0.1)
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.running.clear()


def _group_exists(child: ChildProcess) -> bool:
    """Return whether a process of the group exists; reap the leader if it has exited."""
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
