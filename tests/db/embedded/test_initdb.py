"""Creating the cluster completely or not at all."""

from __future__ import annotations

import time

from db.embedded.processes import spawn
from iu_pipelines.db.embedded.server import EmbeddedServer


def test_a_process_killed_during_initdb_leaves_no_incomplete_cluster(blank_server: EmbeddedServer) -> None:
    new = blank_server.home / "postgres/data.new"
    owner = spawn(blank_server.home)
    while not (new / "base").exists():
        assert owner.poll() is None
        time.sleep(0.002)
    owner.kill()
    owner.communicate()
    assert not (blank_server.home / "postgres/data").exists()
    blank_server.ensure_running()
    assert blank_server.is_running()
    assert not new.exists()
