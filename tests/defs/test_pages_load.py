"""Each code location that a page shows loads from a file, as `dagster dev -f` and `-m` load it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pages
from pages import Block
from programs import PROJECT

DOCUMENT: Final = "docs/operate/dagster.md"

_VALIDATE: Final = ("definitions", "validate", "-f")
_LOAD: Final = """
import os, sys
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_file
for file in sys.argv[1:]:
    (found,) = loadable_targets_from_python_file(file, os.getcwd())
    found.target_definition.get_repository_def()
"""
"""What the command does with each file, without a process for each."""

_DEFINITIONS: Final = re.compile(r"^defs = ", re.MULTILINE)


def blocks() -> Iterator[Block]:
    for page in pages.names():
        yield from pages.blocks(page)


def validate(file: Path) -> tuple[int, str]:
    """Load a file with the command of Dagster, and return its exit code and what it printed."""
    return _run(file.parent, str(Path(sys.executable).with_name("dagster")), *_VALIDATE, file.name)


def _run(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    return done.returncode, done.stdout + done.stderr


def test_each_code_location_of_a_page_loads_from_a_file(tmp_path: Path) -> None:
    locations = {}
    for number, block in enumerate(blocks()):
        is_location = block.language == "python" and _DEFINITIONS.search(block.text)
        name = block.file or f"location_{number}.py"
        if is_location:
            locations[name] = str(block)
        if is_location or name == "fleet.yaml":
            (tmp_path / name).write_text(block.text, encoding="utf-8")
    assert len(locations) >= 8
    code, said = _run(tmp_path, sys.executable, "-c", _LOAD, *locations)
    assert code == 0, f"{locations}\n{said}"


def test_dagster_validates_the_file_that_the_page_about_dagster_shows(tmp_path: Path) -> None:
    (text,) = pages.code(DOCUMENT, "python")
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    code, said = validate(tmp_path / "shop.py")
    assert code == 0, said


def test_a_second_object_with_definitions_is_refused_as_the_page_says(tmp_path: Path) -> None:
    text = "import dagster as dg\n\none = dg.Definitions()\ndefs = dg.Definitions.merge(one)\n"
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    code, said = validate(tmp_path / "shop.py")
    assert code == 1
    (shown,) = [one for one in pages.inline_code(DOCUMENT) if "more than one" in one]
    assert shown in said
