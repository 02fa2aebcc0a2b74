"""A release is published only where its tag, version, changelog and recorded SQL agree."""

from __future__ import annotations

import tarfile
from pathlib import Path
from types import ModuleType

import pytest

import iu_pipelines
import programs

PROJECT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-26

### Added

- A table.

## [1.1.0] - 2026-01-01

- Older.
"""


@pytest.fixture(scope="module")
def release() -> ModuleType:
    return programs.load(".ci/release.py")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that may be released as v1.2.0, and the working directory."""
    steps = tmp_path / "sql/iu-core/runtime"
    for folder in (steps, tmp_path / "iu_pipelines", tmp_path / "tests/steps/releases"):
        folder.mkdir(parents=True)
    (steps / "010_a.sql").write_text("create table a ();\n")
    (steps / "020_b.sql").write_text("create table b ();\n")
    (tmp_path / "iu_pipelines/__init__.py").write_text('"""A package."""\n\n__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    with tarfile.open(tmp_path / "tests/steps/releases/1.2.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "sql", "sql")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults(release: ModuleType, capsys: pytest.CaptureFixture[str], tag: str = "v1.2.0") -> list[str]:
    """The faults that the program prints; it exits with 1 where there is one."""
    code = release.main([tag])
    found = [line.removeprefix("release: ") for line in capsys.readouterr().err.splitlines()]
    assert code == bool(found)
    return found


def test_a_release_that_agrees_passes_and_writes_its_notes(release: ModuleType, tree: Path) -> None:
    assert release.main(["v1.2.0", "--notes", "notes.md"]) == 0
    assert (tree / "notes.md").read_text() == "### Added\n\n- A table.\n"


@pytest.mark.parametrize("tag", ["1.2.0", "v1.1.0", "v1.2.0rc1"])
def test_a_tag_that_is_not_the_version_is_refused(
    release: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str], tag: str
) -> None:
    assert faults(release, capsys, tag) == [
        f"the tag is '{tag}', but iu_pipelines/__init__.py has version '1.2.0'"
    ]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("## [1.2.0] - 2026-11-26", "## [1.3.0] - 2026-11-26", "CHANGELOG.md has no section [1.2.0]"),
        ("1.2.0] - 2026-11-26", "1.2.0]", "CHANGELOG.md: section [1.2.0] has no date YYYY-MM-DD, but ''"),
        ("-11-26", "-11-31", "CHANGELOG.md: section [1.2.0] has no date YYYY-MM-DD, but '2026-11-31'"),
        ("### Added\n\n- A table.\n\n", "", "CHANGELOG.md: section [1.2.0] is empty"),
    ],
)
def test_a_missing_undated_or_empty_section_is_refused(
    release: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, fault: str
) -> None:
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.replace(before, after))
    assert faults(release, capsys) == [fault]


def test_sql_that_differs_from_the_record_is_refused(
    release: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = tree / "sql/iu-core/runtime"
    (steps / "010_a.sql").write_text("create table a (b int);\n")
    (steps / "020_b.sql").rename(steps / "030_c.sql")
    assert faults(release, capsys) == [
        "sql/iu-core/runtime/010_a.sql differs from 1.2.0.tar.gz",
        "sql/iu-core/runtime/020_b.sql is in 1.2.0.tar.gz, but not in the tree",
        "sql/iu-core/runtime/030_c.sql is in the tree, but not in 1.2.0.tar.gz",
    ]


def test_sql_that_was_not_recorded_is_refused(
    release: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "tests/steps/releases/1.2.0.tar.gz").unlink()
    assert faults(release, capsys) == [
        "tests/steps/releases/1.2.0.tar.gz is missing; record the SQL as CONTRIBUTING.md says"
    ]


def test_a_refused_release_writes_no_notes(release: ModuleType, tree: Path) -> None:
    assert release.main(["v2.0.0", "--notes", "notes.md"]) == 1
    assert not (tree / "notes.md").exists()


def test_the_version_of_the_tree_is_that_of_the_package(release: ModuleType) -> None:
    assert release.version(PROJECT) == iu_pipelines.__version__
