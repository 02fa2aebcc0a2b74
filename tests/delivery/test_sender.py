"""The sender: what it delivers, what it records, when it ends, and what it never begins."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

import servers
from delivery.receiver import Behaviour
from delivery.sending import Ground, accepted, disorder, emit, kind_of, of
from delivery.world import DEPLOYMENT, World, url_of
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.delivery import sender
from iu_pipelines.delivery.calls import Calls, Identity
from iu_pipelines.delivery.failures import MOST_CLASSES, OTHER, Failures
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.recorder import Recorder
from iu_pipelines.delivery.reports import DrainReport, FailedSends, TargetReport
from iu_pipelines.domain import deliveries, delivery_plans, targets
from iu_pipelines.domain.deliveries import Outcome
from iu_pipelines.errors import DeliveryRefused, UnknownTarget
from waiting import AT_ONCE, PATIENCE, eventually

SHORT_LEASE: Final[dict[str, Any]] = {"timeout_seconds": 1, "lease_seconds": 2}

_CLAIMED: Final = "select count(*) from public.iu_delivery where claim_id is not null"
_OUTCOMES: Final = (
    "select decision, error_detail, count(*) as n from public.iu_delivery_outcome group by 1, 2"
)
_FACTS: Final = """
    select decision, status_code, count(*) as n from public.iu_delivery_outcome
    where latency_ms is not null and response_hash is not null group by 1, 2"""
_UNKNOWN: Final = (
    "select count(*) from public.iu_delivery_claim c "
    "where not exists (select from public.iu_delivery_outcome o where o.claim_id = c.claim_id)"
)
_OWNERS: Final = "select count(distinct owner) from public.iu_delivery_shard"
_LEASED: Final = "select count(*) from public.iu_delivery_shard where owner is not null"

PROGRAM: Final = """
import sys
from iu_pipelines import settings
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.reports import DrainLimits
report = drain(sys.argv[1], settings.load(), limits=DrainLimits(linger_seconds=600, concurrency=4))
print(report.sent, report.targets[0].unsent, report.targets[0].stopped_reason)
"""


@contextmanager
def draining(ground: Ground, *, stops: bool = True, **limits: Any) -> Iterator[list[DrainReport]]:
    """Drain in a thread and yield a list that gets the report. At the end the drain is stopped if `stops`."""
    found: list[DrainReport] = []
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: found.append(ground.drain(should_stop=stop.is_set, **limits)), daemon=True
    )
    thread.start()
    try:
        yield found
        if stops:
            stop.set()
        thread.join(PATIENCE)
        assert found, "the drain raised, or has not ended"
    finally:
        stop.set()


def test_a_drain_delivers_every_event_in_the_order_of_its_subject(ground: Ground) -> None:
    ground.add("hook")
    emit(ground.world, 40, each=5)
    report = ground.drain(batch_limit=30, run_ref="run-1")
    said = of(report, "hook")
    assert (said.enqueued, said.claimed, said.sent, said.stopped_reason) == (200, 200, 200, "drained")
    assert (said.queued, said.in_doubt, said.unsent) == (0, 0, 0)
    found = ground.received()
    assert len({one.key for one in found}) == len(found) == 200
    assert disorder(found) == 0
    ledger = ground.world.owner.fetch_one(
        "select distinct sender, run_ref from public.iu_delivery_ledger where kind = 'claims'"
    )
    assert ledger == {"sender": report.sender, "run_ref": "run-1"}
    assert ground.world.owner.fetch_all(_FACTS) == [{"decision": "sent", "status_code": 200, "n": 200}]


def test_a_sender_that_ends_gives_its_shards_back(ground: Ground) -> None:
    ground.add("hook")
    for _ in range(2):
        emit(ground.world, 64)
        assert ground.drain().sent == 64
        assert ground.world.owner.fetch_value(_LEASED) == 0


def test_a_sender_that_claimed_nothing_gives_its_shards_back_too(ground: Ground) -> None:
    """The only event that is due is in a shard of another sender."""
    code = ground.add("hook")
    emit(ground.world, 64)
    ground.world.enqueue(code)
    assert len(ground.world.sender().claim(limit=100)) == 64
    ground.world.owner.execute(
        """update public.iu_delivery set due_at = clock_timestamp()
           where event_seq = (select min(event_seq) from public.iu_delivery where shard = 0)"""
    )
    with draining(ground) as found:
        eventually(lambda: ground.world.owner.fetch_value(_OWNERS) == 2, "both own shards")
    assert of(found[0], "hook").claimed == 0
    assert ground.world.owner.fetch_value(_OWNERS) == 1


@pytest.mark.parametrize("asks", [True, False], ids=["asks whether anything is due", "does not ask"])
@pytest.mark.parametrize("by_plan", [False, True], ids=["all", "a plan"])
def test_a_drain_takes_over_what_a_killed_sender_left(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, asks: bool, by_plan: bool
) -> None:
    """Half of the shards are another sender's until their leases have passed."""
    if not asks:
        monkeypatch.setattr(delivery_plans if by_plan else deliveries, "has_due", lambda *_, **__: False)
        monkeypatch.setattr(sender, "_is_stopped", lambda _: True)
    code = ground.add("hook", **SHORT_LEASE)
    emit(ground.world, 64)
    ground.world.enqueue(code)
    plan = delivery_plans.make(ground.world.owner, "drain", "test", {"target": "hook"})
    assert len(ground.world.sender().claim(limit=1)) == 1
    said = of(ground.drain(plan_hash=plan.plan_hash if by_plan else None), "hook")
    assert (said.sent >= 63) == asks
    assert said.stopped_reason == "drained"


