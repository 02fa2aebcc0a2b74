"""The hint for a name that does not exist: similar names, or the first ones."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def similar_names(nouns: str, wanted: str, names: Sequence[str]) -> str:
    """Return a sentence with the names that are similar to `wanted`, else with the first five."""
    similar = difflib.get_close_matches(wanted, names)
    if similar:
        return f"Similar {nouns}: {', '.join(similar)}."
    return f"Existing {nouns}: {', '.join(names[:5]) or 'none'}."
