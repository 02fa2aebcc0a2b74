"""Run the commands in the console blocks of a document, and compare or rewrite the output shown there.

A block fenced as `console` has commands after `$` and their output. Identifiers, serial numbers, times, rates
and the spacing of tables are not compared; a line of `...` matches any number of lines.

`python tests/acceptance/console.py docs/how-to/why.md` runs the commands of a page and rewrites their output.
The tutorials need more than a shell: see `first_event_page.py` and `delivery_page.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
ANY: Final = "..."
HOME: Final = "/home/ann/handbook"

_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_UNSTABLE: Final = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\bevt_[0-9a-f]{32}_\d+"), "<key>"),
    (re.compile(r"\bclick Runs, then [0-9a-f]{8}\b"), "click Runs, then <run>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<commit>"),
    (re.compile(r"\b\d+(?= bytes of event)"), "<n>"),
    (re.compile(r"\bbatch \d+"), "batch <n>"),
    (re.compile(r"\btable \d+"), "table <n>"),
    (re.compile(r"\b\d+ lines of \d+ proofs"), "<n> lines of <n> proofs"),
    (re.compile(r"\b\d+(?= (guarantees proven|proven in part|not run|rest on the project))"), "<n>"),
    (re.compile(r"^\s*\d+\s+\d+\s+(?=\d{4}-)"), "<n> <n> "),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<when>"),
    (re.compile(r"\b[\d,.]+ (ms|s|min|h)\b"), "<time>"),
    (re.compile(r"\b[\d,]+/(s|min|h)\b"), "<rate>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"(/[\w.-]+)+/(?=[\w.-])"), "/<folder>/"),
)


@dataclass(frozen=True)
class Command:
    """One command of a document, the output that the document shows, and the lines that write the command."""

    text: str
    output: tuple[str, ...]
    lines: tuple[str, ...] = ()


def commands(text: str) -> list[Command]:
    """Return every command of every console block, in order."""
    return [command for block in _BLOCK.findall(text) for command in commands_of(block)]


def commands_of(block: str) -> Iterator[Command]:
    """Yield the commands of one console block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        first, *rest = lines
        while first.endswith("\\"):
            first = first[:-1] + rest.pop(0)
        written = lines[: len(lines) - len(rest)]
        yield Command(first, tuple(rest), (f"$ {written[0]}", *written[1:]))


def stable(line: str) -> str:
    """Replace what changes from run to run; the result is empty for a rule or a blank line."""
    for pattern, name in _UNSTABLE:
        line = pattern.sub(name, line)
    return " ".join(line.replace("─", " ").split())


def without_numbers(lines: Sequence[str]) -> list[str]:
    """Replace all numbers too, for a command whose counts depend on the checkout that it runs in."""
    return [re.sub(r"\b\d[\d,]*", "0", stable(line)) for line in lines]


def first_difference(expected: Sequence[str], printed: Sequence[str]) -> str | None:
    """Describe the first difference between expected and printed lines, or return None."""
    left = [line for line in map(stable, printed) if line]
    anywhere = False
    for line in (line for line in map(stable, expected) if line):
        if line == ANY:
            anywhere = True
            continue
        place = left.index(line) if anywhere and line in left else 0
        if not left or left[place] != line:
            return f"expected {line!r}, printed {left[0] if left else 'nothing more'!r}"
        left, anywhere = left[place + 1 :], False
    return None if anywhere or not left else f"printed in addition: {left[0]!r}"


class Shell:
    """Run commands in one new folder, which is also the home of their server; `iu` is this project's."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        shim = programs / "iu"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m iu_pipelines "$@"\n')
        shim.chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("IU_", "GIT_"))}
        self._environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **environment,
        }
        for role in ("AUTHOR", "COMMITTER"):
            self._environment |= {f"GIT_{role}_NAME": "Ann", f"GIT_{role}_EMAIL": "ann@example.org"}

    def run(self, command: str) -> tuple[str, ...]:
        """Return the lines that the command prints, including errors."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return tuple(line.rstrip() for line in done.stdout.splitlines())


def rewritten(text: str, shell: Shell) -> str:
    """Return the document with the present output; a command whose output has `...` keeps it."""

    def anew(block: re.Match[str]) -> str:
        lines: list[str] = []
        for part in re.split(r"^\$ ", block.group(1), flags=re.MULTILINE)[1:]:
            (command,) = commands_of(f"$ {part}")
            printed = shell.run(command.text)
            named = [line.replace(str(shell.folder), HOME) for line in printed if line]
            kept = command.output if ANY in command.output else named
            lines += [*command.lines, *kept]
        return "\n".join(["```console", *lines, "```"])

    return _BLOCK.sub(anew, text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            sandbox = Shell(Path(scratch))
            try:
                Path(name).write_text(
                    rewritten(Path(name).read_text(encoding="utf-8"), sandbox), encoding="utf-8"
                )
            finally:
                sandbox.run("iu stop")
