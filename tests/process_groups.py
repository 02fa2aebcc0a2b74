"""Processes that tests start in groups of their own, and that end when the tests end or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from waiting import eventually

# The pipe on its standard input closes when the process of the tests ends, in whatever way.
_UNTIL_CLOSED: Final = '"$@" </dev/null & cat >/dev/null; kill -KILL 0'
_TAIL_LINES: Final = 20


@dataclass(frozen=True)
class ProcessGroup:
    """A shell in a session of its own, the command that it started, and all their descendants."""

    shell: subprocess.Popen[bytes]
    log: Path

    @property
    def id(self) -> int:
        return self.shell.pid

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until the output contains `text`. AssertionError shows the last lines of the output."""
        try:
            eventually(lambda: text in self.output(), pause=0.1)
        except AssertionError:
            tail = "\n".join(self.output().splitlines()[-_TAIL_LINES:])
            raise AssertionError(f"{self.log.stem} never printed {text!r}: {tail}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group."""
        os.killpg(self.id, number)

    def kill(self) -> None:
        """Send SIGKILL to every process of the group."""
        try:
            self.signal(signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self.shell.communicate()


def start(log: Path, environment: Mapping[str, str], *command: str) -> ProcessGroup:
    """Start a command, whose output is written to `log`, with this complete environment."""
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_CLOSED, "sh", *command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return ProcessGroup(shell, log)
