"""Select from a lock file what an image needs, so that pip checks the hash of each package that it installs.

    python locked.py constraints requirements.lock > constraints.txt
    pip install --dry-run --report report.json --constraint constraints.txt WHEEL[EXTRAS]
    python locked.py select requirements.lock report.json > locked.txt
    pip install --no-deps --require-hashes --requirement locked.txt

The lock file has the packages of developers too, and pip accepts hashes only for packages that are all named
with their versions. Needs only the standard library, because it runs before anything is installed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OWN: Final = "iu-pipelines"

_PINNED: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;]+)\s*(?P<marker>;[^\\]*)?"
)


def blocks(lock: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the name, the version, the marker and the whole block of each package of a lock file."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.strip()):
        if found := _PINNED.match(block):
            name, version, marker = found.group("name", "version", "marker")
            yield normal(name), version, (marker or "").strip(), block


def normal(name: str) -> str:
    """Return a name of a package as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints(lock: str) -> str:
    """Return the constraints of a lock file, without extras and hashes, which constraints may not have."""
    return "".join(f"{name}=={version} {marker}".strip() + "\n" for name, version, marker, _ in blocks(lock))


def select(lock: str, report: str) -> str:
    """Return the blocks of the packages in a report of pip.

    Raises:
        SystemExit: a package is not in the lock file with the version of the report.
    """
    locked = {(name, version): block for name, version, _, block in blocks(lock)}
    found = [
        (normal(one["metadata"]["name"]), one["metadata"]["version"]) for one in json.loads(report)["install"]
    ]
    wanted = sorted(one for one in found if one[0] != OWN)
    missing = ", ".join(f"{name}=={version}" for name, version in wanted if (name, version) not in locked)
    if missing:
        raise SystemExit(f"the lock file does not have {missing}")
    return "".join(f"{locked[one]}\n" for one in wanted)


def main(command: str, lock: str, *report: str) -> None:
    """Print the constraints of a lock file, or what a report needs of it."""
    text = Path(lock).read_text(encoding="utf-8")
    if command == "constraints":
        sys.stdout.write(constraints(text))
    else:
        sys.stdout.write(select(text, Path(*report).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(*sys.argv[1:])
