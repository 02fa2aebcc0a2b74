"""Completion in real shells: bash, zsh and fish."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from cli.test_command import imported_by
from iu_pipelines.cli import main
from waiting import PATIENCE

READY: Final = "printf 'REA''DY\\n'\n"
"""Prints READY, without the word in the line that is typed."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory without any configuration, and the script `iu` in the search path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "iu"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m iu_pipelines "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def needed(shell: str) -> str:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    return found


def answered(words: list[str], lines: list[str], expected: str) -> str:
    """Type lines and a last text in an interactive shell until the screen shows `expected`; return it all."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal) as shell:
        os.close(terminal)
        shown = typed = ""
        deadline = time.monotonic() + PATIENCE
        os.set_blocking(screen, False)
        pending = [*lines]
        while expected not in shown and time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                shown += os.read(screen, 65536).decode(errors="replace")
            if pending and (not typed or "READY" in shown.replace(typed, "")):
                typed = pending.pop(0)
                shown = ""
                os.write(screen, typed.encode())
            time.sleep(0.02)
        shell.kill()
    os.close(screen)
    return shown


def test_bash_completes_a_command_with_the_tabulator(home: Path) -> None:
    bash = needed("bash")
    lines = [f"source <(iu --show-completion); {READY}", "iu sta\t"]
    assert "iu status " in answered([bash, "--norc", "--noprofile", "-i"], lines, "iu status ")


def test_zsh_completes_a_command_with_the_tabulator(home: Path) -> None:
    zsh = needed("zsh")
    setup = f"autoload -Uz compinit; compinit -u; source <(iu --show-completion); {READY}"
    assert "iu status " in answered([zsh, "-f", "-i"], [setup, "iu sta\t"], "iu status ")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("iu sta", ["status"]), ("iu gate s", ["show", "set"]), ("iu run --batch", ["--batch-limit"])],
)
def test_fish_completes_commands_of_groups_and_options(home: Path, typed: str, completed: list[str]) -> None:
    fish = needed("fish")
    done = subprocess.run(
        [fish, "--no-config", "-c", f"iu --show-completion | source; complete -C '{typed}'"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == {*completed}


def test_the_completion_of_bash_can_be_installed(home: Path) -> None:
    bash = needed("bash")
    done = subprocess.run(
        [bash, "--norc", "-c", "iu --install-completion; exit $?"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "bash completion installed" in done.stdout
    assert (home / ".bashrc").read_text(encoding="utf-8")


def test_completing_the_name_of_a_command_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_IU_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "iu sta")
    monkeypatch.setenv("COMP_CWORD", "1")
    found = imported_by()
    assert "typer" in found
    assert not {f"iu_pipelines.cli.{module}" for module in main.COMMANDS} & found
    assert "psycopg" not in found
