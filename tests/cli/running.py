"""Ways to run a command: in this process, in a child process, or in a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from typer.main import get_command

from iu_pipelines.cli.main import build_app

Iu = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


def refused(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert "hint: " in done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def accept_ctrl_c() -> None:
    """Handle SIGINT again in a child process: a shell makes the children of a background job ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def shell(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "iu_pipelines", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_terminal(columns: int, *words: str, **environment: str) -> str:
    """Run a command in a terminal with `columns` columns, and return what it showed, without styles."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written_to_terminal(columns, *words, **environment))


def written_to_terminal(columns: int, *words: str, **environment: str) -> str:
    """Run a command in a terminal with `columns` columns, and return all that it wrote."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "iu_pipelines", *words]
    surroundings = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    with subprocess.Popen(
        command, stdout=terminal, stderr=terminal, stdin=terminal, env=surroundings
    ) as process:
        os.close(terminal)
        shown = bytearray()
        with contextlib.suppress(OSError):
            while read := os.read(screen, 65536):
                shown += read
        process.wait(timeout=60)
    os.close(screen)
    return shown.decode()


def without_spinner(shown: str) -> str:
    """Return what remains on the screen: a spinner and a progress bar write over their own lines."""
    return "\n".join(line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n"))


def commands(group: Any = None, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words and the command object of every group and command."""
    group = group or get_command(build_app())
    yield words, group
    for name, child in getattr(group, "commands", {}).items():
        yield from commands(child, *words, name)
