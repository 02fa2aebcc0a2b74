"""`build_fleet_defs`: the Dagster definitions of many outboxes, and the asset with the status of all.

Each outbox has its own assets, jobs and schedules. The sensors are those of the fleet.
"""

import gc
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dagster as dg

from iu_pipelines.defs import fleet_sensors, notifications, prune
from iu_pipelines.defs.evidence import EVIDENCE
from iu_pipelines.defs.factory import events_resource, outbox_definitions
from iu_pipelines.defs.fleet_sensors import Outbox
from iu_pipelines.defs.kit import fleet_mount
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.checks import fail_if_red
from iu_pipelines.defs.kit.code_references import with_references
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.fleet_mount import FleetMount, FleetResource
from iu_pipelines.defs.kit.freshness import due_by
from iu_pipelines.domain.fleet import members, report
from iu_pipelines.domain.fleet.asking import Asker
from iu_pipelines.domain.fleet.members import FleetFile, Member
from iu_pipelines.domain.fleet.report import FleetReport, OutboxRow, OutboxState
from iu_pipelines.errors import sentences

FLEET: Final = "iu_fleet"
CHECK: Final = "every_outbox_is_well"

_HEADER: Final = (
    "outbox",
    "health",
    "backlog",
    "oldest s",
    "letters",
    "closed",
    "live routes",
    "in doubt",
    "parked",
    "reasons",
)


