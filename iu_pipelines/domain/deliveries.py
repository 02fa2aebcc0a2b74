"""Deliveries: queueing, claiming and recording them, their states, and whether their record is whole.

Except for `is_installed` and `require_installed`, the module `iu-delivery` must be installed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from iu_pipelines.db.gateway import Session
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import gates, rows
from iu_pipelines.errors import StepRefused

_SQL: Final = Statements(__name__)

MOST_CLAIMED: Final = 1000
"""Deliveries that one call claims or records at most."""

MOST_QUEUED: Final = 100_000
"""Events that one call of `enqueue` reads at most."""


MOST_COUNTED: Final = 1000
"""Deliveries of one sort that `status` counts at most."""

QUEUE_STATES: Final = ("queued", "in_flight", "in_doubt", "retry", "held", "parked", "dead")
"""The states of a delivery that is not settled: fields of `TargetQueue`."""


@dataclass(frozen=True)
class Enqueued:
    """The answer of `fn_iu_delivery_enqueue`. `reason` says why nothing was read if `status` is `held`."""

    status: Literal["ran", "master_gate_closed", "worker_gate_closed", "delivery_gate_closed", "held", "busy"]
    reason: str | None
    seen: int
    queued: int
    passed_over: int
    outside_canary: int
    batch_id: int | None


@dataclass(frozen=True)
class Claim:
    """One claimed delivery: what to send, and the fence that its outcome must name.

    `headers` and `body` are complete except for the signature. The claim is valid for `lease_seconds` from
    the moment before it was asked for.
    """

    claim_id: int
    fence: int
    delivery_key: str
    event_id: UUID
    route_code: str
    subject: UUID
    subject_no: int
    attempt_no: int
    lease_seconds: int
    address: str
    headers: dict[str, Any]
    body: str


@dataclass(frozen=True)
class Outcome:
    """What became of one claim. `response_hash` is a sha256 in hexadecimal digits, never the response.

    With `local_fault`, the sender failed and not the target, so no failure of the target is counted.
    """

    claim_id: int
    fence: int
    decision: Literal["sent", "retry", "failed"]
    status_code: int | None = None
    latency_ms: int | None = None
    retry_after_seconds: int | None = None
    response_hash: str | None = None
    error: str | None = None
    local_fault: bool = False


@dataclass(frozen=True)
class Recorded:
    """How many outcomes were recorded, and what they did to the queue. `stale` ones changed nothing."""

    recorded: int
    sent: int
    retry: int
    failed: int
    stale: int
    known: int
    demoted: int


@dataclass(frozen=True)
class TargetQueue:
    """The deliveries of one target by state. Counts are lower bounds if `counts_capped` is true."""

    target: Annotated[str, "the target"]
    kind: Annotated[str, "its kind"]
    routes: Annotated[int, "routes that were ever promoted to it"]
    queued: Annotated[int, "deliveries that wait for a claim"]
    in_flight: Annotated[int, "deliveries that are claimed"]
    in_doubt: Annotated[int, "deliveries whose lease passed without an outcome"]
    retry: Annotated[int, "deliveries that failed and are due again later"]
    held: Annotated[int, "deliveries of which none is claimed now"]
    parked: Annotated[int, "deliveries behind a dead letter of their subject"]
    dead: Annotated[int, "dead letters"]
    counts_capped: Annotated[bool, "whether there are more"]
    held_reasons: Annotated[list[str] | None, "text[]", "why deliveries are held"]
    max_per_minute: Annotated[int | None, "integer", "claims in any minute; null: no limit"]
    breaker: Annotated[str, "closed, open or half_open"]
    breaker_retry_at: Annotated[datetime | None, "when an open breaker lets one delivery through"]
    oldest_at: Annotated[datetime | None, "when the oldest delivery was queued"]
    next_due_at: Annotated[datetime | None, "when the first retry that is not due yet will be"]
    dead_in_doubt: Annotated[int, "dead letters that may have arrived"]

    def shown(self, state: str) -> str:
        """Return the count of one of QUEUE_STATES as text: a lower bound if it reached the limit."""
        count: int = getattr(self, state)
        is_cut = self.counts_capped and count >= MOST_COUNTED
        return f"{count // MOST_COUNTED * MOST_COUNTED:,} or more" if is_cut else f"{count:,}"


@dataclass(frozen=True)
class DeadDelivery:
    """A delivery that is a dead letter: it is sent again only if somebody replays it."""

    event_id: Annotated[UUID, "the event"]
    event_seq: Annotated[int, "its number in the outbox"]
    route_code: Annotated[str, "the route"]
    target: Annotated[str, "the target"]
    subject: Annotated[UUID, "the subject, whose later events may wait behind it"]
    dead_at: Annotated[datetime, "when it became a dead letter"]
    reason: Annotated[str, "why"]
    attempts: Annotated[int, "integer", "number of claims"]


@dataclass(frozen=True)
class SenderShards:
    """How many of the 64 shards of a target a sender owns, and until when unless it claims again."""

    target: str
    sender: str
    shards: int
    lease_until: datetime


@dataclass(frozen=True)
class DeliveryState:
    """The state of an event on one route, and the reason."""

    route_code: Annotated[str, "the route"]
    state: Annotated[str, "one of the states of deliveries"]
    reason: Annotated[str | None, "why it is held, waits or failed"]
    since: Annotated[datetime | None, "when the state began"]
    attempts: Annotated[int, "integer", "number of claims"]
    run_ref: Annotated[str | None, "the run of the newest claim"]
    next_at: Annotated[datetime | None, "when it is due, or when its lease ends"]
    last_error: Annotated[str | None, "what the last failed send said, while it is not settled"]


@dataclass(frozen=True)
class GateEffect:
    """What another value of a gate would do to one route: let its deliveries go, or hold them.

    `held` deliveries wait, and more if `held_capped` is true. `held_reason` would be the first refusal, None
    if they would go; then `drain_seconds` is how long they need at the permitted rate, None without a rate.
    """

    target: str
    route_code: str
    held: int
    held_capped: bool
    oldest_at: datetime | None
    max_per_minute: int | None
    drain_seconds: float | None
    held_reason: str | None


@dataclass(frozen=True)
class DeliveryChange:
    """The answer to a replay or a discard of one delivery."""

    status: Literal["queued", "discarded", "not_queued", "in_flight", "busy"]
    route_code: str
    event_id: UUID


@dataclass(frozen=True)
class MadeDue:
    """The answer of `fn_iu_delivery_retry_now`: how many retries of a route are due now instead of later."""

    status: Literal["ran", "busy"]
    route_code: str
    made_due: int


@dataclass(frozen=True)
class Twin:
    """Events of a live route by what their rehearsal would have done, and what their delivery did.

    `would` is dry_run, skipped, failed or none; `did` is a state of deliveries.
    """

    would: str
    did: str
    deliveries: int
    first_event_id: UUID


@dataclass(frozen=True)
class DeliveryChains:
    """The result of `fn_iu_delivery_chain_verify`. Counts are of rows before the first that is wrong."""

    fits: bool
    batches: int
    ledger_rows: int
    entries: int
    fault: str | None


def is_installed(gateway: Queries) -> bool:
    """Return whether the functions of the module `iu-delivery` are installed."""
    found: bool = gateway.fetch_value(_SQL["is_installed"])
    return found


def require_installed(gateway: Queries) -> None:
    """Raise StepRefused unless the module `iu-delivery` is installed."""
    if not is_installed(gateway):
        raise StepRefused(
            "the module iu-delivery is not installed", hint="Install it with: iu migrate --with delivery"
        )


def misfit(gateway: Queries, newest: int | None = None) -> str | None:
    """Describe the first of the `newest` events that is in no state or in two, or return None.

    The events are those of the domains of the live routes; without `newest` all of them. The module must be
    installed.
    """
    fault: str | None = gateway.fetch_value(_SQL["misfit"], {"newest": newest})
    return fault


def twins(gateway: Queries, route_code: str, newest: int | None = None) -> list[Twin]:
    """Return the events that a live route has read by both decisions.

    They are among the `newest` of its domain, or all. What its first promotion passed over is left out.

    Raises:
        ArgumentInvalid: there is no such route, or `newest` is below 1.
    """
    found = gateway.fetch_all(_SQL["twins"], {"route_code": route_code, "newest": newest})
    return [rows.read(Twin, row) for row in found]


def sent_by_route(gateway: Queries) -> dict[str, int]:
    """Return how many deliveries of each route that was ever promoted were sent."""
    return {row["route_code"]: row["sent"] for row in gateway.fetch_all(_SQL["sent_by_route"])}


def unrehearsed(gateway: Queries, newest: int | None = None) -> str | None:
    """Describe the first of the `newest` events that was sent against its rehearsal, or return None."""
    fault: str | None = gateway.fetch_value(_SQL["unrehearsed"], {"newest": newest})
    return fault


def verify_chains(gateway: Queries, newest: int | None = None) -> DeliveryChains:
    """Recompute the chains of batches, ledger and claims, of the `newest` rows of each or of all.

    The module must be installed.
    """
    return rows.read(DeliveryChains, gateway.fetch_value(_SQL["chains"], {"newest": newest}))


def present_deployment(session: Session, deployment: str | None) -> None:
    """Present a deployment for the rest of the transaction: promotions name the one that they are for."""
    session.execute(_SQL["present_deployment"], {"deployment": deployment or ""})


def enqueue(session: Session, route_code: str, batch_limit: int, run_ref: str | None = None) -> Enqueued:
    """Queue the next events of a live route. The transaction has presented its deployment.

    Raises:
        BatchLimitInvalid: `batch_limit` is not in the range 1 to MOST_QUEUED.
    """
    given = {"route_code": route_code, "batch_limit": batch_limit, "run_ref": run_ref}
    return rows.read(Enqueued, session.fetch_value(_SQL["enqueue"], given))


def claim(
    session: Session, target: str, batch_limit: int, sender: str, run_ref: str | None = None
) -> list[Claim]:
    """Claim due deliveries of a target, in order. Commit before sending.

    Raises:
        DeliveryRefused: the login may not deliver to the target.
        UnknownTarget: there is no such target.
    """
    given = {"target": target, "batch_limit": batch_limit, "sender": sender, "run_ref": run_ref}
    return [Claim(**row) for row in session.fetch_all(_SQL["claim"], given)]


def claim_plan(
    session: Session, plan_hash: str, batch_limit: int, sender: str, run_ref: str | None = None
) -> list[Claim]:
    """Claim due deliveries that a frozen plan names, in order. Commit before sending.

    Raises:
        PromotionOutdated: there is no plan with this hash.
        DeliveryRefused: the login may not deliver to the target.
    """
    given = {"plan_hash": plan_hash, "batch_limit": batch_limit, "sender": sender, "run_ref": run_ref}
    return [Claim(**row) for row in session.fetch_all(_SQL["claim_plan"], given)]


def has_due(session: Session, target: str) -> bool:
    """Return whether a delivery of a target is due, for this sender or another.

    The transaction has presented its deployment. Gates, breaker and rates are not asked.
    """
    due: bool = session.fetch_value(_SQL["has_due"], {"target": target})
    return due


def release_shards(gateway: Queries, target: str, sender: str) -> int:
    """Give back the shards of a target that a sender leases, and return their number.

    Another sender gets them at once. The claims of the sender are not concerned.
    """
    released: int = gateway.fetch_value(_SQL["release_shards"], {"target": target, "sender": sender})
    return released


def record(gateway: Queries, outcomes: Sequence[Outcome]) -> Recorded:
    """Record the outcomes of at most MOST_CLAIMED claims of one target. Recording one again changes nothing.

    Raises:
        DeliveryRefused: a claim was made by another login.
        UnknownClaim: a claim was never made.
    """
    given = json.dumps([vars(outcome) for outcome in outcomes])
    return rows.read(Recorded, gateway.fetch_value(_SQL["record"], {"outcomes": given}))


def status(gateway: Queries) -> list[TargetQueue]:
    """Return the deliveries of every target by state."""
    return [rows.read(TargetQueue, row) for row in gateway.fetch_all(_SQL["status"])]


def dead_letters(gateway: Queries, target: str | None = None, limit: int = 100) -> list[DeadDelivery]:
    """Return at most `limit` (1 to 10000) dead letters of all targets or of one, newest events first.

    Raises:
        ArgumentInvalid: there is no such target, or the limit is out of range.
    """
    found = gateway.fetch_all(_SQL["dead_letters"], {"target": target, "row_limit": limit})
    return [rows.read(DeadDelivery, row) for row in found]


def senders(gateway: Queries) -> list[SenderShards]:
    """Return the senders that own shards of a target now."""
    return [rows.read(SenderShards, row) for row in gateway.fetch_all(_SQL["senders"])]


def why(gateway: Queries, event_id: UUID) -> list[DeliveryState]:
    """Return the state of an event on each route.

    Raises:
        ArgumentInvalid: there is no such event.
    """
    found = gateway.fetch_all(_SQL["why"], {"event_id": event_id})
    return [rows.read(DeliveryState, row) for row in found]


def preview_gate(gateway: Queries, key: str, value: str) -> list[GateEffect]:
    """Return what another value of a gate would do, for each route whose first refusal would change.

    Raises:
        UnknownGate: the key is no gate, or the value is not allowed for it.
    """
    with gates.choices_named():
        found = gateway.fetch_all(_SQL["gate_preview"], {"key": key, "value": value})
    return [rows.read(GateEffect, row) for row in found]


def replay(
    gateway: Queries, route_code: str, event_id: UUID, reason: str, *, out_of_order: bool = False
) -> DeliveryChange:
    """Queue the dead letter of an event again.

    Raises:
        UnknownDeadLetter: there is no such dead letter.
        ReplayOutOfOrder: later events of its subject may have been delivered.
    """
    given = {
        "route_code": route_code, "event_id": event_id, "reason": reason, "out_of_order": out_of_order,
    }  # fmt: skip
    return rows.read(DeliveryChange, gateway.fetch_value(_SQL["replay"], given))


def discard(gateway: Queries, route_code: str, event_id: UUID, reason: str) -> DeliveryChange:
    """Settle a dead letter or a queued delivery without sending it."""
    given = {"route_code": route_code, "event_id": event_id, "reason": reason}
    return rows.read(DeliveryChange, gateway.fetch_value(_SQL["discard"], given))


def retry_now(gateway: Queries, route_code: str, reason: str, event_id: UUID | None = None) -> MadeDue:
    """Make up to MOST_CLAIMED retries of a route due now that would be due later, or that of one event.

    Their attempts count on. If `made_due` is MOST_CLAIMED, call it again.

    Raises:
        ArgumentInvalid: there is no such route, or the reason is empty.
    """
    given = {"route_code": route_code, "reason": reason, "event_id": event_id}
    return rows.read(MadeDue, gateway.fetch_value(_SQL["retry_now"], given))
