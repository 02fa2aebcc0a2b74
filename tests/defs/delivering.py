"""A code location that delivers to a real receiver, with the logins of an administrator and of a sender."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import dagster as dg

from defs.code_location import Location, materializations
from delivery.receiver import Behaviour, Receiver
from delivery.world import DEPLOYMENT, World, make_login, url_of
from dev_server import Dev
from iu_pipelines.db.steps import migration
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource, SenderResource

SECRET: Final = "TEST_HOOK"
KEY: Final = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
CHECKS: Final = {
    "no_deliveries_in_doubt",
    "no_parked_subjects",
    "promotions_do_not_expire_soon",
    "delivered_as_rehearsed",
}
EXPIRING: Final = "promotions_do_not_expire_soon"
ONE: Final = dg.AssetKey(["iu_delivery", "to_hook"])

ENVIRONMENT: Final = {f"IU_SECRET_{SECRET}": f"host=127.0.0.1 {KEY}", "IU_DEPLOYMENT": DEPLOYMENT}
"""What a process needs to deliver to a receiver on loopback."""


def prepared(dev: Dev, receiver: Receiver, *target_names: str) -> dict[str, str]:
    """Install the module in the database of a `Dev` with a live route to each target.

    Return the environment that `iu dev` needs.
    """
    with dev.gateway() as owner:
        migration.apply(owner, ["delivery"])
        world = World(owner, dev.server.url(), f"iu_test_sender_{os.getpid()}")
        for name in target_names:
            world.add_private_target(name, receiver.url(f"/{name}"), secret_name=SECRET)
            world.add_route(f"shop.{name}", "version_applied", name, valid_for="20 days")
        world.open_gates()
        world.close()
        return {**ENVIRONMENT, "IU_SENDER_DATABASE_URL": url_of(dev.server.url(), world.login)}


def trouble(dev: Dev, receiver: Receiver, target: str) -> None:
    """Make one delivery in doubt, one a dead letter with two parked behind it, and the promotion end soon."""
    with dev.gateway() as owner:
        world = World(owner, dev.server.url(), f"iu_test_sender_{os.getpid()}")
        owner.execute(
            "update public.iu_delivery_target set retry_seconds = '{}' where target_name = %s", (target,)
        )
        world.promote(f"shop.{target}", valid_for="2 days")
        receiver.behave(subjects={"doc/7": Behaviour(status=422)})
        world.emit(7, 3)
        assert dev.wait_for(dev.launch({}, "delivery_job")["run"]["runId"]) == "SUCCESS"
        world.emit(8)
        world.enqueue(f"shop.{target}")
        assert world.sender("a sender that was lost").claim(target)
        world.pass_time(3_600)
        world.close()
    assert dev.wait_for(dev.launch({}, "health_audit_job")["run"]["runId"]) == "SUCCESS"


class Delivering:
    """A world with a target on a receiver, and the code location of the administrator and the sender."""

    def __init__(self, world: World, receiver: Receiver, instance: dg.DagsterInstance) -> None:
        self.world = world
        self.receiver = receiver
        self.instance = instance
        self.admin = f"iu_test_admin_{os.getpid()}"
        make_login(world.owner, self.admin, "workflow_admin")
        self.add("hook", "shop.paid", "version_applied")
        world.open_gates()
        self.location = self.mount()

    def add(self, target: str, route: str, event_type: str, **behaviour: Any) -> None:
        """Add a target on the receiver and a live route to it; `behaviour` is that of the receiver."""
        address = self.receiver.url(f"/{target}", **behaviour)
        self.world.add_private_target(target, address, secret_name=SECRET)
        self.world.add_route(route, event_type, target, valid_for="20 days")

    def mount(self, *targets: str, **fields: Any) -> Location:
        """Return the code location with these targets; without any, one asset is for all."""
        built = build_defs(
            Mount(targets=targets, **fields),
            resources={
                "gateway": GatewayResource(database_url=url_of(self.world.url, self.admin)),
                "sender": SenderResource(database_url=url_of(self.world.url, self.world.login)),
            },
        )
        return Location(built, self.instance)

    def received(self) -> list[str]:
        """Return the ids that the receiver accepted, in the order of their arrival."""
        return [one.key for one in self.receiver.requests() if one.status < 300]

    def assert_all_delivered_in_order(self, events: Sequence[UUID], target: str = "hook") -> None:
        """Assert that each event arrived, and those of a subject for the first time in their order."""
        seen = [UUID(hex=key.split("_")[1]) for key in self.received_at(target)]
        first = list(dict.fromkeys(seen))
        assert set(first) == set(events)
        subjects = self._subjects()
        for subject in set(subjects.values()):
            wanted = [one for one in events if subjects[one] == subject]
            assert [one for one in first if subjects[one] == subject] == wanted

    def received_at(self, target: str) -> list[str]:
        return [
            one.key
            for one in self.receiver.requests()
            if one.status < 300 and one.path.startswith(f"/{target}")
        ]

    def _subjects(self) -> dict[UUID, UUID]:
        rows = self.world.owner.fetch_all(
            "select event_id, coalesce(event_subject_ref, event_id) as subject from public.event_outbox"
        )
        return {row["event_id"]: row["subject"] for row in rows}


def summary_of(result: dg.ExecuteInProcessResult, asset: str | list[str] = "iu_delivery") -> dict[str, Any]:
    (summary,) = materializations(result, asset)
    return summary


def all_metadata(instance: dg.DagsterInstance) -> str:
    """Return everything that the runs of an instance have stored, as text."""
    return "\n".join(
        repr(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id)
    ) + repr(instance.get_runs())


def materialized_one(location: Location, key: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """Materialize one asset, as the sensor and the button do."""
    return location.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[key], instance=location.instance, raise_on_error=False
    )
