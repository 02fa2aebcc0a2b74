"""The parts of `report.html` about the configuration: event types, captures, routes, and who changed them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from iu_pipelines.domain.times import in_utc
from iu_pipelines.evidence.facts import (
    Capture,
    ConfigChange,
    EventType,
    Evidence,
    LiveRoute,
    Route,
    ThresholdChange,
)

_NOUNS: Final = {"event_type": "event type"}


def payload_keys(found: EventType) -> str:
    """Return the permitted keys of a payload in words."""
    if found.payload_keys is None:
        return "any that is not forbidden"
    return ", ".join(found.payload_keys) or "none"


def of_workers(route: Route) -> str:
    """Return what workers do with the events of a route."""
    if not route.enabled:
        return "nothing: disabled"
    return "record a dry run" if route.dry_run else "NOT a dry run"


def live_delivery(evidence: Evidence, route: Route) -> str:
    """Return whether the events of a route are delivered live, in a pack with live delivery."""
    promoted = evidence.delivery.routes if evidence.delivery else ()
    found = next((one for one in promoted if one.route_code == route.route_code), None)
    return _live(found) if found else "never promoted"


def _live(route: LiveRoute) -> str:
    state = f"LIVE to {route.target}" if route.state == "live" else route.state
    reason = f" because of {route.held_reason.replace('_', ' ')}" if route.held_reason else ""
    return f"{state}{reason}, promotion {route.promotion}"


def of_capture(capture: Capture) -> str:
    """Return what a capture does with changed rows."""
    if not capture.enabled:
        return "nothing: disabled"
    return "records a dry run" if capture.dry_run else "records and emits"


def changed_name(change: ConfigChange) -> str:
    """Return what was changed: its kind and its name."""
    return f"{_NOUNS.get(change.noun, change.noun)} {change.name}"


def changed_columns(change: ConfigChange) -> str:
    """Return the columns that a change changed, with their values before and after."""
    if change.new_value is None:
        return "removed"
    if change.old_value is None:
        return f"added with {'; '.join(_columns(change.new_value))}"
    return "; ".join(_differences(change.old_value, change.new_value))


def _columns(columns: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(columns):
        yield f"{_words(name)} {_value(name, columns[name])}"


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield f"{_words(name)} {_value(name, before)} → {_value(name, after)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(name: str, value: object) -> str:
    if value is None:
        return "any" if name == "payload_keys" else "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return value or "(empty)" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def decision(change: ThresholdChange) -> str:
    """Return what became of a proposed change of a threshold."""
    if change.decided_at is None:
        return "not decided"
    word = {"approve": "approved", "reject": "rejected"}.get(str(change.decision), change.decision)
    return f"{word} by {change.decided_by}, {in_utc(change.decided_at)}: {change.decision_reason}"
