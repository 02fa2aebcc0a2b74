"""Sixteen sessions and SIGKILL of senders, backends and the server.

Nothing is lost or out of order, and each duplicate has a claim in doubt. `IU_LONG=1` kills 240 senders and
prints the counts.
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
from delivery.storm import PROVOKED, Programme, Storm
from delivery.storm_sender import STAGES
from delivery.verdict import Verdict, doubts, duplicates, read_claims, summary
from delivery.world import World
from engine.sessions import opened
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

LONG: Final = os.environ.get("IU_LONG") == "1"


@pytest.fixture
def durable(own_server: EmbeddedServer) -> Iterator[tuple[EmbeddedServer, str]]:
    """Yield a server with fsync, and the URL of a database with the module on it."""
    server = servers.make(own_server.home, {})
    url = server.ensure_running()
    with Gateway(url) as gateway:
        migration.apply(gateway, ["delivery"])
    yield server, url
    server.stop()


@pytest.mark.timeout(3600 if LONG else 300)
def test_kills_of_senders_and_servers_lose_nothing_and_repeat_only_what_is_in_doubt(
    durable: tuple[EmbeddedServer, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = durable
    programme = Programme(kills=240, crash_every=20.0) if LONG else Programme()
    storm = Storm(server, url, tmp_path, replace(programme, seed=int(time.time()) if LONG else 0))
    with Gateway(url) as owner:
        world = World(owner, url, storm.login)
        storm.set_up(world)
    began = time.monotonic()
    verdict = storm.play()
    evidence = storm.evidence()
    with opened(url) as (session,):
        claims = read_claims(session)
    if LONG:
        with capsys.disabled():
            print(summary(verdict, evidence, claims, storm.counts, time.monotonic() - began))
    assert verdict == Verdict(), storm.surprises
    assert duplicates(evidence) <= doubts(claims)
    for provoked in PROVOKED:
        assert storm.counts[provoked] > 0, provoked
    if LONG:
        assert all(storm.counts[f"killed: {stage}"] for stage in (*STAGES, "anywhere"))
