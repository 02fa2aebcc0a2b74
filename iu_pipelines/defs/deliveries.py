"""Live delivery: an asset for each target downstream of the outbox, and the job that delivers.

A run drains its targets at the same time, each by a sender of its own, and ends with one materialization of
each. The database decides what may be sent; nothing can be approved here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import dagster as dg
from pydantic import Field

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import delivery_checks
from iu_pipelines.defs.delivery_reports import Progress, drained, failure_of, metadata_of
from iu_pipelines.defs.delivery_requests import sensor
from iu_pipelines.defs.gates import GATES
from iu_pipelines.defs.kit import checks
from iu_pipelines.defs.kit.asset_metadata import metadata, metadata_of_part
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.configured_asset import configured_assets, node_name
from iu_pipelines.defs.kit.sources import input_versions, version_of
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.defs.outbox import OUTBOX
from iu_pipelines.defs.routes import ROUTES
from iu_pipelines.defs.targets import ALL, NOT_INSTALLED, delivery_asset
from iu_pipelines.delivery.reports import DrainReport
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.delivery_queue import Delivery
from iu_pipelines.errors import UsageError

_TABLE: Final = "iu_delivery"
_GRACE_SECONDS: Final = 180
_SOURCES: Final = (GATES, ROUTES, OUTBOX)


class DeliveryConfig(dg.Config):
    """The configuration of one run. It ends when nothing is due on any of its targets, or at a limit."""

    batch_limit: int = Field(
        default=200, ge=1, le=1000, description="Maximum number of deliveries of one claim, 1 to 1,000."
    )
    concurrency: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="Maximum number of sends of one target at the same time, 1 to 1,000.",
    )
    max_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="Claim nothing after this many seconds, up to 86,400."
    )
    linger_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3_600,
        description="When nothing is due on a target, poll for this many seconds, up to 3,600. 0: stop.",
    )


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of each target with its checks, and the job and the sensor that deliver."""
    made = assets(mount)
    checked = checks.definition_of_all(
        mount,
        "check_deliveries",
        [check for name, target in all_places(mount) for check in delivery_checks.of_target(target, name)],
    )
    delivery_job = job(mount, made, checked)
    return dg.Definitions(
        assets=[made], asset_checks=[checked], jobs=[delivery_job], sensors=[sensor(mount, delivery_job)]
    )


def places(mount: Mount) -> list[tuple[str, str]]:
    """Return the name of each asset, as `Mount.key` takes it, with its target."""
    return [(delivery_asset(target), target) for target in mount.targets or (ALL,)]


def all_places(mount: Mount) -> list[tuple[str, str]]:
    """Return what `places` does, and the same for the targets of event jobs."""
    return [*places(mount), *((delivery_asset(job.target), job.target) for job in mount.event_jobs)]


def assets(mount: Mount) -> dg.AssetsDefinition:
    """Return the assets. Materializing some delivers what is due to their targets."""
    targets = {mount.key(name): target for name, target in places(mount)}
    specs = [_spec(mount, key, target) for key, target in targets.items()]

    def deliver(
        context: dg.OpExecutionContext, gateway: Gateway, keys: Sequence[dg.AssetKey], config: DeliveryConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        yield from _deliver(context, gateway, mount, {key: targets[key] for key in keys}, config)

    name = node_name(mount.key(_TABLE))
    sender = frozenset({mount.sender_key})
    return configured_assets(mount, specs, name, "deliver", DeliveryConfig, deliver, sender)


def _spec(mount: Mount, key: dg.AssetKey, target: str) -> dg.AssetSpec:
    what = f"the target `{target}`" if target else "every target that is granted to the login that delivers"
    return dg.AssetSpec(
        key,
        deps=[mount.key(source.table) for source in _SOURCES],
        description=(
            f"Deliveries to {what}. Materializing this asset queues the events of its routes, claims what "
            "is due, sends it and records the outcomes. Two logins propose and decide a promotion with "
            "`iu promote`; nothing can be approved here."
        ),
        metadata=(metadata_of_part if target else metadata)(
            _TABLE,
            Delivery,
            "iu-delivery/runtime/030_queue.sql",
            "iu-delivery/objects/deliveries/fn_iu_delivery_enqueue.sql",
            "iu-delivery/objects/deliveries/fn_iu_delivery_claim.sql",
            "iu-delivery/objects/deliveries/fn_iu_delivery_record.sql",
        ),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )


def _deliver(
    context: dg.OpExecutionContext,
    gateway: Gateway,
    mount: Mount,
    chosen: dict[dg.AssetKey, str],
    config: DeliveryConfig,
) -> Iterator[dg.MaterializeResult[Any]]:
    if not deliveries.is_installed(gateway):
        raise UsageError(NOT_INSTALLED, hint="Nothing can be delivered before.")
    seconds = math.ceil(config.max_seconds) + _GRACE_SECONDS
    context.instance.add_run_tags(context.run.run_id, {dg.MAX_RUNTIME_SECONDS_TAG: str(seconds)})
    url = mount.sender_url(context.resources)
    seen = [source.observation(gateway, mount) for source in _SOURCES]
    for observation in seen:
        context.log_event(observation)
    progress = Progress(context, chosen)
    report = drained(context, url, config, chosen.values(), progress)
    versions = _versions(mount, seen, report)
    made = {key: metadata_of(gateway, report, target, context.run.run_id) for key, target in chosen.items()}
    _log_ends(context, report)
    if any(one.stopped_reason == "cancelled" for one in report.targets):
        for key, summary in made.items():
            context.log_event(dg.AssetMaterialization(key, metadata=summary, tags=versions))
        _log_checks(context, gateway, mount, chosen)
        raise dg.DagsterExecutionInterruptedError
    for key, summary in made.items():
        yield dg.MaterializeResult(asset_key=key, metadata=summary, tags=versions)
    if failure := failure_of(report):
        _log_checks(context, gateway, mount, chosen)
        raise failure


def _versions(mount: Mount, seen: Sequence[dg.AssetObservation], report: DrainReport) -> dict[str, str]:
    """Return the tags with the versions of the sources; that of the outbox only if all of it was read."""
    read = {one.asset_key: version_of(one) for one in seen}
    if any(one.stopped_reason not in ("drained", "left_to_others") for one in report.targets):
        del read[mount.key(OUTBOX.name)]
    return input_versions(read)


def _log_ends(context: dg.OpExecutionContext, report: DrainReport) -> None:
    for one in report.targets:
        context.log.info(
            "%s stopped: %s; %s sent, %s to retry, %s failed",
            one.target, one.stopped_reason, one.sent, one.retry, one.failed,
        )  # fmt: skip


def _log_checks(
    context: dg.OpExecutionContext, gateway: Gateway, mount: Mount, chosen: Mapping[dg.AssetKey, str]
) -> None:
    """Log the checks of the targets, which Dagster does not execute after a step that fails."""
    for target in chosen.values():
        for check in delivery_checks.of_target(target, delivery_asset(target)):
            check.log(context, gateway, mount)


def job(mount: Mount, made: dg.AssetsDefinition, checked: dg.AssetChecksDefinition) -> Any:
    """Return the job that delivers to every target, or to those selected, and then runs their checks."""
    return dg.define_asset_job(
        mount.named("delivery_job"),
        selection=dg.AssetSelection.assets(made).without_checks() | dg.AssetSelection.checks(checked),
        config=validated(DeliveryConfig, node_name(mount.key(_TABLE))),
        description="Deliver what is due to the targets, until nothing is due or a limit is reached.",
        executor_def=mount.executor,
    )
