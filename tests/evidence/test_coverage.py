"""Every guarantee has a proof, every named proof exists, and every line of a proof stands for something."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from iu_pipelines.evidence import guarantees
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.evidence.guarantees import Promise

PROJECT = Path(__file__).resolve().parents[2]
PROMISES = guarantees.promises()
EVERY_PROMISE = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.key)


@cache
def text(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8") if (PROJECT / path).is_file() else ""


@EVERY_PROMISE
def test_a_guarantee_has_a_test(promise: Promise) -> None:
    assert promise.tests


@EVERY_PROMISE
def test_the_tests_of_a_guarantee_exist(promise: Promise) -> None:
    for test in promise.tests:
        path, _, name = test.partition("::")
        assert text(path), f"{path} is not there"
        assert not name or f"\ndef {name}(" in text(path), f"{path} has no {name}"
        assert name or path.endswith(".sql")


def test_the_lines_of_every_guarantee_exist_and_pass(evidence: Evidence) -> None:
    missing = [
        f"{found.key}: {line.step}: {line.line}"
        for found in evidence.guarantees
        for line in found.proven_by
        if line.passed is not True
    ]
    assert missing == []


def test_every_line_of_a_proof_stands_for_a_guarantee(evidence: Evidence) -> None:
    named = [pair for promise in PROMISES for pair in promise.lines]
    idle = [
        f"{proof.step}: {line.name}"
        for proof in evidence.proofs
        for line in proof.lines
        if not any(proof.step == step and line.name.startswith(start) for step, start in named)
    ]
    assert idle == []


def test_keys_are_unique() -> None:
    assert len({promise.key for promise in PROMISES}) == len(PROMISES)


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, PROJECT / "docs/generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "every page is right\n"), done.stderr


def test_a_stale_page_is_found_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("generate", PROJECT / "docs/generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    generate.REFERENCE = tmp_path
    assert generate.main([]) == 0
    (tmp_path / "coverage.md").write_text("all is proven")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.endswith("stale: coverage.md\n")
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
