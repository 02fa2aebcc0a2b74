"""The history of a git repository as a stream of file changes: references only, never content.

It is read by two plumbing commands in a pipe, `git rev-list | git diff-tree --stdin`, so that no user
configuration changes the output and nothing in the repository is executed. Parents come before children. A
merge commit counts only for files in which it differs from all of its parents. A rename is a deletion of the
old path and an addition of the new one: detecting renames would read content and take several times as long.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from iu_pipelines.errors import IuError, UsageError

READ_BYTES = 1 << 18
ADDRESS_LIMIT_BYTES = 1000
CHANGE_NAMES = {"A": "added", "M": "modified", "D": "deleted", "T": "retyped"}
SUBMODULE_MODE = "160000"
ABSENT_MODE = "000000"


class NoGitHistory(UsageError):
    """There is no git history to read: the path is not a repository, or git is not installed."""


class GitFailed(IuError):
    """A git command failed, for instance on a damaged repository."""


@dataclass(frozen=True)
class Repository:
    """A git repository: `git_dir` is its `.git` directory or file, `name` the name of its folder."""

    git_dir: Path
    name: str
    program: str


@dataclass(frozen=True)
class FileChange:
    """The change of one file in one commit; `commit_number` numbers the commits of the stream from 1."""

    commit_number: int
    commit_id: str
    path: bytes
    change: str


def open_repository(path: Path) -> Repository:
    """Return the repository at `path` or in one of its parents.

    Raises:
        NoGitHistory: there is no repository, or git is not installed.
    """
    program = shutil.which("git")
    if program is None:
        raise NoGitHistory(
            f"cannot read {path}: git was not found on PATH", hint="Install git, or add it to PATH."
        )
    if not path.is_dir():
        raise NoGitHistory(f"{path} is not a directory", hint="Name the folder of a git repository.")
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return Repository(folder / ".git", folder.name, program)
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
            return Repository(folder, folder.name.removesuffix(".git"), program)
    raise NoGitHistory(
        f"{path} is not a git repository, nor is any folder above it",
        hint="Name the folder of a git repository, or run `git init` and commit there first.",
    )


def head_commit(repository: Repository) -> str | None:
    """Return the commit id of HEAD, or None in a repository without a commit."""
    answer = _run(repository, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], check=False)
    return answer.strip() or None


def present_commits(repository: Repository, commit_ids: Sequence[str]) -> list[str]:
    """Return the ids of `commit_ids` that this repository has, in the same order."""
    if not commit_ids:
        return []
    lines = _run(
        repository,
        ["cat-file", "--batch-check=%(objectname) %(objecttype)"],
        stdin="\n".join(commit_ids) + "\n",
    ).splitlines()
    return [line.split()[0] for line in lines if line.endswith(" commit")]


def count_commits(repository: Repository, known: Sequence[str] = ()) -> int:
    """Return the number of commits that `read_changes` would read."""
    return int(_run(repository, ["rev-list", "--count", "--stdin"], stdin=_revisions(known)))


def read_changes(repository: Repository, known: Sequence[str] = ()) -> Generator[FileChange, None, None]:
    """Yield every file change in the history of HEAD, parents first, with constant memory.

    `known` are commits of an earlier ingestion. They are read again, because it may have ended within one of
    them; their ancestors are not.

    Raises:
        GitFailed: git failed; the message contains its first line.
    """
    with tempfile.TemporaryFile() as revisions, tempfile.TemporaryFile() as errors:
        revisions.write(_revisions(known).encode())
        revisions.seek(0)
        with _pipe(repository, revisions, errors) as output:
            yield from parse_changes(split_nul(iter(lambda: output.read(READ_BYTES), b"")))


def split_nul(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the NUL-terminated fields of a stream of blocks, which may end within a field."""
    rest = b""
    for block in blocks:
        *fields, rest = (rest + block).split(b"\0")
        yield from fields


def parse_changes(fields: Iterable[bytes]) -> Iterator[FileChange]:
    """Parse the fields of `git diff-tree --stdin --always --raw -z`.

    A field that begins with a colon describes one file and is followed by its path; other fields are commit
    ids.
    """
    fields = iter(fields)
    commit_id, commit_number = "", 0
    for field in fields:
        if not field.startswith(b":"):
            commit_id, commit_number = field.decode("ascii"), commit_number + 1
            continue
        change = _change_name(field.decode("ascii"))
        path = next(fields)
        if change is not None:
            yield FileChange(commit_number, commit_id, path, change)


