"""The chain of packs: each names the hash of the pack before it and of its own files.

A folder of packs holds one folder a pack, `000001`, `000002` and so on, each with `evidence.json`,
`junit.xml`, `report.html` and `manifest.json`. A pack's hash is the sha256 of its manifest without the
hash itself, as JSON with sorted keys and no spaces.
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
    """A pack cannot be read, or is not what its manifest says."""


@dataclass(frozen=True)
class Manifest:
    """What a pack says of itself; `files` maps names to the sha256 of their bytes."""

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
    """What is wrong with one pack of a chain."""

    pack: int
    message: str


@dataclass(frozen=True)
class ChainReport:
    """A chain of packs: how many there are, the hash of the newest, and what is wrong with any."""

    packs: int
    newest: int | None
    newest_hash: str | None
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def folders(directory: Path) -> dict[int, Path]:
    """Return the folders of packs by the number in their name, in order; none where there is no folder."""
    if not directory.is_dir():
        return {}
    found = [path for path in directory.iterdir() if _FOLDER.fullmatch(path.name) and path.is_dir()]
    return {int(path.name): path for path in sorted(found)}


def digest(content: bytes) -> str:
    """Return the sha256 of `content` as hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a pack. Raises PackBroken where it is unreadable or does not bear its hash."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        manifest = Manifest(int(said["number"]), str(said["previous_hash"]), dict(said["files"]))
        written = said["hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackBroken(f"{MANIFEST} cannot be read: {error}") from None
    if written != manifest.hash:
        raise PackBroken(f"{MANIFEST} was altered: its hash is not that of its content")
    return manifest


def verify(directory: Path, head: str | None = None) -> ChainReport:
    """Look at every pack of a chain, and say which were altered, are missing or changed places.

    `head` is the hash of the newest pack as somebody noted it: without it, packs taken from the end of the
    chain cannot be missed. Raises UsageError where `directory` holds no pack.
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
        faults += [Fault(number, said) for said in _faults(number, manifests[number], before, packs[number])]
    newest_hash = manifests[newest].hash if newest in manifests else None
    if head is not None and head != newest_hash:
        faults.append(Fault(newest, f"is the newest, but its hash is not {head}: packs after it are missing"))
    return ChainReport(len(packs), newest, newest_hash, tuple(faults))


def _faults(number: int, manifest: Manifest, before: Manifest | None, folder: Path) -> Iterator[str]:
    if manifest.number != number:
        yield f"says that it is pack {manifest.number}: it was put elsewhere"
    if number == 1 and manifest.previous_hash != BEGINNING:
        yield "names a pack before it, and is the first: that one is missing"
    if before is not None and manifest.previous_hash != before.hash:
        yield f"does not follow pack {number - 1}: one of the two was replaced or put elsewhere"
    yield from _file_faults(manifest, folder)


def _file_faults(manifest: Manifest, folder: Path) -> Iterator[str]:
    if tuple(sorted(manifest.files)) != tuple(sorted(FILES)):
        yield f"lists other files than {', '.join(FILES)}"
    for name, expected in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif digest(path.read_bytes()) != expected:
            yield f"{name} was altered"
        elif name == EVIDENCE:
            yield from _position_faults(path, manifest)
    strangers = {path.name for path in folder.iterdir()} - {*FILES, MANIFEST}
    if strangers:
        yield f"holds what it does not list: {', '.join(sorted(strangers))}"


def _position_faults(path: Path, manifest: Manifest) -> Iterator[str]:
    try:
        position = facts.from_json(path.read_bytes()).position
    except ValueError:
        yield f"{path.name} does not fit its schema"
        return
    if position != facts.Position(manifest.number, manifest.previous_hash):
        yield f"{path.name} names another place in the chain than {MANIFEST}"
