"""A git repository for one test, with any file names, written by `git fast-import`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_WHO = b"committer Tester <tester@example.org> %d +0000\n"


@dataclass
class GitFolder:
    """A repository whose commits go to the branch `main` by default; `ids` has their ids in order."""

    path: Path
    marks: int = 0
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(
        self,
        written: Mapping[bytes, bytes],
        removed: Sequence[bytes] = (),
        parents: Sequence[str] | None = None,
        branch: str = "main",
    ) -> str:
        """Commit changes to `parents`, by default the tip of the branch, and return the id of the commit."""
        self.marks += 1
        if parents is None:
            parents = [tip] if (tip := self._tip(branch)) else []
        lines = [f"commit refs/heads/{branch}\nmark :1\n".encode(), _WHO % (1_700_000_000 + self.marks)]
        lines += [b"data 1\nc\n"]
        lines += [f"{'merge' if n else 'from'} {parent}\n".encode() for n, parent in enumerate(parents)]
        lines += [b"D %s\n" % _quoted(name) for name in removed]
        for name, content in written.items():
            lines.append(b"M 100644 inline %s\ndata %d\n%s\n" % (_quoted(name), len(content), content))
        lines.append(b"get-mark :1\n")
        commit_id = self.git("fast-import", "--quiet", "--force", stdin=b"".join(lines))
        self.ids.append(commit_id)
        return commit_id

    def _tip(self, branch: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def _quoted(name: bytes) -> bytes:
    escaped = b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes([byte]) for byte in name)
    return b'"%s"' % escaped
