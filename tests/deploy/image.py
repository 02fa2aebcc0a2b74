"""The Dockerfile: what is wrong with it, and its build stage executed without Docker in a directory.

`build` executes the instructions of the build stage as they are, with /opt and /build in a directory.
The packages of Debian that the last stage installs are not installed, so tini is not there.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import process_groups
from process_groups import ProcessGroup
from programs import PROJECT

DOCKERFILE: Final = PROJECT / "deploy" / "docker" / "Dockerfile"
IGNORED: Final = PROJECT / ".dockerignore"

_INSTRUCTIONS: Final = frozenset({
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "USER",
    "WORKDIR",
})  # fmt: skip
_SECRET_NAME: Final = re.compile(r"password|secret|token|credential|api_?key|database_url", re.IGNORECASE)
_VERSIONED: Final = re.compile(r"[^\s:@]+:\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?")
_PIP: Final = re.compile(r"pip install\b.*?(?=&&|;|$)", re.DOTALL)
_SAFE_INSTALL: Final = ("--require-hashes", "--no-index", "--dry-run")
_OWN_PACKAGES: Final = "${EXTRA_PACKAGES}"


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, with its continued lines as one."""

    name: str
    text: str
    stage: int

    @property
    def words(self) -> list[str]:
        """The JSON list of an instruction in that form, or else its words."""
        start = self.text.find("[")
        if self.name in {"CMD", "ENTRYPOINT", "HEALTHCHECK"} and start >= 0:
            return [str(word) for word in json.loads(self.text[start:])]
        return shlex.split(self.text)


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile. The stages are numbered from 0; -1 is before the first."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n", "\n", "\n".join(lines))
    found: list[Instruction] = []
    stage = -1
    for match in re.finditer(r"^(\S+)[ \t]+(.*(?:\n[ \t]+.*)*)$", joined, re.MULTILINE):
        name = match[1]
        stage += name == "FROM"
        found.append(Instruction(name, match[2].strip(), stage))
    return found


def faults(text: str) -> list[str]:
    """Return what is wrong with a Dockerfile."""
    return [*_faults(instructions(text))]


def _faults(found: list[Instruction]) -> Iterator[str]:
    arguments = dict(one.text.partition("=")[::2] for one in found if one.name == "ARG")
    for one in found:
        if one.name not in _INSTRUCTIONS:
            yield f"{one.name} is not used here"
        yield from _CHECKS.get(one.name, lambda *_: iter(()))(one, arguments)
    last = [one for one in found if one.stage == found[-1].stage]
    users = [one.text for one in last if one.name == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]):
        yield "the last user is root, or has no number"
    for name in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        if not any(one.name == name and one.text.rstrip().endswith("]") for one in last):
            yield f"{name} is missing, or no JSON list, so a shell would get the signals"


def _base_faults(one: Instruction, arguments: Mapping[str, str]) -> Iterator[str]:
    image = re.sub(r"\$\{(\w+)\}", lambda match: str(arguments.get(match[1], "")), one.text).split()[0]
    if not _VERSIONED.fullmatch(image):
        yield f"the base image {image} has no version"


def _value_faults(one: Instruction, _: Mapping[str, str]) -> Iterator[str]:
    for word in one.words:
        name, value = word.partition("=")[::2]
        if value and (_SECRET_NAME.search(name) or urlsplit(value).password):
            yield f"{one.name} {name} has a secret"


def _copy_faults(one: Instruction, _: Mapping[str, str]) -> Iterator[str]:
    for source in sources(one):
        if not (PROJECT / source).exists():
            yield f"{source} does not exist"
        elif is_ignored(source):
            yield f"{source} is in .dockerignore"


def _run_faults(one: Instruction, _: Mapping[str, str]) -> Iterator[str]:
    for command in _PIP.findall(one.text):
        if not any(option in command for option in _SAFE_INSTALL) and _OWN_PACKAGES not in command:
            yield f"installed without hashes: {' '.join(command.split())}"
    if re.search(r"\b(curl|wget)\b", one.text):
        yield "something is downloaded without a hash"


_CHECKS: Final[Mapping[str, Any]] = {
    "FROM": _base_faults,
    "ENV": _value_faults,
    "ARG": _value_faults,
    "LABEL": _value_faults,
    "COPY": _copy_faults,
    "RUN": _run_faults,
}


def sources(copy: Instruction) -> list[str]:
    """Return what a COPY instruction takes from the project; nothing, if it copies from another stage."""
    if any(word.startswith("--from=") for word in copy.words):
        return []
    return [word for word in copy.words[:-1] if not word.startswith("--")]


