"""Reading git histories from real repositories, without a database."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acceptance.gitfolder import GitFolder
from iu_pipelines.ingest.git_history import (
    GitFailed,
    NoGitHistory,
    canonical_address,
    count_commits,
    head_commit,
    open_repository,
    present_commits,
    read_changes,
)

ODD_NAMES = [
    b"with space",
    b"new\nline",
    "café/naïve.md".encode(),
    b"bad\xff\xfe",
    b":colon",
    b"50%",
    b"tab\t",
    b'"q"',
]


def seen(folder: GitFolder, known: tuple[str, ...] = ()) -> list[tuple[str, bytes, str]]:
    repository = open_repository(folder.path)
    return [(c.commit_id, c.path, c.change) for c in read_changes(repository, known)]


def test_every_change_of_every_commit_is_read_oldest_first(folder: GitFolder) -> None:
    first = folder.commit({b"a": b"1", b"b": b"1"})
    second = folder.commit({b"a": b"2"})
    third = folder.commit({}, removed=[b"b"])
    assert seen(folder) == [
        (first, b"a", "added"),
        (first, b"b", "added"),
        (second, b"a", "modified"),
        (third, b"b", "deleted"),
    ]


def test_a_file_name_of_any_bytes_is_read_unchanged(folder: GitFolder) -> None:
    folder.commit(dict.fromkeys(ODD_NAMES, b"x"))
    assert sorted(path for _, path, _ in seen(folder)) == sorted(ODD_NAMES)


def test_a_rename_deletes_one_path_and_adds_another(folder: GitFolder) -> None:
    folder.commit({b"old": b"same"})
    moved = folder.commit({b"new": b"same"}, removed=[b"old"])
    assert [change for change in seen(folder) if change[0] == moved] == [
        (moved, b"new", "added"),
        (moved, b"old", "deleted"),
    ]


def test_a_merge_counts_only_where_it_differs_from_all_its_parents(folder: GitFolder) -> None:
    base = folder.commit({b"left": b"0", b"right": b"0", b"both": b"0"})
    left = folder.commit({b"left": b"1", b"both": b"l"})
    right = folder.commit({b"right": b"1", b"both": b"r"}, parents=[base], branch="side")
    merge = folder.commit({b"right": b"1", b"both": b"lr"}, parents=[left, right])
    changes = seen(folder)
    assert [change for change in changes if change[0] == merge] == [(merge, b"both", "merged")]
    assert {commit for commit, _, _ in changes} == {base, left, right, merge}


def test_an_empty_commit_has_no_changes_and_is_counted(folder: GitFolder) -> None:
    folder.commit({b"a": b"1"})
    folder.commit({})
    assert len(seen(folder)) == 1
    assert count_commits(open_repository(folder.path)) == 2


def test_submodules_are_ignored(folder: GitFolder) -> None:
    first = folder.commit({b"a": b"1"})
    folder.git("update-index", "--add", "--cacheinfo", f"160000,{first},library")
    tree = folder.git("write-tree")
    commit = folder.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit-tree", tree, "-m", "c")
    folder.git("update-ref", "refs/heads/main", commit)
    assert [path for _, path, _ in seen(folder)] == []


def test_known_commits_are_read_again_and_their_ancestors_are_not(folder: GitFolder) -> None:
    commits = [folder.commit({b"a": str(n).encode()}) for n in range(5)]
    assert [commit for commit, _, _ in seen(folder, (commits[2],))] == commits[2:]


def test_only_existing_commits_are_present(folder: GitFolder) -> None:
    commit = folder.commit({b"a": b"1"})
    missing = "0" * 39 + "1"
    assert present_commits(open_repository(folder.path), [missing, commit]) == [commit]


def test_the_users_git_configuration_changes_nothing(folder: GitFolder) -> None:
    folder.commit({b"dir/a": b"same content\n"})
    folder.commit({b"b": b"same content\n"}, removed=[b"dir/a"])
    before = seen(folder)
    settings = {
        "diff.renames": "copies",
        "log.follow": "true",
        "core.quotePath": "true",
        "diff.relative": "true",
    }
    for key, value in {**settings, "log.showSignature": "true", "color.ui": "always"}.items():
        folder.git("config", key, value)
    assert seen(folder) == before


def test_closing_the_iterator_early_ends_every_git_process(folder: GitFolder) -> None:
    for n in range(3):
        folder.commit({b"a": str(n).encode()})
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Noted)
        changes = read_changes(open_repository(folder.path))
        next(changes)
        changes.close()
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)


def test_a_damaged_repository_raises_the_error_text_of_git(folder: GitFolder) -> None:
    folder.commit({b"a": b"1"})
    tree = folder.git("rev-parse", "HEAD^{tree}")
    for pack in (folder.path / ".git/objects/pack").glob("*"):
        pack.chmod(0o644)
        moved = folder.path / pack.name
        pack.rename(moved)
        if moved.suffix == ".pack":
            folder.git("unpack-objects", "-q", stdin=moved.read_bytes())
    (folder.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(GitFailed, match=tree):
        seen(folder)


def test_a_worktree_and_a_bare_repository_and_a_subfolder_are_repositories(
    folder: GitFolder, tmp_path: Path
) -> None:
    commit = folder.commit({b"sub/a": b"1"})
    folder.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), "main")
    folder.git("clone", "--quiet", "--bare", str(folder.path), str(tmp_path / "bare.git"))
    (folder.path / "sub").mkdir(exist_ok=True)
    for place in (tmp_path / "tree", tmp_path / "bare.git", folder.path / "sub"):
        assert head_commit(open_repository(place)) == commit


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoGitHistory, match="plain is not a git repository") as caught:
        open_repository(make(tmp_path / "plain"))
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_path_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoGitHistory, match="nowhere is not a directory"):
        open_repository(tmp_path / "nowhere")


def test_without_the_git_program_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NoGitHistory, match="git was not found on PATH"):
        open_repository(tmp_path)


def test_a_repository_without_a_commit_has_no_head(folder: GitFolder) -> None:
    assert head_commit(open_repository(folder.path)) is None


def test_the_address_of_an_ordinary_path_is_the_path() -> None:
    assert canonical_address("docs/Überblick 1.md".encode()) == "docs/Überblick 1.md"
    assert canonical_address(b"a", "web/") == "web/a"


@given(st.binary(min_size=1, max_size=300).filter(lambda path: b"\0" not in path))
def test_every_address_is_one_line_without_control_characters(path: bytes) -> None:
    address = canonical_address(path)
    assert len(address) >= 1
    assert len(address.encode("utf-8")) <= 1000
    assert address == address.strip()
    assert not any(unicodedata.category(character) == "Cc" for character in address)
    assert len(address.splitlines()) == 1


@example({b"%FF", b"\xff"})
@example({b" a", b"%20a"})
@example({b"a" * 1200 + b"1", b"a" * 1200 + b"2"})
@given(
    st.sets(
        st.binary(min_size=1, max_size=400).filter(lambda path: b"\0" not in path), min_size=2, max_size=8
    )
)
def test_two_paths_never_share_an_address(paths: set[bytes]) -> None:
    assert len({canonical_address(path) for path in paths}) == len(paths)


def make(path: Path) -> Path:
    path.mkdir()
    return path
