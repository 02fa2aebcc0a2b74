"""Promotions: what the database counts, who may decide, and what each bypass meets."""

from __future__ import annotations

from delivery.office import EVENTS, Office


def test_a_promotion_that_two_logins_made_is_in_force(office: Office) -> None:
    proposed = office.propose()
    assert proposed["evidence"]["events"] == EVENTS
    assert [row["state"] for row in office.promotions()] == ["proposed"]
    decided = office.decide(proposed["promotion_no"])
    assert (decided["status"], decided["passed_over"]) == ("approved", EVENTS)
    assert [row["state"] for row in office.promotions()] == ["live"]
    office.emit(2)
    assert office.enqueue()["queued"] == 2
    assert len(office.claim()) == 2
