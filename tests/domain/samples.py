"""Events and dead letters for the tests of the domain functions."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox

ROUTE = "iu.version_applied.workflow"


def emit(gateway: Gateway, payload: Any = None, event_type: str | None = "version_applied") -> UUID:
    return outbox.emit(gateway, event_type, "docs/a", uuid4(), "test", {} if payload is None else payload)


def add_letter(gateway: Gateway, route_code: str | None = ROUTE, key: str = "test:1") -> UUID:
    """Emit an event, insert a dead letter for it, and return the id of the letter."""
    letter: UUID = gateway.fetch_value(
        """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, event_snapshot)
           values (%s, %s, %s, '{"event_type": "version_applied"}') returning dead_letter_id""",
        (emit(gateway), route_code, key),
    )
    return letter
