"""Targets of live delivery: the rows of `iu_delivery_target`, their senders and their tests.

The module `iu-delivery` must be installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from iu_pipelines.db.gateway import Session
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import IuError, TargetNotSafe, UnknownTarget

_SQL: Final = Statements(__name__)

MODULE: Final = "iu-delivery"

NAME_PATTERN: Final = r"[a-z0-9_][a-z0-9_.-]{0,99}"
"""The names of targets, as the constraint `target_name_is_a_name` has them."""

SECRET_NAME_PATTERN: Final = r"[A-Z][A-Z0-9_]{0,62}"  # noqa: S105  a pattern of names
"""The names of secrets, as the constraint `secret_name_is_a_name` has them."""

_OPTIONS_HINT: Final = (
    "Options are stored and shown. Only the header Authorization may have a secret: give its name with "
    "--option authorization_secret=NAME, and put it into the environment as IU_SECRET_<NAME>, or into a file "
    "of IU_SECRETS_DIR."
)


@dataclass(frozen=True)
class Target:
    """One target, with the state of its breaker. `senders` are the logins that may deliver to it."""

    target_name: Annotated[str, "the target"]
    kind: Annotated[str, "the kind of the target"]
    address: Annotated[str, "where deliveries are sent; never with a secret"]
    secret_name: Annotated[str | None, "the name under which the sender finds the secret"]
    timeout_seconds: Annotated[int, "integer", "how long one send may take"]
    lease_seconds: Annotated[int, "integer", "how long a claim is valid"]
    max_per_minute: Annotated[int | None, "integer", "claims in any minute; null: no limit"]
    retry_seconds: Annotated[list[int], "integer[]", "seconds to wait after each failure"]
    max_in_doubt: Annotated[int, "integer", "how often a delivery in doubt is claimed again"]
    on_dead_letter: Annotated[str, "park or skip"]
    at_most_once: Annotated[bool, "whether a delivery in doubt becomes a dead letter"]
    after_failover: Annotated[str, "resume or hold"]
    allow_private: Annotated[bool, "whether the address may be private"]
    options: Annotated[dict[str, Any], "options of the kind"]
    enabled: Annotated[bool, "whether deliveries are claimed"]
    target_version: Annotated[int, "integer", "the version of the definition"]
    paused: Annotated[bool, "whether a person paused it"]
    failover_hold: Annotated[bool, "whether it waits for a person after a failover"]
    breaker: Annotated[str, "closed, open or half_open"]
    routes: Annotated[list[str], "the routes with this target"]
    senders: Annotated[list[str], "the logins that may deliver to it"]


@dataclass(frozen=True)
class GrantedTarget:
    """What a sender must know about a target that is granted to its login."""

    target_no: int
    """The number of the target."""
    target_name: str
    """The name of the target."""
    kind: str
    """The kind of the target."""
    address: str
    """Where deliveries are sent, without a secret."""
    secret_name: str | None
    """The name of its secret; None: it has none."""
    timeout_seconds: int
    """How long one send may take, in seconds, 1 to 300."""
    lease_seconds: int
    """How long a claim is valid, in seconds, 2 to 3,600."""
    max_per_minute: int | None
    """Deliveries in any minute at most; None: no limit."""
    at_most_once: bool
    """Whether what may have been sent is not sent again."""
    allow_private: bool
    """Whether the address may be loopback, private or link-local."""
    options: dict[str, Any]
    """The options of the kind."""
    target_version: int
    """The number of the definition, which increases with each change."""
    enabled: bool
    """Whether deliveries to it are claimed."""
    routes: tuple[str, ...]
    """The routes that were ever promoted to it."""


@dataclass(frozen=True)
class TargetTest:
    """The record of one test of a target: only the class of the answer is kept."""

    test_no: int
    target_name: str
    target_version: int
    passed: bool
    status_class: str


@dataclass(frozen=True)
class TargetTested(TargetTest):
    """A test of a target that was recorded before."""

    tested_at: datetime
    tested_by: str


@dataclass(frozen=True)
class TargetChange:
    """One change of a target, of its pause or of its senders. The values have the columns that differ."""

    change: str
    old_value: dict[str, Any] | None
    new_value: dict[str, Any] | None
    reason: str | None
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True)
class TargetVersion:
    """One version of a target."""

    target_version: int
    definition: dict[str, Any]
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True)
class StateChange:
    """The answer when a target is paused, resumed, enabled or disabled.

    `in_flight` deliveries were claimed before, and may still be sent until `until`.
    """

    status: Literal["paused", "resumed", "enabled", "disabled", "unchanged"]
    target_name: str
    in_flight: int
    until: datetime | None


DEFAULTS: Final[Mapping[str, Any]] = {
    "kind": None,
    "address": "",
    "secret_name": None,
    "timeout_seconds": 10,
    "lease_seconds": 60,
    "max_per_minute": None,
    "retry_seconds": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
    "max_in_doubt": 20,
    "on_dead_letter": "park",
    "at_most_once": False,
    "after_failover": None,
    "options": {},
}
"""The columns that `add` and `change` accept, with the values of a new target: the defaults of the table.

