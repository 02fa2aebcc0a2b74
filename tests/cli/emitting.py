"""Events and dead letters for the tests of a command."""

from __future__ import annotations

from uuid import uuid4

from cli.running import Iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox

SUBJECT = "00000000-0000-4000-8000-000000000001"


def emit(iu: Iu, *words: str) -> str:
    return str(
        iu("emit", "version_applied", "docs/a", "--subject", str(uuid4()), "--actor", "test", *words).out
    ).strip()


def add_letter(database: str, route_code: str) -> str:
    with Gateway(database) as gateway:
        event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
        letter = gateway.fetch_value(
            """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, event_snapshot)
               values (%s, %s, %s, '{}') returning dead_letter_id""",
            (event_id, route_code, f"test:{event_id}"),
        )
    return str(letter)