def test_two_drains_of_one_login_deliver_everything_once(ground: Ground) -> None:
    """Each has a name of its own, so the shards of one are not those of the other."""
    ground.add("hook")
    ground.receiver.behave(Behaviour(delay=0.02))
    emit(ground.world, 300, each=2)
    with draining(ground, stops=False, batch_limit=20, concurrency=10) as one:
        eventually(ground.received)
        two = ground.drain(batch_limit=20, concurrency=10)
        eventually(lambda: one)
    found = ground.received()
    assert len({request.key for request in found}) == len(found) == 600
    assert disorder(found) == 0
    assert one[0].sender != two.sender
    assert one[0].sent + two.sent == 600


def test_a_drain_that_lingers_delivers_what_is_emitted_meanwhile(ground: Ground) -> None:
    ground.add("hook")
    emit(ground.world, 3)
    with draining(ground, linger_seconds=600) as found:
        eventually(lambda: len(ground.received()) == 3)
        emit(ground.world, 4)
        eventually(lambda: len(ground.received()) == 7)
    assert found[0].sent == 7


@pytest.mark.parametrize("is_plan", [False, True], ids=["target", "plan"])
def test_a_drain_waits_for_the_rate_until_everything_is_delivered(ground: Ground, is_plan: bool) -> None:
    code = ground.add("hook", max_per_minute=1200)
    emit(ground.world, 100)
    plan_hash = None
    if is_plan:
        ground.world.enqueue(code)
        plan = ground.world.owner.fetch_value(
            "select public.fn_iu_delivery_plan_make('drain', %s, 'test')",
            (json.dumps({"target": "hook", "limit": 60}),),
        )
        plan_hash = plan["plan_hash"]
    said = of(ground.drain(plan_hash=plan_hash), "hook")
    assert (said.sent, said.stopped_reason) == (60 if is_plan else 100, "drained")


