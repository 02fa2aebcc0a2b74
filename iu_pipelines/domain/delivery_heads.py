"""The heads of a target for programs that start work for each delivery: reading, claiming, prolonging.

The module `iu-delivery` must be installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from iu_pipelines.db.gateway import Session
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.domain.deliveries import Claim

_SQL: Final = Statements(__name__)

MOST_NAMED: Final = 1000
"""Deliveries that one call names at most."""


@dataclass(frozen=True)
class Head:
    """The first delivery of a subject that is not settled.

    `claim_id`, `fence` and `run_ref` are of the claim for the target whose outcome is not recorded; None:
    there is none. With a claim, `due_at` is the end of its lease.
    """

    delivery_key: str
    event_id: UUID
    route_code: str
    subject: UUID
    due_at: datetime
    is_due: bool
    claim_id: int | None
    fence: int
    run_ref: str | None


@dataclass(frozen=True)
class OpenClaim:
    """A claim whose outcome is not recorded, its target, and the run that claimed."""

    target: str
    run_ref: str | None
    claim: Claim


def heads(session: Session, target: str, limit: int) -> list[Head]:
    """Return at most `limit` heads that are due, and those that are claimed, oldest first.

    The transaction has presented its deployment.

    Raises:
        DeliveryRefused: the login may not deliver to the target.
        UnknownTarget: there is no such target.
    """
    found = session.fetch_all(_SQL["heads"], {"target": target, "max_rows": limit})
    return [rows.read(Head, row) for row in found]


def claim(session: Session, target: str, keys: Sequence[str], sender: str, run_ref: str) -> list[Claim]:
    """Claim the deliveries with these keys that are heads and due, at most MOST_NAMED. Commit, then work.

    The transaction has presented its deployment.

    Raises:
        ArgumentInvalid: there is no key, or one is malformed.
        DeliveryRefused: the login may not deliver to the target.
        UnknownTarget: there is no such target.
    """
    given = {"target": target, "keys": list(keys), "sender": sender, "run_ref": run_ref}
    return [Claim(**row) for row in session.fetch_all(_SQL["claim"], given)]


def claimed(gateway: Queries, keys: Sequence[str]) -> list[OpenClaim]:
    """Return the claims of this login without an outcome, among the deliveries with these keys.

    Raises:
        ArgumentInvalid: there is no key, or one is malformed.
    """
    found = gateway.fetch_all(_SQL["claimed"], {"keys": list(keys)})
    return [OpenClaim(row.pop("target"), row.pop("run_ref"), Claim(**row)) for row in map(dict, found)]


def prolong(gateway: Queries, claim_ids: Sequence[int]) -> int:
    """Prolong the leases of 1 to MOST_NAMED claims of one target, and return how many have no outcome.

    Raises:
        DeliveryRefused: a claim was made by another login.
    """
    prolonged: int = gateway.fetch_value(_SQL["prolong"], {"claim_ids": list(claim_ids)})
    return prolonged
