"""Finding binaries of PostgreSQL that run and have the right version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.errors import EmbeddedServerError


def test_data_of_another_major_version_are_refused_and_not_changed(server: EmbeddedServer) -> None:
    server.stop()
    version = server.home / "postgres/data/PG_VERSION"
    real = version.read_text(encoding="ascii")
    version.write_text("13\n", encoding="ascii")
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 13, which created the existing data") as caught:
        server.ensure_running()
    assert "IU_PG_BIN" in (caught.value.hint or "")
    version.write_text(real, encoding="ascii")
    server.ensure_running()


def test_a_directory_without_binaries_is_named_in_the_error(
    blank_server: EmbeddedServer, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedServerError, match=str(tmp_path)) as caught:
        EmbeddedServer(blank_server.home, pg_bin=tmp_path).ensure_running()
    assert "cannot run initdb" in caught.value.message


def test_binaries_on_path_that_do_not_run_are_skipped(
    blank_server: EmbeddedServer, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "postgres", "pg_ctl"):
        shim = open_directory / name
        shim.write_text("#!/bin/sh\necho 'no version is set' >&2\nexit 126\n", encoding="utf-8")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{open_directory}:{os.environ['PATH']}")
    blank_server.ensure_running()
    assert blank_server.is_running()
