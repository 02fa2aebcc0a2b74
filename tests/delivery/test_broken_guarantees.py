"""Break each guarantee of delivery on purpose; the lines that prove it must fail and say what is wrong."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

import pytest

from databases import locked
from delivery.breaches import BREACHES, PROBE
from delivery.test_proofs import life
from delivery.world import World
from evidence.breaches import Breach
from iu_pipelines.db.steps import verification
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.evidence import collect, guarantees
from iu_pipelines.evidence.facts import LEDGERS, Evidence
from iu_pipelines.settings import sql_root

MODULE = "iu-delivery"
# Lines with a test of their own: a probe that commits.
ELSEWHERE = {
    f"POST-ROLLBACK {line}"
    for line in ("what the probe left", "settings and routes", "the check of the login")
}


@pytest.fixture
def lived(world: World) -> World:
    """Return a world with claims, outcomes, a dead letter, and a subject of which two events wait."""
    life(world)
    world.emit(3, 2)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(limit=1), "retry", status_code=503)
    return world


@pytest.fixture
def delivery_evidence(lived: World, shared: Path) -> Evidence:
    """Return the evidence of such a world, collected once in a run."""
    file = shared / "delivery_evidence.pickle"
    with locked(shared / "delivery_evidence.lock"):
        if not file.exists():
            file.write_bytes(pickle.dumps(collect.collect(lived.owner)))
    found: Evidence = pickle.loads(file.read_bytes())
    return found


def of_module(step: str, line: str) -> bool:
    return step.startswith(MODULE) or (step == LEDGERS and "deliveries" in line)


def test_the_evidence_of_a_life_proves_every_guarantee_of_delivery(delivery_evidence: Evidence) -> None:
    failed = [
        f"{proof.step}: {line.name}: {line.seen}"
        for proof in delivery_evidence.proofs
        for line in proof.lines
        if not line.passed
    ]
    assert failed == []
    assert [found.key for found in delivery_evidence.guarantees if found.passed is not True] == []
    keys = {found.key for found in delivery_evidence.guarantees}
    assert keys == {promise.key for promise in guarantees.promises()}


def test_every_line_of_the_module_proves_a_guarantee_and_fails_in_some_test(
    delivery_evidence: Evidence,
) -> None:
    lines = [
        (proof.step, line.name)
        for proof in delivery_evidence.proofs
        for line in proof.lines
        if of_module(proof.step, line.name)
    ]
    named = [pair for promise in guarantees.promises() for pair in promise.lines]
    broken = [(step, start) for one in BREACHES for step, starts in one.fails.items() for start in starts]
    assert [pair for pair in lines if not _begins(pair, named)] == []
    assert [pair for pair in lines if pair[1] not in ELSEWHERE and not _begins(pair, broken)] == []


def _begins(pair: tuple[str, str], starts: Sequence[tuple[str, str]]) -> bool:
    return any(pair[0] == step and pair[1].startswith(start) for step, start in starts)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.title)
def test_the_lines_that_prove_a_guarantee_of_delivery_fail_when_it_is_broken(
    lived: World, breach: Breach
) -> None:
    lived.owner.run_script(f"set session_replication_role = replica; {breach.done};")
    for step, starts in breach.fails.items():
        lines = proof(lived, step)
        for start, text in starts.items():
            found = [line for line in lines if line.name.startswith(start)]
            assert found, f"{step} has no line {start}"
            for line in found:
                assert (line.passed, text in line.seen) == (False, True), line


def proof(world: World, step: str) -> Sequence[Line]:
    if step == LEDGERS:
        return list(collect.collect(world.owner, probes=False).proofs[-1].lines)
    (found,) = (verification.probe if step == PROBE else verification.verify)(world.owner, step)
    return found.lines


def test_a_probe_of_delivery_that_commits_fails(lived: World, tmp_path: Path) -> None:
    tree = Path(copytree(sql_root(), tmp_path / "sql"))
    path = tree / "iu-delivery/sandbox/010_delivery_probe.sql"
    path.write_text(path.read_text().replace("\nrollback;\n", "\ncommit;\n"))
    (found,) = verification.probe(lived.owner, PROBE, root=tree)
    after = [line for line in found.lines if line.name.startswith("POST-ROLLBACK")]
    assert {line.name: line.passed for line in after} == dict.fromkeys(ELSEWHERE, False)


def test_the_evidence_without_the_module_leaves_its_guarantees_out() -> None:
    left_out = {promise.key for promise in guarantees.promises() if promise.module == MODULE}
    assert left_out
    assert not left_out & {found.key for found in guarantees.judge(())}
