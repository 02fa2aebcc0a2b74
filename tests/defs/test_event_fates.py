"""What became of runs that claimed events and recorded no outcome: Dagster is asked."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg
import pytest

from databases import Server
from defs.handling import TARGET, Handling, keys_of
from delivery.world import make_login
from iu_pipelines.defs import event_fates, event_requests, event_runs
from iu_pipelines.defs.event_fates import HANDLED
from iu_pipelines.defs.kit.event_jobs import Event
from iu_pipelines.domain import deliveries, delivery_heads
from iu_pipelines.errors import ConnectionFailed

TO: Final = dg.AssetKey(["iu_delivery", "to_search"])
_record: Final = deliveries.record


def killed(handling: Handling, status: dg.DagsterRunStatus, subjects: int = 3) -> tuple[Any, str, list[str]]:
    """Return a location, the id of a run that claimed a delivery of each subject, and their keys."""
    for number in range(subjects):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    run_id = handling.add_run(request, status)
    keys = [one["delivery_key"] for one in handling.claim_as(run_id, keys_of(request))]
    assert len(keys) == subjects
    return location, run_id, keys


def observed(handling: Handling, run_id: str, *keys: str) -> None:
    """Store that a run has done what these keys name, as a run does that cannot record it."""
    for key in keys:
        event = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_OBSERVATION.value,
            job_name="reindex",
            event_specific_data=dg._core.events.AssetObservationData(
                dg.AssetObservation(TO, metadata={HANDLED: key})
            ),
        )
        handling.instance.report_dagster_event(event, run_id)


def materialized(handling: Handling, run_id: str, key: dg.AssetKey = TO) -> None:
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="reindex",
        event_specific_data=dg._core.events.StepMaterializationData(dg.AssetMaterialization(key), []),
    )
    handling.instance.report_dagster_event(event, run_id)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_of_a_run_that_was_killed_only_the_event_that_it_had_begun_counts_a_failure(
    handling: Handling, status: dg.DagsterRunStatus
) -> None:
    handling.add('{"events_per_run": 3}')
    location, run_id, _ = killed(handling, status)
    location.tick("reindex_sensor")
    assert handling.decisions() == ["retry"] * 3
    assert handling.failures() == [1, 0, 0]
    word = "was canceled" if status == dg.DagsterRunStatus.CANCELED else "failed"
    assert [one["error_detail"] for one in handling.outcomes()] == [
        f"run {run_id} {word}",
        *[f"run {run_id} {word} before it began with the event"] * 2,
    ]


def test_a_run_that_left_a_key_in_dagster_ended_with_that_event(handling: Handling) -> None:
    handling.add('{"events_per_run": 3}', at_most_once=True)
    location, run_id, keys = killed(handling, dg.DagsterRunStatus.FAILURE)
    observed(handling, run_id, keys[0])
    location.tick("reindex_sensor")
    assert handling.decisions() == ["sent", "retry", "retry"]
    assert handling.failures() == [0, 0]


def test_what_a_killed_run_had_begun_is_a_dead_letter_if_the_target_is_at_most_once(
    handling: Handling,
) -> None:
    handling.add('{"events_per_run": 3}', at_most_once=True)
    location, _, _ = killed(handling, dg.DagsterRunStatus.FAILURE)
    location.tick("reindex_sensor")
    assert handling.decisions() == ["failed", "retry", "retry"]


def test_what_a_successful_run_did_not_record_is_sent(handling: Handling) -> None:
    """The server of the outbox forgot the outcomes, for example in a failover."""
    handling.add('{"events_per_run": 3}')
    location, run_id, _ = killed(handling, dg.DagsterRunStatus.SUCCESS)
    materialized(handling, run_id)
    location.tick("reindex_sensor")
    assert handling.decisions() == ["sent"] * 3


def test_a_successful_run_that_made_nothing_has_sent_nothing(handling: Handling) -> None:
    handling.add('{"events_per_run": 3}')
    location, _, _ = killed(handling, dg.DagsterRunStatus.SUCCESS)
    location.tick("reindex_sensor")
    assert handling.decisions() == ["retry"] * 3


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
)
def test_the_lease_of_a_run_that_goes_on_is_prolonged(
    handling: Handling, status: dg.DagsterRunStatus
) -> None:
    handling.add('{"events_per_run": 3}')
    location, _, _ = killed(handling, status)
    before = [one["due_at"] for one in handling.world.queue()]
    location.tick("reindex_sensor")
    assert [one["due_at"] for one in handling.world.queue()] == before, "the lease is long enough"
    for passed in (45, 300):
        handling.world.pass_time(passed)
        location.tick("reindex_sensor")
        left = handling.world.owner.fetch_value(
            "select min(extract(epoch from due_at - clock_timestamp())) from public.iu_delivery"
        )
        assert 50 < left <= 60, "also a lease that has passed"
    assert not handling.requests(location)
    assert handling.decisions() == []


def test_a_lease_is_prolonged_though_the_clock_of_this_host_is_behind_that_of_the_database(
    handling: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(hours=2)

    handling.add('{"events_per_run": 3}')
    location, _, _ = killed(handling, dg.DagsterRunStatus.STARTED)
    monkeypatch.setattr(event_requests, "datetime", Behind)
    handling.world.pass_time(300)
    assert not handling.requests(location)
    assert handling.world.owner.fetch_value("select min(due_at) > clock_timestamp() from public.iu_delivery")


def test_what_a_run_without_tags_works_on_is_not_requested_though_its_lease_has_passed(
    handling: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of *Materialize*, whose deliveries another transaction has locked when they are prolonged."""
    handling.add('{"events_per_run": 3}')
    for number in range(2):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    run_id = handling.add_run(request._replace(tags={}), dg.DagsterRunStatus.STARTED)
    assert len(handling.claim_as(run_id, keys_of(request))) == 2
    monkeypatch.setattr(delivery_heads, "prolong", lambda *_arguments: 0)
    handling.world.pass_time(300)
    assert not handling.requests(location)
    handling.instance.delete_run(run_id)
    assert len(handling.requests(location)) == 1, "only that run kept them"


