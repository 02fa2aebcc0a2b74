"""The code servers of `iu dev`: one process for each code location, shared by the web server and the daemon.

Without them the web server and the daemon would each load the code and restart their own process. A code
server is `dagster code-server start`, which loads the code again when *Reload* is pressed in the web UI.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from iu_pipelines.db.embedded.addresses import short_directory
from iu_pipelines.hosting.code_location import Workspace
from iu_pipelines.settings import child_environment

_POINTERS: Final[Mapping[str, tuple[str, str]]] = {
    "python_module": ("module_name", "module_name"),
    "python_package": ("package_name", "package_name"),
    "python_file": ("relative_path", "python_file"),
    "autoload_defs_module": ("module_name", "autoload_defs_module_name"),
}
"""The kinds of entries that name code, each with the key of the code and Dagster's name of that option."""

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]")
_OPTIONAL: Final = frozenset({"attribute", "working_directory", "location_name", "executable_path"})


@dataclass(frozen=True)
class CodeServer:
    """A process that loads one code location and listens on the Unix socket `address`.

    `target` has the options of `dagster code-server start` that name the code, as names with underscores.
    """

    location: str
    target: Mapping[str, str]
    python: str
    address: Path

    @property
    def name(self) -> str:
        """The name of the process and of its log."""
        return f"code-server-{_NOT_IN_NAMES.sub('_', self.location)}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The module to run and its arguments."""
        options = {"socket": str(self.address), "location_name": self.location, **self.target}
        return (
            *("dagster", "code-server", "start", "--log-level", "warning"),
            *("--use-python-environment-entry-point", "--inject-env-vars-from-instance"),
            *(word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)),
        )

    @property
    def entry(self) -> Mapping[str, Any]:
        """The entry of a workspace file that connects to this process."""
        shown = {**self.target, "executable_path": self.python}
        return {
            "grpc_server": {
                "socket": str(self.address),
                "location_name": self.location,
                "additional_metadata": shown,
            }
        }

    def is_ready(self) -> bool:
        """Return whether the process has loaded the code and accepts connections."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.address))
            except OSError:
                return False
        return True


@dataclass(frozen=True)
class SharedWorkspace:
    """The code servers of a workspace, and the workspace file that connects to them."""

    file: Path
    servers: list[CodeServer] = field(default_factory=list)


@contextmanager
def shared_workspace(workspace: Workspace) -> Iterator[SharedWorkspace]:
    """Yield the code servers of a workspace, not yet started, and the file for the web server and the daemon.

    An entry that names no code, such as `grpc_server`, or that is malformed is in that file as it is, so that
    Dagster connects to it or refuses it. The file and the sockets are in a directory that is removed at the
    end. Its path is short, because the path of a Unix socket has at most 103 bytes.
    """
    with tempfile.TemporaryDirectory(prefix="iu-dev-", dir=short_directory()) as name:
        directory = Path(name)
        shared = SharedWorkspace(directory / "workspace.yaml")
        entries = []
        for number, entry in enumerate(workspace.entries):
            server = _code_server(entry, workspace.directory, directory / f"{number}.sock")
            if server:
                shared.servers.append(server)
            entries.append(server.entry if server else entry)
        # JSON is valid YAML.
        shared.file.write_text(json.dumps({"load_from": entries}, indent=2) + "\n", encoding="utf-8")
        yield shared


def _code_server(entry: Mapping[str, Any], directory: Path, address: Path) -> CodeServer | None:
    """Return the code server of an entry, or None if the entry is one that only Dagster can judge."""
    kind = next(iter(entry), "")
    if len(entry) != 1 or kind not in _POINTERS:
        return None
    key, option = _POINTERS[kind]
    fields = _fields(entry[kind], key)
    if fields is None:
        return None
    code = fields.pop(key)
    name = Path(code).name if kind == "python_file" else code
    location = fields.pop("location_name", "") or ":".join(filter(None, (name, fields.get("attribute"))))
    python = os.path.expanduser(fields.pop("executable_path", "")) or sys.executable  # noqa: PTH111
    if kind == "python_file":
        code = str(directory / code)
        fields["working_directory"] = str(directory / fields.get("working_directory", ""))
    return CodeServer(location, {option: code, **fields}, python, address)


def _fields(given: object, key: str) -> dict[str, str] | None:
    """Return the fields of an entry, or None if Dagster would refuse them. Variables are replaced."""
    if isinstance(given, str):
        return {key: given}
    if not isinstance(given, dict) or key not in given or not given.keys() <= {key, *_OPTIONAL}:
        return None
    fields = {name: text for name, value in given.items() if (text := _text(value))}
    return fields if len(fields) == len(given) else None


def _text(value: object) -> str | None:
    match value:
        case str():
            return value
        case {"env": str(name)}:
            return child_environment().get(name)
    return None