def build_fleet_defs(
    fleet: str | Path | Mapping[str, Any] | FleetFile, *, resources: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Return the definitions of all outboxes of a fleet, which can be merged into those of a code location.

    `fleet` is the path of its file, or what the file would contain. The URLs of the databases are read at run
    time. `resources` overrides resources by key, for example in a test.

    Raises:
        UsageError: the file cannot be read, or a value in it is invalid.
    """
    # Owners, code references and observable assets are beta features, and Dagster warns about each use.
    with warnings.catch_warnings(), _without_collections():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        return _build(_file(fleet), resources or {})


@contextmanager
def _without_collections() -> Iterator[None]:
    """Pause Python's garbage collector: everything that is made here stays, and is searched in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _file(fleet: str | Path | Mapping[str, Any] | FleetFile) -> FleetFile:
    if isinstance(fleet, FleetFile):
        return fleet
    return members.read(Path(fleet)) if isinstance(fleet, str | Path) else members.parse(fleet)


def _build(file: FleetFile, resources: Mapping[str, object]) -> dg.Definitions:
    """Build each outbox without its sensors, and everything of all of them at once."""
    mounts = fleet_mount.mounts(file)
    built = [outbox_definitions(mount, with_sensors=False) for mount in mounts]
    outboxes = [_outbox(mount, one) for mount, one in zip(mounts, built, strict=True)]
    asker = Asker(seconds=file.seconds, at_once=file.at_once)
    own, mount = _own(file, mounts, asker), fleet_mount.own_mount(file, mounts)
    watched = notifications.watched(mount, own)
    sensors = fleet_sensors.sensors(mount, watched, outboxes, asker)
    pruning = prune.definitions(
        mount, dg.Definitions(jobs=own.jobs, schedules=own.schedules, sensors=sensors)
    )
    parts = [*built, own, pruning]
    schedules = [one for part in parts for one in part.schedules or ()]
    mount.require_running(
        {one.name for one in (*(own.schedules or ()), *(pruning.schedules or ()), *sensors)}
    )
    return dg.Definitions(
        assets=with_references([one for part in parts for one in part.assets or ()]),
        asset_checks=[one for part in parts for one in part.asset_checks or ()],
        jobs=[one for part in parts for one in part.jobs or ()],
        schedules=schedules,
        sensors=[*sensors, *(one for part in built for one in part.sensors or ())],
        resources={
            fleet_mount.resource_key(file.name): FleetResource(fleet=file.name),
            **{key: one for outbox in mounts for key, one in events_resource(outbox).items()},
            **resources,
        },
    )


def _outbox(mount: FleetMount, built: dg.Definitions) -> Outbox:
    return Outbox(
        mount=mount,
        jobs={str(job.name): job for job in built.jobs or ()},
        watched=notifications.watched(mount, built),
        evidence=[mount.key(EVIDENCE)] if mount.evidence_cron else [],
    )


def _own(file: FleetFile, mounts: Sequence[FleetMount], asker: Asker) -> dg.Definitions:
    """Return the asset with the status of the fleet, its job and its schedule."""
    mount = fleet_mount.own_mount(file, mounts)
    status = asset(mount, file.members(), asker)
    job: Any = dg.define_asset_job(
        mount.named("status_job"),
        selection=dg.AssetSelection.assets(status),
        description="Ask every outbox of the fleet, and record its status.",
        executor_def=mount.executor,
    )
    schedule = dg.ScheduleDefinition(
        name=mount.named("status_schedule"),
        job=job,
        cron_schedule=file.fleet_cron,
        default_status=mount.schedule_status("status_schedule", only_reads=True),
        description="Record the status of the fleet. It only reads.",
        owners=list(mount.owners) or None,
    )
    return dg.Definitions(assets=[status], jobs=[job], schedules=[schedule])


def asset(mount: Mount, outboxes: Sequence[Member], asker: Asker) -> dg.AssetsDefinition:
    """Return the asset with the status of every outbox, and its check that all answer and are healthy."""
    well = dg.AssetCheckSpec(
        CHECK, asset=mount.key(FLEET), description="Every outbox of the fleet answers and is healthy."
    )

    @dg.asset(
        key=mount.key(FLEET),
        check_specs=[well],
        description=(
            f"The status of {len(outboxes)} outboxes: backlog, age, health and live routes of each. One "
            "that does not answer in time is named with the reason, and delays no other one."
        ),
        freshness_policy=due_by(mount.health_audit_cron),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )
    def iu_fleet(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        found = report.collect(asker, outboxes)
        for one in found.outboxes:
            if one.error:
                context.log.warning("%s: %s", one.outbox, _reasons(one))
        judged = _verdict(found)
        yield dg.MaterializeResult(metadata=_metadata(found), check_results=[judged])
        fail_if_red(mount, judged)

    return iu_fleet


def _verdict(found: FleetReport) -> dg.AssetCheckResult:
    bad = [one for one in found.outboxes if not one.is_well]
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not bad,
        metadata={
            "reasons": "; ".join(f"{one.outbox}: {_reasons(one)}" for one in bad) or "none",
            "unhealthy": ", ".join(found.unhealthy) or "none",
            "unreachable": ", ".join(found.unreachable) or "none",
        },
    )


def _metadata(found: FleetReport) -> dict[str, Any]:
    states = found.states
    return {
        "outboxes": len(found.outboxes),
        "unreachable": len(found.unreachable),
        "unhealthy": len(found.unhealthy),
        "backlog": found.backlog,
        "backlog_is_capped": any(one.backlog_capped for one in states),
        "backlog_oldest_seconds": found.oldest_seconds,
        "dead_letters": sum(one.dead_letters for one in states),
        "live_routes": sum(len(one.live_routes) for one in states),
        "in_doubt": sum(one.in_doubt for one in states),
        "parked": sum(one.parked for one in states),
        "status": table(_HEADER, [_row(one) for one in sorted(found.outboxes, key=lambda one: one.is_well)]),
    }


def _row(one: OutboxRow) -> list[object]:
    state = one.state
    if state is None:
        return [one.outbox, "UNREACHABLE", *[None] * (len(_HEADER) - 3), _reasons(one)]
    return [
        one.outbox,
        "healthy" if state.healthy else "UNHEALTHY",
        state.backlog,
        state.oldest_seconds,
        state.dead_letters,
        ", ".join(key.removeprefix("iu_core.") for key in state.stopping_gates),
        ", ".join(_route(state, route) for route in state.live_routes),
        state.in_doubt,
        state.parked,
        _reasons(one),
    ]


def _route(state: OutboxState, route: str) -> str:
    held = dict(state.held_routes)
    return f"{route} (held: {held[route]})" if route in held else route


def _reasons(one: OutboxRow) -> str:
    if one.error:
        words = f"{one.error.code} {one.error.message}" if one.error.code else one.error.message
        return sentences(words, one.error.hint)
    return "; ".join(one.state.faults) if one.state else ""
