"""The sensor of deliveries: when it requests a run, and why it skips."""

from __future__ import annotations

import os
from uuid import uuid4

import dagster as dg
import pytest

from defs.code_location import Location, checks
from defs.delivering import (
    CHECKS,
    ONE,
    Delivering,
    materialized_one,
    summary_of,
)
from delivery.receiver import Behaviour, Receiver
from delivery.world import make_login, url_of
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import targets
from iu_pipelines.domain.delivery_reasons import REFUSALS
from iu_pipelines.errors import UsageError


def test_the_sensor_requests_a_run_for_each_target_with_something_due(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    location = delivering.mount("hook", "other")
    assert location.tick("delivery_sensor").skip_message == "hook: nothing is due; other: nothing is due"
    delivering.world.emit(1, 1)
    requests = location.tick("delivery_sensor").run_requests
    assert [(one.asset_selection, one.tags[tags.TARGET], one.run_key) for one in requests] == [
        ([ONE], "hook", None),
        ([dg.AssetKey(["iu_delivery", "to_other"])], "other", None),
    ]
    assert materialized_one(location, ONE).success
    (left,) = location.tick("delivery_sensor").run_requests
    assert left.tags[tags.TARGET] == "other"


def test_the_sensor_skips_while_a_run_of_the_target_is_queued_or_started(delivering: Delivering) -> None:
    delivering.world.emit(1, 1)
    location = delivering.mount("hook")
    run = location.add_started_run("delivery_job", {tags.TARGET: "hook"}, dg.DagsterRunStatus.NOT_STARTED)
    expected = f"hook: run {run} is already queued or running"
    assert location.tick("delivery_sensor").skip_message == expected
    delivering.instance.delete_run(run)
    manual = location.add_started_run("delivery_job", {})
    assert manual in location.tick("delivery_sensor").skip_message
    delivering.instance.delete_run(manual)
    of_another = dg.DagsterRun(
        job_name="delivery_job",
        run_id=str(uuid4()),
        asset_selection=frozenset({dg.AssetKey(["iu_delivery", "to_other"])}),
        status=dg.DagsterRunStatus.STARTED,
    )
    delivering.instance.add_run(of_another)
    assert location.tick("delivery_sensor").run_requests


def test_the_sensor_requests_a_run_for_each_sender_if_something_has_waited_long(
    delivering: Delivering,
) -> None:
    location = delivering.mount("hook", senders_per_target=3, backlog_age_seconds=3600)
    delivering.world.emit(1, 1)
    assert senders(location) == ["1"]
    delivering.world.enqueue()
    assert senders(location) == ["1"]
    delivering.world.pass_time(3600)
    assert senders(location) == ["1", "2", "3"]
    second = location.add_started_run("delivery_job", {tags.TARGET: "hook", tags.SENDER: "2"})
    assert senders(location) == ["1", "3"]
    manual = location.add_started_run("delivery_job", {})
    assert senders(location) == ["3"]
    third = location.add_started_run("delivery_job", {tags.TARGET: "hook", tags.SENDER: "3"})
    expected = ", ".join(sorted([second, manual, third]))
    assert location.tick("delivery_sensor").skip_message == (
        f"hook: runs {expected} are already queued or running"
    )


def test_no_more_runs_are_requested_than_the_mount_allows(delivering: Delivering) -> None:
    location = delivering.mount("hook")
    delivering.world.emit(1, 1)
    delivering.world.enqueue()
    delivering.world.pass_time(3600)
    assert senders(location) == ["1"]
    with pytest.raises(UsageError, match="senders_per_target = 65 is refused"):
        delivering.mount("hook", senders_per_target=65)


def senders(location: Location) -> list[str]:
    """Return the numbers of the senders that the sensor requests."""
    return [one.tags[tags.SENDER] for one in location.tick("delivery_sensor").run_requests]


@pytest.mark.parametrize("gate", ["master", "delivery", "live_routes"])
def test_the_sensor_names_the_gate_that_refuses(delivering: Delivering, gate: str) -> None:
    delivering.world.emit(1, 1)
    delivering.world.set_gate(gate, "" if gate == "live_routes" else "false")
    word = {"live_routes": "not_listed"}.get(gate, f"{gate}_gate_closed")
    assert f"{word}: {REFUSALS[word]}" in delivering.location.tick("delivery_sensor").skip_message


def test_the_sensor_names_why_everything_is_held_and_when_the_next_is_due(
    delivering: Delivering, receiver: Receiver
) -> None:
    receiver.behave(Behaviour(status=503))
    delivering.world.emit(1, 1)
    assert summary_of(delivering.location.run("delivery_job"))["run_retry"] == 1
    assert delivering.location.tick("delivery_sensor").skip_message.startswith(
        "all targets: nothing is due before 20"
    )
    targets.set_paused(delivering.world.owner, "hook", True, "test")
    assert delivering.location.tick("delivery_sensor").skip_message == (
        f"all targets: everything that waits is held: target_paused: {REFUSALS['target_paused']}"
    )
    targets.set_paused(delivering.world.owner, "hook", False, "test")
    delivering.world.pass_time(60)
    assert delivering.location.tick("delivery_sensor").run_requests


def test_the_sensor_and_the_checks_only_read(delivering: Delivering) -> None:
    delivering.world.emit(1, 2)
    reader = f"iu_test_reader_{os.getpid()}"
    make_login(delivering.world.owner, reader, "workflow_admin")
    delivering.world.owner.execute(f"alter role {reader} set default_transaction_read_only = on")
    url = url_of(delivering.world.url, reader)
    read_only = Location(
        build_defs(resources={"gateway": GatewayResource(database_url=url)}), delivering.instance
    )
    assert read_only.tick("delivery_sensor").run_requests
    found = checks(read_only.run("health_audit_job"))
    assert set(found) >= CHECKS
    with Gateway(url) as gateway, pytest.raises(Exception, match="read-only"):
        gateway.execute("delete from public.iu_outbound_route")


def test_the_sensor_skips_while_the_database_is_unavailable(delivering: Delivering) -> None:
    gone = Location(
        build_defs(resources={"gateway": GatewayResource(database_url="postgresql://u@127.0.0.1:1/x")}),
        delivering.instance,
    )
    assert gone.tick("delivery_sensor").skip_message.startswith("the database is unavailable")
