"""`python -m bench.install`: measure what `pip install` of the wheel takes with each extra.

Each extra is installed in a new environment, from packages that were downloaded before, with the versions of
`requirements.lock`. The size is that of the files in site-packages, with bytecode and without pip. Of several
rounds the fastest counts. Needs a network for the downloads. It writes `bench/results/install.json`, of which
`make docs` makes the table in README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULT: Final = ROOT / "bench" / "results" / "install.json"
CORE: Final = "core"
STARTS: Final = 5
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def extras() -> list[str]:
    """Return `core` for the wheel without an extra, and the extras that users install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [CORE, *sorted({*project["optional-dependencies"]} - {"dev"})]


def download(folder: Path) -> str:
    """Build the wheel, download what it needs with all extras, and return its path."""
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    lock = (sys.executable, "deploy/docker/locked.py", "constraints", "requirements.lock")
    pinned = folder / "constraints.txt"
    pinned.write_text(run(*lock), encoding="utf-8")
    run(*PIP, "download", "--dest", str(folder), "--constraint", str(pinned), f"{wheel}[all]")
    return str(wheel)


def measure(wheel: str, extra: str, folder: Path) -> dict[str, float]:
    """Install the wheel with one extra, and return megabytes, seconds, and the seconds of `iu --help`."""
    with tempfile.TemporaryDirectory() as name:
        venv = Path(name) / "venv"
        run(sys.executable, "-m", "venv", "--without-pip", str(venv))
        wanted = wheel if extra == CORE else f"{wheel}[{extra}]"
        begun = time.perf_counter()
        run(
            *(*PIP, "--python", str(venv / "bin/python"), "install"),
            *(
                "--no-index",
                "--find-links",
                str(folder),
                "--constraint",
                str(folder / "constraints.txt"),
                wanted,
            ),
        )
        seconds = time.perf_counter() - begun
        (site,) = venv.glob("lib/*/site-packages")
        size = sum(path.lstat().st_size for path in site.rglob("*") if not path.is_dir())
        return {"mb": size / 1e6, "seconds": seconds, "help_seconds": statistics.median(starts(venv))}


def starts(venv: Path) -> Iterator[float]:
    """Yield the seconds of each of several calls of `iu --help`, after a first one."""
    run(str(venv / "bin/iu"), "--help")
    for _ in range(STARTS):
        begun = time.perf_counter()
        run(str(venv / "bin/iu"), "--help")
        yield time.perf_counter() - begun


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.install", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    found: dict[str, list[dict[str, float]]] = {extra: [] for extra in extras()}
    with tempfile.TemporaryDirectory() as name:
        wheel = download(Path(name))
        for _ in range(given.rounds):
            for extra, rows in found.items():
                rows.append(measure(wheel, extra, Path(name)))
                print(extra, rows[-1], flush=True)
    RESULT.write_text(json.dumps(kept(found), indent=2) + "\n", encoding="utf-8")
    return 0


def kept(found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return what is recorded: of each extra the least of the rounds."""
    return {
        "taken": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "pip": version("pip"),
        "extras": {
            extra: {name: round(min(row[name] for row in rows), 2) for name in rows[0]}
            for extra, rows in found.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
