"""Sources: tables that Dagster does not write, but observes. Each observation has a data version.

The worker records the versions that it has read, so that *Unsynced* in the web UI means that there is more
to read, or that a rule has changed since.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import metadata, metadata_of_part
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.signatures import signed
from iu_pipelines.defs.kit.step_errors import one_clear_line

DATA_VERSION: Final = "dagster/data_version"
INPUT_DATA_VERSION: Final = "dagster/input_data_version"


@dataclass(frozen=True)
class Seen:
    """What an observation saw: the data version of the source, and the metadata to show."""

    version: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """One observed table: `row` is the dataclass of its rows, `sql_files` are the files that define it.

    `part` is the row that this source is about, if it is not the whole table; the key then ends with it.
    `look` must have a bounded cost, whatever the size of the table.
    """

    table: str
    row: type
    description: str
    sql_files: tuple[str, ...]
    look: Callable[[Queries, Mount], Seen]
    upstream: tuple[str, ...] = ()
    part: str = ""

    @property
    def name(self) -> str:
        """The name of the asset, as `Mount.key` takes it."""
        return f"{self.table}/{self.part}" if self.part else self.table

    def asset(self, mount: Mount) -> dg.AssetsDefinition:
        """Return the observable asset of this table."""

        def observe(context: dg.AssetExecutionContext) -> dg.ObserveResult:
            with one_clear_line(), mount.open(context.resources) as gateway:
                seen = self.look(gateway, mount)
            return dg.ObserveResult(
                asset_key=mount.key(self.name),
                data_version=dg.DataVersion(seen.version),
                metadata=seen.metadata,
            )

        decorated: dg.AssetsDefinition = dg.multi_observable_source_asset(
            name=mount.named(f"observe_{dg.AssetKey(self.name.split('/')).to_python_identifier()}"),
            specs=[self._spec(mount)],
            required_resource_keys=mount.requires,
        )(signed(observe))
        return decorated

    def observation(self, gateway: Queries, mount: Mount) -> dg.AssetObservation:
        """Observe the table now, and return the event, which any run may log."""
        seen = self.look(gateway, mount)
        return dg.AssetObservation(
            mount.key(self.name), metadata=seen.metadata, tags={DATA_VERSION: seen.version}
        )

    def _spec(self, mount: Mount) -> dg.AssetSpec:
        return dg.AssetSpec(
            mount.key(self.name),
            deps=[mount.key(name) for name in self.upstream],
            description=self.description,
            metadata=(metadata_of_part if self.part else metadata)(self.table, self.row, *self.sql_files),
            group_name=mount.group,
            owners=mount.owners,
            kinds=set(mount.kinds),
        )


def input_versions(versions: Mapping[dg.AssetKey, str]) -> dict[str, str]:
    """Return the tags of a materialization that has read its sources at `versions`.

    They replace those that Dagster sets, which are the versions of the last observations before the run.
    """
    return {f"{INPUT_DATA_VERSION}/{key.to_user_string()}": version for key, version in versions.items()}


def version_of(observation: dg.AssetObservation) -> str:
    """Return the data version of an observation."""
    return str(observation.tags[DATA_VERSION])
