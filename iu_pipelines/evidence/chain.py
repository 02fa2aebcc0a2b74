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
from typing import Final

from iu_pipelines.errors import IuError, UsageError
from iu_pipelines.evidence import facts, store
from iu_pipelines.evidence.store import Place

EVIDENCE: Final = "evidence.json"
JUNIT: Final = "junit.xml"
REPORT: Final = "report.html"
FILES: Final = (EVIDENCE, JUNIT, REPORT)
MANIFEST: Final = "manifest.json"
BEGINNING: Final = "0" * 64

_FOLDER: Final = re.compile(r"\d{6}")
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
_NO_HEAD: Final = "newer packs may be missing, a pack was replaced, or it is the hash of another chain"


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

    @property
    def folder_name(self) -> str:
        """The name of the folder of the pack."""
        return f"{self.number:06d}"

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
    """The result of verifying a chain: the number of packs, the newest one, and every fault.

    `head` is the number of the pack that has the stored hash; None without a hash, and if no pack has it.
    """

    packs: int
    newest: int | None
    newest_hash: str | None
    head: int | None
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def folders(directory: Place) -> dict[int, Place]:
    """Return the folders of packs by the number in their name, in order; none if `directory` is missing.

    In a remote store the newest folder without a manifest is left out: its pack was not written to the end.
    """
    found = [directory / name for name in store.names(directory) if _FOLDER.fullmatch(name)]
    packs = {int(path.name): path for path in found if store.is_remote(path) or path.is_dir()}
    while packs and store.is_remote(directory) and MANIFEST not in store.names(packs[max(packs)]):
        packs.popitem()
    return packs


def digest(content: bytes) -> str:
    """Return the sha256 of `content` as hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Place) -> Manifest:
    """Read the manifest of a pack. Raises PackBroken if it is unreadable or its hash is wrong."""
    try:
        content = json.loads(store.read(folder / MANIFEST))
        manifest = Manifest(int(content["number"]), str(content["previous_hash"]), dict(content["files"]))
        written = content["hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackBroken(f"{MANIFEST} cannot be read: {error}") from None
    if written != manifest.hash:
        raise PackBroken(f"{MANIFEST} was altered: its hash does not match its content")
    return manifest


def verify(directory: Place, head: str | None = None) -> ChainReport:
    """Verify every pack of a chain, and report packs that were altered, removed or reordered.

    `head` is the hash of a pack, as noted elsewhere. Without it, packs that were removed from the end of the
    chain are not found; with it, that pack and those before it cannot have been removed or replaced. Packs
    after it may exist. Raises UsageError if `head` is no hash, or `directory` has no pack.
    """
    if head is not None and not _HASH.fullmatch(head):
        raise UsageError(
            f"{head!r} is not the hash of a pack",
            hint="Give the 64 hexadecimal digits that iu evidence printed for a pack.",
        )
    packs = folders(directory)
    if not packs:
        raise UsageError(
            f"no pack of evidence in {store.text_of(directory)}", hint="Make one with: iu evidence"
        )
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
    place = _number_of(head, manifests)
    if head is not None and place is None:
        faults.append(Fault(newest, f"is the newest, and no pack has the hash {head}: {_NO_HEAD}"))
    return ChainReport(len(packs), newest, newest_hash, place, tuple(faults))


def _number_of(head: str | None, manifests: Mapping[int, Manifest]) -> int | None:
    """Return the number of the pack that has the hash `head`; None if there is none."""
    wanted = head and head.lower()
    return next((number for number, manifest in manifests.items() if manifest.hash == wanted), None)


def _faults(number: int, manifest: Manifest, before: Manifest | None, folder: Place) -> Iterator[str]:
    if manifest.number != number:
        yield f"has the manifest of pack {manifest.number}: it was moved"
    if number == 1 and manifest.previous_hash != BEGINNING:
        yield "is the first, but names a previous pack: that pack is missing"
    if before is not None and manifest.previous_hash != before.hash:
        yield f"does not follow pack {number - 1}: one of the two was replaced or moved"
    yield from file_faults(manifest, folder)


def file_faults(manifest: Manifest, folder: Place) -> Iterator[str]:
    """Yield each difference between the files of a pack and its manifest."""
    if tuple(sorted(manifest.files)) != tuple(sorted(FILES)):
        yield f"lists files other than {', '.join(FILES)}"
    for name, expected in sorted(manifest.files.items()):
        content = store.read_if_exists(folder / name)
        if content is None:
            yield f"{name} is missing"
        elif digest(content) != expected:
            yield f"{name} was altered"
        elif name == EVIDENCE:
            yield from _position_faults(content, manifest)
    unlisted = set(store.names(folder)) - {*FILES, MANIFEST}
    if unlisted:
        yield f"has files that its manifest does not list: {', '.join(sorted(unlisted))}"


def _position_faults(content: bytes, manifest: Manifest) -> Iterator[str]:
    try:
        position = facts.from_json(content).position
    except ValueError:
        yield f"{EVIDENCE} does not fit its schema"
        return
    if position != facts.Position(manifest.number, manifest.previous_hash):
        yield f"{EVIDENCE} and {MANIFEST} have different positions in the chain"
