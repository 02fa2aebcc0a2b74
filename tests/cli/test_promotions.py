"""`iu promote` and `iu demote`."""

from __future__ import annotations

import psycopg
import pytest

from cli.offices import OfficeIu
from cli.running import refused
from delivery.office import EVENTS, ROUTE, SUBJECTS
from delivery.test_bypasses import owner_changes
from delivery.world import url_of

PROPOSE = ("promote", "propose", ROUTE, "--reason", "ready", "--deployment", "test")


def test_one_login_proposes_and_another_one_approves(office_iu: OfficeIu) -> None:
    proposed = office_iu("admin", *PROPOSE, "--max-failure-share", "0.5", "--days", "3")
    assert proposed.code == 0, proposed.err
    assert "proposed: promotion 1 of shop.paid" in proposed.out
    assert "iu promote approve 1 --reason WHY" in proposed.out
    assert "MISSED" not in proposed.out
    assert f"passes over: {EVENTS} events from before" in proposed.out
    assert "--from beginning" in proposed.out
    assert "passes over" not in office_iu("admin", *PROPOSE, "--from", "beginning").out
    newest = str(
        office_iu.office.owner.fetch_value(
            "select event_id from event_outbox order by event_seq desc limit 1"
        )
    )
    after = office_iu("admin", *PROPOSE, "--from", newest)
    assert f"passes over: {EVENTS} events from before\n" in after.out
    assert office_iu("admin", *PROPOSE, "--json").json["passed_over"] == EVENTS
    own = office_iu("both", "promote", "approve", "1", "--reason", "mine")
    assert own.code == 0, "both did not propose it"


def test_nobody_approves_what_they_proposed(office_iu: OfficeIu) -> None:
    assert office_iu("both", *PROPOSE).code == 0
    refused(office_iu("both", "promote", "approve", "1", "--reason", "mine"), 1, "rule two_people")
    refused(office_iu("admin", "promote", "approve", "1", "--reason", "mine"), 1, "permission denied")
    done = office_iu("approver", "promote", "approve", "1", "--reason", "seen")
    assert done.out.startswith("promotion 1: approved\nshop.paid: live until 20")
    assert f"passed over: {EVENTS} events from before" in done.out
    assert "deliver with: iu deliver" in done.out
    again = office_iu("approver", "promote", "approve", "1", "--reason", "seen")
    assert (again.code, again.out) == (1, "promotion 1: nothing was decided, because it was decided before\n")


def test_a_decision_while_the_route_is_read_is_none_and_the_exit_code_is_1(office_iu: OfficeIu) -> None:
    office = office_iu.office
    office.promote()
    number = str(office.propose()["promotion_no"])
    approve = ("promote", "approve", number, "--reason", "seen")
    with psycopg.connect(url_of(office.url, office.login("owner"))) as session:
        session.execute("select from public.iu_route_worker_cursor where cursor_kind = 'delivery' for update")
        done = office_iu("approver", *approve)
    assert (done.code, "try again" in done.out) == (1, True)
    assert office_iu("approver", *approve).code == 0


def test_a_promotion_is_shown_with_its_evidence_and_decision(office_iu: OfficeIu) -> None:
    office_iu(
        "admin", *PROPOSE, "--share", "0.25", "--max-per-minute", "60", "--max-failure-share", "0.5",
        "--days", "3", "--queued", "discard", "--from", "beginning",
    )  # fmt: skip
    begins = office_iu("admin", *PROPOSE, "--from", "begining")
    refused(begins, 1, "error: --from is 'begining'", "Give latest, beginning, or the id of an event")
    shown = office_iu("approver", "promote", "show", "1", "--json").json
    rules = {rule["rule"]: rule for rule in shown["rules"]}
    assert " ".join(rules) == ("days worker failures events subjects hours rehearsal test pack pack_hours")
    assert all(rule["is_met"] for rule in rules.values())
    assert (rules["events"]["needed"], rules["events"]["seen"]) == (str(EVENTS), str(EVENTS))
    assert rules["subjects"]["seen"] == str(SUBJECTS)
    assert (shown["state"], shown["share"], shown["max_per_minute"]) == ("proposed", 0.25, 60)
    assert (shown["max_failure_share"], shown["queued"]) == (0.5, "discard")
    assert shown["start_position"] == "beginning"
    assert rules["days"]["seen"] == "3"
    shown_days = office_iu("auditor", "promote", "show", "1").out
    assert "3 days after the approval" in shown_days
    office_iu("approver", "promote", "reject", "1", "--reason", "not today")
    text = office_iu("auditor", "promote", "show", "1").out
    assert "rejected" in text
    assert ": not today" in text
    assert "iu promote approve" not in text
    assert "rejected" in office_iu("auditor", "promote", "list").out
    refused(office_iu("auditor", "promote", "show", "9"), 1, "no such promotion: 9", "iu promote list")
    refused(office_iu("approver", "promote", "reject", "9", "--reason", "x"), 1, "iu promote list")


