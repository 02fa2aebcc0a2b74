"""Live delivery in a pack of evidence: the line about rehearsals, the facts, and the page in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest

from delivery.office import ROUTE as OFFICE_ROUTE
from delivery.office import Office
from delivery.world import World, make_login, url_of
from evidence.test_page import browser
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification
from iu_pipelines.domain import deliveries
from iu_pipelines.evidence import collect, compare, pack
from iu_pipelines.evidence.facts import Count, Evidence, LiveRoute, Twin

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

ROUTE: Final = "shop.paid"
WORKER: Final = "iu_outbound_default"


def attempt(world: World) -> None:
    """Let the audit worker attempt every event."""
    while (
        world.owner.fetch_value("select public.fn_iu_route_worker_run(%s, 1000) ->> 'seen'", (WORKER,)) != "0"
    ):
        pass


def tamper(world: World, statement: str) -> None:
    world.owner.run_script(f"set session_replication_role = replica; {statement}")


def send(world: World, *subjects: int) -> list[UUID]:
    """Emit and deliver an event about each subject; return the events."""
    events = [world.emit(subject)[0] for subject in subjects]
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(limit=len(subjects)))
    sender.close()
    return events


def test_a_delivery_that_its_rehearsal_would_make_too_is_no_fault(world: World) -> None:
    send(world, 1, 2)
    assert deliveries.unrehearsed(world.owner) is None  # the audit worker has not read them
    attempt(world)
    assert deliveries.unrehearsed(world.owner) is None


@pytest.mark.parametrize(
    ("statement", "would"),
    [
        ("update public.iu_route_attempt_log set decision = 'skipped'", "was skipped"),
        ("update public.iu_route_attempt_log set decision = 'skipped', route_no = 0", "was skipped"),
        ("update public.iu_route_attempt_log set decision = 'failed', error_code = 'x'", "was failed"),
        ("delete from public.iu_route_attempt_log", "was not made"),
    ],
)
def test_a_delivery_that_the_rehearsal_did_not_make_is_a_fault(
    world: World, statement: str, would: str
) -> None:
    world.owner.execute("delete from public.iu_outbound_route where route_code <> %s", (ROUTE,))
    first, _ = send(world, 1, 2)
    attempt(world)
    world.emit(3, 100)
    attempt(world)
    tamper(world, statement)
    said = f"route {ROUTE}: the rehearsal {would}, the delivery was sent: 2 events, the first is {first}"
    assert deliveries.unrehearsed(world.owner) == said
    assert deliveries.unrehearsed(world.owner, 1) is None  # the newest 100 were not sent
    (line,) = [one for one in collect.collect(world.owner, probes=False).proofs[-1].lines if one.seen == said]
    assert (line.name, line.passed) == ("deliveries as rehearsed", False)


@pytest.mark.parametrize(
    "quiet",
    [
        "update public.iu_route_promotion_decision set decided_at = now() + interval '1 s'",
        "update public.iu_outbound_route set enabled = false",
    ],
    ids=["sent before the approval", "the route is not as approved"],
)
def test_what_people_have_decided_again_is_no_fault(world: World, quiet: str) -> None:
    send(world, 1)
    attempt(world)
    tamper(world, "update public.iu_route_attempt_log set decision = 'skipped'")
    assert deliveries.unrehearsed(world.owner)
    tamper(world, quiet)
    assert deliveries.unrehearsed(world.owner) is None


@pytest.fixture
def lively(world: World) -> Evidence:
    """Return the evidence of a route with deliveries in several states."""
    send(world, 1, 2, 3)
    attempt(world)
    world.emit(4, 3)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(limit=1), "failed")
    sender.close()
    return collect.collect(world.owner, probes=False)


def of_route(found: Evidence) -> LiveRoute:
    assert found.delivery
    (route,) = found.delivery.routes
    return route


def test_the_facts_name_the_promotion_the_queue_and_both_decisions(lively: Evidence) -> None:
    route = of_route(lively)
    assert (route.route_code, route.target, route.state, route.held_reason) == (ROUTE, "hook", "live", None)
    assert (route.proposed_by, route.approved_by, route.share, route.sent) == ("proposer", "approver", 1, 3)
    assert route.twins == (
        Twin("dry_run", "sent", 3),
        Twin("none", "dead", 1),
        Twin("none", "parked", 2),
    )
    assert lively.delivery
    assert lively.delivery.compared == 10_000
    (target,) = lively.delivery.targets
    assert (target.target, target.breaker, target.states) == (
        "hook",
        "closed",
        (Count("parked", 2), Count("dead", 1)),
    )


def test_who_proposed_and_who_approved_are_named(office: Office) -> None:
    office.promote(share=0.5)
    found = of_route(collect.collect(office.owner, probes=False))
    assert (found.proposed_by, found.approved_by) == (office.login("admin"), office.login("approver"))
    assert (found.state, found.share) == ("live", 0.5)
    office.demote()
    assert of_route(collect.collect(office.owner, probes=False)).state == "demoted"


def test_a_pack_with_a_live_route_contradicts_itself_in_no_line(lively: Evidence, tmp_path: Path) -> None:
    lines = {line.name: line for proof in lively.proofs for line in proof.lines}
    assert "delivery gates are closed" not in lines
    gates = lines["delivery gates are not all closed, delivered without a promotion"]
    assert (gates.expected, gates.seen, gates.passed) == ("0", "0", True)
    assert "live routes" not in lines
    assert lines["routes that are not dry-run"].seen == "none"
    text = page(lively, tmp_path)
    assert f'<th scope="row">{ROUTE}</th><td data-label="Event type">' in text
    assert '>record a dry run</td><td data-label="Live delivery">LIVE to hook, promotion 1</td>' in text


def test_the_probe_says_what_does_not_leave_without_the_gates_that_are_open(world: World) -> None:
    (proof,) = verification.probe(world.owner, "050_trigger_in_out_dlq_probe")
    (line,) = [line for line in proof.lines if line.name == "E.8 nothing leaves"]
    assert (line.expected, line.passed) == ("routes that are not dry-run 0, our sent attempts 0", True)


def test_the_changes_of_thresholds_and_routes_are_in_the_pack_and_on_its_page(
    office: Office, tmp_path: Path
) -> None:
    said = office.call("admin", "fn_iu_promotion_threshold_propose", "hours", 5, "slow weeks")
    office.call("approver", "fn_iu_promotion_threshold_decide", said["change_no"], "reject", "too short")
    office.call("admin", "fn_iu_promotion_threshold_propose", "days", 9, "short terms")
    found = collect.collect(office.owner, probes=False)
    assert found.delivery
    waiting, rejected, approved, *_ = found.delivery.threshold_changes
    admin, approver = office.login("admin"), office.login("approver")
    assert (waiting.threshold, waiting.new_value, waiting.decision) == ("days", 9, None)
    assert (rejected.reason, rejected.decision, rejected.decision_reason) == (
        "slow weeks", "reject", "too short",
    )  # fmt: skip
    assert (approved.threshold, approved.old_value, approved.new_value) == ("hours", 24, 0)
    assert (approved.proposed_by, approved.decision, approved.decided_by) == (admin, "approve", approver)
    assert {one.threshold: one.value for one in found.delivery.thresholds}["hours"] == 0
    text = page(found, tmp_path)
    assert '<td class="short" data-label="Change">0 → 5</td>' in text
    assert f"by {admin}, " in text
    assert re.search(rf"rejected by {approver}, [^<]*: too short</td>", text)
    assert '<td data-label="Decision">not decided</td>' in text
    change = next(one for one in found.config_changes if one.noun == "route")
    assert (change.name, change.changed_by, change.old_value) == (OFFICE_ROUTE, admin, None)
    assert f'<th scope="row">route {OFFICE_ROUTE}</th>' in text


def test_a_threshold_that_changed_is_told(office: Office) -> None:
    before = collect.collect(office.owner, probes=False)
    office.set_threshold("days", 7)
    told = compare.compare(before, collect.collect(office.owner, probes=False))
    assert compare.Change("threshold", "days", "30", "7") in told


def test_a_difference_of_the_deliveries_is_told(lively: Evidence, world: World) -> None:
    send(world, 7)
    told = compare.compare(lively, collect.collect(world.owner, probes=False))
    changes = {change.name: (change.before, change.after) for change in told if change.area == "delivery"}
    assert changes == {f"{ROUTE} would none, did sent": (None, "1")}


def test_an_auditor_may_collect_it(world: World) -> None:
    login = f"{world.login}_reader"
    make_login(world.owner, login, "iu_auditor")
    with Gateway(url_of(world.url, login)) as auditor:
        assert of_route(collect.collect(auditor, probes=False)).route_code == ROUTE


def test_without_the_module_nothing_of_deliveries_is_asked(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plain = Gateway.fetch_all

    def fetch_all(self: Gateway, sql: str, *given: Any) -> list[dict[str, Any]]:
        asked.append(sql)
        return plain(self, sql, *given)

    monkeypatch.setattr(Gateway, "fetch_all", fetch_all)
    assert collect.collect(gateway, probes=False).delivery is None
    assert asked
    assert [sql for sql in asked if "iu_delivery" in sql] == []


def page(found: Evidence, folder: Path) -> str:
    return pack.write(found, folder).report.read_text(encoding="utf-8")


def test_the_page_tells_what_was_sent_and_by_which_promotion(lively: Evidence, tmp_path: Path) -> None:
    text = page(lively, tmp_path)
    assert "3 deliveries were sent, none of them without a valid promotion" in text
    assert "Nothing was delivered" not in text
    assert "by proposer, " in text
    assert 'class="number fault"' not in text


def test_the_page_without_the_module_has_no_section(evidence_of_core: Evidence, tmp_path: Path) -> None:
    text = page(evidence_of_core, tmp_path)
    assert 'id="delivery"' not in text
    assert "Nothing was delivered" in text


@pytest.fixture
def evidence_of_core(gateway: Gateway) -> Evidence:
    return collect.collect(gateway, probes=False)


def test_a_delivery_against_its_rehearsal_is_marked(world: World, tmp_path: Path) -> None:
    send(world, 1, 2)
    attempt(world)
    tamper(world, "update public.iu_route_attempt_log set decision = 'skipped'")
    text = page(collect.collect(world.owner, probes=False), tmp_path)
    assert "✗ against its rehearsal: 2</td>" in text
    assert "deliveries as rehearsed" in text


def test_the_section_fits_every_screen(browser: Browser, lively: Evidence, tmp_path: Path) -> None:
    report = pack.write(lively, tmp_path).report.as_uri()
    for width in (320, 820, 1280):
        opened = browser.new_page(viewport={"width": width, "height": 800})
        opened.goto(report)
        assert opened.locator("nav a[href='#delivery']").count() == 1
        assert opened.locator("#delivery table.matrix thead th").all_inner_texts() == [
            "The rehearsal", "sent", "parked", "dead",
        ]  # fmt: skip
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        opened.close()
