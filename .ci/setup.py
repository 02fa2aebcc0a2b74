"""Create `.venv` from the lock file, unless its stamp says that it is up to date.

Needs only the standard library. Concurrent calls wait for each other. Run it from the root of the checkout
with the Python for a new environment; an existing environment that works is kept and updated.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
STAMP = VENV / "setup.stamp"
PYTHON = VENV / "bin" / "python"
INPUTS = ("requirements.lock", "pyproject.toml", "iu_pipelines/__init__.py", ".ci/setup.py")
SUPPORTED = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))"


def main() -> int:
    if VENV.is_symlink():
        sys.exit(f"make: {VENV} is a link to {VENV.readlink()}, which would be cleared; remove the link")
    with Path(".venv.lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if not is_usable() or not STAMP.is_file() or STAMP.read_text(encoding="utf-8") != wanted:
            install()
            STAMP.write_text(wanted, encoding="utf-8")
    return 0


def fingerprint() -> str:
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(Path(name).read_bytes())
    return digest.hexdigest()


def is_usable() -> bool:
    """Return whether the environment works and was created here: its scripts contain its path."""
    script = VENV / "bin" / "pip"
    if not script.is_file() or str(PYTHON.absolute()) not in script.read_text(encoding="utf-8"):
        return False
    try:
        return subprocess.run([PYTHON, "-c", SUPPORTED], check=False).returncode == 0
    except OSError:
        return False


def install() -> None:
    print(f"Creating {VENV}; the first time takes a minute or two.", flush=True)
    STAMP.unlink(missing_ok=True)
    if not is_usable():
        run(sys.executable, "-m", "venv", "--clear", str(VENV))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    run(*pip, "--require-hashes", "--requirement", "requirements.lock")
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")


def run(*command: str) -> None:
    unwanted = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    if subprocess.run(command, env=environment, check=False).returncode:
        sys.exit(f"make: setup failed at: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
