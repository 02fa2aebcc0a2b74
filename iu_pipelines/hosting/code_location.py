"""The code location of this package by its names, and the workspace file that loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from iu_pipelines.errors import UsageError
from iu_pipelines.settings import Settings

LOCATION: Final = "iu_pipelines"
MODULE: Final = "iu_pipelines.definitions"

_WORKSPACE: Final = f"""load_from:
  - python_module:
      module_name: {MODULE}
      location_name: {LOCATION}
"""


def workspace_file(settings: Settings, given: Path | None) -> Path:
    """Return the workspace file `given`, or that of the working directory, or one with this location alone.

    Raises UsageError where `given` is no file.
    """
    if given is not None and not given.is_file():
        raise UsageError(
            f"there is no workspace file {given}", hint="Name a workspace.yaml, or leave --workspace out."
        )
    here = given or Path("workspace.yaml")
    if here.is_file():
        return here.resolve()
    ours = settings.dagster_directory / "workspace.yaml"
    ours.write_text(_WORKSPACE, encoding="utf-8")
    return ours