def canonical_address(path: bytes, prefix: str = "") -> str:
    """Return the address of a file, `prefix` and the path. Different paths have different addresses.

    Percent signs, control characters, line separators, leading and trailing white space, and bytes that are
    not UTF-8 are percent-encoded. An address over 1,000 bytes is cut, and ends in the SHA-256 of the path.
    """
    text = path.decode("utf-8", "surrogateescape")
    last = len(text) - 1
    encoded = "".join(_encode_character(c, at_an_end=n in (0, last)) for n, c in enumerate(text))
    address = prefix + encoded
    if len(address.encode()) <= ADDRESS_LIMIT_BYTES:
        return address
    kept = address.encode()[: ADDRESS_LIMIT_BYTES - 65].decode("utf-8", "ignore")
    return f"{kept}~{hashlib.sha256(path).hexdigest()}"


def _encode_character(character: str, at_an_end: bool) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"%{code - 0xDC00:02X}"
    unsafe = code < 0x20 or 0x7F <= code <= 0x9F or character in "%\u2028\u2029"
    if unsafe or (at_an_end and character.isspace()):
        return "".join(f"%{byte:02X}" for byte in character.encode())
    return character


def _change_name(description: str) -> str | None:
    """Return the change in `:MODE MODE SHA SHA X` or, for a merge, `::MODE MODE MODE SHA … XY`."""
    parents = len(description) - len(description.lstrip(":"))
    parts = description[parents:].split(" ")
    old_modes, new_mode = parts[:parents], parts[parents]
    if SUBMODULE_MODE in (new_mode, *old_modes):
        return None
    if parents > 1:
        return "deleted" if new_mode == ABSENT_MODE else "merged"
    return CHANGE_NAMES.get(parts[-1][:1], "modified")


def _revisions(known: Sequence[str]) -> str:
    return "".join(["HEAD\n", *(f"^{commit_id}^@\n" for commit_id in known)])


def _command(repository: Repository, arguments: Sequence[str]) -> list[str]:
    # --git-dir overrides GIT_DIR, which a git hook sets, and skips the check of the owner of the directory.
    # protocol.allow=never keeps a partial clone from fetching missing objects.
    return [repository.program, "-c", "protocol.allow=never", f"--git-dir={repository.git_dir}", *arguments]


def _run(repository: Repository, arguments: Sequence[str], *, stdin: str = "", check: bool = True) -> str:
    done = subprocess.run(
        _command(repository, arguments), input=stdin.encode(), capture_output=True, check=False
    )
    if check and done.returncode != 0:
        raise _failure(repository, done.stderr)
    return done.stdout.decode("ascii", "replace")


@contextmanager
def _pipe(repository: Repository, revisions: IO[bytes], errors: IO[bytes]) -> Iterator[IO[bytes]]:
    """Run the two commands and yield the output of the second; kill both at the end."""
    walk = _command(repository, ["rev-list", "--topo-order", "--reverse", "--stdin"])
    diff = _command(repository, ["diff-tree", "--stdin", "--always", "--root", "-r", "-c", "-z", "--raw"])
    diff += ["--no-renames", "--no-abbrev"]
    with (
        _started(walk, revisions, errors) as (walker, commits),
        _started(diff, commits, errors) as (differ, changes),
    ):
        commits.close()
        yield changes
        if walker.wait() or differ.wait():
            errors.seek(0)
            raise _failure(repository, errors.read(READ_BYTES))


@contextmanager
def _started(
    command: Sequence[str], stdin: IO[bytes], stderr: IO[bytes]
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr)
    output = cast("IO[bytes]", process.stdout)
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()
        output.close()


def _failure(repository: Repository, stderr: bytes) -> GitFailed:
    first_line = stderr.decode("utf-8", "replace").strip().partition("\n")[0] or "git printed no error"
    return GitFailed(
        f"git could not read the history of {repository.git_dir}: {first_line}",
        hint="Run `git fsck` there. Ingested versions are kept, and the next ingestion continues after them.",
    )
