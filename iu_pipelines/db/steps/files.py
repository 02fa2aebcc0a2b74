"""Step files: found by name, expanded as psql expands ``\\ir``, and stamped with their checksum.

A step is one SQL file under ``sql/iu-core``. The last statement of a runtime step records it in the
ledger together with the SHA-256 of the expanded text before that statement, so that a step run by
hand with psql and one run by the runner leave the same trace.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from iu_pipelines.errors import StepRefused, UsageError

Kind = Literal["runtime", "verify", "rollback", "sandbox"]

REPEATABLE: Final = frozenset({"070_functions"})

_FILE_NAME: Final = re.compile(r"\d{3}_[a-z0-9_]+\.sql")
_META_COMMAND: Final = re.compile(r"^\\(?P<command>\S*)[ \t]*(?P<argument>.*?)[ \t]*$")
_STOP_AT_AN_ERROR: Final = r"\set ON_ERROR_STOP on"
_FUNCTION: Final = re.compile(
    r"^create (?:or replace )?function public\.(?P<name>\w+)\((?:(?!^create ).)*?^as \$\$(?P<body>.*?)\$\$;",
    re.MULTILINE | re.DOTALL,
)
_STAMP: Final = re.compile(
    r"^select public\.fn_iu_step_record\('(?P<name>[^']*)',\s*'(?P<checksum>[^']*)'\);\s*\Z", re.MULTILINE
)


@dataclass(frozen=True)
class StepFile:
    """One file of SQL, its ``\\ir`` lines expanded and its line ends normalised."""

    kind: Kind
    name: str
    path: Path
    text: str

    @property
    def label(self) -> str:
        """The name a person knows it by, such as ``runtime/070_functions``."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Step:
    """A runtime step: its file, the checksum of its text, and the name and checksum that its stamp holds."""

    file: StepFile
    checksum: str
    stamp: tuple[str, str] | None

    @property
    def name(self) -> str:
        """The name in the ledger, such as ``070_functions``."""
        return self.file.name

    @property
    def functions(self) -> dict[str, str]:
        """The functions that it makes: their names, and their bodies as PostgreSQL stores them."""
        return {found["name"]: found["body"] for found in _FUNCTION.finditer(self.file.text)}

    @property
    def is_repeatable(self) -> bool:
        """Whether a changed text is applied again rather than refused."""
        return self.name in REPEATABLE

    @property
    def is_stamped(self) -> bool:
        """Whether the record statement names this step and this text."""
        return self.stamp == (self.name, self.checksum)


def load(root: Path, kind: Kind) -> list[StepFile]:
    """Return the files of one kind in the order of their names. Raises StepRefused on a bad include."""
    folder = root / "iu-core" / kind
    paths = sorted(path for path in folder.glob("*.sql") if _FILE_NAME.fullmatch(path.name))
    if not paths:
        raise StepRefused(
            f"no {kind} files under {folder}", hint="Reinstall iu-pipelines: its sql folder is missing."
        )
    return [StepFile(kind, path.stem, path, expand(path)) for path in paths]


def load_steps(root: Path) -> list[Step]:
    """Return the runtime steps in order, with the stamps that they carry and those that they should."""
    return [_read_step(file) for file in load(root, "runtime")]


def _read_step(file: StepFile) -> Step:
    stamp = _STAMP.search(file.text)
    body = file.text[: stamp.start()] if stamp else file.text
    checksum = hashlib.sha256(body.encode()).hexdigest()
    return Step(file, checksum, (stamp["name"], stamp["checksum"]) if stamp else None)


def expand(path: Path, including: tuple[Path, ...] = ()) -> str:
    """Return the text of *path* with each ``\\ir`` line replaced by the file it names.

    The line that lets psql stop at an error is left out: to a server it says nothing. Raises StepRefused
    on any other meta-command, a missing file or a file that includes itself.
    """
    if path in including:
        raise StepRefused(f"{path} includes itself", hint="Remove the \\ir line that closes the circle.")
    if not path.is_file():
        source = f", named in {including[-1]}" if including else ""
        raise StepRefused(
            f"no such step file: {path}{source}", hint="Mend the \\ir line, or restore the file."
        )
    lines = path.read_text(encoding="utf-8").split("\n")
    trail = (*including, path)
    return "\n".join(
        _expand_line(line, number, trail)
        for number, line in enumerate(lines, start=1)
        if line != _STOP_AT_AN_ERROR
    )


def _expand_line(line: str, number: int, trail: tuple[Path, ...]) -> str:
    meta = _META_COMMAND.match(line)
    if meta is None:
        return line
    if meta["command"] != "ir" or not meta["argument"]:
        raise StepRefused(
            f"{trail[-1]} line {number}: {line.strip()!r} is not allowed in a step",
            hint=f"Only \\ir with a relative path and {_STOP_AT_AN_ERROR} are.",
        )
    included = trail[-1].parent / meta["argument"].strip("'")
    return expand(included.resolve(), trail).removesuffix("\n")


def stamp(root: Path, *, check: bool = False) -> list[str]:
    """Let every runtime file end by recording itself, and return the steps whose stamp was not right.

    With *check* nothing is written.
    """
    stale = [step for step in load_steps(root) if not step.is_stamped]
    if not check:
        for step in stale:
            _write_stamp(step)
    return [step.name for step in stale]


def _write_stamp(step: Step) -> None:
    path = step.file.path
    text = path.read_text(encoding="utf-8")
    if step.stamp is None:
        path.write_text(f"{text.rstrip()}\n\n{_record(step.name, '')}", encoding="utf-8")
        _write_stamp(_read_step(StepFile("runtime", step.name, path, expand(path))))
    else:
        path.write_text(_STAMP.sub(_record(step.name, step.checksum), text), encoding="utf-8")


def _record(name: str, checksum: str) -> str:
    return f"select public.fn_iu_step_record('{name}', '{checksum}');\n"


def find(names: list[str], wanted: str) -> str:
    """Return the one name that *wanted* means: a name, a file name, or its number. Raises UsageError."""
    stem = wanted.rsplit("/", 1)[-1].removesuffix(".sql")
    found = [name for name in names if stem in (name, name[:3])]
    if len(found) != 1:
        raise UsageError(f"no such step: {wanted!r}", hint=f"Choose one of: {', '.join(names)}")
    return found[0]
