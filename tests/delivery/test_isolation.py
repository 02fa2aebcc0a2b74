"""What goes wrong with one subject or one target does not delay the others; rates, breakers and pauses."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest

from delivery.receiver import Behaviour, Request
from delivery.sending import Ground, accepted, disorder, emit, of
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery.reports import DrainReport
from iu_pipelines.domain import delivery_plans, targets

SUBJECTS: Final = 5000
BAD: Final[dict[str, dict[str, Any]]] = {
    "hangs": {"mode": "hang"},
    "answers 10 MB": {"mode": "huge"},
    "answers one byte a second": {"mode": "trickle"},
    "redirects": {"status": 302, "location": "https://elsewhere.example/"},
    "closes in mid-answer": {"mode": "close"},
}
EACH: Final = 400
LONG: Final = os.environ.get("IU_LONG") == "1"

_SLOW: Final[dict[str, Any]] = {"delay": 0.05}
_CONCURRENT: Final = 10


def test_one_subject_that_always_fails_delays_no_other(ground: Ground) -> None:
    ground.add("hook", retry_seconds=[3600])
    ground.receiver.behave(subjects={"doc/7": Behaviour(status=500)})
    emit(ground.world, SUBJECTS)
    emit(ground.world, 10, each=2)
    report = ground.drain()
    said = of(report, "hook")
    found = ground.received()
    assert said.stopped_reason == "drained"
    assert (said.sent, said.retry) == (SUBJECTS - 1 + 9 * 2, 1)
    assert len({one.content["subject_ref"] for one in accepted(found)}) == SUBJECTS - 1
    assert disorder(found) == 0
    assert [row["failures"] for row in ground.world.queue()] == [1, 0, 0]
    failing = [one for one in found if one.content["canonical_address"] == "doc/7"]
    assert len(failing) == 1


@pytest.mark.parametrize("name", BAD)
def test_a_target_that_misbehaves_delays_no_other(
    ground: Ground, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both good targets answer after 50 ms, as a remote one would, so that no processor limits the rate.

    Each gets 400 deliveries, first alone and then beside the bad one. The ratio of the two rates also depends
    on what else the machine does. With `IU_LONG=1` the bad one may hang for 30 s a request.
    """
    good = ("good-1", "good-2")
    for one in good:
        ground.add(one, address=ground.receiver.url(f"/{one}", **_SLOW))
    emit(ground.world, EACH)
    alone = _rates(ground.drain(concurrency=_CONCURRENT), good)
    ground.other.start()
    ground.add("bad", address=ground.other.url("/bad", **BAD[name]), timeout_seconds=30 if LONG else 5)
    emit(ground.world, EACH)
    over = threading.Event()

    def look(report: DrainReport) -> None:
        if all(of(report, one).stopped_reason for one in good):
            over.set()

    report = ground.drain(concurrency=_CONCURRENT, on_progress=look, should_stop=over.is_set)
    beside = _rates(report, good)
    ratios = [beside[one] / alone[one] for one in good]
    with capsys.disabled():
        print(f"\n{name}: {', '.join(f'{ratio:.2f}' for ratio in ratios)} of {alone}")
    assert len(accepted(ground.received("good"))) == 4 * EACH
    assert disorder(ground.received("good")) == 0
    assert ground.other.requests()
    assert min(ratios) > 0.25


def _rates(report: DrainReport, names: tuple[str, ...]) -> dict[str, float]:
    for name in names:
        assert of(report, name).sent == EACH
        assert of(report, name).stopped_reason == "drained"
    return {name: round(of(report, name).rate) for name in names}


def test_a_target_that_was_down_drains_at_its_rate_and_in_order(ground: Ground) -> None:
    ground.add("hook", max_per_minute=600, retry_seconds=[1] * 9)
    ground.receiver.behave(Behaviour(status=503))
    emit(ground.world, 12, each=5)
    report = ground.drain(max_seconds=3)
    assert of(report, "hook").sent == 0
    assert "breaker_open" in of(report, "hook").held_reasons
    down = len(ground.received())
    ground.receiver.behave()
    ground.world.pass_time(15)
    report = ground.drain(linger_seconds=4)
    found = ground.received()[down:]
    assert of(report, "hook").sent == len(accepted(found)) == 60
    assert disorder(accepted(ground.received())) == 0
    assert _most_within(found, 2.0) <= 10 + 2 * 10


