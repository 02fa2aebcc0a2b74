"""Write and read packs of evidence. A pack is written completely or not at all."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.errors import IuError, UsageError
from iu_pipelines.evidence import chain, facts, junit, report
from iu_pipelines.evidence.chain import PackBroken
from iu_pipelines.evidence.facts import Evidence, Position

_SQL: Final = Statements(__name__)
_TRIES: Final = 20


@dataclass(frozen=True)
class Pack:
    """A pack on disk."""

    number: int
    folder: Path
    hash: str
    previous_hash: str

    @property
    def report(self) -> Path:
        """The path of the HTML report."""
        return self.folder / chain.REPORT


def default_directory(evidence: Path, gateway: Queries) -> Path:
    """Return the folder under `evidence` for the packs of this database of this cluster."""
    name: str = gateway.fetch_value(_SQL["database_in_cluster"])
    return evidence / name.replace("/", "_")


def report_url(pack: Pack, evidence: Path, served: str | None) -> str:
    """Return the URL of the report: below `served`, the URL of `evidence`, or a `file:` URL without one."""
    if served is None:
        return pack.report.as_uri()
    return f"{served.rstrip('/')}/{quote(pack.report.relative_to(evidence).as_posix())}"


def newest(directory: Path) -> Evidence | None:
    """Return the evidence of the newest pack, or None if there is no pack. Raises PackBroken."""
    packs = chain.folders(directory)
    return _read(packs[max(packs)]) if packs else None


def read(path: Path) -> Evidence:
    """Read evidence from `evidence.json`, or from the folder of a pack. Raises UsageError with the path."""
    file = path / chain.EVIDENCE if path.is_dir() else path
    try:
        return facts.from_json(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", hint="Name the evidence.json of a pack."
        ) from None
    except ValueError as error:
        raise UsageError(
            f"{file} does not fit the schema of evidence.json: {error}",
            hint="Name the evidence.json of a pack that iu evidence wrote.",
        ) from None


def _read(folder: Path) -> Evidence:
    """Read the evidence of the pack that the next pack follows. Raises PackBroken."""
    try:
        chain.read_manifest(folder)
        return facts.from_json((folder / chain.EVIDENCE).read_bytes())
    except (PackBroken, OSError, ValueError) as error:
        raise PackBroken(
            f"the newest pack, {folder}, is broken: {error}",
            hint="Begin a new chain in another folder with --out. List all faults with: iu evidence verify",
        ) from None


def write(evidence: Evidence, directory: Path) -> Pack:
    """Write `evidence` as the next pack of `directory` and return it.

    The folder of the pack appears by one rename. If another process wrote the same number first, the next
    number is used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            pack = _write_next(evidence, directory)
            if pack:
                return pack
    except OSError as error:
        raise UsageError(
            f"cannot write to {directory}: {error.strerror}", hint="Name another folder with --out."
        ) from None
    raise IuError(f"{_TRIES} other packs were written to {directory} at the same time", hint="Try again.")


def _write_next(evidence: Evidence, directory: Path) -> Pack | None:
    """Write the next pack; return None if another process wrote a pack with its number."""
    packs = chain.folders(directory)
    number = max(packs, default=0) + 1
    previous_hash = chain.read_manifest(packs[number - 1]).hash if packs else chain.BEGINNING
    files = _render(replace(evidence, position=Position(number, previous_hash)))
    manifest = chain.Manifest(
        number, previous_hash, {name: chain.digest(content) for name, content in files.items()}
    )
    target = directory / f"{number:06d}"
    with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as scratch:
        draft = Path(scratch, "pack")
        draft.mkdir(mode=0o755)
        for name, content in files.items():
            (draft / name).write_bytes(content)
        (draft / chain.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        try:
            draft.rename(target)
        except OSError:
            if target.exists():
                return None
            raise
    return Pack(number, target, manifest.hash, previous_hash)


def _render(evidence: Evidence) -> dict[str, bytes]:
    """Return the files of a pack. The report is rendered from the JSON, so that the two cannot differ."""
    text = facts.to_json(evidence)
    return {
        chain.EVIDENCE: text,
        chain.JUNIT: junit.render(evidence),
        chain.REPORT: report.render(facts.from_json(text), chain.digest(text)).encode(),
    }
