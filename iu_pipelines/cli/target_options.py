"""The options of `iu target add` and `iu target set`, and the columns that they stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from iu_pipelines.domain.targets import DEFAULTS, SECRET_NAME_PATTERN, Target
from iu_pipelines.errors import UsageError

_LONGEST_RETRY: Final = 604_800


class DeadLetters(StrEnum):
    """What becomes of the later events of a subject after a dead letter."""

    PARK = "park"
    SKIP = "skip"


class Failover(StrEnum):
    """What happens after a failover, which may have forgotten claims."""

    RESUME = "resume"
    HOLD = "hold"


Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="URL",
        show_default=False,
        help="Where deliveries are sent; for a webhook an https:// URL. Never with a secret.",
    ),
]
SecretName = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        show_default=False,
        help="The name of the secret: the sender reads IU_SECRET_NAME, or the file NAME in IU_SECRETS_DIR. "
        "Empty: none.",
    ),
]
TimeoutSeconds = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=300,
        show_default=False,
        help=f"How long one send may take (a new target: {DEFAULTS['timeout_seconds']}).",
    ),
]
LeaseSeconds = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=3600,
        show_default=False,
        help=f"How long a claim is valid, at least two timeouts (a new target: {DEFAULTS['lease_seconds']}).",
    ),
]
MaxPerMinute = Annotated[
    int | None,
    typer.Option(
        min=0, max=10_000_000, show_default=False, help="Deliveries in any minute at most; 0: no limit."
    ),
]
RetrySeconds = Annotated[
    str | None,
    typer.Option(
        metavar="S,S,…",
        show_default=False,
        help="Seconds to wait after each failure; the failure after the last is a dead letter.",
    ),
]
MaxInDoubt = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1000,
        show_default=False,
        help="How often a delivery with an unknown outcome is sent again "
        f"(a new target: {DEFAULTS['max_in_doubt']}).",
    ),
]
OnDeadLetter = Annotated[
    DeadLetters | None,
    typer.Option(
        show_default=False,
        help="park: later events of a subject wait behind its dead letter, in order; skip: they pass it "
        f"(a new target: {DEFAULTS['on_dead_letter']}).",
    ),
]
AfterFailover = Annotated[
    Failover | None,
    typer.Option(
        show_default=False,
        help="hold: wait for a person after a failover (default with --at-most-once); resume: go on.",
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        show_default=False,
        help="An option of the kind; JSON or text. KEY= takes it away. May be repeated.",
    ),
]


def columns(given: Mapping[str, Any], options: Sequence[str] | None, before: Target | None) -> dict[str, Any]:
    """Return the columns for the options that were given; `before` is the target that is changed.

    Raises:
        UsageError: an option is malformed, or the lease is shorter than two timeouts.
    """
    found = {name: _value(name, value) for name, value in given.items() if value is not None}
    found |= _lease(found, before)
    if options:
        found["options"] = _options(options, before.options if before else {})
    return found


def _value(name: str, value: Any) -> Any:
    match name:
        case "secret_name":
            return _secret_name(value)
        case "max_per_minute":
            return value or None
        case "retry_seconds":
            return _retries(value)
        case _:
            return value


def _secret_name(text: str) -> str | None:
    if text and not re.fullmatch(SECRET_NAME_PATTERN, text):
        raise UsageError(
            "--secret is not a name of a secret",
            hint="Give its name, capitals, digits and underscores, never the secret itself.",
        )
    return text or None


def _retries(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 50 or not all(
        part.isascii() and part.isdecimal() and 1 <= int(part[:9]) <= _LONGEST_RETRY for part in parts
    ):
        raise UsageError(
            f"--retry-seconds {text[:80]!r} is not a list of seconds",
            hint=f"Give up to 50 numbers from 1 to {_LONGEST_RETRY}, such as 5,300,1800.",
        )
    return [int(part) for part in parts]


def _lease(found: Mapping[str, Any], before: Target | None) -> dict[str, int]:
    """Return the lease if it must be longer because the timeout is. Raises UsageError if it is too short."""
    timeout = found.get("timeout_seconds", before.timeout_seconds if before else DEFAULTS["timeout_seconds"])
    if "lease_seconds" in found:
        if found["lease_seconds"] < 2 * timeout:
            raise UsageError(
                f"--lease-seconds {found['lease_seconds']} is shorter than two timeouts of {timeout} s",
                hint=f"Give at least {2 * timeout}.",
            )
        return {}
    lease = before.lease_seconds if before else DEFAULTS["lease_seconds"]
    return {"lease_seconds": 2 * timeout} if lease < 2 * timeout else {}


def _options(given: Sequence[str], before: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(before)
    for text in given:
        key, is_pair, value = text.partition("=")
        if not key or not is_pair:
            raise UsageError("--option is not KEY=VALUE", hint="Write it as: --option KEY=VALUE")
        if value:
            found[key] = _json(value)
        else:
            found.pop(key, None)
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
