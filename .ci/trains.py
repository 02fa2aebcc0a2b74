"""Run the tests of Dagster on the oldest and the newest train, each in an environment below `.trains`.

`trains.py [TRAIN] …` runs one train or both. A train is a release of Dagster with its companions: `oldest`
is that of the lower bounds in `pyproject.toml`, `newest` that of `requirements.lock`. Other packages have the
versions of the lock, unless the train does not accept them. Needs only the standard library. Run it in the
root of the checkout.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

ENVIRONMENTS = Path(".trains")
LOCK = Path("requirements.lock")
TESTS = ("tests/defs", "tests/hosting")
BOUND = re.compile(r"^(dagster[a-z0-9-]*)\s*>=\s*([\d.]+)")
LOCKED = re.compile(r"^(dagster[a-z0-9-]*)==([\d.]+).*\n(?: +.*\n)*", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Run the tests of Dagster on the oldest and the newest train."
    )
    parser.add_argument("trains", nargs="*", metavar="TRAIN", help=f"{' or '.join(TRAINS)}; by default both")
    chosen = parser.parse_args(arguments).trains or list(TRAINS)
    if unknown := sorted({*chosen} - {*TRAINS}):
        parser.error(f"there is no train {unknown[0]!r}")
    failed = [train for train in chosen if not passes(train, TRAINS[train]())]
    print(f"trains: {', '.join(failed)} failed" if failed else f"trains: {', '.join(chosen)} passed")
    return 1 if failed else 0


def oldest() -> dict[str, str]:
    """Return the lower bound of each package of Dagster that `pyproject.toml` names."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = chain(project["dependencies"], *project["optional-dependencies"].values())
    return {found[1]: found[2] for found in map(BOUND.match, required) if found}


def newest() -> dict[str, str]:
    """Return the version of the same packages in the lock."""
    return {name: version for name, version in LOCKED.findall(LOCK.read_text("utf-8")) if name in oldest()}


TRAINS: Mapping[str, Callable[[], dict[str, str]]] = {"oldest": oldest, "newest": newest}


def passes(train: str, versions: Mapping[str, str]) -> bool:
    """Install a train, run the tests, and return whether they passed."""
    place = ENVIRONMENTS / train
    python = place / "bin" / "python"
    print(f"trains: {train}: Dagster {versions['dagster']} in {place}", flush=True)
    if not python.exists():
        require(sys.executable, "-m", "venv", str(place))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    others, pinned = place / "others.txt", place / "train.txt"
    others.write_text(LOCKED.sub("", LOCK.read_text("utf-8")), encoding="utf-8")
    pinned.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    require(*pip, "--require-hashes", "--requirement", str(others))
    require(*pip, "--constraint", str(pinned), "--editable", ".[dev]", *versions)
    workers = ("-n", os.environ.get("JOBS", "auto"), "--dist", "loadfile")
    return subprocess.run([python, "-m", "pytest", "-q", *workers, *TESTS], check=False).returncode == 0


def require(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"trains: failed at: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
