"""A git repository of its own for a test, away from the tester's git configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfolder import GitFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitFolder:
    """An empty repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return GitFolder(tmp_path / "repo")
