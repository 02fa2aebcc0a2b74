"""Write the software bill of materials of a wheel with all extras, as CycloneDX JSON.

`sbom.py WHEEL FILE` installs the wheel in a temporary environment, with the versions of `requirements.lock`,
and describes it with cyclonedx-py: each package with its licence, and which package requires which. Runs in
the root of the checkout, with the Python of `.venv`, and needs a network.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OWN = "iu-pipelines"
PROGRAM = Path(sys.executable).with_name("cyclonedx-py")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the software bill of materials of a wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("file", type=Path, help="the JSON file to write")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        describe(install(given.wheel, Path(name)), given.file)
    print(f"sbom: {given.file}")
    return 0


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel with all extras in a new environment, and return its Python."""
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = environment / "bin" / "python"
    pinned = folder / "constraints.txt"
    lock = (sys.executable, "deploy/docker/locked.py", "constraints", "requirements.lock")
    pinned.write_text(run(*lock), encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile")
    run(*pip, "--constraint", str(pinned), f"{wheel}[all]")
    return python


def describe(python: Path, file: Path) -> None:
    """Write what is installed beside `python`; iu-pipelines is the component that the bill is about."""
    told = ("--output-reproducible", "--output-file", str(file))
    run(str(PROGRAM), "environment", str(python), *told)
    bill = json.loads(file.read_text(encoding="utf-8"))
    (own,) = (one for one in bill["components"] if one["name"] == OWN)
    bill["components"].remove(own)
    bill["metadata"]["component"] = published(own)
    file.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def published(own: dict[str, Any]) -> dict[str, Any]:
    """Return the component of the wheel as PyPI names it, without the path where it was built."""
    references = own.get("externalReferences", ())
    kept = [one for one in references if not one["url"].startswith("file:")]
    hashes = [found for one in references if one not in kept for found in one.get("hashes", ())]
    url = f"pkg:pypi/{OWN}@{own['version']}"
    return {**own, "purl": url, "externalReferences": kept, "hashes": hashes}


def run(*command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"sbom: failed at: {' '.join(command)}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
