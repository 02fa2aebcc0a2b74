"""`iu audit export`."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from iu_pipelines import extras
from iu_pipelines.cli.command import Answer, Invocation
from iu_pipelines.cli.options import Since, Until
from iu_pipelines.cli.output import print_line, print_warning, rate, working
from iu_pipelines.domain import worker
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import UsageError

if TYPE_CHECKING:
    from iu_pipelines.evidence.exports import Asked, Exported


_FILE_HINT: Final = "Name a file that ends in .csv or .parquet, or give --format; - is stdout."


class Format(StrEnum):
    """A file format."""

    CSV = "csv"
    PARQUET = "parquet"


class What(StrEnum):
    """The rows to export."""

    ATTEMPTS = "attempts"
    EVENTS = "events"
    BATCHES = "batches"
    DEAD_LETTERS = "dead-letters"


def export(
    call: Invocation,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file; - is stdout, only for CSV.")
    ],
    form: Annotated[
        Format | None,
        typer.Option("--format", show_default=False, help="Default: that of the name of the file."),
    ] = None,
    what: Annotated[What, typer.Option(help="The rows to export.")] = What.ATTEMPTS,
    since: Since = None,
    until: Until = None,
    worker_name: Annotated[
        str | None,
        typer.Option("--worker", metavar="NAME", show_default=False, help="Only rows of this worker."),
    ] = None,
    run_ref: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="REF", show_default=False, help="Only attempts or batches of this run."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    for_spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="Write texts that begin like a formula with an apostrophe (CSV)."),
    ] = False,
) -> Answer | None:
    """Write attempts, events, batches or dead letters to a CSV or Parquet file, from one snapshot.

    Reads the whole table; on a busy outbox, export from a replica.

    Examples:
        iu audit export --output attempts.parquet --since 30d
        iu audit export --output dead-letters.csv --what dead-letters --spreadsheet
    """
    chosen = _format_of(output, form)
    _require_window(since, until)
    _require_sense(call, output, chosen, for_spreadsheet=for_spreadsheet)
    _require_filters(what, worker_name, run_ref)
    extras.require("evidence", "pandas")
    if chosen is Format.PARQUET:
        extras.require("parquet", "pyarrow")
    from iu_pipelines.evidence import exports  # noqa: PLC0415  pandas is slow to import

    asked = exports.Asked(what.value, since, until, worker_name, run_ref)
    started = time.monotonic()
    with _opened(output, force=force) as out:
        done = _exported(call, asked, out, chosen, for_spreadsheet=for_spreadsheet)
    if output == "-":
        return None
    seconds = time.monotonic() - started
    if done.formulas and not for_spreadsheet:
        print_warning(
            f"{counted(done.formulas, 'text')} in {output} may be run as a formula by a spreadsheet; "
            "for a spreadsheet, export with --spreadsheet"
        )
    data = {"file": output, "format": chosen.value, "rows": done.rows, "formulas": done.formulas}
    speed = rate(done.rows, seconds)
    return Answer(data, lambda: print_line(f"{output}: {counted(done.rows, 'row')}, {speed}"))


def _exported(
    call: Invocation, asked: Asked, out: IO[bytes], chosen: Format, *, for_spreadsheet: bool
) -> Exported:
    from iu_pipelines.evidence import exports  # noqa: PLC0415  as above

    with call.connect() as gateway, working(f"exporting {asked.what}") as say:
        if asked.worker_name is not None:
            worker.require(gateway, asked.worker_name)
        return exports.export(gateway, asked, out, chosen.value, for_spreadsheet=for_spreadsheet, say=say)


def _opened(output: str, *, force: bool) -> AbstractContextManager[IO[bytes]]:
    from iu_pipelines.evidence import exports  # noqa: PLC0415  as above

    if output == "-":
        return nullcontext(sys.stdout.buffer)
    return exports.new_file(Path(output), force=force)


def _format_of(output: str, form: Format | None) -> Format:
    """Return the format of a file. Raises UsageError if its name says none, or another one than `form`."""
    if not output.strip():
        raise UsageError(f"--output {output!r} is blank", hint=_FILE_HINT)
    if output == "-":
        return form or Format.CSV
    ending = Path(output).suffix.lower()
    named = next((one for one in Format if ending == f".{one.value}"), None)
    if form and named and form is not named:
        raise UsageError(
            f"--output {output!r} contradicts --format {form.value}",
            hint="Leave out --format, or rename the file.",
        )
    chosen = form or named
    if chosen is None:
        raise UsageError(f"--output {output!r} ends in neither .csv nor .parquet", hint=_FILE_HINT)
    return chosen


def _require_window(since: datetime | None, until: datetime | None) -> None:
    if since and until and until <= since:
        raise UsageError(
            f"--until {until.isoformat()} is not after --since {since.isoformat()}",
            hint="An age counts back from now, for example: --since 2d --until 1d",
        )


def _require_sense(call: Invocation, output: str, chosen: Format, *, for_spreadsheet: bool) -> None:
    if output == "-" and chosen is not Format.CSV:
        raise UsageError("parquet cannot be written to stdout", hint="Name a file, or leave out --format.")
    if output == "-" and call.as_json:
        raise UsageError("--json cannot be combined with --output -", hint="Leave out one of them.")
    if for_spreadsheet and chosen is not Format.CSV:
        raise UsageError("--spreadsheet is only for CSV", hint="Leave it out, or give --format csv.")


def _require_filters(what: What, worker_name: str | None, run_ref: str | None) -> None:
    if run_ref is not None and what in (What.EVENTS, What.DEAD_LETTERS):
        raise UsageError(f"--run does not apply to {what.value}", hint="Leave it out.")
    if worker_name is not None and what is What.EVENTS:
        raise UsageError("--worker does not apply to events", hint="Leave it out.")
