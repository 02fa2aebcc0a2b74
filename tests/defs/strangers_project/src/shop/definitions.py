"""The entry point, as `create-dagster` writes it."""

from pathlib import Path

from dagster import Definitions, definitions, load_from_defs_folder


@definitions
def defs() -> Definitions:
    """Load every definition below `defs`."""
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
