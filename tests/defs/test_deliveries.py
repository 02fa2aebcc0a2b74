"""Deliveries in Dagster: runs to a real receiver, requests of the sensor, checks, and no way to approve."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from databases import Server
from defs.code_location import Location, checks, failure, materializations, observations, records
from defs.delivering import ENVIRONMENT, Delivering
from delivery.receiver import Behaviour, Receiver
from delivery.world import World
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit import tags
from iu_pipelines.domain import deliveries

CHECKS = {
    "no_deliveries_in_doubt",
    "no_parked_subjects",
    "promotions_do_not_expire_soon",
    "delivered_as_rehearsed",
}
ONE = dg.AssetKey(["iu_delivery", "hook"])


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Yield a receiver on loopback."""
    with Receiver(tmp_path / "receiver") as receiver:
        yield receiver


@pytest.fixture
def delivering(
    new_database: Callable[[str], str],
    delivery_template: str,
    server: Server,
    receiver: Receiver,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Delivering]:
    """Yield a live route to a receiver, and the code location with one asset for all targets."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    url = new_database(delivery_template)
    with Gateway(url) as owner:
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        yield Delivering(world, receiver, instance)
        world.close()


def test_a_run_delivers_and_is_named_by_every_claim(delivering: Delivering) -> None:
    events = [*delivering.world.emit(1, 3), *delivering.world.emit(2, 2)]
    result = delivering.location.run("delivery_job")
    assert result.success
    (summary,) = materializations(result, "iu_delivery")
    assert (summary["run_enqueued"], summary["run_claimed"], summary["run_sent"]) == (5, 5, 5)
    assert (summary["stopped_reason"], summary["problems"]) == ("drained", "none")
    assert (summary["queued"], summary["in_doubt"], summary["parked"]) == (0, 0, 0)
    delivering.assert_all_delivered_in_order(events)
    claimed = [one.run_ref for one in deliveries.why(delivering.world.owner, events[0]) if one.attempts]
    assert claimed == [result.run_id]
    assert set(checks(result)) == CHECKS
    assert all(check.passed for check in checks(result).values())


def test_each_target_of_the_mount_has_an_asset_and_lineage_goes_on_to_it(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    graph = delivering.mount("hook", "other").definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(ONE).parent_keys} == {
        "event_outbox",
        "dot_config",
        "iu_outbound_route",
    }
    outside = dg.AssetKey(["iu_delivery_target", "hook"])
    assert graph.get(outside).parent_keys == {ONE}
    assert outside in graph.external_asset_keys


def test_a_run_of_one_target_leaves_the_others(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    events = delivering.world.emit(1, 3)
    location = delivering.mount("hook", "other")
    result = location.definitions.resolve_job_def("delivery_job").execute_in_process(
        asset_selection=[ONE], instance=delivering.instance
    )
    assert [one["run_sent"] for one in materializations(result, ["iu_delivery", "hook"])] == [3]
    assert not materializations(result, ["iu_delivery", "other"])
    assert set(checks(result)) == CHECKS
    assert len(delivering.received_at("hook")) == 3
    assert not delivering.received_at("other")
    both = location.run("delivery_job")
    assert [one["run_sent"] for one in materializations(both, ["iu_delivery", "other"])] == [3]
    delivering.assert_all_delivered_in_order(events, "other")
