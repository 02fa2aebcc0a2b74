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
from urllib.parse import urlsplit

import pytest

import servers
from delivery.namespaces import Namespace, namespaces
from delivery.receiver import Behaviour
from delivery.sending import Ground
from delivery.shard_storm import LEASE, ShardStorm
from delivery.verdict import Verdict, doubts, duplicates, judge, read_claims, summary
from delivery.world import World
from engine.sessions import opened
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
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


@pytest.fixture
def apart(
    own_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[ShardStorm, list[Namespace]]]:
    """Yield a storm for senders in namespaces; PostgreSQL and the receiver listen on one of the host."""
    with namespaces(2) as made:
        host = made[0].host
        server = servers.make(own_server.home, {**servers.FAST, "listen_addresses": f"127.0.0.1,{host}"})
        with (own_server.home / "postgres" / "data" / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("host all all 10.213.0.0/16 scram-sha-256\n")
        url = server.ensure_running()
        with Gateway(url) as owner:
            migration.apply(owner, ["delivery"])
            ground = Ground(World(owner, url, "iu_test_apart"), tmp_path, monkeypatch, host)
            ground.add("hook", **LEASE)
            ground.receiver.behave(Behaviour(delay=0.02))
            storm = ShardStorm(ground, tmp_path)
            storm.start()
            yield storm, made
            storm.close()
            ground.close()
        server.stop()


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


@pytest.mark.timeout(3600 if LONG else 300)
def test_a_sender_that_is_cut_off_from_the_network_loses_nothing_and_holds_nobody_up(
    apart: tuple[ShardStorm, list[Namespace]],
) -> None:
    storm, (near, far) = apart
    parts = urlsplit(storm.world.url)
    address = f"{near.host}:{parts.port}"
    url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{address}").geturl()
    join(storm, "near", url=url, before=near.command)
    join(storm, "far", url=url, before=far.command)
    for _ in range(ROUNDS):
        far.cut()
        storm.cut_off("far")
        storm.pass_lease()
        storm.settle("far was cut off")
        far.restore()
        storm.reach("far")
        storm.settle("far is reached again")
    storm.finish(EVENTS // 2)
    verdict, evidence = judged(storm), storm.evidence()
    with opened(storm.world.url) as (session,):
        claims = read_claims(session)
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


@pytest.mark.parametrize("variant", ["", "shards are not given back"])
def test_a_sender_that_ends_gives_its_shards_back_and_one_that_does_not_is_seen(
    storm: ShardStorm, variant: str
) -> None:
    """The other sender is frozen, so that it takes nothing over meanwhile."""
    storm.join("one", variant=variant)
    storm.join("two")
    storm.settle("two joined")
    storm.freeze("two")
    storm.leave("one")
    assert ("one" in storm.owners()) == bool(variant)
