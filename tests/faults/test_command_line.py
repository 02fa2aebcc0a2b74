"""Kills of the command line and its embedded server at random times: the next command recovers."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import psycopg
import pytest

from engine.sessions import emit_many
from faults.arena import Arena, family
from iu_pipelines.db.embedded.server import EmbeddedServer
from soak.ledger import Ledger
from soak.verdict import Verdict, judge

LONG = os.environ.get("IU_LONG") == "1"
KILLS = 40 if LONG else 2
WORKER = "iu_outbound_default"

pytestmark = pytest.mark.timeout(900 if LONG else 600)


def iu(server: EmbeddedServer, *words: str) -> subprocess.Popen[str]:
    """Start a command on the embedded server of this home."""
    return subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", *words, "--json"],
        env={**os.environ, "IU_HOME": str(server.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


class Emitter:
    """A thread that emits, one transaction after another; a lost connection is opened again."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._emit, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)

    def _emit(self) -> None:
        while not self._over.is_set():
            try:
                with psycopg.connect(self._server.url(), autocommit=True) as session:
                    while not self._over.is_set():
                        emit_many(session, 5)
                        time.sleep(0.02)
            except psycopg.Error:
                time.sleep(0.05)


def test_the_next_command_recovers_from_a_kill_at_any_moment(own_server: EmbeddedServer) -> None:
    done(iu(own_server, "migrate"))
    chance = random.Random(5)
    emitter = Emitter(own_server)
    for number in range(KILLS):
        worker = iu(own_server, "run", "--batch-limit", "5", "--max-seconds", "3", "--linger-seconds", "3")
        time.sleep(0.8 + chance.random())
        if number % 2:
            worker.kill()
        else:
            for pid in family(Arena(own_server, "").postmaster()):
                os.kill(pid, signal.SIGKILL)
        _, err = worker.communicate(timeout=60)
        assert worker.returncode in {0, 1, -signal.SIGKILL}
        assert "Traceback" not in err
        assert done(iu(own_server, "run", "--max-batches", "3"))["stopped_reason"] != "gate_closed"
    emitter.stop()
    done(iu(own_server, "run"))
    assert done(iu(own_server, "audit", "verify"))
    with psycopg.connect(own_server.url(), autocommit=True) as session:
        assert judge(session, Ledger(), [WORKER], [WORKER]) == Verdict()