def is_ignored(path: str) -> bool:
    """Return whether .dockerignore excludes a path: the last pattern decides that matches it or a parent."""
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    ignored = False
    for line in IGNORED.read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.removeprefix("!").removeprefix("**/")
        candidates = [Path(one).name for one in parents] if "**/" in pattern else parents
        if any(fnmatch.fnmatchcase(one, wanted) for one in candidates):
            ignored = not pattern.startswith("!")
    return ignored


@dataclass(frozen=True)
class Image:
    """What the build stage made, in a directory that stands for the root of a container."""

    root: Path
    found: list[Instruction]

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables of the last stage, with the directories below `root`."""
        last = self.found[-1].stage
        pairs = (word for one in self.found if one.name == "ENV" and one.stage == last for word in one.words)
        return {name: self.place(value) for name, value in (pair.split("=", 1) for pair in pairs)}

    @property
    def user(self) -> str:
        """The number of the user, without that of the group."""
        return self.last("USER").text.split(":")[0]

    def last(self, name: str) -> Instruction:
        """Return the last instruction of a name."""
        return [one for one in self.found if one.name == name][-1]

    def place(self, value: str) -> str:
        """Return a value with /opt and /tmp below `root`."""
        return re.sub(r"(?<![\w/])/(opt|tmp)\b", rf"{self.root}/\1", value)

    def command(self, *words: str) -> list[str]:
        """Return a command with which the user of the image, without any privilege, runs a program of it."""
        found = shutil.which(words[0], path=self.environment["PATH"])
        assert found, f"the image has no {words[0]}"
        program = [found, *words[1:]]
        if os.geteuid() != 0:
            return program
        options = (f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--no-new-privs")
        return ["setpriv", *options, "--inh-caps=-all", "--bounding-set=-all", *program]

    def run(self, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the image to its end; `given` are further variables."""
        return subprocess.run(
            self.command(*words),
            env=self.environment | given,
            cwd=self.workdir,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def start(self, name: str, *words: str, **given: str) -> ProcessGroup:
        """Start a program of the image; `given` are further variables."""
        change = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(self.workdir)]
        log = self.root / f"{name}.log"
        return process_groups.start(log, self.environment | given, *change, *self.command(*words))

    @property
    def workdir(self) -> Path:
        return Path(self.place(self.last("WORKDIR").text))

    def writable(self, name: str) -> Path:
        """Return a new directory that the user of the image may write to, as a volume is."""
        directory = self.root / name
        directory.mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(directory, int(self.user), int(self.user))
        return directory


def python() -> str | None:
    """Return a Python with venv that the user of the image can execute, or None."""
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    drop = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", "--inh-caps=-all"]
    # A shell executes it, because setpriv itself still has the privileges of root when it opens a program.
    shell = [*(drop if os.geteuid() == 0 else []), "/bin/sh", "-c", 'exec "$0" -c "import ensurepip, venv"']
    for found in (str(base), "/usr/bin/python3"):
        if subprocess.run([*shell, found], capture_output=True, check=False).returncode == 0:
            return found
    return None


def build(root: Path, interpreter: str) -> Image:
    """Execute the build stage in `root` with a Python, and return what it made.

    Raises:
        AssertionError: an instruction of RUN failed; with the end of its output.
    """
    found = instructions(DOCKERFILE.read_text(encoding="utf-8"))
    image = Image(root, found)
    (root / "tools").mkdir(parents=True)
    program = root / "tools" / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(interpreter)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    directory = root
    for one in (one for one in found if one.stage == 0):
        if one.name in {"ARG", "ENV"}:
            environment |= dict(word.partition("=")[::2] for word in one.words)
        elif one.name == "WORKDIR":
            directory = root / one.text.lstrip("/")
            directory.mkdir(parents=True)
        elif one.name == "COPY":
            _copy(one, directory)
        elif one.name == "RUN":
            _run(image.place(one.text), directory, environment)
    for name in ("HOME", "DAGSTER_HOME"):
        image.writable(str(Path(image.environment[name]).relative_to(root)))
    return image


def _copy(one: Instruction, directory: Path) -> None:
    for source in sources(one):
        origin = PROJECT / source
        if origin.is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(origin, directory / one.words[-1], ignore=left_out)
        else:
            shutil.copy(origin, directory)


def _run(command: str, directory: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("\n", " ")],
        cwd=directory,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{command[:200]}: {(done.stdout + done.stderr)[-3000:]}"
