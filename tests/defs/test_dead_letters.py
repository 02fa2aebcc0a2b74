"""Dead letters: the replay job with its filters, limits and preview, and the sensor that requests it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from defs.code_location import ROUTE, Location, checks, failure, materializations, records
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit import tags
from iu_pipelines.domain import attempts, dead_letters, gates, routes, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[Any]]
Switch = Callable[[bool], None]


@pytest.fixture
def letters(emit: Emit, live_route: Switch, gateway: Gateway) -> list[dead_letters.DeadLetter]:
    """Three open letters whose route is dry-run again."""
    live_route(True)
    emit(3)
    worker.run_once(gateway, DEFAULT_WORKER, 10)
    live_route(False)
    return dead_letters.list_letters(gateway)


def replay(location: Location, **config: Any) -> dict[str, Any]:
    return materializations(location.run("dead_letter_replay_job", config), "iu_route_dead_letter")[-1]


def test_every_open_letter_is_replayed_and_resolved(
    location: Location, letters: list[dead_letters.DeadLetter], gateway: Gateway
) -> None:
    result = location.run("dead_letter_replay_job")
    summary = materializations(result, "iu_route_dead_letter")[-1]
    assert (summary["matching"], summary["replayed"], summary["resolved"]) == (3, 3, 3)
    assert (summary["stopped_reason"], summary["open_after"]) == ("drained", 0)
    assert summary["decisions"] == {"dry_run": 3}
    assert checks(result)["dead_letters_open"].passed
    assert not materializations(result, "iu_route_attempt"), "a materialization would reset the checks"
    tries = attempts.for_event(gateway, letters[0].event_id)
    assert [one.attempt_no for one in tries] == [1, 2]
    assert tries[1].run_ref == result.run_id


def test_one_letter_is_replayed_by_its_id(location: Location, letters: list[dead_letters.DeadLetter]) -> None:
    summary = replay(location, dead_letter_id=str(letters[1].dead_letter_id))
    assert (summary["matching"], summary["resolved"], summary["open_after"]) == (1, 1, 2)
    (row,) = records(summary["letters"])
    assert row["letter"] == str(letters[1].dead_letter_id)


def test_an_unknown_letter_fails_the_run_in_one_line(location: Location) -> None:
    wanted = uuid4()
    result = location.run("dead_letter_replay_job", {"dead_letter_id": str(wanted)})
    assert not result.success
    assert failure(result).startswith(f"IU401: there is no dead letter {wanted}")


@pytest.mark.parametrize(
    ("config", "matching"),
    [
        ({"route_code": ROUTE}, 3),
        ({"route_code": "another"}, 0),
        ({"failure_code": "worker_process_error"}, 3),
        ({"failure_code": "another"}, 0),
        ({"older_than_seconds": 3600}, 0),
        ({"limit": 2}, 2),
        ({"replayable_only": False}, 3),
        ({"replayable_only": False, "route_code": "another"}, 0),
        ({"replayable_only": False, "limit": 2}, 2),
        ({"max_attempts": 1}, 0),
        ({"max_attempts": 2}, 3),
    ],
)
@pytest.mark.usefixtures("letters")
def test_filters_and_the_limit_select_the_letters(
    location: Location, config: dict[str, Any], matching: int
) -> None:
    assert replay(location, **config)["matching"] == matching


@pytest.mark.usefixtures("letters")
def test_a_preview_counts_and_changes_nothing(location: Location) -> None:
    summary = replay(location, preview=True)
    assert (summary["stopped_reason"], summary["matching"], summary["replayed"]) == ("preview", 3, 0)
    assert summary["open_after"] == 3


@pytest.mark.usefixtures("letters")
def test_letters_are_replayed_no_faster_than_asked(location: Location) -> None:
    started = time.monotonic()
    replay(location, letters_per_second=2)
    assert time.monotonic() - started >= 1.0


@pytest.mark.usefixtures("letters")
def test_a_closed_master_gate_ends_the_replay_and_every_letter_stays_open(
    location: Location, gateway: Gateway
) -> None:
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    summary = replay(location)
    assert (summary["stopped_reason"], summary["replayed"], summary["open_after"]) == ("gate_closed", 0, 3)


@pytest.mark.usefixtures("letters")
def test_a_closed_worker_gate_does_not_keep_letters_from_being_replayed(
    location: Location, gateway: Gateway
) -> None:
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    assert replay(location)["resolved"] == 3


def test_materialize_replays_only_what_can_succeed(
    location: Location, letters: list[dead_letters.DeadLetter], live_route: Switch, gateway: Gateway
) -> None:
    live_route(True)
    assert location.materialize("iu_route_dead_letter").success
    assert [one.attempts for one in dead_letters.list_letters(gateway)] == [1] * len(letters)
    live_route(False)
    assert location.materialize("iu_route_dead_letter").success
    assert dead_letters.count_open(gateway) == 0


@pytest.mark.usefixtures("letters")
def test_the_sensor_leaves_a_letter_alone_that_has_given_up(location: Location, gateway: Gateway) -> None:
    gateway.execute("update public.iu_route_dead_letter set attempts = 10")
    assert "or they have 10 attempts" in location.tick("dead_letter_replay_sensor").skip_message


def test_the_sensor_says_that_nothing_is_open(location: Location) -> None:
    assert location.tick("dead_letter_replay_sensor").skip_message == "no dead letter is open"


def test_the_sensor_says_that_the_master_gate_is_closed(location: Location, gateway: Gateway) -> None:
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    assert location.tick("dead_letter_replay_sensor").skip_message == "the master gate is closed"


@pytest.mark.usefixtures("letters")
def test_the_sensor_requests_one_run_without_a_run_key(location: Location) -> None:
    (request,) = location.tick("dead_letter_replay_sensor").run_requests
    assert request.run_key is None
    assert request.run_config == {"replayable_only": True, "max_attempts": 10}
    assert request.tags[tags.REPLAY] == "replay"


@pytest.mark.usefixtures("letters")
def test_the_sensor_requests_no_second_run(location: Location) -> None:
    run_id = location.add_started_run("dead_letter_replay_job", {tags.REPLAY: "replay"})
    assert (
        location.tick("dead_letter_replay_sensor").skip_message
        == f"run {run_id} is already queued or running"
    )


def test_the_sensor_requests_no_run_for_letters_that_cannot_succeed(
    location: Location, emit: Emit, live_route: Switch, gateway: Gateway
) -> None:
    live_route(True)
    emit(2)
    location.run("route_worker_job")
    for change_route in (
        lambda: None,
        lambda: routes.set_enabled(gateway, ROUTE, False),
        lambda: gateway.execute("delete from public.iu_outbound_route where route_code = %s", (ROUTE,)),
    ):
        change_route()
        for _ in range(2):
            tick = location.tick("dead_letter_replay_sensor")
            assert not tick.run_requests
            assert tick.skip_message.startswith("2 letters are open, but no replay can succeed now")


def test_the_sensor_requests_a_run_when_the_route_was_repaired_before_the_letter_is_due(
    location: Location, letters: list[dead_letters.DeadLetter], live_route: Switch, gateway: Gateway
) -> None:
    live_route(True)
    assert replay(location)["matching"] == 0, "no replay can succeed"
    assert replay(location, replayable_only=False)["still_open"] == 3
    assert all(
        later.next_replay_at > before.next_replay_at
        for before, later in zip(letters, dead_letters.list_letters(gateway), strict=True)
        if later.next_replay_at and before.next_replay_at
    )
    assert location.tick("dead_letter_replay_sensor").skip_message
    live_route(False)
    assert location.tick("dead_letter_replay_sensor").run_requests


def test_a_letter_replayed_since_the_last_change_of_its_route_waits_until_it_is_due(
    location: Location, gateway: Gateway
) -> None:
    gateway.execute(
        """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, next_replay_at)
           values (%s, %s, 'test', now() + interval '1 hour')""",
        (uuid4(), ROUTE),
    )
    assert location.tick("dead_letter_replay_sensor").skip_message
    gateway.execute("update public.iu_route_dead_letter set next_replay_at = now()")
    assert location.tick("dead_letter_replay_sensor").run_requests


def test_an_open_letter_fails_its_check(location: Location, gateway: Gateway) -> None:
    gateway.execute(
        "insert into public.iu_route_dead_letter (event_id, idempotency_key) values (gen_random_uuid(), 'x')"
    )
    found = checks(location.run("health_audit_job"))["dead_letters_open"]
    assert not found.passed
    assert found.severity.value == "WARN"
