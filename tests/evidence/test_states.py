"""The state of each line and guarantee: what is pending or was not run is not failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evidence import pages
from iu_pipelines.evidence.facts import Evidence, Guarantee, ProvenBy
from iu_pipelines.evidence.states import States


def test_the_headline_counts_the_guarantees_that_were_proven_and_those_that_rest_on_tests(
    evidence: Evidence,
) -> None:
    proven = sum(bool(found.proven_by) for found in evidence.guarantees)
    tests = len(evidence.guarantees) - proven
    assert (proven > 40, tests > 10) == (True, True)
    headline = f"{proven} guarantees proven here, {tests} rest on the project's tests"
    assert States(evidence).headline() == headline


def test_the_lines_of_a_step_that_is_not_applied_are_pending(evidence: Evidence) -> None:
    states = States(pages.pending(evidence))
    assert states.pending_steps == [pages.PENDING_STEP]
    assert states.lines("failed") == []
    assert {(proof.step, line.name) for proof, line in states.lines("pending")} == {
        (pages.PENDING_STEP, "ledger"),
        (pages.PENDING_STEP, "ledger holds the step"),
    }
    assert "failed" not in states.counts()
    assert states.counts()["pending"] == 2
    assert ", 2 pending, " in states.headline()


@pytest.mark.parametrize("status", ["changed", "edited", "unknown", "applied"])
def test_a_line_that_fails_is_pending_only_if_its_step_is_not_applied(
    evidence: Evidence, status: str
) -> None:
    found = pages.pending(evidence)
    steps = tuple(
        replace(step, status=status) if step.name == pages.PENDING_STEP else step
        for step in found.environment.steps
    )
    states = States(replace(found, environment=replace(found.environment, steps=steps)))
    assert states.lines("pending") == []
    assert len(states.lines("failed")) == 2
    assert states.headline().startswith("2 guarantees failed, ")


def test_a_guarantee_of_which_some_lines_were_not_run_is_proven_in_part(evidence: Evidence) -> None:
    states = States(pages.unprobed(evidence))
    found = {promise.key: states.guarantee(promise) for promise in states.evidence.guarantees}
    assert found["nothing-is-delivered"] == "in part"
    assert found["domains-are-apart"] == "not run"
    assert found["packs-are-a-chain"] == "proven"
    assert found["no-stall-flat-cost"] == "tests"
    assert set(found.values()) == {"proven", "in part", "not run", "tests"}


def test_lines_after_the_failed_end_of_a_proof_are_not_run(evidence: Evidence) -> None:
    states = States(pages.failed(evidence))
    found = {promise.key: states.guarantee(promise) for promise in states.evidence.guarantees}
    assert found["an-event-is-its-transaction"] == "failed"
    assert found["seeks-are-audited"] == "not run"
    assert len(states.lines("failed")) == 1


@pytest.mark.parametrize(
    ("passed", "state"),
    [
        ((), "tests"),
        ((True, True), "proven"),
        ((True, None), "in part"),
        ((None,), "not run"),
        ((True, None, False), "failed"),
    ],
)
def test_the_state_of_a_guarantee_follows_from_its_lines(
    evidence: Evidence, passed: tuple[bool | None, ...], state: str
) -> None:
    proven = tuple(ProvenBy("020_gates", "line", one) for one in passed)
    assert States(evidence).guarantee(Guarantee("key", "text", None, proven)) == state


def test_one_guarantee_is_counted_in_the_singular(evidence: Evidence) -> None:
    one = replace(evidence, guarantees=(Guarantee("key", "text", True, ()),))
    assert States(one).headline() == "1 guarantee rests on the project's tests"
