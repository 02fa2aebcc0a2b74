"""The table of the nouns with the folders and modules of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from generators import IncompletePageError, nouns
from generators.markdown import table

_PLACES: Final = {
    "SQL objects": ("sql/iu-core/objects/{}/", "sql/iu-delivery/objects/{}/"),
    "Python": ("iu_pipelines/domain/{}.py", "iu_pipelines/{}/", "iu_pipelines/db/{}/"),
    "Dagster": ("iu_pipelines/defs/{}.py",),
    "command line": ("iu_pipelines/cli/{}.py",),
    "tests": (
        "tests/sql/{}/",
        "tests/domain/test_{}.py",
        "tests/defs/test_{}.py",
        "tests/cli/test_{}.py",
        "tests/{}/",
    ),
}
"""The paths of the parts of a noun, by layer."""

_ELSEWHERE: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "unit": {
        "Dagster": ("iu_pipelines/defs/inbound.py",),
        "command line": ("iu_pipelines/cli/ingest.py",),
        "tests": ("tests/sql/inbound/", "tests/acceptance/test_ingest_git.py"),
    },
    "ingest": {"tests": ("tests/acceptance/test_git_history.py", "tests/acceptance/test_ingest_git.py")},
    "inbound": {"command line": ("iu_pipelines/cli/routes.py",)},
    "retention": {
        "tests": ("tests/concurrency/test_retention.py", "tests/concurrency/test_retention_races.py")
    },
    "fleet": {"Python": ("iu_pipelines/domain/fleet/",)},
    "promotion": {"tests": ("tests/delivery/test_promotions.py", "tests/delivery/test_bypasses.py")},
}
"""Parts of a noun that have another name than the noun, by noun and layer."""


def of_nouns(project: Path) -> list[str]:
    """Return the table of the nouns with the folders and modules of each."""
    found = {noun: _places(project, noun) for noun in nouns.rows(project)}
    known = {name for noun in found for name in nouns.names(noun)}
    missing = sorted(name for name in _in_two_layers(project) if name not in known)
    if missing:
        raise IncompletePageError(f"{nouns.PAGE} has no row for: {', '.join(missing)}")
    rows = [[noun, *("<br>".join(paths) for paths in found[noun].values())] for noun in found]
    return table(["noun", *_PLACES], rows)


def _places(project: Path, noun: str) -> Mapping[str, list[str]]:
    paths = {
        layer: [
            path
            for path in (
                *(form.format(name) for name in nouns.names(noun) for form in forms),
                *_ELSEWHERE.get(noun, {}).get(layer, ()),
            )
            if (project / path).exists()
        ]
        for layer, forms in _PLACES.items()
    }
    if not any(paths.values()):
        raise IncompletePageError(f"{nouns.PAGE} has a row for {noun}, which has no folder and no module")
    return {layer: [_place(path) for path in found] for layer, found in paths.items()}


def _place(path: str) -> str:
    label = re.sub("^(sql/iu-core|sql|iu_pipelines|tests)/", "", path)
    return f"[`{label}`](../../{path})"


def _in_two_layers(project: Path) -> set[str]:
    """Return the names that have a module or folder in two or more layers: these are nouns."""
    layers = [
        {path.stem for path in project.glob(forms[0].format("[a-z]*").rstrip("/"))}
        for layer, forms in _PLACES.items()
        if layer != "tests"
    ]
    return {name for layer in layers for name in layer if sum(name in other for other in layers) > 1}
