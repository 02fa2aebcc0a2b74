"""External assets: tables whose triggers emit events. Dagster shows them but does not write them."""

from __future__ import annotations

import dagster as dg

from iu_pipelines.defs.kit.asset_metadata import KINDS, metadata
from iu_pipelines.defs.kit.configuration import OWNER, Mount
from iu_pipelines.domain.inbound import SqlLink
from iu_pipelines.domain.units import UnitVersion


def definitions(mount: Mount) -> dg.Definitions:
    """Return the external assets."""
    return dg.Definitions(assets=assets(mount))


def assets(mount: Mount) -> list[dg.AssetSpec]:
    """Return the external assets, one for each table whose triggers emit events."""
    return [
        dg.AssetSpec(
            mount.key("unit_version"),
            description="Versions of units. A trigger emits `version_applied` for each one after the first.",
            metadata=metadata("unit_version", UnitVersion, "runtime/060_inbound.sql"),
            group_name=mount.group,
            owners=[OWNER],
            kinds=KINDS,
        ),
        dg.AssetSpec(
            mount.key("iu_sql_link"),
            description=(
                "Links from units to database objects. If the inbound route `iu_sql.iu_sql_link.insert` is "
                "enabled, it emits `sql_link_created` for each insert. It is disabled by default."
            ),
            metadata=metadata("iu_sql_link", SqlLink, "runtime/060_inbound.sql"),
            group_name=mount.group,
            owners=[OWNER],
            kinds=KINDS,
        ),
    ]
