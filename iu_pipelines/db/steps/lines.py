"""One line of a proof, as a proof prints it and as a pack of evidence keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict


@dataclass(frozen=True)
class Line:
    """One line of a proof: it passed where what was seen is what was expected."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str
    """What was looked at, such as `P2 dry-run pass`."""
    expected: str
    """What had to be seen."""
    seen: str
    """What was seen."""
    passed: bool
    """Whether the two are the same."""
