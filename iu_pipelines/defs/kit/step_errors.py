"""Translation of IuError into step failures, retries and skip reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from iu_pipelines.errors import ConnectionFailed, EmbeddedServerError, IuError, Unavailable, sentences

_RETRIES: Final = 3
_SECONDS_BETWEEN: Final = 2.0

LATER: Final = (ConnectionFailed, EmbeddedServerError, Unavailable)
"""Errors after which the same call may succeed later."""


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Turn an IuError into a step failure with its message and hint, or one of `LATER` into a retry."""
    try:
        yield
    except LATER as error:
        raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=_SECONDS_BETWEEN) from error
    except IuError as error:
        raise dg.Failure(
            description=line_of(error),
            metadata={"code": error.code or "", "hint": error.hint or ""},
            allow_retries=False,
        ) from error


def skipped(error: IuError) -> dg.SkipReason:
    """Return a skip reason with `error` in one line, which says whether the next tick may succeed."""
    later = isinstance(error, LATER)
    prefix = "the database is unavailable; the next tick tries again" if later else "refused"
    return dg.SkipReason(f"{prefix}: {line_of(error)}")


def line_of(error: IuError) -> str:
    """Return the code, message and hint of `error` in one line."""
    message = f"{error.code}: {error.message}" if error.code else error.message
    return sentences(message.strip(), (error.hint or "").strip()).replace("\n", " ")
