"""The events of a transaction that is still open, for tests of code that emits.

    def test_paying_emits_the_event(connection):
        pay(connection, 17)
        [event] = emitted_events(connection)
        assert (event.event_type, event.canonical_address) == ("order_paid", "orders/17")

The fixture `outbox_events` of `iu_pipelines.pytest_plugin` is this function; without pytest, for example in a
TestCase of Django, import it from here. The login needs the role `iu_auditor`, or must own the tables.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from iu_pipelines.callers_connection import fetch
from iu_pipelines.db.statements import Statements
from iu_pipelines.emit import NewEvent, Steps, as_uuid, carry_out, carry_out_async, require_transaction

if TYPE_CHECKING:
    from iu_pipelines.callers_connection import CallersAsyncConnection, CallersConnection

__all__ = ["emitted_events", "emitted_events_async"]

_SQL: Final = Statements(__name__)


def emitted_events(connection: CallersConnection) -> list[NewEvent]:
    """Return the events that the open transaction of `connection` has emitted, in order.

    They compare equal to a `NewEvent` with the same arguments. Events of a savepoint that was rolled back are
    gone. Nothing is committed. The connection is one that `iu_pipelines.emit.emit` takes.

    Raises:
        UsageError: no transaction is open, so that events were committed already; or the object is no
            connection that can be used.
    """
    return carry_out(_steps(), lambda statement, parameters: fetch(connection, statement, parameters))


async def emitted_events_async(connection: CallersAsyncConnection) -> list[NewEvent]:
    """Return the events that the open transaction of an asynchronous connection has emitted, in order.

    Raises:
        UsageError: as `emitted_events` does.
    """
    return await carry_out_async(_steps(), connection)


def _steps() -> Steps[list[NewEvent]]:
    yield from require_transaction(
        "the connection has no open transaction, so its events were committed",
        "Test with a connection that is not in autocommit mode, or in a transaction.",
    )
    rows = yield _SQL["emitted_events"], {}
    return [
        NewEvent(event_type, canonical_address, as_uuid(subject_ref), actor_ref, json.loads(safe_payload))
        for event_type, canonical_address, subject_ref, actor_ref, safe_payload in rows
    ]
