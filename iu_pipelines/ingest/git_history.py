"""Reads a git repository's own history as a stream of file changes: references only, never content.

Two plumbing commands in a pipe, `git rev-list | git diff-tree --stdin`, so no user configuration changes the
answer and nothing of the repository is executed. Commits come parents first. A merge commit counts only for
files in which it differs from all of its parents; a rename is the last change of the old path and the first
of the new one (detecting renames would read content, and cost several times as much).
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
    """The path holds no git history that could be read: no repository, or no git program."""


class GitFailed(IuError):
    """Git itself refused or broke off, for instance on a damaged repository."""


@dataclass(frozen=True)
class Repository:
    """A git repository: `git_dir` is its `.git`, or the file in place of it; `name` is that of its folder."""

    git_dir: Path
    name: str
    program: str


@dataclass(frozen=True)
class FileChange:
    """One file in one commit: `commit_number` counts the commits of the stream from 1."""

    commit_number: int
    commit_id: str
    path: bytes
    change: str


def open_repository(path: Path) -> Repository:
    """Return the repository at `path` or above it; raises NoGitHistory naming the path."""
    program = shutil.which("git")
    if program is None:
        raise NoGitHistory(
            f"cannot read {path}: the git program was not found", hint="Install git, or put it on PATH."
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
    """Return those of `commit_ids` that this repository holds, in the order given."""
    if not commit_ids:
        return []
    lines = _run(
        repository,
        ["cat-file", "--batch-check=%(objectname) %(objecttype)"],
        stdin="\n".join(commit_ids) + "\n",
    ).splitlines()
    return [line.split()[0] for line in lines if line.endswith(" commit")]


def count_commits(repository: Repository, known: Sequence[str] = ()) -> int:
    """Count the commits that `read_changes` would walk."""
    return int(_run(repository, ["rev-list", "--count", "--stdin"], stdin=_revisions(known)))


def read_changes(repository: Repository, known: Sequence[str] = ()) -> Generator[FileChange, None, None]:
    """Yield every file change of HEAD's history, parents first, memory flat.

    `known` are commits of an earlier reading: they are read again (the reading may have ended inside one of
    them), their ancestors are not. Raises GitFailed with git's own first line.
    """
    with tempfile.TemporaryFile() as revisions, tempfile.TemporaryFile() as complaints:
        revisions.write(_revisions(known).encode())
        revisions.seek(0)
        with _pipe(repository, revisions, complaints) as output:
            yield from parse_changes(split_nul(iter(lambda: output.read(READ_BYTES), b"")))


def split_nul(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the NUL-terminated fields of a stream of blocks, wherever the blocks were cut."""
    rest = b""
    for block in blocks:
        *fields, rest = (rest + block).split(b"\0")
        yield from fields


def parse_changes(fields: Iterable[bytes]) -> Iterator[FileChange]:
    """Read the fields of `git diff-tree --stdin --always --raw -z`.

    A field that begins with a colon describes one file and is followed by its path; any other is a commit id.
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
    """Return the address of a file: `prefix` and the path as it is, one address a path, always one line.

    Percent signs, control characters, line separators, white space at either end and bytes that are no UTF-8
    are percent-encoded; an address over 1,000 bytes ends in the SHA-256 of the path instead of its tail.
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
    """The name of the change in `:MODE MODE SHA SHA X` or, for a merge, `::MODE MODE MODE SHA … XY`."""
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
    # A named git directory is taken as it is: no variable of a surrounding git hook and no difference of
    # owner redirects it. A partial clone must not go to the network for what it lacks.
    return [repository.program, "-c", "protocol.allow=never", f"--git-dir={repository.git_dir}", *arguments]


def _run(repository: Repository, arguments: Sequence[str], *, stdin: str = "", check: bool = True) -> str:
    done = subprocess.run(
        _command(repository, arguments), input=stdin.encode(), capture_output=True, check=False
    )
    if check and done.returncode != 0:
        raise _failure(repository, done.stderr)
    return done.stdout.decode("ascii", "replace")


@contextmanager
def _pipe(repository: Repository, revisions: IO[bytes], complaints: IO[bytes]) -> Iterator[IO[bytes]]:
    """Run the two commands and yield the output of the second; no process is left behind."""
    walk = _command(repository, ["rev-list", "--topo-order", "--reverse", "--stdin"])
    diff = _command(repository, ["diff-tree", "--stdin", "--always", "--root", "-r", "-c", "-z", "--raw"])
    diff += ["--no-renames", "--no-abbrev"]
    with (
        _started(walk, revisions, complaints) as (walker, commits),
        _started(diff, commits, complaints) as (differ, changes),
    ):
        commits.close()
        yield changes
        if walker.wait() or differ.wait():
            complaints.seek(0)
            raise _failure(repository, complaints.read(READ_BYTES))


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


def _failure(repository: Repository, complaint: bytes) -> GitFailed:
    first_line = complaint.decode("utf-8", "replace").strip().partition("\n")[0] or "git gave no reason"
    return GitFailed(
        f"git could not read the history of {repository.git_dir}: {first_line}",
        hint="Run `git fsck` there; what was ingested before stays, and the next ingest goes on from it.",
    )
