"""Drains of a live route into a real broker that fails in the middle of it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from delivery.sending import Ground, emit
from waiting import eventually

SUBJECTS, EACH = 30, 30

_SENT: Final = "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
_CLOSE_BREAKER: Final = """
update public.iu_delivery_target_state
set breaker = 'closed', failures = 0, half_open_failures = 0, retry_at = null
"""


def drain_through(ground: Ground, interrupt: Callable[[], None], after: int = 150) -> None:
    """Deliver 900 events of 30 subjects, and call `interrupt` after the first deliveries.

    Waits for retries, leases and the breaker are skipped.
    """
    emit(ground.world, SUBJECTS, EACH)
    owner, failed = ground.world.owner, threading.Event()

    def work() -> None:
        while not failed.is_set():
            report = ground.drain(concurrency=16, batch_limit=50)
            if report.problems or not owner.fetch_value("select count(*) from public.iu_delivery"):
                return
            time.sleep(0.1)
            ground.world.pass_time(120)
            owner.execute(_CLOSE_BREAKER)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        eventually(lambda: owner.fetch_value(_SENT) >= after or not worker.is_alive(), "some are sent")
        assert owner.fetch_value("select count(*) from public.iu_delivery") > 0, "all were sent before"
        interrupt()
        eventually(lambda: not worker.is_alive(), "all are sent")
    finally:
        failed.set()
        worker.join()
    assert owner.fetch_value(_SENT) >= SUBJECTS * EACH


def check(bodies: Sequence[Mapping[str, Any]]) -> int:
    """Check that nothing is lost or out of order; return how many came twice, under their own key.

    `bodies` is what arrived: of each subject, in its order.
    """
    first: dict[str, list[int]] = defaultdict(list)
    seen: dict[str, Mapping[str, Any]] = {}
    for body in bodies:
        known = seen.setdefault(body["id"], body)
        assert known["sequence"] == body["sequence"], "one key for two events"
        if known is body:
            first[body["subject_ref"]].append(body["sequence"])
    assert len(seen) == SUBJECTS * EACH, f"{SUBJECTS * EACH - len(seen)} are lost"
    assert all(numbers == sorted(numbers) for numbers in first.values()), "out of order"
    assert len(first) == SUBJECTS
    return len(bodies) - len(seen)
