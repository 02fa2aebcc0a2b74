"""Options that commands share. --database-url and --json are accepted before or after the command name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from iu_pipelines.errors import UsageError

_MAX_BIGINT: Final = 2**63 - 1
_MAX_INTEGER: Final = 2**31 - 1


def _database_url(context: typer.Context, value: str | None) -> str | None:
    """Return the URL given after the name of the command, else the one given before it."""
    return value or _option_before(context, "database_url")


def _as_json(context: typer.Context, value: bool) -> bool:
    return value or bool(_option_before(context, "as_json"))


def _option_before(context: typer.Context, name: str) -> str | None:
    """Return the value of an option that was given before the name of the command, or None."""
    before = context.parent
    while before:
        if found := before.params.get(name):
            return str(found)
        before = before.parent
    return None


def _worker_name(value: str | None) -> str | None:
    """Return the name of a worker. Raises UsageError if it is blank."""
    if value is not None and not value.strip():
        raise UsageError(f"--worker {value!r} is blank", hint="Choose one from: iu worker list")
    return value


def small_number(context: typer.Context, parameter: typer.CallbackParam, value: int) -> int:
    """Return the number of a promotion or of a change. Raises UsageError if none can have it."""
    if not 1 <= value <= _MAX_INTEGER:
        raise UsageError(
            f"{parameter.metavar} {value} is not in the range 1 to {_MAX_INTEGER}",
            hint=f"See: {context.command_path} --help",
        )
    return value


def row_number(context: typer.Context, parameter: typer.CallbackParam, value: int | None) -> int | None:
    """Return the number of an event, an attempt or a batch. Raises UsageError if no row can have it."""
    if value is not None and not 0 <= value <= _MAX_BIGINT:
        name = parameter.opts[-1] if parameter.param_type_name == "option" else parameter.metavar
        raise UsageError(
            f"{name} {value} is not in the range 0 to {_MAX_BIGINT}",
            hint=f"See: {context.command_path} --help",
        )
    return value


def _worker_names(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        _worker_name(value)
    return values


def parse_uuid(text: str) -> UUID:
    """Parse a UUID. Raises BadParameter with the text."""
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a UUID") from None


def parse_since(text: str) -> datetime:
    """Parse an age or a time. Raises UsageError with the text and the forms."""
    from iu_pipelines.domain import times  # noqa: PLC0415  as below

    return times.at(times.parse(text), datetime.now(UTC))


def workers_asked_about(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the workers given by `--worker`, else that of IU_WORKER_NAME; none if neither is set."""
    from iu_pipelines import settings  # noqa: PLC0415  iu --version needs none, and pydantic is slow to import

    chosen = settings.load()
    configured = (chosen.worker_name,) if "worker_name" in chosen.model_fields_set else ()
    return tuple(given or configured)


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        callback=_database_url,
        show_default=False,
        help="URL of a PostgreSQL server, version 14 or newer (also IU_DATABASE_URL); "
        "default: the embedded server, if the extra [embedded] is installed.",
    ),
]
SenderDatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        callback=_database_url,
        show_default=False,
        help="URL of a PostgreSQL server, version 14 or newer, with the login that delivers (also "
        "IU_SENDER_DATABASE_URL, else IU_DATABASE_URL).",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", callback=_as_json, help="Print JSON on stdout, and errors as JSON on stderr."),
]
Worker = Annotated[
    str | None,
    typer.Option(
        "--worker",
        metavar="NAME",
        callback=_worker_name,
        show_default=False,
        help="The name of the worker (also IU_WORKER_NAME).",
    ),
]
Workers = Annotated[
    list[str] | None,
    typer.Option(
        "--worker",
        metavar="NAME",
        callback=_worker_names,
        show_default=False,
        help="A worker whose health is proven (also IU_WORKER_NAME); default: iu_outbound_default. "
        "May be repeated.",
    ),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        parser=parse_since,
        metavar="AGE|TIME",
        show_default=False,
        help="Only what is newer: an age such as 30m, 12h or 7d, or a time in ISO 8601.",
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        parser=parse_since,
        metavar="AGE|TIME",
        show_default=False,
        help="Only what is older; in the form of --since.",
    ),
]
SubjectTable = Annotated[
    str | None,
    typer.Option(
        "--subject-table",
        metavar="SCHEMA.TABLE",
        show_default=False,
        help="With --subject-key: the table of the subject.",
    ),
]
SubjectKey = Annotated[
    list[str] | None,
    typer.Option(
        "--subject-key",
        metavar="KEY",
        show_default=False,
        help="The primary key of the subject, which need not be a uuid. Repeat it for a key of several "
        "columns.",
    ),
]
OfType = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", show_default=False, help="Only events of this type."),
]
OfDomain = Annotated[
    str | None,
    typer.Option("--domain", metavar="DOMAIN", show_default=False, help="Only events of this domain."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The maximum number of rows.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason, which is recorded.")]
OptionalReason = Annotated[
    str | None, typer.Option("--reason", show_default=False, help="The reason, which is recorded if given.")
]
