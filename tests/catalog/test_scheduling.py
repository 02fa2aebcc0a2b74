"""A run of tests ends, and names the test, although a process of it has crashed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import scheduling
from waiting import PATIENCE

CRASHING = """
def test_before(): pass
def test_crash():
    import os; os._exit(1)
def test_after(): pass
"""


def run(folder: Path, processes: int) -> str:
    options = f"-q -p no:cacheprovider -p scheduling -n {processes} --dist loadfile --no-loadscope-reorder"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), "--rootdir", str(folder), str(folder)],
        cwd=Path(scheduling.__file__).parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_the_other_tests_are_run_once_after_a_crash(tmp_path: Path, processes: int) -> None:
    for number in range(6):
        (tmp_path / f"test_{number}.py").write_text("def test_alone(): pass\n", encoding="utf-8")
    (tmp_path / "test_4_crash.py").write_text(CRASHING, encoding="utf-8")
    said = run(tmp_path, processes)
    assert "1 failed, 8 passed" in said
    assert "test_4_crash.py::test_crash" in said
