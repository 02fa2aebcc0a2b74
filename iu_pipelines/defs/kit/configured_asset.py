"""An asset whose config is validated before a run is made, by a job and by *Materialize* alike.

Dagster calls the config mapping of a graph when it plans a run. So the asset is a graph of one op.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.signatures import signed
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import checked, schema_of

_Config = TypeVar("_Config", bound=dg.Config)
_Result = dg.MaterializeResult[Any]


def configured_asset(
    mount: Mount,
    spec: dg.AssetSpec,
    op_name: str,
    config_class: type[_Config],
    perform: Callable[[dg.OpExecutionContext, Gateway, _Config], _Result],
) -> dg.AssetsDefinition:
    """Return the asset of `spec`. Materializing it calls `perform` with an open gateway and its config."""

    def perform_all(
        context: dg.OpExecutionContext, gateway: Gateway, _keys: Sequence[dg.AssetKey], config: _Config
    ) -> list[_Result]:
        return [perform(context, gateway, config)]

    return configured_assets(mount, [spec], node_name(spec.key), op_name, config_class, perform_all)


def configured_assets(
    mount: Mount,
    specs: Sequence[dg.AssetSpec],
    name: str,
    op_name: str,
    config_class: type[_Config],
    perform: Callable[[dg.OpExecutionContext, Gateway, Sequence[dg.AssetKey], _Config], Iterable[_Result]],
    requires: frozenset[str] = frozenset(),
    *,
    may_be_empty: bool = False,
) -> dg.AssetsDefinition:
    """Return the assets of `specs`, which have the same dependencies. One step materializes any of them.

    Materializing some calls `perform` with an open gateway, their keys and the config, which is under `name`
    in `ops`. `requires` are the resources that the step needs besides those of the mount. With `may_be_empty`
    it may make none of them, and then nothing downstream of them in the run is made.
    """
    inputs = {dep.asset_key.path[-1]: dep.asset_key for dep in specs[0].deps}
    outputs = {f"result_{place}": spec.key for place, spec in enumerate(specs)}
    built = {spec.key: spec for spec in specs}
    required = len(specs) == 1 and not may_be_empty
    op = _op(mount, op_name, list(inputs), outputs, config_class, perform, requires, required)
    assets = dg.AssetsDefinition.from_graph(
        _graph(name, op, config_class),
        keys_by_input_name=inputs,
        keys_by_output_name=outputs,
        partitions_def=specs[0].partitions_def,
        can_subset=len(specs) > 1,
    )
    return assets.map_asset_specs(lambda made: _completed(made, built[made.key]))


def _completed(made: dg.AssetSpec, spec: dg.AssetSpec) -> dg.AssetSpec:
    return made.replace_attributes(
        description=spec.description,
        metadata={**made.metadata, **spec.metadata},
        group_name=spec.group_name,
        owners=spec.owners,
        tags=spec.tags,
        kinds=spec.kinds,
    )


def node_name(key: dg.AssetKey) -> str:
    """Return the name under `ops` of the config of an asset."""
    return key.to_python_identifier()


def _op(
    mount: Mount,
    name: str,
    inputs: list[str],
    outputs: Mapping[str, dg.AssetKey],
    config_class: type[_Config],
    perform: Callable[[dg.OpExecutionContext, Gateway, Sequence[dg.AssetKey], _Config], Iterable[_Result]],
    requires: frozenset[str],
    is_required: bool,
) -> dg.OpDefinition:
    @dg.op(
        name=mount.named(name),
        ins={one: dg.In(dg.Nothing) for one in inputs},
        out={one: dg.Out(dg.Nothing, is_required=is_required) for one in outputs},
        config_schema=schema_of(config_class),
        required_resource_keys={*mount.requires, *requires},
    )
    @signed
    def compute(context: dg.OpExecutionContext) -> Iterator[_Result]:
        keys = [outputs[one] for one in sorted(context.selected_output_names)]
        with one_clear_line(), mount.open(context.resources) as gateway:
            yield from perform(context, gateway, keys, config_class(**context.op_config))

    return compute


def _graph(name: str, op: dg.OpDefinition, config_class: type[dg.Config]) -> dg.GraphDefinition:
    return dg.GraphDefinition(
        name=name,
        node_defs=[op],
        input_mappings=[
            dg.InputMapping(graph_input_name=one, mapped_node_name=op.name, mapped_node_input_name=one)
            for one in op.ins
        ],
        output_mappings=[
            dg.OutputMapping(graph_output_name=one, mapped_node_name=op.name, mapped_node_output_name=one)
            for one in op.outs
        ],
        config=dg.ConfigMapping(
            config_fn=lambda values: {op.name: {"config": checked(config_class, values)}},
            config_schema=schema_of(config_class),
        ),
    )