def test_every_rule_that_is_missed_is_named(office_iu: OfficeIu) -> None:
    office_iu.office.test_target(passed=False)
    only = office_iu("admin", *PROPOSE)
    refused(only, 1, "rule test refuses the promotion: it needs a passed test, and found failed test 2\n")
    refused(
        office_iu("admin", *PROPOSE, "--days", "100"), 1,
        "rule days refuses the promotion: it needs at most 30 days, and found 100 days, "
        "also missed: test (needs a passed test, found failed test 2)\n"
        "hint:  Propose a shorter period with --days. "
        "Run as the sender: iu promote rehearse shop.paid --test-target. "
        "The rules are in docs/operate/promotions.md#rules.\n",
    )  # fmt: skip
    owner_changes(office_iu.office, "iu_evidence_pack", "delete from public.iu_evidence_pack")
    done = office_iu("admin", *PROPOSE)
    refused(done, 1, ", also missed: pack (needs a passed pack, found no pack), pack_hours (needs at most")


def test_the_deployment_is_named_by_the_option_or_the_environment(
    office_iu: OfficeIu, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(office_iu("admin", *PROPOSE[:-2]), 2, "the deployment is not named", "IU_DEPLOYMENT")
    monkeypatch.setenv("IU_DEPLOYMENT", "production")
    assert office_iu("admin", *PROPOSE[:-2]).code == 0
    assert office_iu("admin", *PROPOSE).code == 0
    listed = office_iu("auditor", "promote", "list", "--json").json
    assert [one["deployment"] for one in listed] == ["production", "test"]


def test_a_demotion_says_what_is_queued_and_in_flight(office_iu: OfficeIu) -> None:
    demote = ("demote", ROUTE, "--reason", "wrong address")
    assert office_iu("admin", *demote).out == "shop.paid: was never promoted\n"
    office = office_iu.office
    office.promote()
    office.emit(3, 3)
    office.enqueue()
    office.claim()
    office.emit(3, 3)
    office.enqueue()
    done = office_iu("approver", *demote)
    assert done.out.startswith(
        "shop.paid: demoted; 6 deliveries in the queue; 3 deliveries in flight may still"
    )
    assert "was demoted before" in office_iu("admin", *demote).out
    listed = office_iu("auditor", "promote", "list", "--json").json[0]
    assert (listed["state"], listed["demoted_automatically"]) == ("demoted", False)
    assert "demoted: wrong address" in office_iu("auditor", "promote", "list").out
    shown = office_iu("auditor", "promote", "show", "1").out
    assert office.login("approver") in shown
    assert ": wrong address" in shown
    refused(office_iu("admin", "demote", "no.route", "--reason", "x"), 1, "no.route")


def test_thresholds_are_changed_by_two_logins(office_iu: OfficeIu) -> None:
    proposed = office_iu("admin", "promote", "threshold", "set", "hours", "1", "--reason", "a trial")
    assert proposed.code == 0, proposed.err
    listed = office_iu("auditor", "promote", "threshold", "list", "--json").json
    (change,) = [str(one["change_no"]) for one in listed if one["threshold"] == "hours"]
    assert f"iu promote threshold approve {change} --reason WHY" in proposed.out
    assert f"change {change} to 1 by" in office_iu("auditor", "promote", "threshold", "list").out
    approve = ("promote", "threshold", "approve", change, "--reason", "agreed")
    done = office_iu("approver", *approve)
    assert done.out == f"hours: 1 (change {change} approved)\n"
    assert office_iu("approver", *approve).code == 1
    office_iu("admin", "promote", "threshold", "set", "hours", "2", "--reason", "a trial")
    rejected = office_iu("approver", "promote", "threshold", "reject", str(int(change) + 1), "--reason", "no")
    assert rejected.out == f"hours: 1 (change {int(change) + 1} rejected)\n"
    refused(office_iu("admin", "promote", "threshold", "set", "hours", "-1", "--reason", "x"), 2, "threshold")
    refused(
        office_iu("admin", "promote", "threshold", "set", "nothing", "1", "--reason", "x"), 1, "Thresholds: "
    )
    refused(
        office_iu("approver", "promote", "threshold", "approve", "999", "--reason", "x"), 1,
        "iu promote threshold list",
    )  # fmt: skip


def test_superusers_and_others_who_may_not_are_told_what_to_do(office_iu: OfficeIu) -> None:
    refused(office_iu("root", *PROPOSE), 1, "is a superuser")
    refused(
        office_iu("root", "promote", "rehearse", ROUTE), 1, "superuser", "IU_SENDER_DATABASE_URL", "grant"
    )
    refused(office_iu("admin", "promote", "rehearse", ROUTE), 1, "IU_SENDER_DATABASE_URL", "iu target grant")
    refused(office_iu("stranger", "promote", "rehearse", ROUTE), 1, "iu target grant hook iu_test_office")
