"""`junit.xml` of a pack: one test suite for each proof, one test case for each line."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence.facts import Evidence, Proof

_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(evidence: Evidence) -> bytes:
    """Return the bytes of the file. Characters that XML does not allow become question marks."""
    root = ElementTree.Element(
        "testsuites",
        name="iu evidence",
        tests=str(evidence.verdict.lines),
        failures=str(evidence.verdict.failed),
        timestamp=evidence.generated_at.isoformat(),
    )
    for proof in evidence.proofs:
        _add_suite(root, proof)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add_suite(root: ElementTree.Element, proof: Proof) -> None:
    name = f"{proof.kind}.{proof.step}"
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(proof.lines)),
        failures=str(sum(not line.passed for line in proof.lines)),
        time=f"{proof.seconds:.3f}",
    )
    for line in proof.lines:
        _add_case(suite, name, line)


def _add_case(suite: ElementTree.Element, suite_name: str, line: Line) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=suite_name, name=_plain(line.name))
    if not line.passed:
        failure = ElementTree.SubElement(case, "failure", message=_plain(f"seen: {line.seen}"))
        failure.text = _plain(f"expected: {line.expected}\nseen: {line.seen}")


def _plain(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)
