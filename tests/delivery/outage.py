"""A drain of a live route into a real server that is killed and started again while it drains."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from delivery.sending import Ground, emit
from iu_pipelines.delivery.reports import DrainReport
from waiting import PATIENCE, eventually

SUBJECTS, EACH = 40, 25
_BEFORE: Final = 100
"""How many messages the server has when it is killed."""

_LET_THROUGH: Final = "update public.iu_delivery_target_state set retry_at = clock_timestamp()"
_FAILED: Final = "select count(*) from public.iu_delivery_outcome where decision = 'retry'"


class Kept(Protocol):
    """One message that a server keeps."""

    @property
    def key(self) -> str: ...

    @property
    def body(self) -> str: ...


class Restartable(Protocol):
    """A server whose data outlives a kill."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


def drain_through_a_restart(
    ground: Ground, server: Restartable, stored: Callable[[], Sequence[Kept]], address: str, **target: Any
) -> Sequence[Kept]:
    """Drain events of many subjects, kill and start the server in between, and return what it has at last.

    Nothing is lost: each event arrives, and every delivery is recorded as sent.
    """
    given = {"retry_seconds": [1] * 50, "timeout_seconds": 5, "secret_name": "BROKER", **target}
    given["options"] = json.dumps(given["options"])
    ground.world.add_private_target("place", address, **given)
    ground.world.add_route("place.route", "version_applied", "place")
    ground.world.open_gates()
    events = emit(ground.world, SUBJECTS, EACH)
    found: list[DrainReport] = []
    stop = threading.Event()
    limits = {"batch_limit": 20, "concurrency": 8, "linger_seconds": 600.0}
    thread = threading.Thread(
        target=lambda: found.append(ground.drain(should_stop=stop.is_set, **limits)), daemon=True
    )
    thread.start()
    try:
        eventually(lambda: len(stored()) >= _BEFORE, "the drain has begun")
        server.kill()
        eventually(lambda: ground.world.owner.fetch_value(_FAILED), "a send has failed")
        server.start()
        eventually(lambda: _is_done(ground), "all is sent", pause=0.2)
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert found[0].sent == len(events), found
    kept = stored()
    keys = {f"evt_{event.hex}_" for event in events}
    assert {one.key.rpartition("_")[0] + "_" for one in kept} == keys, "an event was lost"
    return kept


def _is_done(ground: Ground) -> bool:
    ground.world.owner.execute(_LET_THROUGH)
    sent = "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
    return int(ground.world.owner.fetch_value(sent)) >= SUBJECTS * EACH and not ground.world.queue()


def out_of_order(kept: Sequence[Kept]) -> int:
    """Count first arrivals with a lower number than an earlier one of their subject."""
    highest: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    count = 0
    for one in kept:
        if one.key in seen:
            continue
        seen.add(one.key)
        body = json.loads(one.body)
        count += body["sequence"] < highest[body["subject_ref"]]
        highest[body["subject_ref"]] = max(highest[body["subject_ref"]], body["sequence"])
    return count
