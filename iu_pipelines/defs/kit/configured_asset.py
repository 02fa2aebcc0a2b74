"""An asset whose config is validated before a run is made, by a job and by *Materialize* alike.

Dagster calls the config mapping of a graph when it plans a run. So the asset is a graph of one op.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import checked

_Config = TypeVar("_Config", bound=dg.Config)
_RESULT: Final = "result"


def configured_asset(
    mount: Mount,
    spec: dg.AssetSpec,
    op_name: str,
    config_class: type[_Config],
    perform: Callable[[dg.OpExecutionContext, Gateway, _Config], dg.MaterializeResult[Any]],
) -> dg.AssetsDefinition:
    """Return the asset of `spec`. Materializing it calls `perform` with an open gateway and its config."""
    inputs = {dep.asset_key.path[-1]: dep.asset_key for dep in spec.deps}
    asset = dg.AssetsDefinition.from_graph(
        _graph(spec, _op(mount, op_name, list(inputs), config_class, perform), config_class),
        keys_by_input_name=inputs,
        keys_by_output_name={_RESULT: spec.key},
        partitions_def=spec.partitions_def,
    )
    return asset.map_asset_specs(
        lambda built: built.replace_attributes(
            description=spec.description,
            metadata={**built.metadata, **spec.metadata},
            group_name=spec.group_name,
            owners=spec.owners,
            tags=spec.tags,
            kinds=spec.kinds,
        )
    )


def node_name(key: dg.AssetKey) -> str:
    """Return the name under `ops` of the config of an asset."""
    return key.to_python_identifier()


def _op(
    mount: Mount,
    name: str,
    inputs: list[str],
    config_class: type[_Config],
    perform: Callable[[dg.OpExecutionContext, Gateway, _Config], dg.MaterializeResult[Any]],
) -> dg.OpDefinition:
    @dg.op(
        name=mount.named(name),
        ins={one: dg.In(dg.Nothing) for one in inputs},
        config_schema=_schema(config_class),
        required_resource_keys=mount.requires,
    )
    def compute(context: dg.OpExecutionContext) -> dg.MaterializeResult[Any]:
        with one_clear_line(), mount.open(context.resources) as gateway:
            return perform(context, gateway, config_class(**context.op_config))

    return compute


def _schema(config_class: type[dg.Config]) -> Any:
    return config_class.to_config_schema()


def _graph(spec: dg.AssetSpec, op: dg.OpDefinition, config_class: type[dg.Config]) -> dg.GraphDefinition:
    return dg.GraphDefinition(
        name=node_name(spec.key),
        node_defs=[op],
        input_mappings=[
            dg.InputMapping(graph_input_name=one, mapped_node_name=op.name, mapped_node_input_name=one)
            for one in op.ins
        ],
        output_mappings=[
            dg.OutputMapping(
                graph_output_name=_RESULT, mapped_node_name=op.name, mapped_node_output_name="result"
            )
        ],
        config=dg.ConfigMapping(
            config_fn=lambda values: {op.name: {"config": checked(config_class, values)}},
            config_schema=_schema(config_class),
        ),
    )
