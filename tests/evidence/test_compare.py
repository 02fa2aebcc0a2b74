"""The differences between two packs."""

from __future__ import annotations

from dataclasses import replace

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates
from iu_pipelines.evidence import collect, compare
from iu_pipelines.evidence.facts import Evidence


def test_comparing_names_what_changed_and_nothing_else(worked: Gateway) -> None:
    evidence = collect.collect(worked)
    assert compare.compare(evidence, evidence) == []
    gates.set_gate(worked, gates.WORKER, "false", "test")
    worked.execute("select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'test', '{}')")
    changes = {
        (change.area, change.name): (change.before, change.after)
        for change in compare.compare(evidence, collect.collect(worked))
    }
    assert changes == {
        ("gate", gates.WORKER): ("true", "false"),
        ("count", "events"): ("14", "15"),
        ("worker", "iu_outbound_default backlog"): ("0", "1"),
    }


def test_a_line_that_began_to_fail_is_a_change(evidence: Evidence) -> None:
    first = evidence.proofs[0]
    line = replace(first.lines[0], seen="edited", passed=False)
    later = replace(
        evidence, proofs=(replace(first, lines=(line, *first.lines[1:]), passed=False), *evidence.proofs[1:])
    )
    (change,) = compare.compare(evidence, later)
    assert (change.before, change.after) == ("PASS", "FAIL: edited")
