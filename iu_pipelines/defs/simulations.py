"""Simulations: the job that compares past decisions with those that an outbox file would make."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import line_of, one_clear_line
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.domain import times
from iu_pipelines.domain.outbox_file import reading
from iu_pipelines.errors import IuError
from iu_pipelines.evidence import simulations
from iu_pipelines.evidence.simulations import Compared, Request, Simulation

_FILE = "outbox_file"


class SimulateConfig(dg.Config):
    """What to simulate. Times without an offset are UTC."""

    outbox_file: str = Field(description="The outbox file as text; a path is not read.")
    since: str = Field(default="7d", description="Only newer events: an age such as 12h or 7d, or a time.")
    until: str | None = Field(default=None, description="Only older events: an age or a time.")
    workers: list[str] = Field(
        default=[], description="Only these workers, also new ones of the file; by default all in use."
    )
    limit: int | None = Field(default=None, ge=1, description="Only the newest events, at most so many.")
    examples: int = Field(default=3, ge=0, le=100, description="The number of events to name in each row.")
    prune: bool = Field(
        default=False, description="Whether what the file does not name counts as removed, as in iu plan."
    )

    @field_validator("outbox_file")
    @classmethod
    def _is_an_outbox_file(cls, value: str) -> str:
        return _accepted(lambda: reading.read(value.encode(), _FILE), value)

    @field_validator("since", "until")
    @classmethod
    def _is_a_moment(cls, value: str | None) -> str | None:
        return value if value is None else _accepted(lambda: times.parse(value, UTC), value)

    def request(self) -> Request:
        """Return the request of the config."""
        return Request(
            since=times.parse(self.since, UTC),
            until=None if self.until is None else times.parse(self.until, UTC),
            workers=tuple(self.workers),
            limit=self.limit,
            examples=self.examples,
            prune=self.prune,
        )


def _accepted(check: Callable[[], object], value: str) -> str:
    """Return the value; an IuError becomes a ValueError, which pydantic reports with the field."""
    try:
        check()
    except IuError as error:
        raise ValueError(line_of(error)) from None
    return value


def definitions(mount: Mount) -> dg.Definitions:
    """Return the job that simulates an outbox file."""
    return dg.Definitions(jobs=[job(mount)])


def job(mount: Mount) -> dg.JobDefinition:
    """Return the job that simulates an outbox file. It only reads."""
    op_name = mount.named("simulate_file")

    @dg.op(
        name=op_name,
        required_resource_keys=mount.requires,
        description="Compare past decisions with those of an outbox file, and show what would change.",
    )
    def simulate_file(context: dg.OpExecutionContext, config: SimulateConfig) -> None:
        with one_clear_line(), mount.open(context.resources) as gateway:
            source = reading.read(config.outbox_file.encode(), _FILE)
            found = simulations.simulate(gateway, source, config.request())
        for warning in found.warnings:
            context.log.warning(warning)
        context.add_output_metadata(_metadata(found))

    @dg.job(
        name=mount.named("simulate_job"),
        config=validated(SimulateConfig, op_name),
        description="Compare what was decided about past events with what an outbox file would decide. "
        "Nothing is written.",
        executor_def=mount.executor,
    )
    def simulate_job() -> None:
        simulate_file()

    return simulate_job


def _metadata(found: Simulation) -> dict[str, Any]:
    header = ["event type", "route", "worker", "was", "would be", "events"]
    return {
        "since": dg.MetadataValue.timestamp(found.since),
        "until": dg.MetadataValue.timestamp(found.until),
        "events": found.events,
        "decisions": found.decisions,
        "changed": found.changed,
        "failed": found.failed,
        "not_read": found.not_read,
        "comparison": table(header, [_cells(one) for one in found.comparison]),
        "differences": table(
            [*header, "newest"],
            [[*_cells(one), _ids(one)] for one in found.differences().comparison],
        ),
        "changes": table(
            ["action", "noun", "name"], [[one.action, one.noun, one.name] for one in found.changes]
        ),
        "warnings": table(["warning"], [[one] for one in found.warnings]),
        "not_simulated": table(["not simulated"], [[one] for one in found.not_simulated]),
    }


def _cells(one: Compared) -> list[object]:
    return [one.event_type, one.route_code, one.worker_name, one.was, one.would, one.events]


def _ids(one: Compared) -> str:
    return " ".join(map(str, one.examples))
