"""Real senders, receivers and PostgreSQL are killed at every stage: nothing is lost or out of order.

Five processes that run `drain` post to a receiver process, beside everything that a storm does. `IU_LONG=1`
kills 240 senders and prints the counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import servers
from delivery.real_storm import REAL, RealStorm
from delivery.storm import Programme
from delivery.storm_sender import STAGES
from delivery.verdict import Verdict, doubts, duplicates, read_claims, summary
from delivery.world import World
from engine.sessions import opened
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

LONG: Final = os.environ.get("IU_LONG") == "1"
SHORT: Final = Programme(kills=8, kill_every=1.2, crash_every=6.0, senders=3)


@pytest.fixture
def storm(own_server: EmbeddedServer, tmp_path: Path) -> Iterator[RealStorm]:
    """Yield a storm on a server with fsync, which is set up."""
    server = servers.make(own_server.home, {})
    url = server.ensure_running()
    programme = Programme(kills=240, crash_every=20.0) if LONG else SHORT
    with Gateway(url) as owner:
        migration.apply(owner, ["delivery"])
        seeded = replace(programme, seed=int(time.time()) if LONG else 0)
        storm = RealStorm(server, url, tmp_path, seeded, receiver_every=10 if LONG else 3)
        storm.set_up(World(owner, url, storm.login))
    yield storm
    storm.end()
    server.stop()


@pytest.mark.timeout(3600 if LONG else 300)
def test_kills_of_senders_receivers_and_servers_lose_nothing_and_repeat_only_what_is_in_doubt(
    storm: RealStorm, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    verdict = storm.play()
    evidence = storm.evidence()
    with opened(storm.url) as (session,):
        claims = read_claims(session)
    if LONG:
        with capsys.disabled():
            print(summary(verdict, evidence, claims, storm.counts, time.monotonic() - began))
    assert verdict == Verdict(), storm.surprises
    assert duplicates(evidence) <= doubts(claims)
    for provoked in REAL:
        assert storm.counts[provoked] > 0, provoked
    if LONG:
        assert all(storm.counts[f"killed: {stage}"] for stage in (*STAGES, "anywhere"))