def test_the_claims_of_a_run_that_dagster_does_not_know_are_in_doubt_when_their_leases_pass(
    handling: Handling,
) -> None:
    handling.add('{"events_per_run": 3}')
    location, run_id, _ = killed(handling, dg.DagsterRunStatus.STARTED)
    handling.instance.delete_run(run_id)
    assert not handling.requests(location)
    handling.world.pass_time(120)
    (request,) = handling.requests(location)
    assert handling.run(location, request).success
    assert [one.attempt_no for one in handling.events] == [2, 2, 2]
    assert handling.decisions() == ["sent"] * 3


def test_claims_of_another_login_hold_up_nothing(handling: Handling, server: Server) -> None:
    """The login that delivers was exchanged while a run of the former one was killed."""
    handling.add('{"events_per_run": 3}')
    location, _, _ = killed(handling, dg.DagsterRunStatus.FAILURE)
    login = f"{handling.world.login}_next"
    make_login(handling.world.owner, login, "iu_sender")
    handling.world.owner.execute(
        """insert into public.iu_delivery_target_sender (target_no, login)
           select target_no, %s from public.iu_delivery_target where target_name = %s""",
        (login, TARGET),
    )
    handling.world.login = login
    location = handling.location()
    assert location.tick("reindex_sensor").skip_message == "nothing is due"
    handling.world.pass_time(120)
    (request,) = handling.requests(location)
    assert handling.run(location, request).success
    assert [one.attempt_no for one in handling.events] == [2, 2, 2]


def test_a_run_settles_what_an_earlier_run_left_before_it_claims(handling: Handling) -> None:
    handling.add('{"events_per_run": 3}')
    location, run_id, keys = killed(handling, dg.DagsterRunStatus.FAILURE)
    observed(handling, run_id, keys[0])
    handling.world.pass_time(120)
    result = location.run("reindex", {"deliveries": keys})
    assert result.success
    assert handling.decisions() == ["sent", "retry", "retry"]
    assert not handling.events
    handling.world.pass_time(5)
    assert location.run("reindex", {"deliveries": keys}).success
    assert [one.key for one in handling.events] == keys[1:]


