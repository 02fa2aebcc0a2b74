"""The names of the code location of this package, and the workspace file that says what `iu dev` loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from iu_pipelines.errors import UsageError
from iu_pipelines.invalid_values import explain_yaml
from iu_pipelines.settings import Settings

LOCATION: Final = "iu_pipelines"
MODULE: Final = "iu_pipelines.definitions"

_OWN: Final = ({"python_module": {"module_name": MODULE, "location_name": LOCATION}},)


@dataclass(frozen=True)
class Workspace:
    """The entries of a workspace file. `directory` is what its relative paths are relative to."""

    entries: tuple[Mapping[str, Any], ...]
    directory: Path


def read_workspace(settings: Settings, given: Path | None) -> Workspace:
    """Read the file `given`, else workspace.yaml in the working directory, else in Dagster's directory.

    Without any of them, the only entry is the code location of this package. No file is written.

    Raises:
        UsageError: `given` is not a file, or the file is not a workspace.
    """
    if given is not None and not given.is_file():
        raise UsageError(
            f"no such workspace file: {given}", hint="Give the path of a workspace.yaml, or omit --workspace."
        )
    usual = (Path("workspace.yaml"), settings.dagster_directory / "workspace.yaml")
    found = given or next((path for path in usual if path.is_file()), None)
    if found is None:
        return Workspace(_OWN, Path.cwd())
    return Workspace(_entries(found), found.resolve().parent)


def _entries(path: Path) -> tuple[Mapping[str, Any], ...]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path} cannot be read: {explain_yaml(error)}", hint="Correct the file, which is YAML."
        ) from None
    entries = content.get("load_from") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(
            f"{path}: load_from = {entries!r} is not a list of code locations",
            hint="Write an entry such as: {python_module: {module_name: iu_pipelines.definitions}}",
        )
    return tuple(entries)
