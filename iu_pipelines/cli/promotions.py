"""`iu promote` and `iu demote`: how a route becomes live by two people, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from iu_pipelines import settings
from iu_pipelines.cli.command import (
    Answer,
    DeliveryGateway,
    Invocation,
    SenderGateway,
    add_command,
    add_group,
)
from iu_pipelines.cli.options import Reason, row_number, small_number
from iu_pipelines.cli.output import print_facts, print_hint, print_line, print_table, when
from iu_pipelines.cli.targets import in_flight, send_test, test_hint, test_line
from iu_pipelines.delivery import trials
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain import promotions
from iu_pipelines.domain.promotions import Promotion, Proposal, Rule, Terms
from iu_pipelines.domain.quantities import counted
from iu_pipelines.errors import ArgumentInvalid, PromotionRefused, UsageError


class Queued(StrEnum):
    """What an approval does with the deliveries that are queued."""

    DELIVER = "deliver"
    DISCARD = "discard"


RouteCode = Annotated[str, typer.Argument(metavar="ROUTE", help="A route from iu route list.")]
PromotionNo = Annotated[
    int,
    typer.Argument(metavar="NO", callback=small_number, help="A promotion from iu promote list."),
]
ChangeNo = Annotated[
    int,
    typer.Argument(metavar="CHANGE", callback=small_number, help="A change from iu promote threshold list."),
]


def register(app: typer.Typer) -> None:
    """Add the commands about promotions."""
    group = add_group(
        app, "promote", "Make a route live: one person proposes it with evidence, another one approves it."
    )
    add_command(group, propose, writes=True)
    add_command(group, list_all, "list")
    add_command(group, show)
    add_command(group, rehearse, writes=True)
    add_command(group, approve, writes=True)
    add_command(group, reject, writes=True)
    thresholds = add_group(group, "threshold", "What a proposal must show; two people change it.")
    add_command(thresholds, list_thresholds, "list")
    add_command(thresholds, set_threshold, "set", writes=True)
    add_command(thresholds, approve_threshold, "approve", writes=True)
    add_command(thresholds, reject_threshold, "reject", writes=True)
    add_command(app, demote, writes=True)


def propose(
    call: Invocation,
    route_code: RouteCode,
    reason: Reason,
    share: Annotated[
        float, typer.Option(min=0.00001, max=1, help="The share of the subjects that is delivered.")
    ] = 1.0,
    max_per_minute: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, show_default=False, help="Deliveries in any minute at most; default: all."
        ),
    ] = None,
    max_failure_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="The share of failures above which the route is demoted by itself."),
    ] = 0.1,
    days: Annotated[
        float, typer.Option(min=0.0001, max=10_000, help="How long it is valid after the approval.")
    ] = 7.0,
    deployment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, help="The deployment that may deliver (also IU_DEPLOYMENT)."
        ),
    ] = None,
    queued: Annotated[
        Queued, typer.Option(help="What the approval does with deliveries that are queued from before.")
    ] = Queued.DELIVER,
    start_position: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="POSITION",
            help="Where a first promotion begins: latest, beginning, or an event id to begin after.",
        ),
    ] = "latest",
) -> Answer:
    """Propose to deliver the events of a route. The database counts the evidence itself.

    Examples:
        iu promote propose shop.order_paid.hook --reason "the shop goes live"
        iu promote propose shop.order_paid.hook --share 0.01 --days 1 --from beginning --reason "a canary"
    """
    chosen = settings.load(deployment=deployment).deployment
    if chosen is None:
        raise UsageError(
            "the deployment is not named", hint="Set IU_DEPLOYMENT, or give its name with --deployment."
        )
    terms = Terms(
        route_code=route_code,
        deployment=chosen,
        reason=reason,
        share=share,
        max_per_minute=max_per_minute,
        max_failure_share=max_failure_share,
        valid_for=timedelta(days=days),
        queued=queued.value,
        start_position=start_position,
    )
    with call.connect_to_module() as gateway:
        proposal = _proposed(gateway, terms)
    rules = promotions.rules(proposal.evidence, terms.valid_for)

    def print_all() -> None:
        _print_rules(rules)
        print_line(f"proposed: promotion {proposal.promotion_no} of {route_code}")
        if proposal.queued_count:
            count = counted(proposal.queued_count, "delivery", "deliveries")
            print_line(f"queued from before: {count}, with what is dead or parked: to {terms.queued}")
        if proposal.passed_over:
            print_line(
                f"passes over: {counted(proposal.passed_over, 'event')} from before, and those until the "
                "approval; to deliver them too, propose with: --from beginning, or --from EVENT_ID"
                if terms.start_position == "latest"
                else f"passes over: {counted(proposal.passed_over, 'event')} from before"
            )
        print_line(f"another login approves it with: iu promote approve {proposal.promotion_no} --reason WHY")

    return Answer({**vars(proposal), "rules": rules}, print_all)


def _proposed(gateway: DeliveryGateway, terms: Terms) -> Proposal:
    try:
        return promotions.propose(gateway, terms)
    except PromotionRefused as refused:
        refused.hint = (refused.hint or "").replace("ROUTE", terms.route_code)
        raise
    except ArgumentInvalid as error:
        message = error.message.replace("argument start_position", "--from", 1)
        raise ArgumentInvalid(message, hint=error.hint) from None


def _print_rules(rules: Sequence[Rule]) -> None:
    rows = [(one.rule, one.needed, one.seen, "met" if one.is_met else "MISSED") for one in rules]
    print_table("Evidence", ("rule", "needed", "seen", ""), rows, empty="none")


def list_all(
    gateway: DeliveryGateway,
    route_code: Annotated[
        str | None,
        typer.Option("--route", metavar="ROUTE", show_default=False, help="Only promotions of this route."),
    ] = None,
) -> Answer:
    """Show every promotion: what was proposed, who decided, and until when it is valid.

    Examples:
        iu promote list --route shop.order_paid.hook
    """
    found = promotions.list_promotions(gateway, route_code)
    rows = [
        (
            str(one.promotion_no),
            one.route_code,
            one.target_name,
            _state(one),
            f"{one.share:.5g}",
            one.proposed_by,
            one.decided_by,
            one.expires_at,
        )
        for one in found
    ]
    names = ("promotion", "route", "target", "state", "share", "proposed by", "decided by", "expires")
    return Answer(found, lambda: print_table("Promotions", names, rows, empty="none"))


def _state(promotion: Promotion) -> str:
    if promotion.state == "held":
        return f"held: {promotion.held_reason}"
    if promotion.state == "demoted":
        return f"demoted: {promotion.demotion_reason}"
    return promotion.state


def _demoted(one: Promotion) -> str | None:
    if one.demoted_by is None:
        return None
    by = f"by the outcomes of {one.demoted_by}" if one.demoted_automatically else one.demoted_by
    return f"{by}, {when(one.demoted_at)}: {one.demotion_reason}"


def show(gateway: DeliveryGateway, number: PromotionNo) -> Answer:
    """Show one promotion: its terms, its evidence against the thresholds, and the decision.

    Examples:
        iu promote show 1
    """
    found = promotions.get(gateway, number)
    rules = promotions.rules(found.evidence, found.valid_for)

    def print_all() -> None:
        print_facts(_facts(found))
        _print_rules(rules)
        if found.state == "proposed":
            print_line(f"another login approves it with: iu promote approve {number} --reason WHY")
        if found.state == "outdated":
            print_line("what it is about has changed; propose it again with: iu promote propose")

    return Answer({**vars(found), "rules": rules}, print_all)


def _facts(one: Promotion) -> dict[str, Any]:
    limit = "no limit" if one.max_per_minute is None else f"{one.max_per_minute:,} a minute"
    decided = f"{one.decided_by}, {when(one.decided_at)}: {one.decision_reason}" if one.decided_by else None
    return {
        "promotion": one.promotion_no,
        "route": one.route_code,
        "target": one.target_name,
        "state": f"held: {one.held_reason}" if one.state == "held" else one.state,
        "proposed": f"{one.proposed_by}, {when(one.proposed_at)}: {one.reason}",
        "decided": decided,
        "demoted": _demoted(one),
        "valid": f"{one.valid_for / timedelta(days=1):.4g} days after the approval",
        "expires": one.expires_at,
        "deployment": one.deployment,
        "share": f"{one.share:.5g} of the subjects",
        "rate": limit,
        "ends above": f"{one.max_failure_share:.0%} failures",
        "queued": f"{one.queued_count:,}, to {one.queued}",
        "begins": one.start_position,
    }


def rehearse(
    call: Invocation,
    gateway: SenderGateway,
    route_code: RouteCode,
    test_target: Annotated[
        bool, typer.Option("--test-target", help="Also test the target of the route, as iu target test does.")
    ] = False,
) -> Answer:
    """Render and sign a body of each kind of a route, as the login that delivers. No event is sent.

    Examples:
        iu promote rehearse shop.order_paid.hook --test-target
    """
    secrets = Secrets(call.sender_settings())
    made = trials.rehearse(gateway, route_code, secrets)
    lines = [
        f"kind {one.payload_kind}: {one.body_bytes:,} bytes of event {one.event_id}, "
        + (f"refused: {one.error_detail}" if not one.passed else "signed" if one.signed else "rendered")
        for one in made
    ]
    if not made:
        lines = [f"{route_code}: there is no event of its type to rehearse with"]
    failed = not made or not all(one.passed for one in made)
    hint = None
    if test_target and made:
        tested = send_test(gateway, made[0].target_name, secrets)
        lines.append(test_line(tested))
        hint = test_hint(tested)
        failed = failed or not tested.passed

    def print_all() -> None:
        print_line("\n".join(lines))
        print_hint(hint)

    return Answer(made, print_all, failed=failed)


def approve(gateway: DeliveryGateway, number: PromotionNo, reason: Reason) -> Answer:
    """Approve a promotion that another login proposed: the route is live from now on.

    Examples:
        iu promote approve 1 --reason "evidence seen"
    """
    return _decided(gateway, number, "approve", reason)


def reject(gateway: DeliveryGateway, number: PromotionNo, reason: Reason) -> Answer:
    """Reject a promotion.

    Examples:
        iu promote reject 1 --reason "too few events"
    """
    return _decided(gateway, number, "reject", reason)


def _decided(
    gateway: DeliveryGateway, number: int, decision: Literal["approve", "reject"], reason: str
) -> Answer:
    answer = promotions.decide(gateway, number, decision, reason)
    status = answer["status"]

    def print_all() -> None:
        print_line(f"promotion {number}: {_DECIDED.get(status, status)}")
        if status == "approved":
            _print_approved(answer)

    return Answer(answer, print_all, failed=status in ("busy", "already_decided"))


_DECIDED = {
    "busy": "nothing was decided, because the route is being read now; try again",
    "already_decided": "nothing was decided, because it was decided before",
}


def _print_approved(answer: dict[str, Any]) -> None:
    expires_at = datetime.fromisoformat(answer["expires_at"])
    print_line(f"{answer['route_code']}: live until {when(expires_at)}")
    if answer["passed_over"]:
        print_line(f"passed over: {counted(answer['passed_over'], 'event')} from before")
    if answer["discarded"]:
        print_line(f"discarded: {counted(answer['discarded'], 'delivery', 'deliveries')}")
    print_line("deliver with: iu deliver, or to a job of Dagster with its sensor")


def list_thresholds(gateway: DeliveryGateway) -> Answer:
    """Show what a proposal must show, and the proposed changes.

    Examples:
        iu promote threshold list
    """
    found = promotions.thresholds(gateway)
    rows = [
        (
            one.threshold,
            one.value,
            one.initial_value,
            f"{one.minimum:,} to {one.maximum:,}",
            one.description,
            f"change {one.change_no} to {one.new_value:,} by {one.proposed_by}: {one.reason}"
            if one.new_value is not None
            else None,
        )
        for one in found
    ]
    names = ("threshold", "value", "initial", "range", "meaning", "proposed")
    return Answer(found, lambda: print_table("Thresholds", names, rows, empty="none"))


def set_threshold(
    gateway: DeliveryGateway,
    threshold: Annotated[
        str, typer.Argument(metavar="NAME", help="A threshold from iu promote threshold list.")
    ],
    value: Annotated[int, typer.Argument(metavar="VALUE", callback=row_number, help="The new value.")],
    reason: Reason,
) -> Answer:
    """Propose another value of a threshold. It is in force when another login approves it.

    Examples:
        iu promote threshold set events 10 --reason "a trial with few events"
    """
    answer = promotions.propose_threshold(gateway, threshold, value, reason)

    def print_all() -> None:
        number = answer["change_no"]
        print_line(f"proposed: change {number} of {threshold} from {answer['old_value']:,} to {value:,}")
        print_line(f"another login approves it with: iu promote threshold approve {number} --reason WHY")

    return Answer(answer, print_all)


def approve_threshold(gateway: DeliveryGateway, number: ChangeNo, reason: Reason) -> Answer:
    """Approve a change of a threshold that another login proposed.

    Examples:
        iu promote threshold approve 1 --reason "agreed for the trial"
    """
    return _threshold_decided(promotions.decide_threshold(gateway, number, "approve", reason))


def reject_threshold(gateway: DeliveryGateway, number: ChangeNo, reason: Reason) -> Answer:
    """Reject a change of a threshold.

    Examples:
        iu promote threshold reject 1 --reason "the trial is over"
    """
    return _threshold_decided(promotions.decide_threshold(gateway, number, "reject", reason))


def _threshold_decided(answer: dict[str, Any]) -> Answer:
    if answer["status"] == "already_decided":
        line = f"change {answer['change_no']}: {_DECIDED['already_decided']}"
    else:
        line = f"{answer['threshold']}: {answer['value']:,} (change {answer['change_no']} {answer['status']})"
    return Answer(answer, lambda: print_line(line), failed=answer["status"] == "already_decided")


def demote(gateway: DeliveryGateway, route_code: RouteCode, reason: Reason) -> Answer:
    """End the promotion of a route: nothing more is queued or claimed. One person is enough.

    Examples:
        iu demote shop.order_paid.hook --reason "the wrong address"
    """
    answer = promotions.demote(gateway, route_code, reason)
    said = {
        "demoted": "demoted",
        "already_demoted": "was demoted before",
        "not_promoted": "was never promoted",
    }[answer.status]

    def print_all() -> None:
        if answer.status == "not_promoted":
            print_line(f"{route_code}: {said}")
            return
        waiting = counted(answer.queued, "delivery", "deliveries")
        print_line(f"{route_code}: {said}; {waiting} in the queue{in_flight(answer)}")

    return Answer(answer, print_all)
