"""The `junit.xml` of a pack."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from iu_pipelines.evidence import pack
from iu_pipelines.evidence.facts import Evidence


def test_junit_has_one_case_for_each_line(evidence: Evidence, tmp_path: Path) -> None:
    root = ElementTree.fromstring((pack.write(evidence, tmp_path).folder / "junit.xml").read_bytes())
    assert len(list(root.iter("testcase"))) == evidence.verdict.lines
    assert list(root.iter("failure")) == []
    assert {suite.get("name") for suite in root} == {
        f"{proof.kind}.{proof.step}" for proof in evidence.proofs
    }
