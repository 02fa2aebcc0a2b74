"""A pack of evidence on disk: written whole or not at all, behind the newest pack of its folder."""

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
        """The page to open in a browser."""
        return self.folder / chain.REPORT


def default_directory(evidence: Path, gateway: Queries) -> Path:
    """Return the folder under `evidence` for the packs of a database; each of each cluster has its own."""
    name: str = gateway.fetch_value(_SQL["database_in_cluster"])
    return evidence / name.replace("/", "_")


def report_url(pack: Pack, evidence: Path, served: str | None) -> str:
    """Return where a browser finds the page: under the URL that serves `evidence`, or else on this disk."""
    if served is None:
        return pack.report.as_uri()
    return f"{served.rstrip('/')}/{quote(pack.report.relative_to(evidence).as_posix())}"


def newest(directory: Path) -> Evidence | None:
    """Return the evidence of the newest pack, or None where there is none. Raises PackBroken."""
    packs = chain.folders(directory)
    return _read(packs[max(packs)]) if packs else None


def read(path: Path) -> Evidence:
    """Read evidence from its file, or from the folder of its pack. Raises UsageError naming the path."""
    file = path / chain.EVIDENCE if path.is_dir() else path
    try:
        return facts.from_json(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", hint="Name the evidence.json of a pack."
        ) from None
    except ValueError as error:
        raise UsageError(
            f"{file} is no evidence of this version: {error}",
            hint="Name the evidence.json of a pack that iu evidence wrote.",
        ) from None


def _read(folder: Path) -> Evidence:
    """Read the evidence of a pack that the next one is to follow."""
    try:
        chain.read_manifest(folder)
        return facts.from_json((folder / chain.EVIDENCE).read_bytes())
    except (PackBroken, OSError, ValueError) as error:
        raise PackBroken(
            f"the newest pack, {folder}, is broken: {error}",
            hint="See what else is: iu evidence verify. Name another folder with --out to go on beside it.",
        ) from None


def write(evidence: Evidence, directory: Path) -> Pack:
    """Write `evidence` as the next pack of `directory` and return it.

    The pack appears in one move. Where another process was faster, this one comes behind it.
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
    raise IuError(f"{_TRIES} other packs were written to {directory} meanwhile", hint="Try again.")


def _write_next(evidence: Evidence, directory: Path) -> Pack | None:
    """Write the pack behind the newest; None where another one took its place."""
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
    """Return the files of a pack. The page is made from the JSON, so that the two cannot differ."""
    text = facts.to_json(evidence)
    return {
        chain.EVIDENCE: text,
        chain.JUNIT: junit.render(evidence),
        chain.REPORT: report.render(facts.from_json(text), chain.digest(text)).encode(),
    }
