"""What outcomes change: the next try, the breaker, the promotion; and what holds a target."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from delivery.test_proofs import said
from delivery.world import Sender, World

DUE_IN = "select extract(epoch from due_at - clock_timestamp())::float from public.iu_delivery where is_head"
STATE = "select * from public.iu_delivery_target_state"


def change_target(world: World, assignment: str) -> None:
    """Change the target, and promote the route to the new version."""
    world.owner.execute(f"update public.iu_delivery_target set {assignment}")
    world.promote("shop.paid")


def try_once(world: World, sender: Sender, decision: str, **facts: Any) -> dict[str, Any]:
    """Wait until something is due, claim one delivery and record its outcome."""
    world.pass_time(2_000)
    claims = sender.claim(limit=1)
    assert len(claims) == 1
    return sender.record(claims, decision, **facts)


def queued(world: World, events: int) -> Sender:
    for subject in range(1, events + 1):
        world.emit(subject)
    world.enqueue()
    return world.sender()


def test_each_failure_waits_as_the_target_says_and_the_one_after_the_last_is_a_dead_letter(
    world: World,
) -> None:
    change_target(world, "retry_seconds = '{100,1000}'")
    sender = queued(world, 1)
    for seconds in (100, 1000):
        try_once(world, sender, "retry", status_code=404)
        assert 0.79 * seconds < world.owner.fetch_value(DUE_IN) <= 1.2 * seconds
    try_once(world, sender, "retry", status_code=404)
    assert world.owner.fetch_value("select dead_reason from public.iu_delivery") == "status 404"


@pytest.mark.parametrize(("asked", "least", "most"), [(5000, 4990, 5000), (10**6, 86390, 86400)])
def test_a_target_may_ask_to_wait_longer_up_to_a_day(world: World, asked: int, least: int, most: int) -> None:
    sender = queued(world, 1)
    try_once(world, sender, "retry", status_code=503, retry_after_seconds=asked)
    assert least < world.owner.fetch_value(DUE_IN) <= most


def test_a_fault_of_the_sender_counts_against_neither_the_delivery_nor_the_target(world: World) -> None:
    change_target(world, "retry_seconds = '{1}'")
    sender = queued(world, 1)
    for _ in range(6):
        assert try_once(world, sender, "retry", local_fault=True)["demoted"] == 0
    (delivery,) = world.queue()
    assert (delivery["failures"], delivery["dead_at"]) == (0, None)
    assert world.owner.fetch_one(STATE)["failures"] == 0  # type: ignore[index]
    assert world.owner.fetch_value("select outcomes from public.iu_delivery_route") == 0


@pytest.mark.parametrize(
    ("facts", "opens"),
    [
        ({}, True), ({"status_code": 429}, True), ({"status_code": 500}, True), ({"status_code": 503}, True),
        ({"status_code": 400}, False), ({"status_code": 404}, False), ({"local_fault": True}, False),
    ],
)  # fmt: skip
def test_five_faults_in_a_row_open_the_breaker(world: World, facts: dict[str, Any], opens: bool) -> None:
    sender = queued(world, 8)
    sender.record(sender.claim(limit=4), "retry", **facts)
    assert world.owner.fetch_one(STATE)["breaker"] == "closed"  # type: ignore[index]
    sender.record(sender.claim(limit=1), "retry", **facts)
    assert (world.owner.fetch_one(STATE)["breaker"] == "open") is opens  # type: ignore[index]
    assert (sender.claim() == []) is opens


def test_an_open_breaker_lets_one_delivery_through_whose_outcome_decides(world: World) -> None:
    sender = queued(world, 8)
    sender.record(sender.claim(limit=5), "retry", status_code=503)
    world.pass_time(9)
    assert sender.claim() == []
    world.pass_time(2)
    for seconds in (20, 40):
        claims = sender.claim()
        assert len(claims) == 1
        assert sender.claim() == [], "a second one beside the one that was let through"
        sender.record(claims, "retry", status_code=503)
        world.pass_time(seconds - 1)
        assert sender.claim() == []
        world.pass_time(2)
    sender.record(sender.claim())
    assert world.owner.fetch_one(STATE)["breaker"] == "closed"  # type: ignore[index]
    world.pass_time(3600)
    assert len(sender.claim()) == 7


@pytest.mark.parametrize("passed", [True, False])
def test_a_passed_test_lets_one_delivery_through_an_open_breaker_at_once(world: World, passed: bool) -> None:
    sender = queued(world, 8)
    sender.record(sender.claim(limit=5), "retry", status_code=503)
    assert sender.claim() == []
    sender.session.execute("select public.fn_iu_delivery_target_test_record('hook', %s, 'class')", (passed,))
    claims = sender.claim()
    assert len(claims) == passed
    sender.session.execute("select public.fn_iu_delivery_target_test_record('hook', true, '2xx')")
    if passed:
        assert sender.claim() == [], "one is in flight"
        sender.record(claims)
        assert len(sender.claim()) == 2


COUNTS = "select outcomes, failed_outcomes, unanswered from public.iu_delivery_route where sent > 0"

WHY = "select state, reason, last_error from public.fn_iu_delivery_why(%s) where route_code = 'shop.paid'"


def test_the_last_error_is_told_until_the_delivery_is_settled(world: World) -> None:
    (event,) = world.emit(1)
    world.enqueue()
    sender = world.sender()

    def why() -> list[Any]:
        found = world.owner.fetch_one(WHY, (event,))
        assert found is not None
        return list(found.values())

    assert why() == ["queued", None, None]
    try_once(world, sender, "retry", status_code=503)
    assert why() == ["retry", "not_due", "status 503"]
    try_once(world, sender, "retry", error="no answer within the timeout")
    assert why() == ["retry", "not_due", "no answer within the timeout"]
    world.pass_time(2_000)
    claims = sender.claim()
    assert why() == ["in_flight", None, "no answer within the timeout"]
    world.pass_time(2_000)
    assert why() == ["in_doubt", None, "no answer within the timeout"]
    sender.record(claims)
    assert why() == ["sent", None, None]


def test_a_success_between_them_keeps_the_breaker_closed(world: World) -> None:
    sender = queued(world, 9)
    for _ in range(2):
        sender.record(sender.claim(limit=4), "retry", status_code=503)
        sender.record(sender.claim(limit=1))
        if not sender.claim(limit=1):
            break
    assert world.owner.fetch_one(STATE)["breaker"] == "closed"  # type: ignore[index]


@pytest.mark.parametrize(("failed", "demoted"), [(10, 0), (11, 1)])
def test_a_share_of_failures_above_the_promised_one_demotes(world: World, failed: int, demoted: int) -> None:
    world.promote("shop.paid", max_failure_share=0.5)
    sender = queued(world, 20)
    sender.record(sender.claim(limit=20 - failed))
    first = sender.record(sender.claim(limit=failed - 1), "retry", status_code=404)
    assert first["demoted"] == 0, "fewer than twenty outcomes"
    assert sender.record(sender.claim(limit=1), "retry", status_code=404)["demoted"] == demoted
    assert (world.owner.fetch_value("select held_reason from public.iu_delivery_route") is not None) is bool(
        demoted
    )


def test_a_target_that_is_away_for_a_while_ends_no_promotion(world: World) -> None:
    """Its sends under way fail at once, more than the promised share; then the breaker opens."""
    world.promote("shop.paid", max_failure_share=0.1)
    sender = queued(world, 100)
    sender.record(sender.claim(limit=40))
    mixed = sender.claim(limit=14)
    sender.record(mixed[:4])
    assert sender.record(mixed[4:], "retry")["demoted"] == 0
    world.pass_time(5)
    assert sender.record(sender.claim(limit=30), "retry")["demoted"] == 0
    assert world.owner.fetch_one(STATE)["breaker"] == "open"  # type: ignore[index]
    world.pass_time(3_600)
    assert try_once(world, sender, "sent")["demoted"] == 0
    assert world.owner.fetch_one(COUNTS) == {"outcomes": 45, "failed_outcomes": 0, "unanswered": 0}


@pytest.mark.parametrize(("seconds", "demoted"), [(0, 0), (2, 1)])
def test_sends_without_an_answer_are_failures_if_the_target_goes_on(
    world: World, seconds: int, demoted: int
) -> None:
    world.promote("shop.paid", max_failure_share=0.1)
    sender = queued(world, 60)
    sender.record(sender.claim(limit=20))
    for _ in range(3):
        assert sender.record(sender.claim(limit=3), "retry")["demoted"] == 0
        assert sender.record(sender.claim(limit=1))["demoted"] == 0
    world.pass_time(seconds)
    assert sender.record(sender.claim(limit=1))["demoted"] == demoted


def test_sends_without_an_answer_are_no_failures_as_long_as_the_target_accepts_nothing(world: World) -> None:
    world.promote("shop.paid", max_failure_share=0.1)
    sender = queued(world, 60)
    sender.record(sender.claim(limit=20))
    sender.record(sender.claim(limit=3), "retry")
    world.pass_time(2)
    assert sender.record(sender.claim(limit=1), "retry", status_code=404)["demoted"] == 0
    assert world.owner.fetch_one(COUNTS) == {"outcomes": 21, "failed_outcomes": 1, "unanswered": 3}


def test_outcomes_of_claims_under_an_earlier_promotion_do_not_count(world: World) -> None:
    sender = queued(world, 21)
    sender.record(sender.claim(limit=1))
    claims = sender.claim(limit=20)
    world.promote("shop.paid", max_failure_share=0.1)
    assert sender.record(claims, "retry", status_code=404)["demoted"] == 0
    assert world.owner.fetch_one(COUNTS) == {"outcomes": 0, "failed_outcomes": 0, "unanswered": 0}


def test_ten_failures_of_the_one_that_the_breaker_lets_through_demote(world: World) -> None:
    change_target(world, "retry_seconds = array_fill(1, array[50])")
    sender = queued(world, 5)
    sender.record(sender.claim(), "retry", status_code=503)
    for _ in range(9):
        assert try_once(world, sender, "retry", status_code=503)["demoted"] == 0
    assert try_once(world, sender, "retry", status_code=503)["demoted"] == 1
    assert world.owner.fetch_value("select held_reason from public.iu_delivery_route") == "demoted"


def test_outcomes_of_two_targets_need_two_calls(world: World) -> None:
    world.add_target("other")
    world.add_route("shop.other", "version_applied", "other")
    world.open_gates()
    world.emit(1)
    for route in ("shop.paid", "shop.other"):
        world.enqueue(route)
    sender = world.sender()
    claims = sender.claim("hook") + sender.claim("other")
    with pytest.raises(psycopg.Error) as raised:
        sender.record(claims)
    assert raised.value.sqlstate == "IU104"
    assert sender.record(claims[:1])["sent"] == 1


def test_a_target_that_starts_jobs_waits_for_their_gate(world: World) -> None:
    world.add_target("job", kind="dagster_job")
    world.add_route("shop.job", "version_applied", "job")
    world.open_gates()
    (event,) = world.emit(1)
    world.enqueue("shop.job")
    assert said(world, event, "shop.job") == ("held", "jobs_gate_closed")
    assert world.sender().claim("job") == []
    world.set_gate("jobs", "true")
    assert len(world.sender().claim("job")) == 1


@pytest.mark.parametrize(("after_failover", "claimed"), [("resume", 1), ("hold", 0)])
def test_another_timeline_of_the_server_holds_a_target_that_says_so(
    world: World, after_failover: str, claimed: int
) -> None:
    change_target(world, f"after_failover = '{after_failover}'")
    (event,) = world.emit(1)
    world.enqueue()
    world.owner.execute("update public.iu_delivery_target_state set timeline = '000000FF'")
    assert said(world, event) == (("queued", None) if claimed else ("held", "failover_hold"))
    assert len(world.sender().claim()) == claimed


def test_a_target_that_is_delivered_to_at_most_once_holds_after_a_failover_by_default(world: World) -> None:
    world.add_target("once", at_most_once=True)
    found = world.owner.fetch_all(
        "select target_name, after_failover from public.iu_delivery_target order by target_name"
    )
    assert [tuple(row.values()) for row in found] == [("hook", "resume"), ("once", "hold")]