def _most_within(requests: list[Request], seconds: float) -> int:
    times = sorted(one.at for one in requests)
    return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


def test_a_breaker_opens_lets_one_through_and_closes(ground: Ground) -> None:
    ground.add("hook", retry_seconds=[1] * 9)
    ground.receiver.behave(Behaviour(status=503))
    emit(ground.world, 50)
    said = of(ground.drain(concurrency=5), "hook")
    assert (said.sent, said.stopped_reason, said.held_reasons) == (0, "held", ("breaker_open",))
    tried = len(ground.received())
    assert 5 <= tried < 10
    assert said.unsent == 50 - tried
    for expected in (tried + 1, tried + 2):
        ground.world.pass_time(60)
        ground.drain(concurrency=5)
        assert len(ground.received()) == expected
    ground.receiver.behave()
    ground.world.pass_time(60)
    assert of(ground.drain(concurrency=5), "hook").sent == 50


def test_retry_after_is_honoured(ground: Ground) -> None:
    ground.add("hook", retry_seconds=[1])
    ground.receiver.behave(Behaviour(status=503, retry_after="100"))
    emit(ground.world, 1)
    ground.drain()
    (seconds,) = ground.world.owner.fetch_all(
        "select extract(epoch from due_at - clock_timestamp())::int as left from public.iu_delivery"
    )
    assert 90 < seconds["left"] <= 100


def test_an_answer_410_ends_the_promotion(ground: Ground) -> None:
    ground.add("hook")
    ground.receiver.behave(Behaviour(status=410))
    emit(ground.world, 20)
    said = of(ground.drain(concurrency=1), "hook")
    assert (said.sent, said.failed, said.stopped_reason) == (0, 1, "held")
    assert len(ground.received()) == 1


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (lambda ground: ground.world.set_gate("delivery", "false"), "gate_closed"),
        (lambda ground: ground.world.set_gate("live_routes", ""), "held"),
        (lambda ground: targets.set_paused(ground.world.owner, "hook", True, "test"), "held"),
    ],
    ids=["gate", "list", "pause"],
)
def test_a_closed_gate_and_a_pause_hold(ground: Ground, close: Callable[[Ground], Any], reason: str) -> None:
    ground.add("hook")
    emit(ground.world, 3)
    close(ground)
    said = of(ground.drain(), "hook")
    assert (said.sent, said.stopped_reason) == (0, reason)
    assert ground.received() == []


def test_a_plan_is_drained_and_nothing_else(ground: Ground) -> None:
    code = ground.add("hook")
    emit(ground.world, 30)
    ground.world.enqueue(code)
    plan = delivery_plans.make(ground.world.owner, "drain", "test", {"target": "hook"})
    emit(ground.world, 40)
    ground.world.enqueue(code)
    emit(ground.world, 5)
    report = ground.drain(plan_hash=plan.plan_hash, batch_limit=7)
    said = of(report, "hook")
    assert (said.sent, said.stopped_reason, said.enqueued) == (30, "drained", 0)
    planned = {UUID(one.content["event_id"]) for one in ground.received()}
    with Gateway(ground.world.url) as gateway:
        assert delivery_plans.progress(gateway, str(plan.plan_hash)).settled == 30
    assert len(planned) == 30


def test_the_drain_of_a_plan_does_not_wait_for_what_the_rate_holds_of_others(ground: Ground) -> None:
    """The one token is for the one delivery of the plan. The next one comes after half a minute."""
    code = ground.add("hook", max_per_minute=2)
    emit(ground.world, 1)
    ground.world.enqueue(code)
    plan = delivery_plans.make(ground.world.owner, "drain", "test", {"target": "hook"})
    emit(ground.world, 10)
    ground.world.enqueue(code)
    report = ground.drain(plan_hash=plan.plan_hash)
    said = of(report, "hook")
    assert (said.sent, said.held, said.held_reasons) == (1, 10, ("rate_limit",))
    assert said.stopped_reason == "drained"
    assert report.seconds < 15
