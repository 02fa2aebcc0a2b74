"""Programs of the pages that cannot do in a test what they do for a reader, called by the shell of a page.

`iu` with a command that works until Ctrl-C gets Ctrl-C. `pip install` installs nothing: it fails if the
package or its extra does not exist. `python -m venv` makes an environment in which nothing changes. `make`
fails if a target does not exist, and does nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

PROJECT: Final = Path(__file__).resolve().parents[2]
_READY: Final = {"dev": "Ctrl-C", "deliver": "", "metrics": "", "tail": ""}
"""The text after which a command is interrupted; the empty one is in the first line."""

_SOME_WORK: Final = 3.0
_CHECKOUT: Final = re.compile(r"\.(\[.*\])?")


def iu(words: Sequence[str]) -> int:
    """Run a command until it has printed that it works, and a little longer. Return 0 if Ctrl-C ends it."""
    program = [sys.executable, "-m", "iu_pipelines", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if _READY[words[0]] in line:
                time.sleep(_SOME_WORK)
                process.send_signal(signal.SIGINT)
                break
        else:
            return 1
        print(process.stdout.read(), end="")
    return 0 if process.returncode in {0, 130} else process.returncode


def pip(words: Sequence[str]) -> int:
    """Return 0 if everything that is to be installed exists, as far as this project knows."""
    command, *rest = words
    named = [word for word in rest if not word.startswith("-")]
    return 0 if command == "install" and named and all(map(_exists, named)) else 1


def _exists(named: str) -> bool:
    """Return whether a requirement is this project with its extras, or of another project."""
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = str(content["name"])
    found = Requirement(_CHECKOUT.sub(rf"{name}\1", named))
    return found.name != name or found.extras <= {*content["optional-dependencies"]}


def venv(words: Sequence[str]) -> int:
    """Make an environment that can be activated, and return 0."""
    (folder,) = words
    programs = Path(folder) / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").touch()
    return 0


def make(words: Sequence[str]) -> int:
    """Return 0 if the targets exist."""
    program = shutil.which("make", path=os.defpath) or "make"
    looked_up = [program, "--dry-run", "--directory", str(PROJECT), *words]
    return subprocess.run(looked_up, stdout=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit({"iu": iu, "pip": pip, "venv": venv, "make": make}[sys.argv[1]](sys.argv[2:]))
