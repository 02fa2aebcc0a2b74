"""Batches of sends, and drains of a live route, into a broker that fails in the middle of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol
from uuid import UUID

from delivery.kind_parts import message, secrets
from delivery.sending import Ground, emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery.kind import Message, TargetKind
from iu_pipelines.domain.targets import GrantedTarget
from waiting import eventually

SUBJECTS, EACH = 30, 30

_SENT: Final = "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
_FAILED: Final = "select count(*) from public.iu_delivery_outcome where decision = 'retry'"
_CLOSE_BREAKER: Final = """
update public.iu_delivery_target_state
set breaker = 'closed', failures = 0, half_open_failures = 0, retry_at = null
"""


def drain_through(ground: Ground, interrupt: Callable[[], None], after: int = 150) -> None:
    """Deliver 900 events of 30 subjects, and call `interrupt` after the first deliveries.

    Waits for retries, leases and the breaker are skipped, but not while `interrupt` runs: so no event uses up
    its tries, however long that takes.
    """
    emit(ground.world, SUBJECTS, EACH)
    owner, failed, up = ground.world.owner, threading.Event(), threading.Event()
    up.set()

    def work() -> None:
        while not failed.is_set():
            report = ground.drain(concurrency=16, batch_limit=50)
            if report.problems or not owner.fetch_value("select count(*) from public.iu_delivery"):
                return
            time.sleep(0.1)
            if up.is_set():
                ground.world.pass_time(120)
                owner.execute(_CLOSE_BREAKER)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        eventually(lambda: owner.fetch_value(_SENT) >= after or not worker.is_alive(), "some are sent")
        assert owner.fetch_value("select count(*) from public.iu_delivery") > 0, "all were sent before"
        up.clear()
        interrupt()
        up.set()
        while worker.is_alive():
            _wait_for_progress(owner, worker)
    finally:
        failed.set()
        worker.join()
    assert owner.fetch_value(_SENT) >= SUBJECTS * EACH


def _wait_for_progress(owner: Gateway, worker: threading.Thread) -> None:
    sent = owner.fetch_value(_SENT)
    eventually(lambda: owner.fetch_value(_SENT) > sent or not worker.is_alive(), "another is sent")


class Restartable(Protocol):
    """A broker whose data outlives a kill."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


def restart(ground: Ground, broker: Restartable) -> None:
    """Kill a broker, and start it when a send has failed."""
    broker.kill()
    eventually(lambda: ground.world.owner.fetch_value(_FAILED), "a send has failed")
    broker.start()


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


def batches(subjects: int = 8, each: int = 20) -> list[list[Message]]:
    """Return the messages of some subjects, in their order."""
    return [
        [replace(message(100 * subject + n), subject=UUID(int=subject)) for n in range(each)]
        for subject in range(subjects)
    ]


def send_through(
    kind: type[TargetKind], target: GrantedTarget, cut: Callable[[], None], pause: float
) -> set[str]:
    """Send `batches` while connections are cut again and again, each message until it is accepted.

    Return the keys of the messages that may have arrived before they were accepted.
    """
    unsure: set[str] = set()

    async def send_in_turn(opened: TargetKind, messages: Sequence[Message]) -> None:
        for one in messages:
            while (answer := await opened.send(one)).decision != "sent":
                assert (answer.decision, answer.local_fault) == ("retry", False), answer
                if answer.may_have_arrived:
                    unsure.add(one.key)

    async def run() -> None:
        opened = kind(target, secrets())
        await opened.open()
        sending = asyncio.gather(*(send_in_turn(opened, messages) for messages in batches()))
        while not sending.done():
            await asyncio.sleep(pause)
            cut()
        await opened.close()
        await sending

    asyncio.run(run())
    return unsure


def check_batches(parts: Sequence[Sequence[str]], unsure: set[str]) -> None:
    """Check keys that arrived in each part: all are there, in order, and only unsure ones came twice."""
    found = [key for part in parts for key in part]
    assert set(found) == {one.key for messages in batches() for one in messages}
    twice = {key for key in found if found.count(key) > 1}
    assert twice <= unsure, "a message came twice although it was accepted or could not have arrived"
    for messages in batches():
        (part,) = [part for part in parts if messages[0].key in part]
        places = [part.index(one.key) for one in messages]
        assert places == sorted(places), "out of order"


def accepted_through_kills(
    kind: type[TargetKind], target: GrantedTarget, broker: Restartable
) -> Sequence[str]:
    """Send 60 messages in turn, while the broker is killed twice; return the keys of the accepted ones."""

    async def run() -> list[str]:
        opened = kind(target, secrets())
        accepted: list[str] = []
        await opened.open()
        try:
            for number in range(1, 61):
                if number in {20, 40}:
                    broker.kill()
                    answer = await opened.send(message(1000 + number))
                    assert answer.status_class in {"closed", "refused"}
                    broker.start()
                if (await opened.send(message(number))).decision == "sent":
                    accepted.append(message(number).key)
        finally:
            await opened.close()
        return accepted

    return asyncio.run(run())
