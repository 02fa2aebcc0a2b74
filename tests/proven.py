"""The failed lines of proofs, for tests that expect none."""

from __future__ import annotations

from collections.abc import Sequence

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.db.steps.verification import Proof


def failed_lines(proofs: Sequence[Proof]) -> list[Line]:
    """Return every line that did not pass."""
    return [line for proof in proofs for line in proof.lines if not line.passed]
