"""How an error of ours ends a run or a tick: in one clear line, and retried only where waiting helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from iu_pipelines.errors import ConnectionFailed, EmbeddedServerError, IuError, Unavailable

_RETRIES: Final = 3
_SECONDS_BETWEEN: Final = 2.0

LATER: Final = (ConnectionFailed, EmbeddedServerError, Unavailable)
"""Errors that the same call may not meet again in a while."""


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Turn an error of ours into a step failure with its message and hint; retry a lost connection."""
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
    """Return why a tick asks for nothing: `error` in one line, and whether the next tick may succeed."""
    later = isinstance(error, LATER)
    prefix = "the database cannot be asked; the next tick tries again" if later else "refused"
    return dg.SkipReason(f"{prefix}: {line_of(error)}")


def line_of(error: IuError) -> str:
    """Return the message of `error` and what to do about it, in one line."""
    words = [f"{error.code}: {error.message}" if error.code else error.message, error.hint]
    return " ".join(word.strip() for word in words if word).replace("\n", " ")
