"""Promotions of routes, their rehearsals and their thresholds. The module `iu-delivery` must be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows
from iu_pipelines.errors import ArgumentInvalid

_SQL: Final = Statements(__name__)

Decision = Literal["approve", "reject"]


@dataclass(frozen=True)
class Promotion:
    """One promotion: what was proposed, on which evidence, and who decided.

    `state` is proposed, outdated (it can no longer be approved), rejected, live, held, demoted or replaced.
    """

    promotion_no: Annotated[int, "integer", "the promotion"]
    route_code: Annotated[str, "the route"]
    target_name: Annotated[str | None, "the target"]
    state: Annotated[str, "proposed, outdated, rejected, live, held, demoted or replaced"]
    reason: Annotated[str, "why it was proposed"]
    proposed_by: Annotated[str, "the login that proposed it"]
    proposed_at: Annotated[datetime, "when it was proposed"]
    share: Annotated[float, "the share of the subjects that is delivered"]
    max_per_minute: Annotated[int | None, "integer", "claims in any minute; null: no limit"]
    max_failure_share: Annotated[float, "the share of failed outcomes from which it ends by itself"]
    valid_for: Annotated[timedelta, "interval", "how long it is valid after the approval"]
    deployment: Annotated[str, "the deployment that a sender must present"]
    queued: Annotated[str, "what approval does with what is queued: deliver or discard"]
    queued_count: Annotated[int, "how many deliveries that is"]
    start_position: Annotated[str, "where a first promotion begins"]
    evidence: Annotated[dict[str, Any], "what was counted, and the thresholds"]
    decided_by: Annotated[str | None, "the login that approved or rejected it"]
    decided_at: Annotated[datetime | None, "when"]
    decision_reason: Annotated[str | None, "why"]
    expires_at: Annotated[datetime | None, "when it ends, if it is the newest of its route"]
    held_reason: Annotated[str | None, "why nothing is queued and claimed although it was approved"]
    demoted_by: Annotated[str | None, "the login that ended it, or by whose outcomes it ended"]
    demoted_at: Annotated[datetime | None, "when"]
    demotion_reason: Annotated[str | None, "why"]
    demoted_automatically: Annotated[bool | None, "whether it ended by outcomes; null: it was not demoted"]


@dataclass(frozen=True)
class Terms:
    """What a proposal asks for."""

    route_code: str
    deployment: str
    reason: str
    share: float = 1.0
    max_per_minute: int | None = None
    max_failure_share: float = 0.1
    valid_for: timedelta = timedelta(days=7)
    queued: Literal["deliver", "discard"] = "deliver"
    start_position: str = "latest"


@dataclass(frozen=True)
class Proposal:
    """The answer to a proposal. An approval now would pass over so many events from before."""

    status: str
    promotion_no: int
    route_code: str
    queued_count: int
    evidence: dict[str, Any]
    passed_over: int


@dataclass(frozen=True)
class Rule:
    """One rule of a proposal: what was needed, what was seen, and whether that is enough."""

    rule: str
    needed: str
    seen: str
    is_met: bool


@dataclass(frozen=True)
class Demotion:
    """The answer to a demotion. `in_flight` deliveries may still be sent until `until`."""

    status: Literal["demoted", "already_demoted", "not_promoted"]
    route_code: str
    promotion_no: int | None = None
    queued: int = 0
    in_flight: int = 0
    until: datetime | None = None


@dataclass(frozen=True)
class Rehearsal:
    """A body to sign as for a delivery: that of the newest event of one kind of a route."""

    target_name: str
    event_id: UUID
    payload_kind: str
    delivery_key: str
    headers: dict[str, Any]
    body: str
    body_bytes: int


@dataclass(frozen=True)
class RehearsalRecord:
    """The record of one rehearsal."""

    rehearsal_no: int
    passed: bool
    error_detail: str | None


@dataclass(frozen=True)
class Threshold:
    """What a proposal must show, with the newest proposed change of it that is not decided."""

    threshold: Annotated[str, "the threshold"]
    value: Annotated[int, "the value in force"]
    initial_value: Annotated[int, "the value after the installation"]
    minimum: Annotated[int, "the lowest value allowed"]
    maximum: Annotated[int, "the highest value allowed"]
    description: Annotated[str, "what is counted"]
    change_no: Annotated[int | None, "integer", "the newest change that is not decided"]
    new_value: Annotated[int | None, "the value that it proposes"]
    proposed_by: Annotated[str | None, "the login that proposed it"]
    proposed_at: Annotated[datetime | None, "when"]
    reason: Annotated[str | None, "why"]


@dataclass(frozen=True)
class ThresholdChange:
    """A proposed change of a threshold, in force if it was approved; `decision` is None until then."""

    change_no: int
    threshold: str
    old_value: int
    new_value: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


def list_promotions(gateway: Queries, route_code: str | None = None) -> list[Promotion]:
    """Return every promotion, or those of one route, in the order of their proposals."""
    found = gateway.fetch_all(_SQL["list_promotions"], {"route_code": route_code})
    return [rows.read(Promotion, row) for row in found]


def of_other_deployments(found: Sequence[Promotion], deployment: str | None) -> list[Promotion]:
    """Return the live promotions for another deployment than the one that a sender presents."""
    return [one for one in found if one.state == "live" and one.deployment != deployment]


def unlisted(found: Sequence[Promotion], listed: str | None) -> dict[str | None, list[str]]:
    """Return by target the routes with a live promotion that the list of live routes lacks.

    If the list is not known (`listed` is None), only a target with one live route can lack that one.
    """
    live: dict[str | None, list[str]] = {}
    for one in found:
        if one.state == "live" and (listed is None or one.route_code not in listed.split(",")):
            live.setdefault(one.target_name, []).append(one.route_code)
    return {target: codes for target, codes in live.items() if listed is not None or len(codes) == 1}


def get(gateway: Queries, promotion_no: int) -> Promotion:
    """Return one promotion.

    Raises:
        ArgumentInvalid: there is no such promotion.
    """
    for found in list_promotions(gateway):
        if found.promotion_no == promotion_no:
            return found
    raise ArgumentInvalid(f"no such promotion: {promotion_no}", hint="Choose one from: iu promote list")


def propose(gateway: Queries, terms: Terms) -> Proposal:
    """Propose to deliver the events of a route; the database counts the evidence itself.

    Raises:
        PromotionRefused: rules are not met; the message names each, the value needed and the value seen.
        ArgumentInvalid: a term is malformed.
    """
    return rows.read(Proposal, gateway.fetch_value(_SQL["propose"], asdict(terms)))


def rules(evidence: Mapping[str, Any], valid_for: timedelta) -> list[Rule]:
    """Return the rules of a proposal for its evidence, as `fn_iu_promotion_evidence_require` checks them."""
    limits = evidence["thresholds"]
    events, subjects = evidence["events"], min(limits["subjects"], evidence["type_subjects"])
    hours = evidence["seconds"] / 3600
    pack_hours = None if evidence["pack_seconds"] is None else evidence["pack_seconds"] / 3600
    days = valid_for.total_seconds() / 86_400
    missing = evidence["kinds_not_rehearsed"]
    rehearsed = len(evidence["rehearsals"])
    return [
        Rule("days", f"at most {limits['days']}", f"{days:.4g}", days <= limits["days"]),
        Rule("worker", "an audit worker", str(evidence["worker_name"]), evidence["worker_name"] is not None),
        Rule("failures", "0", f"{evidence['failures']:,}", evidence["failures"] == 0),
        Rule("events", f"{limits['events']:,}", f"{events:,}", events >= limits["events"]),
        Rule("subjects", f"{subjects:,}", f"{evidence['subjects']:,}", evidence["subjects"] >= subjects),
        Rule("hours", f"{limits['hours']:,}", f"{hours:,.2f}", hours >= limits["hours"]),
        Rule("rehearsal", "each kind", f"{rehearsed} of {rehearsed + len(missing)} kinds", not missing),
        Rule("test", "passed", _verdict(evidence["test_passed"]), evidence["test_passed"] is True),
        Rule("pack", "passed", _verdict(evidence["pack_passed"]), evidence["pack_passed"] is True),
        Rule(
            "pack_hours",
            f"at most {limits['pack_hours']:,}",
            "none" if pack_hours is None else f"{pack_hours:,.2f}",
            pack_hours is not None and pack_hours <= limits["pack_hours"],
        ),
    ]


def _verdict(passed: bool | None) -> str:
    return "none" if passed is None else "passed" if passed else "failed"


def decide(gateway: Queries, promotion_no: int, decision: Decision, reason: str) -> dict[str, Any]:
    """Approve or reject a proposal of another login.

    Raises:
        NotAnApprover: the login is not an approver.
        PromotionRefused: it made the proposal, or a rule is no longer met.
        PromotionOutdated: what was proposed has changed.
    """
    given = {"promotion_no": promotion_no, "decision": decision, "reason": reason}
    answer: dict[str, Any] = gateway.fetch_value(_SQL["decide"], given)
    return answer


def demote(gateway: Queries, route_code: str, reason: str) -> Demotion:
    """End the promotion of a route."""
    answer = gateway.fetch_value(_SQL["demote"], {"route_code": route_code, "reason": reason})
    return rows.read(Demotion, answer)


def rehearsals(gateway: Queries, route_code: str) -> list[Rehearsal]:
    """Return what a sender signs to rehearse a route: the newest event of each kind.

    Raises:
        DeliveryRefused: the login may not deliver to the target of the route.
        PromotionRefused: the route cannot be promoted.
    """
    found = gateway.fetch_all(_SQL["rehearsals"], {"route_code": route_code})
    return [rows.read(Rehearsal, row) for row in found]


def record_rehearsal(
    gateway: Queries, route_code: str, event_id: UUID, body_hash: str, signature: str
) -> RehearsalRecord:
    """Record that a body was rendered and signed. `body_hash` is its sha256 in hexadecimal digits."""
    given = {
        "route_code": route_code, "event_id": event_id, "body_hash": body_hash, "signature": signature,
    }  # fmt: skip
    return rows.read(RehearsalRecord, gateway.fetch_value(_SQL["record_rehearsal"], given))


def thresholds(gateway: Queries) -> list[Threshold]:
    """Return every threshold in alphabetical order."""
    return [rows.read(Threshold, row) for row in gateway.fetch_all(_SQL["thresholds"])]


def threshold_changes(gateway: Queries, limit: int = 20) -> list[ThresholdChange]:
    """Return up to `limit` proposed changes of thresholds, newest first, with their decisions."""
    found = gateway.fetch_all(_SQL["threshold_changes"], {"max_rows": limit})
    return [rows.read(ThresholdChange, row) for row in found]


def propose_threshold(gateway: Queries, threshold: str, value: int, reason: str) -> dict[str, Any]:
    """Propose another value of a threshold.

    Raises:
        ArgumentInvalid: there is no such threshold, or the value is out of range.
        PromotionRefused: the login is a superuser or an owner.
    """
    given = {"threshold": threshold, "value": value, "reason": reason}
    answer: dict[str, Any] = gateway.fetch_value(_SQL["propose_threshold"], given)
    return answer


def decide_threshold(gateway: Queries, change_no: int, decision: Decision, reason: str) -> dict[str, Any]:
    """Approve or reject a change of a threshold that another login proposed.

    Raises:
        NotAnApprover, PromotionRefused, PromotionOutdated, ArgumentInvalid: as `decide` does.
    """
    given = {"change_no": change_no, "decision": decision, "reason": reason}
    answer: dict[str, Any] = gateway.fetch_value(_SQL["decide_threshold"], given)
    return answer
