"""The git hooks judge what a commit would contain, and its title."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
COPIED = (".githooks", ".ci", "iu_pipelines", "sql", "pyproject.toml")
STEP = "sql/iu-core/runtime/020_gates.sql"
TITLE = "Add a file"


class Repository:
    """A git repository with the hooks and what they run, and one commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, root / name)
        (root / ".venv").symlink_to(sys.prefix)
        (root / ".gitignore").write_text("/.venv\n__pycache__/\n")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "Begin")
        self.git("config", "core.hooksPath", ".githooks")

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(
            ["git", *who, *arguments], cwd=self.root, env=kept, capture_output=True, text=True, check=False
        )

    def commit(self, title: str = TITLE) -> str:
        """What the hooks print, '' where the commit is made. Raises where git and the hooks disagree."""
        done = self.git("commit", "--quiet", "--message", title)
        assert bool(done.returncode) == bool(done.stderr), done
        return done.stderr

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("hooks"))


@pytest.fixture
def repository(begun: Repository) -> Repository:
    begun.git("reset", "--quiet", "--hard", ":/^Begin")
    begun.git("clean", "--quiet", "-d", "--force")
    return begun


def test_a_commit_without_a_fault_is_made_and_nothing_is_printed(repository: Repository) -> None:
    repository.write("new.py", '"""A module."""\n\nONE = 1\n')
    repository.git("add", "new.py")
    assert repository.commit() == ""
    assert repository.git("log", "-1", "--format=%s").stdout == f"{TITLE}\n"


def edit_a_step(repository: Repository) -> None:
    step = repository.root / STEP
    text = step.read_text(encoding="utf-8")
    step.write_text(text.replace("create table", "create  table", 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda repository: repository.write("new.py", '"""A module."""\n\nimport os\n'), "F401"),
        (
            lambda repository: repository.write("new.py", '"""A module."""\n\nONE=1\n'),
            "1 file would be reformatted",
        ),
        (lambda repository: repository.write("new.py", '"""A module"""\n'), "new.py:1: docstring"),
        (lambda repository: repository.write("a query.sql", "-- no capital.\n"), "a query.sql:1: comment"),
        (edit_a_step, "020_gates"),
    ],
    ids=[
        "a name that is not used",
        "a bad format",
        "a bad docstring",
        "a bad comment in a file with a space in its name",
        "a step without its stamp",
    ],
)
def test_a_faulty_change_is_refused(
    repository: Repository, change: Callable[[Repository], None], said: str
) -> None:
    change(repository)
    repository.git("add", ".")
    assert said in repository.commit()


def test_a_fault_that_was_repaired_only_outside_the_index_is_refused(repository: Repository) -> None:
    repository.write("new.py", '"""A module."""\n\nimport os\n')
    repository.git("add", "new.py")
    repository.write("new.py", '"""A module."""\n')
    assert "F401" in repository.commit()


def test_a_fault_outside_the_index_does_not_matter(repository: Repository) -> None:
    repository.write("new.py", '"""A module."""\n')
    repository.git("add", "new.py")
    repository.write("new.py", '"""A module."""\n\nimport os\n')
    edit_a_step(repository)
    assert repository.commit() == ""


def test_a_commit_that_only_deletes_is_made(repository: Repository) -> None:
    repository.git("rm", "--quiet", ".ci/setup.py")
    assert repository.commit("Remove a file") == ""


def test_a_faulty_title_is_refused(repository: Repository) -> None:
    repository.git("rm", "--quiet", ".ci/setup.py")
    assert "the title: begin with a capital: 'remove a file'" in repository.commit("remove a file")


@pytest.mark.parametrize("title", ["remove a file", "Remove a file.", f"Remove {'x' * 72}"])
def test_each_fault_of_a_title_is_printed(repository: Repository, title: str) -> None:
    done = commit_msg(repository.root, title)
    assert done.returncode == 1
    assert done.stderr.startswith("the title: ")


@pytest.mark.parametrize("title", ["Remove a file", "fixup! remove a file", "squash! x.", "amend! x."])
def test_a_title_without_a_fault_and_one_that_autosquash_removes_pass(
    repository: Repository, title: str
) -> None:
    done = commit_msg(repository.root, title)
    assert (done.returncode, done.stderr) == (0, "")


def commit_msg(root: Path, title: str) -> subprocess.CompletedProcess[str]:
    message = root / "message"
    message.write_text(f"{title}\n\nwhy.\n", encoding="utf-8")
    return subprocess.run(
        [root / ".githooks/commit-msg", message], cwd=root, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("hook", ["pre-commit", "commit-msg"])
def test_a_hook_without_an_environment_names_the_command_that_makes_one(tmp_path: Path, hook: str) -> None:
    (tmp_path / "message").write_text("Add a file\n", encoding="utf-8")
    done = subprocess.run(
        [PROJECT / ".githooks" / hook, "message"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"{hook}: .venv is missing; run: make setup\n"
