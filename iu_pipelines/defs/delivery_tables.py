"""Deliveries in the web UI: their states, why they are held, and promotions with what a person must do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import moment, table
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED
from iu_pipelines.domain import deliveries, delivery_queue, delivery_reasons, promotions
from iu_pipelines.domain.deliveries import TargetQueue
from iu_pipelines.domain.delivery_queue import Failure
from iu_pipelines.domain.promotions import Promotion

SOON: Final = timedelta(days=3)
"""How long before its end a promotion is reported."""

_SHOWN: Final = 50

NOTHING_HERE: Final = (
    "Nothing can be approved in this web UI: a promotion is proposed and decided by two logins."
)


def explained(words: Iterable[str] | None) -> str:
    """Return what the words of `fn_iu_delivery_refusal` mean, or `none`."""
    meanings = delivery_reasons.REFUSALS
    return (
        "; ".join(f"{word}: {meanings.get(word, 'see iu deliver status')}" for word in words or ()) or "none"
    )


def queues(gateway: Queries, target: str) -> list[TargetQueue]:
    """Return the deliveries of one target by state, or those of every target."""
    return [one for one in deliveries.status(gateway) if target in (ALL, one.target)]


def state_metadata(gateway: Queries, target: str) -> dict[str, Any]:
    """Return the states of the deliveries of one target or of all, and the promotions."""
    found = queues(gateway, target)
    oldest = min((one.oldest_at for one in found if one.oldest_at), default=None)
    return {
        "queued": sum(one.queued for one in found),
        "in_flight": sum(one.in_flight for one in found),
        "in_doubt": sum(one.in_doubt for one in found),
        "to_retry": sum(one.retry for one in found),
        "held": sum(one.held for one in found),
        "parked": sum(one.parked for one in found),
        "dead_letters": sum(one.dead for one in found),
        "counts_are_capped": any(one.counts_capped for one in found),
        "oldest_delivery_at": moment(oldest),
        "held_because": explained(dict.fromkeys(word for one in found for word in one.held_reasons or ())),
        "promotions": promotion_table(of_target(promotions.list_promotions(gateway), target)),
        "who_decides": NOTHING_HERE,
        "targets": queue_table(found),
        "newest_failures": failure_table(delivery_queue.failures(gateway, target or None)),
    }


def observation(gateway: Queries, key: dg.AssetKey, target: str) -> dg.AssetObservation:
    """Observe the states of the deliveries of one target, or of all."""
    if not deliveries.is_installed(gateway):
        return dg.AssetObservation(key, metadata={"state": NOT_INSTALLED})
    return dg.AssetObservation(key, metadata=state_metadata(gateway, target))


def queue_table(found: Sequence[TargetQueue]) -> dg.TableMetadataValue:
    """Return a table with a row for each target."""
    return table(
        [
            "target",
            "queued",
            "in flight",
            "in doubt",
            "retry",
            "held",
            "parked",
            "dead",
            "breaker",
            "why held",
        ],
        [
            [
                *(one.target, one.queued, one.in_flight, one.in_doubt, one.retry, one.held, one.parked),
                *(one.dead, one.breaker, explained(one.held_reasons)),
            ]
            for one in found
        ],
    )


def failure_table(found: Sequence[Failure]) -> dg.TableMetadataValue:
    """Return a table with a row for each failed send."""
    return table(
        ["at (UTC)", "event", "route", "decision", "status", "error", "run"],
        [
            [
                *(one.recorded_at, one.event_id, one.route_code, one.decision),
                *("" if one.status_code is None else str(one.status_code), one.error_detail, one.run_ref),
            ]
            for one in found
        ],
    )


def of_target(found: Sequence[Promotion], target: str) -> list[Promotion]:
    """Return the promotions to one target, or all."""
    return [one for one in found if target in (ALL, one.target_name)]


def promotion_table(found: Sequence[Promotion]) -> dg.TableMetadataValue:
    """Return the newest promotions as a table, newest first, and what a person must do about each."""
    return table(
        ["no.", "route", "state", "a person must", "expires (UTC)", "proposed by", "decided by", "share"],
        [
            [
                *(str(one.promotion_no), one.route_code, one.state, todo(one) or "do nothing"),
                *(one.expires_at, one.proposed_by, one.decided_by, f"{one.share:g}"),
            ]
            for one in list(reversed(found))[:_SHOWN]
        ],
    )


def todo(one: Promotion, now: datetime | None = None) -> str | None:
    """Return why a promotion needs a person, and the command to run; None if it needs nobody."""
    if one.state == "proposed":
        return f"proposed by {one.proposed_by}; another login decides: iu promote approve {one.promotion_no}"
    if one.state in ("held", "demoted"):
        word = one.held_reason or one.state
        return f"{word}: {delivery_reasons.of_route(word, one.route_code)}"
    if one.state == "live" and one.expires_at and one.expires_at - (now or datetime.now(UTC)) <= SOON:
        until = f"{one.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"expires at {until}; iu promote propose {one.route_code}"
    return None