def test_a_plan_is_drained_although_the_rate_holds_other_deliveries_of_its_target(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = deliveries.status

    def held(gateway: Gateway) -> list[deliveries.TargetQueue]:
        return [
            replace(one, held=one.held + one.queued, held_reasons=["rate_limit"]) for one in status(gateway)
        ]

    monkeypatch.setattr(deliveries, "status", held)
    code = ground.add("hook")
    emit(ground.world, 10)
    ground.world.enqueue(code)
    plan = delivery_plans.make(ground.world.owner, "drain", "test", {"target": "hook", "limit": 6})
    said = of(ground.drain(plan_hash=plan.plan_hash), "hook")
    assert (said.sent, said.stopped_reason) == (6, "drained")


def test_a_count_of_what_is_held_has_always_its_reason(ground: Ground) -> None:
    """In each round a token comes back a little later, in some of them while the status is read."""
    code = ground.add("hook", max_per_minute=60)
    for number in range(1, 20):
        ground.world.add_route(f"hook.other{number}", "structure_piece_split", "hook")
    ground.world.open_gates()
    emit(ground.world, 1)
    ground.world.enqueue(code)
    seen: set[bool] = set()
    for milliseconds in range(0, 100, 2):
        ground.world.owner.execute(
            """update public.iu_delivery_target_state
               set tokens = 0, refilled_at = clock_timestamp() - make_interval(secs => 1 - %s::float / 1000)
            """,
            (milliseconds,),
        )
        (said,) = deliveries.status(ground.world.owner)
        assert not said.held or said.held_reasons == ["rate_limit"]
        seen.add(bool(said.held))
    assert seen == {False, True}


def test_a_drain_waits_for_a_count_of_held_deliveries_without_a_reason(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = deliveries.status

    def silent(gateway: Gateway) -> list[deliveries.TargetQueue]:
        return [replace(one, held_reasons=None) for one in status(gateway)]

    monkeypatch.setattr(deliveries, "status", silent)
    ground.add("hook", max_per_minute=600)
    emit(ground.world, 20)
    assert (said := of(ground.drain(), "hook")).sent == 20, said


@pytest.mark.parametrize("is_killed", [False, True], ids=["records", "is killed"])
def test_a_drain_waits_while_another_sender_has_every_head_in_flight(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, is_killed: bool
) -> None:
    asked: list[None] = []
    claim = deliveries.claim

    def counted(*given: Any) -> list[deliveries.Claim]:
        asked.append(None)
        return claim(*given)

    monkeypatch.setattr(deliveries, "claim", counted)
    lease: dict[str, Any] = {"timeout_seconds": 1, "lease_seconds": 4} if is_killed else {}
    code = ground.add("hook", **lease)
    emit(ground.world, 8, each=3)
    ground.world.enqueue(code)
    other = ground.world.sender()
    claims = other.claim()
    assert len(claims) == 8
    with draining(ground, stops=False) as found:
        if not is_killed:
            eventually(lambda: len(asked) >= 4, "the drain has found nothing several times")
            other.record(claims)
            other.session.execute("select public.fn_iu_delivery_shards_release('hook', %s)", (other.name,))
    said = of(found[0], "hook")
    assert (said.sent, said.stopped_reason, said.queued) == (24 if is_killed else 16, "drained", 0)


def test_a_retry_that_is_due_later_does_not_hold_a_drain(ground: Ground) -> None:
    ground.add("hook")
    ground.receiver.behave(Behaviour(status=503))
    emit(ground.world, 2, each=4)
    said = of(ground.drain(), "hook")
    assert (said.retry, said.stopped_reason) == (2, "drained")


def test_no_claim_waits_for_the_enqueuers_of_many_routes(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = ground.add("hook")
    for number in range(8):
        ground.world.add_route(f"hook.other{number}", "structure_piece_split", "hook")
    ground.world.open_gates()
    emit(ground.world, 5, each=3)
    ground.world.enqueue(code)
    over = threading.Event()
    enqueue = deliveries.enqueue

    def slow(*given: Any) -> deliveries.Enqueued:
        over.wait(PATIENCE)
        return enqueue(*given)

    monkeypatch.setattr(deliveries, "enqueue", slow)
    with draining(ground):
        try:
            eventually(lambda: len(ground.received()) == 15, "claims go on while every enqueuer waits")
        finally:
            over.set()


def test_limits_end_a_drain(ground: Ground) -> None:
    ground.add("hook")
    emit(ground.world, 50)
    said = of(ground.drain(max_deliveries=20, batch_limit=15), "hook")
    assert (said.claimed, said.sent, said.stopped_reason) == (20, 20, "max_deliveries")
    ground.receiver.behave(Behaviour(delay=0.5))
    said = of(ground.drain(max_seconds=3, concurrency=2), "hook")
    assert said.stopped_reason == "max_seconds"
    assert 0 < said.sent < 30
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


def test_an_exception_of_a_kind_is_a_fault_of_the_sender_and_its_text_is_not_kept(ground: Ground) -> None:
    async def send(message: Message) -> Answer:
        raise ValueError(f"the secret of {message.key}")

    ground.add("hook")
    emit(ground.world, 7)
    report = ground.drain(kinds_by_name={"webhook": kind_of(send)})
    assert of(report, "hook").retry == 7
    assert ground.world.owner.fetch_all(_OUTCOMES) == [
        {"decision": "retry", "error_detail": "ValueError", "n": 7}
    ]
    assert {row["failures"] for row in ground.world.queue()} == {0}
    assert ground.world.owner.fetch_value("select breaker from public.iu_delivery_target_state") == "closed"


@pytest.mark.parametrize("is_local", [True, False])
def test_the_report_counts_failed_sends_by_class_and_a_fault_of_the_sender_is_a_problem(
    ground: Ground, is_local: bool
) -> None:
    answers = {
        2: Answer("failed", "4xx", 400, error="HTTP status 400"),
        3: Answer("sent", "2xx", 200),
    }

    async def send(message: Message) -> Answer:
        refused = Answer("retry", "login_refused", error="the login was refused", local_fault=is_local)
        return answers.get(int(str(message.subject)[-1]), refused)

    ground.add("hook")
    emit(ground.world, 4)
    report = ground.drain(kinds_by_name={"webhook": kind_of(send)})
    assert {one.said: (one.decision, one.count) for one in of(report, "hook").failures} == {
        "login_refused (the login was refused)": ("retry", 2),
        "4xx (HTTP status 400)": ("failed", 1),
    }
    said = [(one.target, one.message, bool(one.hint)) for one in report.problems]
    message = "a fault of the sender left 2 undelivered: login_refused (the login was refused)"
    assert said == ([("hook", message, True)] if is_local else [])


def test_an_exception_that_a_library_leaves_in_a_task_is_logged_without_its_text(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ValueError("hunter2")

    async def send(message: Message) -> Answer:
        left = asyncio.ensure_future(fail())
        await asyncio.wait([left])
        del left
        gc.collect()
        return Answer("sent", "2xx", 200)

    ground.add("hook")
    emit(ground.world, 1)
    assert of(ground.drain(kinds_by_name={"webhook": kind_of(send)}), "hook").sent == 1
    said = [(one.name, one.getMessage()) for one in caplog.records if "retrieved" in one.getMessage()]
    assert said == [("iu_pipelines.delivery.unretrieved", "Task exception was never retrieved: ValueError")]
    assert "hunter2" not in caplog.text


def test_a_fault_after_which_a_delivery_was_accepted_is_no_problem() -> None:
    failures = Failures()
    refused = Answer("retry", "login_refused", local_fault=True)
    for key, answer in (("a", refused), ("b", refused), ("a", Answer("sent", "2xx"))):
        failures.add(key, answer)
    (problem,) = failures.problems("hook")
    assert problem.message == "a fault of the sender left 1 undelivered: login_refused"
    failures.add("b", Answer("sent", "2xx"))
    assert failures.problems("hook") == []
    assert [one.count for one in failures.newest_first()] == [2]


def test_many_classes_of_answers_are_counted_together() -> None:
    failures = Failures()
    for number in range(MOST_CLASSES + 5):
        failures.add(str(number), Answer("retry", f"class-{number}", error=str(number)))
    newest, *others = failures.newest_first()
    assert (newest.status_class, newest.count, newest.error) == (OTHER, 5, str(MOST_CLASSES + 4))
    assert len(others) == MOST_CLASSES


def test_the_failures_of_two_reports_are_added() -> None:
    def report(count: int, error: str) -> TargetReport:
        return TargetReport("hook", failures=(FailedSends("5xx", "retry", count, error),))

    assert (report(2, "old") + report(3, "new")).failures == (FailedSends("5xx", "retry", 5, "new"),)


@pytest.mark.parametrize("at_most_once", [True, False])
def test_what_may_have_arrived_is_sent_again_unless_the_target_gets_nothing_twice(
    ground: Ground, at_most_once: bool
) -> None:
    answers = {
        "fault": None,
        "unanswered": Answer("retry", "closed", error="closed", may_have_arrived=True),
        "refused": Answer("retry", "refused", error="refused"),
        "busy": Answer("retry", "5xx", 503, error="503"),
    }

    async def send(message: Message) -> Answer:
        answer = list(answers.values())[int(str(message.subject)[-1]) % 4]
        if answer is None:
            raise ValueError
        return answer

    ground.add("hook", at_most_once=at_most_once)
    emit(ground.world, 4)
    said = of(ground.drain(kinds_by_name={"webhook": kind_of(send)}), "hook")
    assert (said.failed, said.retry) == ((2, 2) if at_most_once else (0, 4))
    dead = {row["dead_reason"] for row in ground.world.queue() if row["dead_at"]}
    assert all("may have arrived" in reason for reason in dead)
    assert len(dead) == (2 if at_most_once else 0)


@pytest.mark.parametrize("at_most_once", [True, False])
def test_a_send_that_ignores_its_timeout_is_cancelled_and_may_have_arrived(
    ground: Ground, at_most_once: bool
) -> None:
    async def send(message: Message) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    ground.add("hook", at_most_once=at_most_once, **SHORT_LEASE)
    emit(ground.world, 3)
    said = of(ground.drain(kinds_by_name={"webhook": kind_of(send)}), "hook")
    assert (said.failed, said.retry) == ((3, 0) if at_most_once else (0, 3))


def test_a_target_without_its_secret_is_a_problem_and_the_others_are_served(ground: Ground) -> None:
    ground.add("hook")
    ground.add("mute", secret_name="NOT_THERE")
    emit(ground.world, 5)
    report = ground.drain()
    (problem,) = report.problems
    assert problem.target == "mute"
    assert "NOT_THERE" in problem.message
    assert (of(report, "mute").claimed, of(report, "mute").stopped_reason) == (0, "failed")
    assert of(report, "hook").sent == 5


def test_a_kind_of_others_that_cannot_be_opened_is_a_problem_without_the_text_of_its_error(
    ground: Ground,
) -> None:
    class Broken(kind_of(accepted_by_nobody)):  # type: ignore[misc]
        async def open(self) -> None:
            raise KeyError("the secret")

    ground.add("hook")
    emit(ground.world, 1)
    (problem,) = ground.drain(kinds_by_name={"webhook": Broken}).problems
    assert problem.message == "the target cannot be opened: KeyError"
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


async def accepted_by_nobody(message: Message) -> Answer:
    raise AssertionError(f"{message.key} was sent to a target that is not open")


def test_targets_of_other_programs_are_queued_and_not_claimed(ground: Ground) -> None:
    async def send(_: Message) -> Answer:
        raise AssertionError("unreachable")

    pulled = kind_of(send)
    pulled.sends = False
    ground.add("hook")
    emit(ground.world, 5)
    said = of(ground.drain(kinds_by_name={"webhook": pulled}), "hook")
    assert (said.enqueued, said.claimed, said.queued, said.stopped_reason) == (5, 0, 5, "left_to_others")


@pytest.mark.parametrize("looks", [True, False], ids=["looks at the clock", "does not look"])
def test_no_send_begins_later_than_the_lease_minus_the_timeout(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    """One slot for ten deliveries that take 0.4 s each, of which the first second may be used."""
    asked: list[float] = []
    begun: list[float] = []
    claim = deliveries.claim

    def noted(*given: Any) -> list[deliveries.Claim]:
        asked.append(time.monotonic())
        return claim(*given)

    async def send(_: Message) -> Answer:
        begun.append(time.monotonic() - asked[0])
        await asyncio.sleep(0.4)
        return Answer("sent", "2xx", 200)

    monkeypatch.setattr(deliveries, "claim", noted)
    if not looks:
        monkeypatch.setattr(sender.Sender, "_is_late", lambda *_: False)
    ground.add("hook", at_most_once=True, **SHORT_LEASE)
    emit(ground.world, 10)
    report = ground.drain(
        concurrency=1, batch_limit=10, max_deliveries=10, kinds_by_name={"webhook": kind_of(send)}
    )
    said = of(report, "hook")
    # 1 s, and what a loaded machine may need between the look and the send.
    assert all(at <= 1.5 for at in begun) == looks
    assert (said.unsent > 0) == looks
    assert said.unsent + len(begun) == 10
    assert of(report, "hook").in_doubt == 0
    assert not [row for row in ground.world.queue() if row["dead_at"]]


def test_a_claim_that_takes_too_long_leaves_no_time_for_a_send(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a lease is counted from before the claim was asked for."""
    claim = deliveries.claim

    def slow(*given: Any) -> list[deliveries.Claim]:
        found = claim(*given)
        time.sleep(1.1)
        return found

    ground.add("hook", **SHORT_LEASE)
    emit(ground.world, 3)
    monkeypatch.setattr(deliveries, "claim", slow)
    said = of(ground.drain(max_deliveries=3), "hook")
    assert (said.claimed, said.unsent, said.sent) == (3, 3, 0)
    assert ground.received() == []


def test_what_a_claim_returns_after_the_stop_is_given_back(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, stop = deliveries.claim, threading.Event()

    def late(*given: Any) -> list[deliveries.Claim]:
        found = claim(*given)
        if found:
            stop.set()
            time.sleep(0.5)  # five looks at `should_stop`
        return found

    ground.add("hook")
    emit(ground.world, 3)
    monkeypatch.setattr(deliveries, "claim", late)
    said = of(ground.drain(should_stop=stop.is_set), "hook")
    assert (said.claimed, said.unsent, said.stopped_reason) == (3, 3, "cancelled")
    assert ground.received() == []
    assert {row["failures"] for row in ground.world.queue()} == {0}, "no failure of the target"
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


def test_a_stopped_drain_records_everything_that_it_sent_and_gives_the_rest_back(ground: Ground) -> None:
    ground.add("hook", at_most_once=True)
    ground.receiver.behave(Behaviour(delay=0.3))
    emit(ground.world, 100)
    report = ground.drain(concurrency=10, should_stop=lambda: len(ground.received()) >= 10)
    said = of(report, "hook")
    assert said.stopped_reason == "cancelled"
    assert said.sent == len(ground.received())
    assert 10 <= said.sent < 100
    assert said.unsent == said.claimed - said.sent > 0
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


def test_a_drain_that_is_stopped_when_it_only_waits_for_its_sends_ends(ground: Ground) -> None:
    """All that the limit allows is claimed at once, so the slots are told to end before the stop."""
    begun: list[Message] = []

    async def send(message: Message) -> Answer:
        begun.append(message)
        await asyncio.sleep(0.5)
        return Answer("sent", "2xx", 200)

    ground.add("hook")
    emit(ground.world, 10)
    given: dict[str, Any] = {"max_deliveries": 6, "concurrency": 2}
    with draining(ground, kinds_by_name={"webhook": kind_of(send)}, **given) as found:
        eventually(lambda: begun)
    said = of(found[0], "hook")
    assert (said.claimed, said.sent + said.unsent) == (6, 6)
    assert said.sent == len(begun) < 6
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


def test_a_drain_that_is_stopped_while_its_target_changes_says_why_it_stopped(ground: Ground) -> None:
    """The second claim finds that the target has changed, and the stop comes in the third send."""
    begun: list[Message] = []

    async def send(message: Message) -> Answer:
        if not begun:
            ground.world.owner.execute("update public.iu_delivery_target set timeout_seconds = 11")
            ground.world.promote(code)
        begun.append(message)
        await asyncio.sleep(0.3)
        return Answer("sent", "2xx", 200)

    code = ground.add("hook")
    emit(ground.world, 10)
    ground.world.enqueue(code)
    report = ground.drain(
        batch_limit=5,
        concurrency=1,
        kinds_by_name={"webhook": kind_of(send)},
        should_stop=lambda: len(begun) == 3,
    )
    assert of(report, "hook").stopped_reason == "cancelled"
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


@pytest.mark.usefixtures("interruptible")
def test_a_signal_before_the_first_claim_is_the_reason_of_each_target(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = targets.granted

    def interrupted(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return granted(*given)

    ground.add("hook")
    emit(ground.world, 3)
    monkeypatch.setattr(targets, "granted", interrupted)
    said = of(ground.drain(), "hook")
    assert (said.claimed, said.stopped_reason) == (0, "cancelled")


@pytest.mark.parametrize("fails", ["open", "close"])
def test_a_kind_that_fails_otherwise_than_it_may_ends_no_other_target(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """The text of its error might contain a secret, so the problem has only its type."""

    async def send(_: Message) -> Answer:
        await asyncio.sleep(0.3)
        return Answer("sent", "2xx", 200)

    async def broken(*_: Any) -> None:
        raise ValueError("hunter2")

    found = {"webhook": kind_of(send), "postgres": kind_of(send)}
    monkeypatch.setattr(found["postgres"], fails, broken)
    ground.add("hook")
    ground.add("other", kind="postgres")
    emit(ground.world, 5)
    report = ground.drain(kinds_by_name=found)
    (problem,) = report.problems
    assert problem.target == "other"
    assert "ValueError" in problem.message
    assert "hunter2" not in str(report)
    assert of(report, "hook").sent == 5
    assert of(report, "other").stopped_reason == ("failed" if fails == "open" else "drained")
    assert of(report, "other").sent == (0 if fails == "open" else 5)


class Ended(BaseException):
    """What other programs raise to end a thread, such as Dagster."""


@pytest.mark.parametrize(
    "raised", [SystemExit(3), KeyboardInterrupt(), BrokenPipeError(), Ended(), ValueError()], ids=repr
)
@pytest.mark.parametrize("function", ["should_stop", "on_progress"])
def test_what_a_function_of_the_caller_raises_is_raised_when_all_is_recorded(
    ground: Ground, raised: BaseException, function: str
) -> None:
    ground.add("hook", at_most_once=True)
    ground.receiver.behave(Behaviour(delay=0.3))
    emit(ground.world, 100)

    def call(*_: object) -> bool:
        if len(ground.received()) >= 4:
            raise raised
        return False

    functions: dict[str, Any] = {function: call}
    with pytest.raises(type(raised)) as found:
        ground.drain(concurrency=4, **functions)
    assert found.value is raised
    assert ground.world.owner.fetch_value(_CLAIMED) == 0
    assert 4 <= len(ground.received()) < 100
    outcomes = ground.world.owner.fetch_all(_OUTCOMES)
    assert sum(row["n"] for row in outcomes if row["decision"] == "sent") == len(ground.received())


def accept_signals() -> None:
    """Let a child process be ended by signals, which the children of a background job of a shell ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let this process be interrupted, also if a shell started it in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def process(ground: Ground) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that drains, after its first four requests have arrived."""
    ground.add("hook", timeout_seconds=60, lease_seconds=200)
    emit(ground.world, 50)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url_of(ground.world.url, ground.world.login)],
        preexec_fn=accept_signals,  # noqa: PLW1509  this test starts no thread
        env={**os.environ, "IU_DEPLOYMENT": DEPLOYMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_running_sends_end(
    ground: Ground, process: subprocess.Popen[str], number: signal.Signals
) -> None:
    ground.receiver.behave(Behaviour(delay=1.5))
    eventually(lambda: len(ground.received()) >= 4)
    process.send_signal(number)
    out, error = process.communicate(timeout=PATIENCE)
    sent, unsent, reason = out.split()
    assert (process.returncode, reason, error) == (0, "cancelled", "")
    assert int(sent) == len(ground.received())
    assert int(unsent) > 0
    assert ground.world.owner.fetch_value(_CLAIMED) == 0


def test_the_second_signal_ends_the_process_at_once(ground: Ground, process: subprocess.Popen[str]) -> None:
    ground.receiver.behave(Behaviour(mode="hang"))
    eventually(lambda: len(ground.received()) >= 4)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    eventually(lambda: ground.world.owner.fetch_value(_CLAIMED) == 4, "the others are given back")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert time.monotonic() - began < AT_ONCE


def test_nothing_is_sent_to_an_address_that_was_replaced(ground: Ground) -> None:
    code = ground.add("old")
    emit(ground.world, 3)
    with draining(ground, linger_seconds=600) as found:
        eventually(lambda: len(ground.received("old")) == 3)
        with Gateway(url_of(ground.world.url, ground.world.approver)) as approver:
            targets.allow_private(approver, "old", False, "test")
            ground.world.owner.execute(
                "update public.iu_delivery_target set address = %s where target_name = 'old'",
                (ground.receiver.url("/new"),),
            )
            targets.allow_private(approver, "old", True, "test")
        emit(ground.world, 20)
        ground.world.promote(code)
        eventually(lambda: len(ground.received("new")) == 20)
    assert len(ground.received("old")) == 3
    assert of(found[0], "old").sent == 23
    assert len(accepted(ground.received())) == 23


def test_a_target_that_is_not_granted_is_refused(ground: Ground) -> None:
    ground.add("hook")
    with pytest.raises(UnknownTarget, match="'hoak'"):
        ground.drain(targets=["hoak"])


def test_a_grant_that_is_withdrawn_ends_the_drain_after_its_outcomes_are_recorded(ground: Ground) -> None:
    async def send(_: Message) -> Answer:
        ground.world.owner.execute("delete from public.iu_delivery_target_sender")
        return Answer("sent", "2xx", 200)

    ground.add("hook")
    emit(ground.world, 3)
    with pytest.raises(DeliveryRefused):
        ground.drain(kinds_by_name={"webhook": kind_of(send)}, linger_seconds=600)


def test_an_outcome_that_the_database_refuses_does_not_hold_the_others_back(ground: Ground) -> None:
    code = ground.add("hook")
    emit(ground.world, 9)
    ground.world.enqueue(code)
    claims = ground.world.sender().claim()
    known = [Outcome(claim["claim_id"], claim["fence"], "sent", 200) for claim in claims]
    known[3] = Outcome(known[3].claim_id, known[3].fence, "sent", response_hash="not hexadecimal")
    counts: list[int] = []

    async def record() -> Recorder:
        calls = Calls(url_of(ground.world.url, ground.world.login), Identity("sender-1"))
        recorder = Recorder(calls.record, lambda: True, counts.append)
        for outcome in [*known, Outcome(10**9, 1, "sent")]:
            recorder.add(outcome)
        recorder.close()
        await recorder.run()
        calls.close()
        return recorder

    recorder = asyncio.run(record())
    assert (recorder.tally.sent, recorder.tally.unrecorded, sum(counts)) == (9, 1, 10)
    assert recorder.refusal is not None
    assert recorder.refusal.code == "IU605"


def test_outcomes_that_are_not_recorded_bound_what_is_claimed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the memory of a sender is bounded: at most five batches, while 300 deliveries are due."""
    record, go, claimed = deliveries.record, threading.Event(), [0]

    def late(*given: Any) -> Any:
        assert go.wait(PATIENCE)
        return record(*given)

    def note(report: DrainReport) -> None:
        claimed.append(of(report, "hook").claimed)

    async def send(_: Message) -> Answer:
        return Answer("sent", "2xx", 200)

    ground.add("hook")
    emit(ground.world, 300)
    monkeypatch.setattr(deliveries, "record", late)
    given: dict[str, Any] = {"batch_limit": 10, "kinds_by_name": {"webhook": kind_of(send)}}
    with draining(ground, stops=False, on_progress=note, **given) as found:
        eventually(lambda: claimed[-1] and claimed[-1] == claimed[-2], "no more is claimed for a second")
        held = claimed[-1]
        go.set()
    assert 40 <= held <= 50
    assert found[0].sent == 300


@pytest.mark.timeout(300)
def test_outcomes_are_recorded_after_an_outage_of_the_database(
    own_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL is killed while 20 sends run, and started again when all have been answered."""
    server = servers.make(own_server.home, {})
    url = server.ensure_running()
    with Gateway(url) as owner:
        migration.apply(owner, ["delivery"])
        world = World(owner, url, "outage_sender")
        ground = Ground(world, tmp_path, monkeypatch)
        ground.add("hook")
        ground.receiver.behave(Behaviour(delay=2))
        emit(world, 20)
    with draining(ground, stops=False, batch_limit=20) as found:
        eventually(lambda: len(ground.received()) == 20)
        kill(server)
        time.sleep(3)  # until the sends have been answered: their outcomes cannot be recorded
        server.ensure_running()
    ground.close()
    said = of(found[0], "hook")
    assert (said.sent, said.stale, said.unrecorded, said.stopped_reason) == (20, 0, 0, "drained")
    assert len(ground.received()) == 20
    server.stop()


@pytest.mark.timeout(300)
def test_outcomes_of_leases_that_passed_in_an_outage_are_recorded_all_the_same(
    own_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is claimed again before they are recorded is sent twice, under its key."""
    server = servers.make(own_server.home, {})
    url = server.ensure_running()
    with Gateway(url) as owner:
        migration.apply(owner, ["delivery"])
        world = World(owner, url, "outage_sender")
        ground = Ground(world, tmp_path, monkeypatch)
        ground.add("hook", **SHORT_LEASE)
        ground.receiver.behave(Behaviour(delay=0.5))
        emit(world, 10, each=2)
    with draining(ground, stops=False, batch_limit=10) as found:
        eventually(lambda: len(ground.received()) == 10)
        kill(server)
        time.sleep(SHORT_LEASE["lease_seconds"] + 1)
        server.ensure_running()
    said = of(found[0], "hook")
    assert (said.unrecorded, said.stopped_reason) == (0, "drained")
    with Gateway(url) as owner:
        world = World(owner, url, "outage_sender")
        assert owner.fetch_value(_UNKNOWN) == 0, "every claim has its outcome"
        world.pass_time(60)
        assert ground.drain().problems == ()
        assert owner.fetch_value(_UNKNOWN) == 0
        assert world.queue() == []
    requests = ground.received()
    assert len({one.key for one in requests}) == 20
    assert disorder(requests) == 0
    ground.close()
    server.stop()


def kill(server: EmbeddedServer) -> None:
    """Stop PostgreSQL as a crash does: an immediate shutdown."""
    pid_file = server.home / "postgres" / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text(encoding="ascii").split()[0]), signal.SIGQUIT)
    eventually(lambda: not server.is_running())
