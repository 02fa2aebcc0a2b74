"""The names of the code location of this package, and the workspace file that loads it."""

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
    """Return the file `given`, else workspace.yaml in the working directory, else one with this location.

    Raises:
        UsageError: `given` is not a file.
    """
    if given is not None and not given.is_file():
        raise UsageError(
            f"no such workspace file: {given}", hint="Give the path of a workspace.yaml, or omit --workspace."
        )
    existing = given or Path("workspace.yaml")
    if existing.is_file():
        return existing.resolve()
    written = settings.dagster_directory / "workspace.yaml"
    written.write_text(_WORKSPACE, encoding="utf-8")
    return written
