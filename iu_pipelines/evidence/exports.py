"""Exports of the audit as CSV or Parquet, in chunks, from one snapshot of the database.

pandas converts the rows (extra [evidence]) and pyarrow writes Parquet (extra [parquet]). Import this module
only after `require_extra`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Protocol

import pandas as pd

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import ONE_SNAPSHOT
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.dead_letters import DeadLetter
from iu_pipelines.domain.outbox import Event
from iu_pipelines.domain.rows import Column
from iu_pipelines.domain.worker import Batch
from iu_pipelines.errors import ArgumentInvalid, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_SQL: Final = Statements(__name__)

Format = Literal["csv", "parquet"]
What = Literal["attempts", "events", "batches", "dead-letters"]

CHUNK: Final = 20_000
"""The number of rows in memory at once, and in a row group of Parquet."""

_ROWS: Final[Mapping[What, type]] = {
    "attempts": Attempt,
    "events": Event,
    "batches": Batch,
    "dead-letters": DeadLetter,
}
_DTYPES: Final = {
    "bigint": "Int64",
    "integer": "Int64",
    "xid8": "Int64",
    "boolean": "boolean",
    "text": "string",
    "uuid": "string",
    "jsonb": "string",
    "timestamptz": "datetime64[us, UTC]",
}
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%f+00:00"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Asked:
    """What to export. A filter that is None matches every row; `until` is exclusive.

    Times are those of `created_at`, for batches of `started_at`. Events have no worker and no run, dead
    letters have no run.
    """

    what: What = "attempts"
    since: datetime | None = None
    until: datetime | None = None
    worker_name: str | None = None
    run_ref: str | None = None


@dataclass(frozen=True)
class Exported:
    """The result of an export. `formulas` counts cells of a CSV that a spreadsheet may run as a formula."""

    rows: int
    formulas: int


class _Writer(Protocol):
    """A writer of one file format."""

    formulas: int

    def write(self, frame: pd.DataFrame) -> None:
        """Write the rows of one chunk."""
        ...

    def close(self) -> None:
        """Write the end of the file."""
        ...


def columns(what: What) -> tuple[Column, ...]:
    """Return the columns of an export, in their order."""
    return rows.columns(_ROWS[what])


def export(
    gateway: Gateway,
    asked: Asked,
    out: IO[bytes],
    form: Format,
    *,
    for_spreadsheet: bool = False,
    say: Callable[[str], None] = lambda detail: None,
) -> Exported:
    """Write the rows to `out` and return their number.

    One transaction reads them, so that they are of one snapshot; it writes and locks nothing. With
    `for_spreadsheet`, an apostrophe goes before each text of a CSV that a spreadsheet may run as a formula.

    Raises:
        ArgumentInvalid: the run has no such rows.
    """
    described = columns(asked.what)
    writer: _Writer = (
        _Csv(out, described, for_spreadsheet=for_spreadsheet) if form == "csv" else _Parquet(out, described)
    )
    number = 0
    pages = _pages(gateway, asked)
    first = next(pages, [])  # so that nothing is written if the query is refused
    if asked.run_ref is not None and not first:
        raise ArgumentInvalid(
            f"no {asked.what} of run {asked.run_ref!r}", hint="Choose a run from: iu batch list"
        )
    for page in chain([first], pages):
        writer.write(frame_of(page, described))
        number += len(page)
        say(f"{number:,} rows")
    writer.close()
    return Exported(number, writer.formulas)


def _pages(gateway: Gateway, asked: Asked) -> Iterator[list[tuple[Any, ...]]]:
    given = {name: value for name, value in vars(asked).items() if name != "what"}
    with gateway.transaction() as session:
        session.execute(ONE_SNAPSHOT)
        session.execute(_SQL["plan_for_all_rows"])
        yield from session.stream(_statement(asked.what), given, CHUNK)


def _statement(what: What) -> str:
    match what:
        case "attempts":
            return _SQL["attempts"]
        case "events":
            return _SQL["events"]
        case "batches":
            return _SQL["batches"]
    return _SQL["dead_letters"]


def frame_of(page: Sequence[tuple[Any, ...]], described: Sequence[Column]) -> pd.DataFrame:
    """Return rows as a DataFrame with exact types: integers are Int64, ids text, times UTC microseconds."""
    values = list(zip(*page, strict=True)) or [()] * len(described)
    return pd.DataFrame(
        {
            column.name: _series(list(cells), _DTYPES[column.type])
            for column, cells in zip(described, values, strict=True)
        }
    )


def _series(cells: list[Any], dtype: Any) -> pd.Series[Any]:
    series: pd.Series[Any] = pd.Series(cells, dtype="object" if "datetime" in dtype else dtype)
    return pd.to_datetime(series, utc=True).astype(dtype) if "datetime" in dtype else series


class _Csv:
    """A writer of CSV: UTF-8, a header, empty for null, times in ISO 8601."""

    def __init__(self, out: IO[bytes], described: Sequence[Column], *, for_spreadsheet: bool) -> None:
        self.formulas = 0
        self._out = out
        self._texts = [column.name for column in described if column.type == "text"]
        self._for_spreadsheet = for_spreadsheet
        self._begun = False

    def write(self, frame: pd.DataFrame) -> None:
        """Write the rows of one chunk, after the header if it is the first."""
        for name in self._texts:
            risky = frame[name].str.startswith(_FORMULA, na=False)
            self.formulas += int(risky.sum())
            if self._for_spreadsheet:
                frame[name] = frame[name].where(~risky, "'" + frame[name])
        frame.to_csv(
            self._out,
            header=not self._begun,
            index=False,
            mode="wb",
            encoding="utf-8",
            lineterminator="\n",
            date_format=_TIME,
        )
        self._begun = True

    def close(self) -> None:
        """Pass everything to the file."""
        self._out.flush()


class _Parquet:
    """A writer of Parquet, with one row group for each chunk."""

    def __init__(self, out: IO[bytes], described: Sequence[Column]) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415  of another extra than this module

        self.formulas = 0
        self._schema = _arrow_schema(described)
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")

    def write(self, frame: pd.DataFrame) -> None:
        """Write the rows of one chunk."""
        import pyarrow as pa  # noqa: PLC0415

        if len(frame):
            self._writer.write_table(pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _arrow_schema(described: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    types = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "xid8": pa.int64(),
        "boolean": pa.bool_(),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(column.name, types.get(column.type, pa.string())) for column in described])


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Yield a file that gets the name `path` when the block ends, and is removed if it raises.

    So `path` never holds a part of an export. Raises UsageError if it exists, unless `force` is true, or if
    it cannot be written.
    """
    _refuse_existing(path, force=force)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _readable(path), partial.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        with _readable(path):
            _give_name(partial, path, force=force)
    finally:
        partial.unlink(missing_ok=True)


def _refuse_existing(path: Path, *, force: bool) -> None:
    if not force and os.path.lexists(path):
        raise UsageError(f"{str(path)!r} exists", hint="Give another name, or overwrite it with --force.")


def _give_name(partial: Path, path: Path, *, force: bool) -> None:
    """Rename the file; without `force`, do not replace a file that was created meanwhile."""
    if force:
        partial.replace(path)
        return
    try:
        os.link(partial, path)
    except FileExistsError:
        _refuse_existing(path, force=False)
    except OSError as error:  # a file system without hard links
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        _refuse_existing(path, force=False)
        partial.replace(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Translate an OSError of the file, such as a full disk, into UsageError with its name."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint="Name a file in a directory that is writable and has space.",
        ) from error
