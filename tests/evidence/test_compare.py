"""The differences between two packs."""

from __future__ import annotations

from dataclasses import replace

from evidence import pages
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import event_types, gates, inbound
from iu_pipelines.domain.event_types import EventType
from iu_pipelines.evidence import collect, compare
from iu_pipelines.evidence.compare import Change
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


def test_types_and_captures_that_were_added_or_changed_are_named(worked: Gateway) -> None:
    before = collect.collect(worked, probes=False)
    event_types.add(worked, EventType(event_type="order_sent", event_domain="shop", payload_keys=None))
    event_types.add(worked, EventType(event_type="order_paid", payload_keys=["total"]))
    event_types.set_enabled(worked, "order_paid", False)
    inbound.set_enabled(worked, "iu_sql.iu_sql_link.insert", True, emits=True)
    changes = {
        (change.area, change.name): (change.before, change.after)
        for change in compare.compare(before, collect.collect(worked, probes=False))
    }
    of_capture = "insert of iu_sql_link to sql_link_created"
    assert changes == {
        ("event type", "order_sent"): (None, "enabled, domain shop, any payload key"),
        ("event type", "order_paid"): (None, "disabled, domain iu, total"),
        ("capture", "iu_sql.iu_sql_link.insert"): (
            f"disabled, dry-run, {of_capture}",
            f"enabled, emits, {of_capture}",
        ),
        ("domain", "shop"): (None, "no reader, 1 event types, 0 unread events"),
    }


def test_a_pack_without_event_types_differs_in_no_event_type(evidence: Evidence) -> None:
    older = replace(evidence, event_types=None, captures=None)
    assert compare.compare(older, evidence) == []
    assert compare.compare(evidence, older) == []


def test_probes_that_one_pack_did_not_run_are_one_change_after_the_others(evidence: Evidence) -> None:
    later = replace(pages.unprobed(evidence), totals=replace(evidence.totals, events=99))
    lines = str(sum(len(proof.lines) for proof in evidence.proofs if proof.kind == "probe"))
    assert compare.compare(evidence, later) == [
        Change("count", "events", "14", "99"),
        Change("probe", "lines that passed", lines, "not run"),
    ]
    assert compare.compare(later, evidence) == [
        Change("count", "events", "99", "14"),
        Change("probe", "lines that passed", "not run", lines),
    ]


def test_a_failed_line_of_a_probe_that_the_other_pack_did_not_run_is_named(evidence: Evidence) -> None:
    failed = pages.failed(evidence)
    changes = compare.compare(failed, pages.unprobed(failed))
    (line,) = [change for change in changes if change.before and change.before.startswith("FAIL: ")]
    assert line.after is None
    assert "W2" in line.name
    assert changes[-1].name == "lines that passed"
