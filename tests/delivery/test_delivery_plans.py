"""Frozen plans as dataclasses."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from delivery.world import World
from iu_pipelines.domain import delivery_plans
from iu_pipelines.errors import ArgumentInvalid, PromotionOutdated


def test_a_plan_is_made_executed_and_followed(world: World) -> None:
    world.emit(1)
    world.emit(2)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(), "failed", status_code=422)
    filters = {"since": datetime(2000, 1, 1, tzinfo=UTC), "subject": UUID(int=2), "cause": None}
    plan = delivery_plans.make(world.owner, "replay", "repaired", filters)
    assert plan.plan_hash is not None
    assert (plan.status, plan.entries, plan.routes, plan.drain_seconds) == ("planned", 1, ["shop.paid"], None)
    done = delivery_plans.execute(world.owner, plan.plan_hash)
    assert (done.status, done.done, done.changed, done.left) == ("done", 1, 0, 0)
    said = delivery_plans.progress(world.owner, plan.plan_hash)
    assert (said.kind, said.reason, said.settled, said.open) == ("replay", "repaired", 1, 0)


def test_what_finds_nothing_has_no_hash_and_another_hash_is_refused(world: World) -> None:
    plan = delivery_plans.make(world.owner, "discard", "old")
    assert (plan.status, plan.plan_hash, plan.routes) == ("nothing", None, [])
    with pytest.raises(PromotionOutdated):
        delivery_plans.execute(world.owner, "0" * 64)
    with pytest.raises(ArgumentInvalid):
        delivery_plans.make(world.owner, "drain", "all")
