"""Ticks and runs while the database is unavailable, or has no schema."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from defs.code_location import Location, failures
from iu_pipelines.db.connection_errors import MIGRATE_HINT
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.fleet import build_fleet_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource


@pytest.mark.stored
@pytest.mark.parametrize("name", ["backlog_sensor", "dead_letter_replay_sensor", "route_worker_schedule"])
def test_a_tick_without_a_database_is_skipped_in_one_line_and_the_next_tick_recovers(
    location: Location, instance: dg.DagsterInstance, name: str
) -> None:
    nowhere = GatewayResource(database_url="postgresql://nobody:secret@127.0.0.1:1/none")
    lost = Location(build_defs(resources={"gateway": nowhere}), instance)
    for place, expected in ((lost, True), (location, False)):
        tick = place.schedule(name) if name.endswith("schedule") else place.tick(name)
        message = tick.skip_message or ""
        assert message.startswith("the database is unavailable; the next tick tries again: ") is expected
        assert "\n" not in message
        assert "secret" not in message


@pytest.fixture
def empty(
    new_database: Callable[[str], str], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Location:
    """The code location on a database without a step, as somebody's own Dagster mounts it."""
    monkeypatch.setenv("SHOP_URL", new_database("template1"))
    return Location(build_defs(Mount(database_url_variable="SHOP_URL")), instance)


@pytest.mark.stored
@pytest.mark.parametrize(
    "name", ["backlog_sensor", "dead_letter_replay_sensor", "notification_sensor", "route_worker_schedule"]
)
def test_a_tick_without_the_schema_says_to_migrate(empty: Location, name: str) -> None:
    tick = empty.schedule(name) if name.endswith("schedule") else empty.tick(name)
    assert (tick.skip_message or "").endswith(f". {MIGRATE_HINT}")


@pytest.mark.parametrize(
    "job", ["route_worker_job", "dead_letter_replay_job", "health_audit_job", "evidence_job", "retention_job"]
)
def test_a_run_and_its_checks_without_the_schema_say_to_migrate(empty: Location, job: str) -> None:
    failed = failures(empty.run(job))
    assert failed
    assert [line for line in failed if not line.endswith(f". {MIGRATE_HINT}")] == []


def test_a_tick_of_a_fleet_names_the_outbox_without_the_schema_and_says_to_migrate(
    empty: Location, instance: dg.DagsterInstance
) -> None:
    shops = build_fleet_defs({"outboxes": [{"name": "shop", "database_url_variable": "SHOP_URL"}]})
    tick = Location(shops, instance).tick("fleet_backlog_sensor")
    assert "shop: unavailable: " in (tick.skip_message or "")
    assert (tick.skip_message or "").endswith(f". {MIGRATE_HINT}")
