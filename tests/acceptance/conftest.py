"""A git repository for each test, independent of the user's git configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.gitfolder import GitFolder

# Files that test_add_a_noun adds to a copy of the project; its tests do not run in this project.
collect_ignore = ["noun"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitFolder:
    """An empty repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return GitFolder(tmp_path / "repo")
