"""The URLs of a release, which its metadata has: of its repository, and of its documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

_DISTRIBUTION: Final = "iu-pipelines"
_PAGE: Final = re.compile(r"\bdocs/([\w/-]+)\.md(#[\w-]+)?")


def url(label: Literal["Source", "Documentation"]) -> str | None:
    """Return the URL with this label in the metadata beside the package. A checkout has none."""
    from importlib import metadata  # noqa: PLC0415  few commands need it

    for found in metadata.distributions(name=_DISTRIBUTION, path=[str(Path(__file__).resolve().parents[1])]):
        for line in found.metadata.get_all("Project-URL", []):
            name, _, given = line.partition(",")
            if name.strip() == label:
                return str(given).strip().rstrip("/")
    return None


def pages(text: str) -> list[str]:
    """Return the URLs of the pages that a text names, such as `docs/operate/roles.md`; none in a checkout."""
    named = list(_PAGE.finditer(text))
    site = url("Documentation") if named else None
    return [f"{site}/{page[1]}.html{page[2] or ''}" for page in named] if site else []


__all__ = ["pages", "url"]
