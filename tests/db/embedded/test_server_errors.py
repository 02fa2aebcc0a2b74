"""Errors of the operating system that are raised as EmbeddedServerError."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from db.embedded.processes import QUICK, assert_it_keeps_data, only_root
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.errors import EmbeddedServerError


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    with pytest.raises(EmbeddedServerError, match="cannot use") as caught:
        EmbeddedServer(home).ensure_running()
    assert "IU_HOME" in (caught.value.hint or "")


@only_root
def test_a_full_disk_is_reported_and_a_start_with_free_space_succeeds(open_directory: Path) -> None:
    disk = open_directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    server = EmbeddedServer(disk / "home", settings=QUICK)
    try:
        with pytest.raises(EmbeddedServerError, match="no space is left on the disk"):
            server.ensure_running()
        assert not (disk / "home/postgres/data.new").exists()
        subprocess.run(["mount", "-o", "remount,size=500m", str(disk)], check=True)
        assert_it_keeps_data(server)
    finally:
        server.stop()
        subprocess.run(["umount", str(disk)], check=True)
