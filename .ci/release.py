"""Check a release: the tag and the version, the section of `CHANGELOG.md`, and the recorded SQL.

`release.py TAG` prints what is wrong and exits with 1, or exits with 0. `--notes FILE` also writes the
section of `CHANGELOG.md`. Needs only the standard library, and runs in the root of the checkout.
"""

from __future__ import annotations

import argparse
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
SECTION = re.compile(
    r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?\n(?P<text>.*?)(?=^## |\Z)", re.M | re.S
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Check a release.")
    parser.add_argument("tag", help="the tag of the release, such as v1.2.0")
    parser.add_argument("--notes", type=Path, help="the file to write the section of CHANGELOG.md to")
    given = parser.parse_args(arguments)
    root = Path.cwd()
    found = [*tag_faults(root, given.tag), *changelog_faults(root), *sql_faults(root)]
    for fault in found:
        print(f"release: {fault}", file=sys.stderr)
    if given.notes and not found:
        given.notes.write_text(sections(root)[version(root)][1] + "\n", encoding="utf-8")
    return 1 if found else 0


def version(root: Path) -> str:
    """Return the version of the tree, which `iu_pipelines/__init__.py` holds."""
    found = VERSION.search((root / "iu_pipelines/__init__.py").read_text(encoding="utf-8"))
    if found is None:
        sys.exit("release: iu_pipelines/__init__.py has no __version__")
    return found[1]


def sections(root: Path) -> dict[str, tuple[str, str]]:
    """Return the date and the text of each section of `CHANGELOG.md` by its version; no date is ''."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return {
        found["version"]: (found["date"] or "", found["text"].strip()) for found in SECTION.finditer(text)
    }


def tag_faults(root: Path, tag: str) -> Iterator[str]:
    if tag != f"v{version(root)}":
        yield f"the tag is {tag!r}, but iu_pipelines/__init__.py has version {version(root)!r}"


def changelog_faults(root: Path) -> Iterator[str]:
    section = sections(root).get(version(root))
    if section is None:
        yield f"CHANGELOG.md has no section [{version(root)}]"
        return
    dated, text = section
    if not is_date(dated):
        yield f"CHANGELOG.md: section [{version(root)}] has no date YYYY-MM-DD, but {dated!r}"
    if not text:
        yield f"CHANGELOG.md: section [{version(root)}] is empty"


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def sql_faults(root: Path) -> Iterator[str]:
    """Compare every file below `sql/` with the archive of the version in `tests/steps/releases`."""
    archive = root / "tests/steps/releases" / f"{version(root)}.tar.gz"
    if not archive.is_file():
        yield f"{archive.relative_to(root)} is missing; record the SQL as CONTRIBUTING.md says"
        return
    recorded, tree = archived(archive), files_of_sql(root)
    for name in sorted(recorded.keys() | tree.keys()):
        if name not in tree:
            yield f"{name} is in {archive.name}, but not in the tree"
        elif name not in recorded:
            yield f"{name} is in the tree, but not in {archive.name}"
        elif recorded[name] != tree[name]:
            yield f"{name} differs from {archive.name}"


def files_of_sql(root: Path) -> dict[str, bytes]:
    """Return the contents of the files below `sql/` by their paths in the tree."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "sql").rglob("*")
        if path.is_file()
    }


def archived(archive: Path) -> dict[str, bytes]:
    """Return the contents of the files of an archive by their names."""
    with tarfile.open(archive) as opened:
        return {
            member.name: content.read()
            for member in opened
            if (content := opened.extractfile(member)) is not None
        }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
