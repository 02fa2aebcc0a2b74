"""Create `.venv` from the lock file, unless its stamp says that it is up to date.

Needs only the standard library. Concurrent calls wait for each other. Run it from the root of the checkout
with the Python for a new environment; an existing environment that works is kept and updated.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
STAMP = VENV / "setup.stamp"
PYTHON = VENV / "bin" / "python"
LOCK = Path("requirements.lock")
UV_LOCK = VENV / "uv.lock"
UV_BLOCK = re.compile(r"^uv==.*\n(?: +.*\n)*", re.MULTILINE)
PIP = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input")
INPUTS = (str(LOCK), "pyproject.toml", "iu_pipelines/__init__.py", ".ci/setup.py")
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
    print(f"Creating {VENV}; the first time takes about a minute.", flush=True)
    STAMP.unlink(missing_ok=True)
    if not is_usable():
        require(sys.executable, "-m", "venv", "--clear", str(VENV))
    if not install_with_uv():
        require(*PIP, "install", "--quiet", "--require-hashes", "--requirement", str(LOCK))
    require(*PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")


def install_with_uv() -> bool:
    """Install the packages with the uv of the lock file, which takes a tenth of pip's time.

    Return False if it cannot, for example because only pip is configured for this network.
    """
    block = UV_BLOCK.search(LOCK.read_text(encoding="utf-8"))
    if block is None:
        return False
    UV_LOCK.write_text(block[0], encoding="utf-8")
    if run(*PIP, "install", "--quiet", "--require-hashes", "--requirement", str(UV_LOCK)):
        return False
    uv = (str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON))
    return run(*uv, "--require-hashes", "--requirement", str(LOCK), **index()) == 0


def index() -> dict[str, str]:
    """Return the variable that names the package index of pip to uv, if pip has another one than PyPI."""
    configured = os.environ.get("PIP_INDEX_URL") or output(*PIP, "config", "get", "global.index-url")
    return {"UV_DEFAULT_INDEX": configured} if configured else {}


def require(*command: str) -> None:
    if run(*command):
        sys.exit(f"make: setup failed at: {' '.join(command)}")


def run(*command: str, **added: str) -> int:
    return subprocess.run(command, env=surroundings() | added, check=False).returncode


def output(*command: str) -> str:
    done = subprocess.run(command, env=surroundings(), capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def surroundings() -> dict[str, str]:
    unwanted = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


if __name__ == "__main__":
    sys.exit(main())
