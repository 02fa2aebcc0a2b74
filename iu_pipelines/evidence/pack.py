"""Write and read packs of evidence. A pack is written completely or not at all.

In a local directory a pack appears by one rename. In a remote store its manifest is written last, and a
folder without a manifest is no pack: the next writer overwrites it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from iu_pipelines import extras
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.errors import IuError, Unavailable, UsageError
from iu_pipelines.evidence import chain, facts, junit, store
from iu_pipelines.evidence.chain import Manifest, PackBroken
from iu_pipelines.evidence.facts import Evidence, Position
from iu_pipelines.evidence.store import Place, StoreFailed

if TYPE_CHECKING:
    from upath import UPath

_SQL: Final = Statements(__name__)
_TRIES: Final = 20
_LOCK_WAIT: Final = "60s"

OnlyWriter = AbstractContextManager[Callable[[], object]]
"""A lock that is held inside the block. The function that it yields raises if the lock was lost."""

_NO_LOCK: Final[OnlyWriter] = nullcontext(lambda: None)


@dataclass(frozen=True)
class Pack:
    """A pack in its store."""

    number: int
    folder: Place
    hash: str
    previous_hash: str

    @property
    def report(self) -> Place:
        """The place of the HTML report."""
        return self.folder / chain.REPORT


def require_extra() -> None:
    """Raise ExtraMissing unless the packages that draw the report of a pack are installed."""
    extras.require("evidence", "jinja2", "matplotlib")


def default_directory(location: str, gateway: Queries) -> Place:
    """Open the directory below a path or URL that has the packs of this database of this cluster.

    Raises:
        StoreFailed: the store of a URL cannot be opened.
    """
    name: str = gateway.fetch_value(_SQL["database_in_cluster"])
    parent = store.open_directory(location)
    return parent / (quote(name, safe="") if store.is_remote(parent) else name.replace("/", "_"))


def report_url(pack: Pack, served: str | None) -> str | None:
    """Return the URL of the report of a pack in its default directory.

    It is below `served`, the URL that serves the parent of that directory. Without one it is a `file:` URL,
    or None for a remote store.
    """
    if served is not None:
        places = (pack.folder.parent.name, pack.folder.name, chain.REPORT)
        return "/".join([served.rstrip("/"), *(quote(place) for place in places)])
    return None if store.is_remote(pack.report) else pack.report.as_uri()


def newest(directory: Place) -> Evidence | None:
    """Return the evidence of the newest pack, or None if there is no pack. Raises PackBroken, StoreFailed."""
    packs = chain.folders(directory)
    return _read(packs[max(packs)]) if packs else None


def read(path: Place) -> Evidence:
    """Read evidence from `evidence.json`, or from the folder of a pack. Raises UsageError with the path."""
    is_folder = path.suffix != ".json" if store.is_remote(path) else path.is_dir()
    file = path / chain.EVIDENCE if is_folder else path
    try:
        return facts.from_json(store.read(file))
    except OSError as error:
        raise UsageError(
            f"cannot read {store.text_of(file)}: {error.strerror or 'no such file'}",
            hint="Name the evidence.json of a pack.",
        ) from None
    except ValueError as error:
        raise UsageError(
            f"{store.text_of(file)} does not fit the schema of evidence.json: {error}",
            hint="Name the evidence.json of a pack that iu evidence wrote.",
        ) from None


def _read(folder: Place) -> Evidence:
    """Read the evidence of the pack that the next pack follows. Raises PackBroken, StoreFailed."""
    try:
        chain.read_manifest(folder)
        return facts.from_json(store.read(folder / chain.EVIDENCE))
    except (PackBroken, OSError, ValueError) as error:
        raise PackBroken(
            f"the newest pack, {store.text_of(folder)}, is broken: {error}",
            hint="Begin a new chain in another folder with --out. List all faults with: iu evidence verify",
        ) from None


@contextmanager
def only_writer(gateway: Gateway) -> Iterator[Callable[[], object]]:
    """Hold the lock of those who write packs about this database to a remote store.

    Yield a function that raises ConnectionFailed if the lock was lost. Raises Unavailable if another session
    holds the lock for more than a minute.
    """
    with gateway.transaction() as session:
        session.execute(_SQL["keep_session"])
        session.execute(_SQL["limit_wait"], {"lock_timeout": _LOCK_WAIT})
        try:
            session.execute(_SQL["lock_writers"])
        except Unavailable as error:
            error.hint = "Another session writes a pack of evidence about this database. Try again."
            raise
        yield lambda: session.fetch_value(_SQL["database_in_cluster"])


def write(evidence: Evidence, directory: Place, lock: OnlyWriter = _NO_LOCK) -> Pack:
    """Write `evidence` as the next pack of `directory` and return it.

    If another process wrote the same number to a local directory first, the next number is used. In a remote
    store the pack is read back; `lock`, from `only_writer`, lets one process write at a time.

    Raises:
        ExtraMissing: the packages that draw the report are not installed.
        UsageError: a local directory cannot be written to.
        StoreFailed: a remote store cannot be written to, or another process wrote to it without the lock.
    """
    require_extra()
    if not isinstance(directory, Path):
        with lock as require_lock:
            return _upload(evidence, store.reopened(directory), require_lock)
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
    manifest, files = _next(evidence, directory)
    target = directory / manifest.folder_name
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
    return Pack(manifest.number, target, manifest.hash, manifest.previous_hash)


def _upload(evidence: Evidence, directory: UPath, require_lock: Callable[[], object]) -> Pack:
    """Write the next pack of a remote store, its manifest last, and read it back."""
    manifest, files = _next(evidence, directory)
    target = directory / manifest.folder_name
    for name, content in files.items():
        store.write(target / name, content)
    require_lock()
    store.write(target / chain.MANIFEST, manifest.to_json().encode(), is_new=True)
    fault = next(chain.file_faults(manifest, target), None)
    if fault or chain.read_manifest(target) != manifest:
        raise StoreFailed(
            f"pack {manifest.number} in {store.text_of(directory)} is not what was written: "
            f"{fault or 'it has another manifest'}",
            hint="Another process wrote to it at the same time. Run iu evidence verify.",
        )
    return Pack(manifest.number, target, manifest.hash, manifest.previous_hash)


def _next(evidence: Evidence, directory: Place) -> tuple[Manifest, dict[str, bytes]]:
    """Return the manifest of the next pack of a chain, and the files that it lists."""
    packs = chain.folders(directory)
    number = max(packs, default=0) + 1
    previous_hash = chain.read_manifest(packs[number - 1]).hash if packs else chain.BEGINNING
    files = _render(replace(evidence, position=Position(number, previous_hash)))
    digests = {name: chain.digest(content) for name, content in files.items()}
    return Manifest(number, previous_hash, digests), files


def _render(evidence: Evidence) -> dict[str, bytes]:
    """Return the files of a pack. The report is rendered from the JSON, so that the two cannot differ."""
    from iu_pipelines.evidence import report  # noqa: PLC0415  Jinja is in the extra [evidence]

    text = facts.to_json(evidence)
    return {
        chain.EVIDENCE: text,
        chain.JUNIT: junit.render(evidence),
        chain.REPORT: report.render(facts.from_json(text), chain.digest(text)).encode(),
    }
