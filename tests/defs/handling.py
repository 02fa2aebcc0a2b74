"""A code location with jobs that handle events, and runs of what their sensors request."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import dagster as dg

from defs.code_location import Location
from delivery.world import World, make_login, url_of
from iu_pipelines.defs.event_resource import EventsResource
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.event_jobs import Event, EventJob, event_job
from iu_pipelines.defs.kit.resources import GatewayResource, SenderResource

TARGET: Final = "search"
ROUTE: Final = "shop.search"
RETRIES: Final = [1] * 9
"""A policy of a target whose retries are soon due."""


class Handling:
    """A world with a live route to a target of kind `dagster_job`, and what its handler got."""

    def __init__(self, world: World, instance: dg.DagsterInstance) -> None:
        self.world = world
        self.instance = instance
        self.admin = f"iu_test_admin_{os.getpid()}"
        self.events: list[Event] = []
        self.answer: Callable[[Event], None] = lambda _event: None
        make_login(world.owner, self.admin, "workflow_admin")

        @event_job(target=TARGET)
        def reindex(event: Event) -> None:
            self.events.append(event)
            self.answer(event)

        self.job: EventJob = reindex

    def add(
        self,
        options: str = "{}",
        *,
        kind: str = "dagster_job",
        target: str = TARGET,
        route: str = ROUTE,
        event_type: str = "version_applied",
        **columns: Any,
    ) -> None:
        """Add a target and a live route to it, and open every gate."""
        values = {"retry_seconds": RETRIES, **columns}
        self.world.add_target(target, kind=kind, address="", options=options, **values)
        self.world.add_route(route, event_type, target, valid_for="20 days")
        self.open_gates()

    def open_gates(self) -> None:
        self.world.open_gates()
        self.world.set_gate("jobs", "true")

    def location(
        self,
        *jobs: EventJob,
        extra: dg.Definitions | None = None,
        resources: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Location:
        """Return the code location with these jobs, or with that of this object."""
        url = url_of(self.world.url, self.world.login)
        built = build_defs(
            Mount(event_jobs=jobs or (self.job,), **fields),
            resources={
                "gateway": GatewayResource(database_url=url_of(self.world.url, self.admin)),
                "sender": SenderResource(database_url=url),
                "events": EventsResource(database_url=url),
                **(resources or {}),
            },
        )
        return Location(dg.Definitions.merge(built, extra) if extra else built, self.instance)

    def requests(self, location: Location, job: str = "reindex") -> list[dg.RunRequest]:
        """Return the requests of a tick of the sensor of a job."""
        return list(location.tick(f"{job}_sensor").run_requests or [])

    def run(
        self, location: Location, request: dg.RunRequest, job: str = "reindex"
    ) -> dg.ExecuteInProcessResult:
        """Execute what a tick requested, as the daemon does."""
        return location.definitions.resolve_job_def(job).execute_in_process(
            run_config=dict(request.run_config),
            tags=dict(request.tags),
            instance=self.instance,
            raise_on_error=False,
        )

    def run_all(self, location: Location, job: str = "reindex") -> list[dg.ExecuteInProcessResult]:
        """Execute what one tick requests."""
        return [self.run(location, one, job) for one in self.requests(location, job)]

    def run_to_its_end(self, location: Location, request: dg.RunRequest, job: str = "reindex") -> None:
        """Execute what a tick requested, whatever its handler raises: also what ends a process."""
        with suppress(BaseException):
            assert not self.run(location, request, job).success

    def add_run(self, request: dg.RunRequest, status: dg.DagsterRunStatus, job: str = "reindex") -> str:
        """Store a run of a request that was not executed here, and return its id."""
        run = dg.DagsterRun(
            job_name=job, run_config=dict(request.run_config), tags=dict(request.tags), status=status
        )
        self.instance.add_run(run)
        return run.run_id

    def claim_as(self, run_id: str, keys: Sequence[str], target: str = TARGET) -> list[dict[str, Any]]:
        """Claim deliveries as a run that was killed after its claim, and return the claims."""
        session = self.world.sender("a run that was killed").session
        return session.execute(
            "select * from public.fn_iu_delivery_claim_named(%s, %s, 'killed', %s)",
            (target, list(keys), run_id),
        ).fetchall()

    def outcomes(self) -> list[dict[str, Any]]:
        """Return the outcomes in the order of their claims."""
        return self.world.owner.fetch_all(
            """select c.event_id, c.attempt_no, o.decision, o.error_detail, o.retry_after_seconds
               from public.iu_delivery_outcome as o
               inner join public.iu_delivery_claim as c on c.claim_id = o.claim_id order by o.claim_id"""
        )

    def decisions(self) -> list[str]:
        return [one["decision"] for one in self.outcomes()]

    def handled(self) -> list[UUID]:
        """Return the events that the handler got."""
        return [one.event_id for one in self.events]

    def failures(self) -> list[int]:
        """Return the failures that each queued delivery counts, in the order of arrival."""
        return [one["failures"] for one in self.world.queue()]


def keys_of(request: dg.RunRequest) -> list[str]:
    return list(request.run_config["deliveries"])
