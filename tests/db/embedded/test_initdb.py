"""Creating the cluster completely or not at all."""

from __future__ import annotations

import time

from db.embedded.processes import spawn
from iu_pipelines.db.embedded.server import EmbeddedServer


def test_a_process_killed_during_initdb_leaves_no_incomplete_cluster(own_server: EmbeddedServer) -> None:
    new = own_server.home / "postgres/data.new"
    owner = spawn(own_server.home)
    while not (new / "base").exists():
        assert owner.poll() is None
        time.sleep(0.002)
    owner.kill()
    owner.communicate()
    assert not (own_server.home / "postgres/data").exists()
    own_server.ensure_running()
    assert own_server.is_running()
    assert not new.exists()
