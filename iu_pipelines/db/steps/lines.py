"""Lines of proofs, as verify files and probes print them and evidence packs contain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict


@dataclass(frozen=True)
class Line:
    """One line of a proof: the comparison of an expected value with the value that was found."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str
    """What was compared, such as `P2 dry-run pass`."""
    expected: str
    """The expected value."""
    seen: str
    """The value that was found."""
    passed: bool
    """Whether the two values are the same."""
