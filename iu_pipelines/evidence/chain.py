"""The chain of packs: each manifest has the hash of the previous pack and of the pack's own files.

A directory of packs has one folder for each pack, `000001`, `000002` and so on, with `evidence.json`,
`junit.xml`, `report.html` and `manifest.json`. The hash of a pack is the sha256 of its manifest without the
key `hash`, as JSON with sorted keys and no spaces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from iu_pipelines.errors import IuError, UsageError
from iu_pipelines.evidence import facts

EVIDENCE: Final = "evidence.json"
JUNIT: Final = "junit.xml"
REPORT: Final = "report.html"
FILES: Final = (EVIDENCE, JUNIT, REPORT)
MANIFEST: Final = "manifest.json"
BEGINNING: Final = "0" * 64

_FOLDER: Final = re.compile(r"\d{6}")


class PackBroken(IuError):
    """A pack cannot be read, or differs from its manifest."""


@dataclass(frozen=True)
class Manifest:
    """The manifest of a pack; `files` maps the names of its files to their sha256."""

    number: int
    previous_hash: str
    files: Mapping[str, str]

    @property
    def hash(self) -> str:
        """The hash of the pack."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """Return the text of `manifest.json`."""
        return json.dumps({**asdict(self), "hash": self.hash}, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Fault:
    """A fault of one pack of a chain."""

    pack: int
    message: str


@dataclass(frozen=True)
class ChainReport:
    """The result of verifying a chain: the number of packs, the newest one, and every fault."""

    packs: int
    newest: int | None
    newest_hash: str | None
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def folders(directory: Path) -> dict[int, Path]:
    """Return the folders of packs by the number in their name, in order; none if `directory` is missing."""
    if not directory.is_dir():
        return {}
    found = [path for path in directory.iterdir() if _FOLDER.fullmatch(path.name) and path.is_dir()]
    return {int(path.name): path for path in sorted(found)}


def digest(content: bytes) -> str:
    """Return the sha256 of `content` as hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a pack. Raises PackBroken if it is unreadable or its hash is wrong."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        manifest = Manifest(int(content["number"]), str(content["previous_hash"]), dict(content["files"]))
        written = content["hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackBroken(f"{MANIFEST} cannot be read: {error}") from None
    if written != manifest.hash:
        raise PackBroken(f"{MANIFEST} was altered: its hash does not match its content")
    return manifest


def verify(directory: Path, head: str | None = None) -> ChainReport:
    """Verify every pack of a chain, and report packs that were altered, removed or reordered.

    `head` is the hash of the newest pack, as noted elsewhere. Without it, packs that were removed from the
    end of the chain are not found. Raises UsageError if `directory` has no pack.
    """
    packs = folders(directory)
    if not packs:
        raise UsageError(f"no pack of evidence in {directory}", hint="Make one with: iu evidence")
    newest = max(packs)
    manifests: dict[int, Manifest] = {}
    faults: list[Fault] = []
    for number in range(1, newest + 1):
        if number not in packs:
            faults.append(Fault(number, "is missing"))
            continue
        try:
            manifests[number] = read_manifest(packs[number])
        except PackBroken as error:
            faults.append(Fault(number, error.message))
            continue
        before = manifests.get(number - 1)
        faults += [Fault(number, text) for text in _faults(number, manifests[number], before, packs[number])]
    newest_hash = manifests[newest].hash if newest in manifests else None
    if head is not None and head != newest_hash:
        faults.append(Fault(newest, f"is the newest, but its hash is not {head}: newer packs are missing"))
    return ChainReport(len(packs), newest, newest_hash, tuple(faults))


def _faults(number: int, manifest: Manifest, before: Manifest | None, folder: Path) -> Iterator[str]:
    if manifest.number != number:
        yield f"has the manifest of pack {manifest.number}: it was moved"
    if number == 1 and manifest.previous_hash != BEGINNING:
        yield "is the first, but names a previous pack: that pack is missing"
    if before is not None and manifest.previous_hash != before.hash:
        yield f"does not follow pack {number - 1}: one of the two was replaced or moved"
    yield from _file_faults(manifest, folder)


def _file_faults(manifest: Manifest, folder: Path) -> Iterator[str]:
    if tuple(sorted(manifest.files)) != tuple(sorted(FILES)):
        yield f"lists files other than {', '.join(FILES)}"
    for name, expected in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif digest(path.read_bytes()) != expected:
            yield f"{name} was altered"
        elif name == EVIDENCE:
            yield from _position_faults(path, manifest)
    unlisted = {path.name for path in folder.iterdir()} - {*FILES, MANIFEST}
    if unlisted:
        yield f"has files that its manifest does not list: {', '.join(sorted(unlisted))}"


def _position_faults(path: Path, manifest: Manifest) -> Iterator[str]:
    try:
        position = facts.from_json(path.read_bytes()).position
    except ValueError:
        yield f"{path.name} does not fit its schema"
        return
    if position != facts.Position(manifest.number, manifest.previous_hash):
        yield f"{path.name} and {MANIFEST} have different positions in the chain"
