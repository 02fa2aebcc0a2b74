"""The options that every command takes, before or after its name."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer


def _url_of_either(context: typer.Context, value: str | None) -> str | None:
    """The URL given to this command, else the one given before its name."""
    return value or _given_before(context, "database_url")


def _json_of_either(context: typer.Context, value: bool) -> bool:
    return value or bool(_given_before(context, "as_json"))


def _given_before(context: typer.Context, name: str) -> str | None:
    found: str | None = context.find_root().params.get(name)
    return found


def parse_uuid(text: str) -> UUID:
    """Return the UUID that `text` writes. Raises BadParameter naming it."""
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a UUID") from None


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        callback=_url_of_either,
        show_default=False,
        help="Your own PostgreSQL, 14 or newer (also IU_DATABASE_URL); else the embedded one.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", callback=_json_of_either, help="Print JSON on stdout; an error is JSON on stderr."
    ),
]
Worker = Annotated[
    str | None,
    typer.Option(
        "--worker", metavar="NAME", show_default=False, help="The route worker (also IU_WORKER_NAME)."
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many rows to show at most.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it is kept in the audit.")]
