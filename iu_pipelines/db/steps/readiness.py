"""Waiting until a database accepts connections and has every step of this version."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import stamina

from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.db.steps import plan
from iu_pipelines.errors import ConnectionFailed, IuError, PermissionDenied, StatementFailed, Unavailable

_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 1.0

_INCURABLE: Final = ("28", "3D")
"""Classes of SQLSTATE: the login or its password is refused, or the database does not exist."""


class _NotReady(Exception):
    """What is missing, which may come."""

    def __init__(self, error: IuError) -> None:
        super().__init__(error.message)
        self.error = error


def wait(
    url: str, timeout: float, *, migrated: bool = True, on_wait: Callable[[str], None] = lambda missing: None
) -> float:
    """Wait until the database is ready and return the seconds that it took. A timeout of 0 is one attempt.

    It is ready if it accepts a connection and, with `migrated`, if every step of this version is applied.
    `on_wait` is called with what is missing, once for each different text. An attempt to connect to a host
    that does not answer takes up to 5 seconds, also at the end of the timeout.

    Raises:
        Unavailable: it was not ready in time. The message and the hint are those of the last attempt.
        ConnectionFailed: the login, its password or the name of the database is refused.
        StepRefused: the database has steps that this version does not know, or other ones.
        ServerTooOld: the server is older than PostgreSQL 14.
    """
    started = time.monotonic()
    said = ""
    try:
        for attempt in stamina.retry_context(
            on=_NotReady,
            attempts=None if timeout else 1,
            timeout=timeout or None,
            wait_initial=_FIRST_SECONDS,
            wait_max=_LONGEST_SECONDS,
        ):
            with attempt:
                try:
                    _require_ready(url, migrated=migrated)
                except _NotReady as missing:
                    if said != (said := missing.error.message):
                        on_wait(said)
                    raise
    except _NotReady as missing:
        last = missing.error
        raise Unavailable(
            f"not ready after {timeout:g} seconds: {last.message}", hint=last.hint, code=last.code
        ) from None
    return time.monotonic() - started


def _require_ready(url: str, *, migrated: bool) -> None:
    """Raise _NotReady for what may come, and other errors for what waiting cannot cure."""
    try:
        probe(url)
        with Gateway(url, application_name="iu wait") as gateway:
            gateway.server_version()
            if migrated:
                _require_steps(gateway)
    except (ConnectionFailed, Unavailable) as error:
        if (error.code or "").startswith(_INCURABLE):
            raise
        raise _NotReady(error) from None
    except PermissionDenied as error:
        # The first step creates the ledger, and a later one grants the privilege to read it.
        error.hint = "Waiting for the steps needs a login of iu_auditor; without it, add --no-migrated."
        raise _NotReady(error) from None


def _require_steps(gateway: Gateway) -> None:
    states = plan.states(gateway)
    plan.refuse_unsafe(states)
    missing = [state.name for state in states if state.status != "applied"]
    if missing:
        raise _NotReady(
            StatementFailed(
                f"{len(missing)} of {len(states)} steps are not applied: {', '.join(missing)}",
                hint="Run, with the login that installs: iu migrate",
            )
        )
