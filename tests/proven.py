"""What proofs say, for tests that want every line to pass."""

from __future__ import annotations

from collections.abc import Sequence

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.db.steps.verification import Proof


def failed_lines(proofs: Sequence[Proof]) -> list[Line]:
    """Every line that did not pass."""
    return [line for proof in proofs for line in proof.lines if not line.passed]
