"""The code servers of a workspace file, and the file that connects to them."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from dagster._core.workspace.load import location_origins_from_yaml_paths

from iu_pipelines.errors import UsageError
from iu_pipelines.hosting.code_location import Workspace, read_workspace
from iu_pipelines.hosting.code_servers import shared_workspace
from iu_pipelines.settings import Settings

LIMIT = 103
"""The number of bytes that the path of a Unix socket may have on every system."""


@pytest.mark.parametrize(
    ("entry", "location", "options"),
    [
        ({"python_module": "shop.defs"}, "shop.defs", {"module-name": "shop.defs"}),
        (
            {"python_module": {"module_name": "shop", "attribute": "defs", "working_directory": "/w"}},
            "shop:defs",
            {"module-name": "shop", "attribute": "defs", "working-directory": "/w"},
        ),
        (
            {"python_package": {"package_name": "shop", "location_name": "the shop"}},
            "the shop",
            {"package-name": "shop"},
        ),
        ({"autoload_defs_module": {"module_name": "a.b"}}, "a.b", {"autoload-defs-module-name": "a.b"}),
        (
            {"python_file": "code/defs.py"},
            "defs.py",
            {"python-file": "/folder/code/defs.py", "working-directory": "/folder"},
        ),
        (
            {"python_file": {"relative_path": "defs.py", "working_directory": "code"}},
            "defs.py",
            {"python-file": "/folder/defs.py", "working-directory": "/folder/code"},
        ),
        ({"python_module": {"module_name": {"env": "THEIR_MODULE"}}}, "theirs", {"module-name": "theirs"}),
    ],
)
def test_an_entry_that_names_code_has_a_code_server_with_the_location_that_dagster_names(
    monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any], location: str, options: dict[str, str]
) -> None:
    monkeypatch.setenv("THEIR_MODULE", "theirs")
    with shared_workspace(Workspace((entry,), Path("/folder"))) as shared:
        (server,) = shared.servers
        (origin,) = location_origins_from_yaml_paths([str(shared.file)])
    assert (server.location, server.python) == (location, sys.executable)
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert sorted(server.arguments[-len(given) :]) == sorted(given)
    assert origin.location_name == location
    assert not shared.file.parent.exists()


def test_a_code_server_runs_in_the_environment_that_its_entry_names() -> None:
    entry = {"python_module": {"module_name": "shop", "executable_path": "~/venv/bin/python"}}
    with shared_workspace(Workspace((entry,), Path("/folder"))) as shared:
        assert shared.servers[0].python == str(Path.home() / "venv/bin/python")


@pytest.mark.parametrize(
    "entry",
    [
        {"grpc_server": {"host": "code.example", "port": 4000, "location_name": "elsewhere"}},
        {"python_module": {"module_name": "shop", "modul": "x"}},
        {"python_module": {"attribute": "defs"}},
        {"python_module": {"module_name": {"env": "NOT_SET_ANYWHERE"}}},
        {"python_module": "a", "python_file": "b"},
        {"something_new": {"name": "x"}},
    ],
)
def test_an_entry_without_code_or_with_an_error_is_left_to_dagster(entry: dict[str, Any]) -> None:
    with shared_workspace(Workspace((entry,), Path("/folder"))) as shared:
        assert shared.servers == []
        assert json.loads(shared.file.read_text(encoding="utf-8")) == {"load_from": [entry]}


def test_the_sockets_have_short_paths_wherever_temporary_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("a long name with spaces " * 5)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    entries = tuple({"python_module": f"shop_{number}"} for number in range(12))
    with shared_workspace(Workspace(entries, Path("/folder"))) as shared:
        assert len({server.address for server in shared.servers}) == 12
        assert all(len(bytes(server.address)) <= LIMIT for server in shared.servers)
        assert shared.file.parent.stat().st_mode & 0o077 == 0


def test_the_workspace_is_the_given_file_then_that_of_the_directory_then_that_of_dagster(
    chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = read_workspace(chosen, None)
    assert own.entries[0]["python_module"]["module_name"] == "iu_pipelines.definitions"
    assert list(tmp_path.iterdir()) == []
    chosen.dagster_directory.mkdir(parents=True)
    for path in (
        chosen.dagster_directory / "workspace.yaml",
        tmp_path / "workspace.yaml",
        tmp_path / "given.yaml",
    ):
        path.write_text(f"load_from: [python_module: {path.parent.name}_{path.stem}]\n", encoding="utf-8")
        given = path if path.stem == "given" else None
        read = read_workspace(chosen, given)
        assert read.entries == ({"python_module": f"{path.parent.name}_{path.stem}"},)
        assert read.directory == path.parent


@pytest.mark.parametrize(
    "text", ["load_from: [", "", "load_from: {python_module: a}", "load_from: [a]", "- a"]
)
def test_a_workspace_file_that_is_not_one_is_refused_with_its_path(
    chosen: Settings, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "given.yaml"
    with pytest.raises(UsageError, match="no such workspace file"):
        read_workspace(chosen, path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_workspace(chosen, path)
    assert str(path) in refused.value.message
    assert refused.value.hint
