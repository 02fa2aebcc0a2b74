"""Jobs whose runs handle events: the asset of each target, its job, and the sensor that requests runs.

The asset of such a target is downstream of the outbox and upstream of the assets of the user. Materializing
it claims the deliveries that the config names, and calls the handler of the job for each event.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import dagster as dg
from pydantic import Field, StringConstraints

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_requests, event_runs
from iu_pipelines.defs.gates import GATES
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.asset_metadata import metadata_of_part
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.configured_asset import configured_assets, node_name
from iu_pipelines.defs.kit.event_jobs import EventJob
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.defs.outbox import OUTBOX
from iu_pipelines.defs.routes import ROUTES
from iu_pipelines.defs.targets import delivery_asset, recorded_asset
from iu_pipelines.domain import delivery_heads
from iu_pipelines.domain.delivery_queue import Delivery
from iu_pipelines.errors import UsageError

_SOURCES: Final = (GATES, ROUTES, OUTBOX)


class EventRunConfig(dg.Config):
    """The configuration of one run: the deliveries that it claims. The sensor requests runs with it."""

    deliveries: list[Annotated[str, StringConstraints(pattern=event_runs.KEY_PATTERN)]] = Field(
        default=[],
        max_length=delivery_heads.MOST_NAMED,
        description="The keys of the deliveries, up to 1,000.",
    )


def definitions(mount: Mount) -> dg.Definitions:
    """Return the assets, the jobs and the sensors of the event jobs of the mount."""
    parts = [_of_job(mount, job) for job in mount.event_jobs]
    return dg.Definitions.merge(*parts) if parts else dg.Definitions()


def _of_job(mount: Mount, job: EventJob) -> dg.Definitions:
    assets = [_claiming(mount, job)]
    if job.handler is None:
        assets.append(_recording(mount, job))
    made = _job(mount, job)
    return dg.Definitions(assets=assets, jobs=[made], sensors=[event_requests.sensor(mount, job, made)])


def _job(mount: Mount, job: EventJob) -> Any:
    claiming = mount.key(delivery_asset(job.target))
    # The checks of the target are not those of a run: health_audit_job and delivery_job make them.
    selection = dg.AssetSelection.assets(claiming).without_checks()
    if job.handler is None:
        selection |= dg.AssetSelection.assets(*job.assets, mount.key(recorded_asset(job.target)))
    return dg.define_asset_job(
        mount.named(job.name),
        selection=selection,
        config=validated(EventRunConfig, node_name(claiming)),
        description=f"Handle events of the target {job.target}. Its sensor requests the runs.",
        tags={tags.TARGET: mount.tag(job.target)},
        executor_def=mount.executor if job.handler else None,
    )


def _claiming(mount: Mount, job: EventJob) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        mount.key(delivery_asset(job.target)),
        deps=[mount.key(source.table) for source in _SOURCES],
        description=(
            f"Deliveries to the target `{job.target}`. Materializing this asset claims those that the config "
            "names and that are due; without any, and while a gate is closed, it does nothing. Two logins "
            "propose and decide a promotion with `iu promote`; nothing can be approved here."
        ),
        metadata=metadata_of_part(
            "iu_delivery",
            Delivery,
            "iu-delivery/runtime/030_queue.sql",
            "iu-delivery/objects/deliveries/fn_iu_delivery_claim_named.sql",
            "iu-delivery/objects/deliveries/fn_iu_delivery_record.sql",
        ),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )

    def perform(
        context: dg.OpExecutionContext,
        _gateway: Gateway,
        _keys: Sequence[dg.AssetKey],
        config: EventRunConfig,
    ) -> Iterator[dg.MaterializeResult[Any]]:
        yield from _deliver(context, mount, job, config.deliveries)

    return configured_assets(
        mount,
        [spec],
        node_name(spec.key),
        f"deliver_to_{node_name(dg.AssetKey([job.target.replace('.', '_').replace('-', '_')]))}",
        EventRunConfig,
        perform,
        frozenset({mount.sender_key, *job.required_resource_keys}),
        may_be_empty=True,
    )


def _deliver(
    context: dg.OpExecutionContext, mount: Mount, job: EventJob, keys: Sequence[str]
) -> Iterator[dg.MaterializeResult[Any]]:
    with event_runs.opened(context, mount) as gateway:
        target = event_runs.granted(gateway, job)
        if job.handler is None:
            _require_downstream(context, mount, job)
        claims = event_runs.claim(context, gateway, mount, job, target, keys)
        if not claims:
            return
        if job.handler is None:
            yield dg.MaterializeResult(metadata={"claimed": len(claims)})
            return
        done = event_runs.handle_all(context, gateway, mount, job, target, claims)
    if failure := event_runs.failure_of(done):
        raise failure
    yield dg.MaterializeResult(metadata=event_runs.summary(done))


def _require_downstream(context: dg.OpExecutionContext, mount: Mount, job: EventJob) -> None:
    """Raise UsageError unless each asset of a job is downstream of the claiming one within the job."""
    claiming, graph = mount.key(delivery_asset(job.target)), context.job_def.asset_layer.asset_graph
    left, downstream = set(job.assets), {claiming}
    while ready := {key for key in left if graph.get(key).parent_keys & downstream}:
        downstream |= ready
        left -= ready
    for key in job.assets:
        if key in left:
            raise UsageError(
                f"the asset {key.to_user_string()} of the job {job.name} is not downstream of "
                f"{claiming.to_user_string()}",
                hint=f"Add deps=[{_target_key(mount, job.target)}] to it.",
            )


def _target_key(mount: Mount, target: str) -> str:
    """Return the call that makes the key of the asset of a target."""
    if mount.key_prefix:
        return f"dg.AssetKey({mount.key(delivery_asset(target)).path})"
    return f'target_key("{target}", "{mount.name}")' if mount.name else f'target_key("{target}")'


def _recording(mount: Mount, job: EventJob) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        mount.key(recorded_asset(job.target)),
        deps=list(job.assets),
        description=(
            f"Outcomes of deliveries to the target `{job.target}`: the last step of a run records that its "
            "events were sent, after all assets of the job were materialized."
        ),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )

    @dg.multi_asset(
        name=node_name(spec.key), specs=[spec], required_resource_keys={*mount.requires, mount.sender_key}
    )
    def record(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        with event_runs.opened(context, mount) as gateway:
            found = event_runs.claims_of(context, gateway)
            claims = [one.claim for one in found if one.target == job.target]
            late = event_runs.record_all(gateway, claims)
        return dg.MaterializeResult(metadata={"sent": len(claims) - late, "late": late})

    return record
