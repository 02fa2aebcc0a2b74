"""`iu dev` with its daemon: the sensor, a target that hangs, and runs that are killed or terminated."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from defs.delivering import prepared
from delivery.receiver import Behaviour, Receiver
from delivery.world import World, url_of
from dev_server import FINISHED, Dev, running
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import targets
from waiting import eventually

TARGETS: Final = ("hook", "other")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def dev(shared: Path, receiver: Receiver) -> Iterator[Dev]:
    """One running `iu dev` whose database has two targets, for the tests of this module."""
    with running(shared, prepare=lambda dev: prepared(dev, receiver, *TARGETS)) as dev:
        yield dev


def emit(dev: Dev, subjects: int, each: int) -> list[UUID]:
    """Emit `each` events of every subject, in turns, and return their ids."""
    with dev.gateway() as owner:
        world = World(owner, dev.server.url(), f"iu_test_sender_{os.getpid()}")
        made = [one for _ in range(each) for number in range(subjects) for one in world.emit(number + 1)]
        world.close()
    return made


def received(receiver: Receiver, target: str) -> list[UUID]:
    """Return the events that a target accepted, in the order of their arrival, with duplicates."""
    return [
        UUID(hex=one.key.split("_")[1])
        for one in receiver.requests()
        if one.status < 300 and one.path.startswith(f"/{target}")
    ]


def has_all(receiver: Receiver, target: str, events: list[UUID]) -> bool:
    return set(received(receiver, target)) >= set(events)


def has_more(receiver: Receiver, requests: int) -> bool:
    return len(receiver.requests()) > requests


def assert_in_order(dev: Dev, receiver: Receiver, target: str, events: list[UUID]) -> None:
    """Assert that each event arrived, and those of a subject for the first time in their order."""
    first = [one for one in dict.fromkeys(received(receiver, target)) if one in set(events)]
    assert len(first) == len(events), "lost"
    with dev.gateway() as owner:
        rows = owner.fetch_all("select event_id, event_subject_ref as subject from public.event_outbox")
    subjects = {row["event_id"]: row["subject"] for row in rows}
    for subject in {subjects[one] for one in events}:
        assert [one for one in first if subjects[one] == subject] == [
            one for one in events if subjects[one] == subject
        ], "out of order"


def pass_leases(dev: Dev) -> None:
    """Let the leases of a killed sender pass."""
    with dev.gateway() as owner:
        world = World(owner, dev.server.url(), f"iu_test_sender_{os.getpid()}")
        world.pass_time(120)
        world.close()


def move(dev: Dev, target: str, address: str) -> None:
    """Give a target another address, as an approver must allow, and promote its route again."""
    with dev.gateway() as owner:
        world = World(owner, dev.server.url(), f"iu_test_sender_{os.getpid()}")
        with Gateway(url_of(dev.server.url(), world.approver)) as approver:
            targets.allow_private(approver, target, False, "test")
            owner.execute(
                "update public.iu_delivery_target set address = %s where target_name = %s", (address, target)
            )
            targets.allow_private(approver, target, True, "test")
        world.promote(f"shop.{target}")
        world.close()


def deliver(dev: Dev, **config: object) -> str:
    """Launch the job, and return the id of the run."""
    return str(dev.launch(config, "delivery_job")["run"]["runId"])


def test_the_sensor_delivers_new_events_and_each_run_is_of_one_target(dev: Dev, receiver: Receiver) -> None:
    dev.switch_on("delivery_sensor")
    events = emit(dev, 5, 4)
    for target in TARGETS:
        eventually(partial(has_all, receiver, target, events), f"{target} has every event")
        assert_in_order(dev, receiver, target, events)
    eventually(lambda: any(tick["skipReason"] for tick in dev.ticks("delivery_sensor")), "a skip reason")
    asked = [tick for tick in dev.ticks("delivery_sensor") if tick["runIds"]]
    runs = [run for tick in asked for run in tick["runIds"]]
    assert len(runs) >= 2
    assert {dev.wait_for(run) for run in runs} == {"SUCCESS"}
    dev.switch_off("delivery_sensor")


def test_a_killed_run_loses_nothing_and_the_next_one_goes_on(dev: Dev, receiver: Receiver) -> None:
    receiver.behave(Behaviour(delay=0.02))
    events = emit(dev, 20, 20)
    for _ in range(3):
        before = len(receiver.requests())
        run_id = deliver(dev, batch_limit=40, concurrency=8)
        pid = dev.worker_pid(run_id)
        eventually(partial(has_more, receiver, before + 25), "sends are under way")
        os.kill(pid, signal.SIGKILL)
        assert dev.wait_for(run_id) == "FAILURE"
        pass_leases(dev)
    receiver.behave()
    assert dev.wait_for(deliver(dev)) == "SUCCESS"
    for target in TARGETS:
        assert_in_order(dev, receiver, target, events)


def test_a_terminated_run_leaves_nothing_in_doubt(dev: Dev, receiver: Receiver) -> None:
    receiver.behave(Behaviour(delay=0.05))
    events = emit(dev, 3, 30)
    before = len(receiver.requests())
    run_id = deliver(dev, linger_seconds=30)
    dev.worker_pid(run_id)
    eventually(partial(has_more, receiver, before + 10), "sends are under way")
    dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
    assert dev.wait_for(run_id) == "CANCELED"
    with dev.gateway() as owner:
        assert owner.fetch_value("select count(*) from public.iu_delivery where claim_id is not null") == 0
    receiver.behave()
    assert dev.wait_for(deliver(dev)) == "SUCCESS"
    for target in TARGETS:
        assert_in_order(dev, receiver, target, events)
        arrived = [one for one in received(receiver, target) if one in set(events)]
        assert len(arrived) == len(events), "nothing was sent twice"


def test_a_target_that_hangs_does_not_hold_up_the_other(dev: Dev, receiver: Receiver) -> None:
    move(dev, "hook", receiver.url("/hook", mode="hang"))
    dev.switch_on("delivery_sensor")
    for _ in range(2):
        events = emit(dev, 5, 2)
        eventually(lambda: set(received(receiver, "other")) >= set(events), "the other has every event")  # noqa: B023
    stuck = [one for one in dev.ticks("delivery_sensor") if one["runIds"]]
    assert stuck
    dev.switch_off("delivery_sensor")
    for tick in dev.ticks("delivery_sensor"):
        for run in tick["runIds"]:
            if dev.status(run) not in FINISHED:
                dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run)