class Outage:
    """A database that refuses to record for a number of calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, calls: float, seconds: float) -> None:
        self.calls = calls
        monkeypatch.setattr(deliveries, "record", self.record)
        monkeypatch.setattr(event_runs, "_RECORD_SECONDS", seconds)
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def record(self, *arguments: Any) -> Any:
        """Record, unless the database is away."""
        if self.calls > 0:
            self.calls -= 1
            raise ConnectionFailed("the server is away")
        return _record(*arguments)


def test_a_short_outage_is_waited_for(handling: Handling, monkeypatch: pytest.MonkeyPatch) -> None:
    handling.add('{"events_per_run": 3}')
    for number in range(3):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    Outage(monkeypatch, 5, 60)
    assert handling.run(location, request).success
    assert handling.decisions() == ["sent"] * 3
    assert len(handling.events) == 3


@pytest.mark.parametrize("answer", ["sends", "raises"])
def test_what_was_handled_in_a_long_outage_is_left_in_dagster_and_recorded_by_the_sensor(
    handling: Handling, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    handling.add('{"events_per_run": 3}')
    for number in range(3):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    outage = Outage(monkeypatch, float("inf"), 0)

    def raises(_event: Event) -> None:
        raise ValueError

    if answer == "raises":
        handling.answer = raises
    result = handling.run(location, request)
    assert not result.success
    assert handling.decisions() == []
    outage.calls = 0
    location.tick("reindex_sensor")
    first = "sent" if answer == "sends" else "retry"
    assert handling.decisions() == [first, "retry", "retry"], "the run ended with its first event"
    assert handling.failures() == ([0, 0] if answer == "sends" else [1, 0, 0])
    handling.answer = lambda _event: None
    handling.world.pass_time(5)
    while requests := handling.requests(location):
        for one in requests:
            assert handling.run(location, one).success
    handled = [one.key for one in handling.events]
    again = [] if answer == "sends" else [handled[0]]
    assert sorted(handled) == sorted([*keys_of(request), *again])


@pytest.mark.parametrize("calls", [1, float("inf")])
def test_a_run_that_is_cancelled_while_it_waits_for_the_database_handles_nothing_twice(
    handling: Handling, monkeypatch: pytest.MonkeyPatch, calls: float
) -> None:
    handling.add('{"events_per_run": 2}', at_most_once=True)
    for number in range(2):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    outage = Outage(monkeypatch, calls, 60)

    def cancelled(_seconds: float) -> None:
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(time, "sleep", cancelled)
    handling.run_to_its_end(location, request)
    assert len(handling.events) == 1
    outage.calls = 0
    location.tick("reindex_sensor")
    decisions = handling.decisions()
    assert decisions[0] == "sent"
    if calls == 1:
        assert decisions == ["sent", "retry"], "the second event was not begun"


def test_a_cancellation_while_an_outcome_is_recorded_is_none_of_the_next_event(
    handling: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    handling.add('{"events_per_run": 2}', at_most_once=True)
    for number in range(2):
        handling.world.emit(number)
    location = handling.location()
    (request,) = handling.requests(location)
    monkeypatch.setattr(event_runs, "is_cancelled", lambda: True)
    handling.run_to_its_end(location, request)
    assert len(handling.events) == 1
    assert handling.decisions() == ["sent", "retry"]
    assert handling.failures() == [0]


def test_the_sensor_skips_while_the_database_is_away(handling: Handling) -> None:
    handling.add()
    location = handling.location()
    gone = handling.world.url.replace("iu_test", "gone_test")
    handling.world.url = gone
    away = handling.location()
    said = away.tick("reindex_sensor").skip_message
    assert said.startswith(("the database is unavailable", "refused"))
    assert location.tick("reindex_sensor").skip_message == "nothing is due"


def test_a_tick_that_ends_early_has_settled_some_runs(
    handling: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster ends a tick that takes too long, and each run's history takes time to read."""
    handling.add()
    for number in range(3):
        handling.world.emit(number)
    location = handling.location()
    for request in handling.requests(location):
        run_id = handling.add_run(request, dg.DagsterRunStatus.FAILURE)
        assert handling.claim_as(run_id, keys_of(request))
    whole, seen = event_fates._Run.outcomes, list[Any]()

    def outcomes(run: Any, claims: Any) -> Any:
        seen.append(run)
        if len(seen) == 3:
            raise TimeoutError
        return whole(run, claims)

    monkeypatch.setattr(event_fates._Run, "outcomes", outcomes)
    with pytest.raises(TimeoutError):
        location.tick("reindex_sensor")
    assert handling.decisions() == ["retry"] * 2
    location.tick("reindex_sensor")
    assert handling.decisions() == ["retry"] * 3


def test_a_field_of_the_user_with_the_same_name_is_no_key() -> None:
    key = f"evt_{'0' * 32}_1"
    ops = {"to_search": {"config": {"deliveries": [key]}}, "mine": {"config": {"deliveries": 3}}}
    more = {"other": {"config": {"deliveries": ["none", 7]}}, "bare": {}}
    assert event_runs.keys_of({"ops": {**ops, **more}}) == [key]