Without `after_failover` the database chooses by `at_most_once`. An approver sets `allow_private`.
"""


def list_targets(gateway: Queries) -> list[Target]:
    """Return every target in alphabetical order."""
    return [rows.read(Target, row) for row in gateway.fetch_all(_SQL["list_targets"], {"target_name": None})]


def get(gateway: Queries, target_name: str) -> Target:
    """Return one target.

    Raises:
        UnknownTarget: there is no such target; the hint has similar names.
    """
    row = gateway.fetch_one(_SQL["list_targets"], {"target_name": target_name})
    if row is None:
        hint = similar_names("targets", target_name, _names(gateway))
        raise UnknownTarget(f"no such target: {target_name!r}", hint=hint)
    return rows.read(Target, row)


def warning_of_route(gateway: Queries, target_kind: str, target_name: str) -> str | None:
    """Return why a route to a target cannot be promoted as the target is now, or None."""
    kind = gateway.fetch_value(_SQL["kind"], {"target_name": target_name})
    if kind is None:
        name = target_name if re.fullmatch(NAME_PATTERN, target_name) else "NAME"
        add = f"iu target add {name} --kind {target_kind}"
        return f"there is no target {target_name!r} yet, so the route cannot be promoted; add one with: {add}"
    if kind == target_kind:
        return None
    return f"target {target_name!r} is of kind {kind}, not {target_kind}, so the route cannot be promoted"


def _names(gateway: Queries) -> list[str]:
    return [row["target_name"] for row in gateway.fetch_all(_SQL["names"])]


def versions(gateway: Queries, target_name: str, limit: int = 20) -> list[TargetVersion]:
    """Return up to `limit` versions of a target, newest first."""
    found = gateway.fetch_all(_SQL["versions"], {"target_name": target_name, "max_rows": limit})
    return [rows.read(TargetVersion, row) for row in found]


def add(session: Session, target_name: str, columns: Mapping[str, Any]) -> bool:
    """Add a target; return false if the name is in use. A column of DEFAULTS that is not given has its value.

    Raises:
        TargetUnknown: the module does not deliver to this kind.
        TargetNotSafe: the address or an option contains a secret.
    """
    given = {"target_name": target_name, "columns": {**DEFAULTS, **columns}}
    with _explained():
        return session.execute(_SQL["add"], given) == 1


def change(session: Session, target_name: str, columns: Mapping[str, Any]) -> bool:
    """Set columns of DEFAULTS; return false if there is no such target. A change makes a new version.

    Raises:
        TargetUnknown, TargetNotSafe: as `add` does.
        NotAnApprover: the kind or the address of a target that may be private changes.
    """
    with _explained():
        return session.execute(_SQL["change"], {"target_name": target_name, "columns": dict(columns)}) == 1


@contextmanager
def _explained() -> Iterator[None]:
    """Say where a secret in an option belongs. The hint of the database is about addresses."""
    try:
        yield
    except TargetNotSafe as error:
        if error.message.startswith("argument options"):
            error.hint = _OPTIONS_HINT
        raise


def remove(session: Session, target_name: str) -> bool:
    """Remove a target to which no route was ever promoted; return false if there is no such target.

    Raises:
        TargetInUse: a route was promoted to it.
    """
    return session.execute(_SQL["remove"], {"target_name": target_name}) == 1


def only_private(target_name: str, refused: IuError) -> str:
    """Return what an address means that is accepted only of a target that may be private.

    `refused` is the refusal for one that may not be: of the host, or of what a public host needs.
    """
    allow = f"an approver runs: iu target set {target_name} --allow-private --reason WHY"
    if isinstance(refused, TargetNotSafe):
        return f"{refused.message}, so nothing is sent before {allow}"
    return f"{refused.message}, so nothing is sent to a public host, and to a private one not before {allow}"


def allow_private(gateway: Queries, target_name: str, allowed: bool, reason: str) -> dict[str, Any]:
    """Set whether the address may be loopback, private or link-local. Only an approver may.

    Raises:
        NotAnApprover: the login is not an approver.
        UnknownTarget: there is no such target.
    """
    given = {"target_name": target_name, "allowed": allowed, "reason": reason}
    answer: dict[str, Any] = gateway.fetch_value(_SQL["allow_private"], given)
    return answer


def set_paused(gateway: Queries, target_name: str, paused: bool, reason: str) -> StateChange:
    """Pause a target, or resume it, also after a failover.

    Raises:
        UnknownTarget: there is no such target.
    """
    given = {"target_name": target_name, "paused": paused, "reason": reason}
    return rows.read(StateChange, gateway.fetch_value(_SQL["set_paused"], given))


def set_enabled(gateway: Queries, target_name: str, enabled: bool, reason: str) -> StateChange:
    """Enable or disable a target.

    Raises:
        UnknownTarget: there is no such target.
    """
    given = {"target_name": target_name, "enabled": enabled, "reason": reason}
    return rows.read(StateChange, gateway.fetch_value(_SQL["set_enabled"], given))


def grant(session: Session, target_name: str, login: str) -> bool:
    """Let a login deliver to a target; return false if it may already.

    Raises:
        ArgumentInvalid: there is no such login.
    """
    return session.execute(_SQL["grant"], {"target_name": target_name, "login": login}) == 1


def revoke(session: Session, target_name: str, login: str) -> bool:
    """Forbid a login to deliver to a target; return false if it could not."""
    return session.execute(_SQL["revoke"], {"target_name": target_name, "login": login}) == 1


def granted(gateway: Queries) -> list[GrantedTarget]:
    """Return the targets to which the login of this connection may deliver.

    Raises:
        DeliveryRefused: the login is not a member of iu_sender, or it is a superuser or owner.
    """
    return [rows.read(GrantedTarget, row) for row in gateway.fetch_all(_SQL["granted"])]


def refusal(gateway: Queries, target_name: str) -> str | None:
    """Return in one word why nothing is claimed for a target now, or None.

    Raises:
        DeliveryRefused: the login may not deliver to the target.
    """
    found: str | None = gateway.fetch_value(_SQL["refusal"], {"target_name": target_name})
    return found


def newest_tests(gateway: Queries, target_name: str, limit: int = 20) -> list[TargetTested]:
    """Return up to `limit` tests of a target, newest first."""
    found = gateway.fetch_all(_SQL["tests"], {"target_name": target_name, "max_rows": limit})
    return [rows.read(TargetTested, row) for row in found]


def history(gateway: Queries, target_name: str, limit: int = 20) -> list[TargetChange]:
    """Return up to `limit` changes of a target, newest first."""
    found = gateway.fetch_all(_SQL["history"], {"target_name": target_name, "max_rows": limit})
    return [rows.read(TargetChange, row) for row in found]


def record_test(gateway: Queries, target_name: str, passed: bool, status_class: str) -> TargetTest:
    """Record a test of the current version of a target.

    Raises:
        DeliveryRefused: the login may not deliver to the target.
    """
    given = {"target_name": target_name, "passed": passed, "status_class": status_class}
    return rows.read(TargetTest, gateway.fetch_value(_SQL["record_test"], given))
