"""The nouns in the order of the reference, and the noun of each object of the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from generators import IncompletePageError
from iu_pipelines.settings import sql_root

PAGE: Final = "docs/concepts/nouns.md"

_PROJECT: Final = Path(__file__).resolve().parents[2]
_ORDER: Final = (
    *("outbox", "event_types", "events", "routes", "worker", "attempts", "dead_letters", "gates", "health"),
    *("inbound", "units", "retention", "configuration", "targets", "promotions", "deliveries"),
)
"""The first folders of a module; the others follow in alphabetical order."""

_LAST: Final = ("evidence", "steps", "shared")
_NO_NOUNS: Final[Mapping[str, str]] = {
    "shared": "what functions of several nouns use",
    "plans": "frozen plans: replay, discard or drain the deliveries that they name, and no others",
}
"""Folders of objects that are no nouns, and what they have."""

_DECLARED: Final = re.compile(
    r"fn_iu_object_declare\(\s*'[\w-]+',\s*'(?:function|table|view|type)',\s*'public\.(\w+)"
)


@dataclass(frozen=True)
class Noun:
    """A folder below `objects/` of a module, its heading, and a sentence about it."""

    module: str
    folder: str
    heading: str
    about: str


def rows(project: Path) -> dict[str, str]:
    """Return the nouns in the first table of their page, and what each is."""
    tables = re.findall(r"^(?:\|.*\|\n)+", (project / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    cells = [row.split("|") for row in tables[0].splitlines()[2:]] if tables else []
    return {row[1].strip(): row[2].strip() for row in cells}


def names(noun: str) -> tuple[str, str]:
    """Return the names of folders and modules of `noun`, such as `dead_letters` for the noun dead letter."""
    name = noun.replace(" ", "_")
    return re.sub("(?<![aeiou])ys$", "ies", f"{name}s"), name


@cache
def nouns() -> tuple[Noun, ...]:
    """Return the folders of the objects of all modules, in the order of the reference.

    Raises:
        IncompletePageError: a folder has no row in the page of nouns.
    """
    about = dict(_NO_NOUNS)
    for noun, text in rows(_PROJECT).items():
        for name in names(noun):
            about.setdefault(name, text)
    found = []
    for folder in sorted(sql_root().glob("*/objects/*/"), key=_place):
        module, name = folder.parents[1].name, folder.name
        if name not in about:
            raise IncompletePageError(f"{PAGE} has no row for {module}/objects/{name}")
        sentence = re.split(r"[;.](?:\s|$)", about[name], maxsplit=1)[0]
        heading = name.replace("_", " ").capitalize()
        found.append(Noun(module, name, heading, f"{sentence[0].upper()}{sentence[1:]}."))
    return tuple(found)


def _place(folder: Path) -> tuple[bool, int, str, str]:
    module, name = folder.parents[1].name, folder.name
    rank = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    rank += _LAST.index(name) + 1 if name in _LAST else 0
    return module != "iu-core", rank, module, name


@cache
def places() -> Mapping[str, Noun]:
    """Return the noun of each object that a file declares, by the name of the object."""
    return {
        name: noun
        for noun in nouns()
        for file in sorted((sql_root() / noun.module / "objects" / noun.folder).glob("*.sql"))
        for name in _DECLARED.findall(file.read_text(encoding="utf-8"))
    }
