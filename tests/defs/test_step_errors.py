"""Ticks while the database is unavailable."""

from __future__ import annotations

import dagster as dg
import pytest

from defs.code_location import Location
from iu_pipelines.defs.factory import build_defs
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
