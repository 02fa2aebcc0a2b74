"""Senders join, leave, freeze, are killed and come back: nothing is lost or out of order.

They are processes on one target whose shards they share. `IU_LONG=1` lets 100,000 events flow and prints the
counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from delivery.receiver import Behaviour
from delivery.sending import Ground
from delivery.shard_storm import LEASE, ShardStorm
from delivery.verdict import Verdict, doubts, duplicates, judge, read_claims, summary
from engine.sessions import opened
from waiting import eventually

LONG: Final = os.environ.get("IU_LONG") == "1"
EVENTS: Final = 100_000 if LONG else 5_000
ROUNDS: Final = 8 if LONG else 1
CONCURRENCY: Final = 16 if LONG else 4


@pytest.fixture
def storm(ground: Ground, tmp_path: Path) -> Iterator[ShardStorm]:
    """Yield a storm on one target that answers after 20 ms."""
    ground.add("hook", **LEASE)
    ground.receiver.behave(Behaviour(delay=0.02))
    storm = ShardStorm(ground, tmp_path)
    storm.start()
    yield storm
    storm.close()


def judged(storm: ShardStorm) -> Verdict:
    with opened(storm.world.url) as (session,):
        return judge(session, storm.evidence())


@pytest.mark.timeout(3600 if LONG else 300)
def test_senders_that_join_leave_freeze_and_are_killed_lose_nothing_and_keep_the_order(
    storm: ShardStorm, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    for name in ("one", "two", "three", "four"):
        join(storm, name)
    for number in range(ROUNDS):
        storm.freeze("one")
        storm.pass_lease()
        storm.settle("one froze")
        storm.thaw("one")
        storm.settle("one goes on")
        storm.leave("two")
        storm.settle("two left")
        storm.kill("three")
        storm.settle("three was killed")
        storm.freeze("four", in_claim=True)
        storm.settle("four froze in a claim")
        join(storm, "two")
        storm.thaw("four")
        storm.settle("four goes on")
        if number < ROUNDS - 1:
            join(storm, "three")
    storm.finish(EVENTS)
    verdict, evidence = judged(storm), storm.evidence()
    with opened(storm.world.url) as (session,):
        claims = read_claims(session)
    if LONG:
        with capsys.disabled():
            print(summary(verdict, evidence, claims, storm.counts, time.monotonic() - began))
            print(storm.settling())
            print(storm.ownership())
    assert verdict == Verdict(), storm.surprises
    assert duplicates(evidence) <= doubts(claims)
    assert storm.late() == []


def join(storm: ShardStorm, name: str, **given: Any) -> None:
    """Start a sender and wait until it has its share."""
    storm.join(name, concurrency=CONCURRENCY, **given)
    storm.settle(f"{name} joined")


def test_a_sender_that_does_not_look_at_its_leases_is_seen(storm: ShardStorm) -> None:
    """It freezes with claims that wait for a slot, and sends them although their leases have passed."""
    storm.join("one", concurrency=1, batch_limit=100, variant="the lease is not looked at")
    storm.freeze("one")
    storm.pass_lease()
    storm.thaw("one")
    assert eventually(storm.late, "a send that began too late")


def test_a_sender_that_ends_without_giving_its_shards_back_is_seen(storm: ShardStorm) -> None:
    storm.join("one", variant="shards are not given back")
    storm.join("two")
    storm.settle("two joined")
    storm.leave("one")
    assert storm.owners() == {"one", "two"}
    storm.settle("the leases have passed")
