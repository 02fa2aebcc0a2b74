"""Where events come from: the tables whose changes emit them. Ours to show, not to write."""

from __future__ import annotations

from typing import Final

import dagster as dg

from iu_pipelines.defs.kit.asset_metadata import KINDS, columns, metadata
from iu_pipelines.defs.kit.configuration import OWNER, Mount

_UNIT_VERSION: Final = columns("""
    unit_id uuid the unit
    version_seq bigint 1 for the first version; later ones emit version_applied
    version_ref text names the version where it is kept, a commit id say
    version_facts jsonb counts about the version, never its content
    actor_ref text who made it
    created_at timestamptz when the row was written
""")

_SQL_LINK: Final = columns("""
    link_id uuid the link
    unit_id uuid the unit that the link belongs to
    sql_object_ref text the database object that it names
    link_kind text what the link says about the object
    actor_ref text who made it
    created_at timestamptz when the row was written
""")


def sources(mount: Mount) -> list[dg.AssetSpec]:
    """Return the external assets that feed the outbox by trigger."""
    return [
        dg.AssetSpec(
            mount.key("unit_version"),
            description="Versions of units. A version after the first emits `version_applied` by trigger.",
            metadata=metadata("unit_version", _UNIT_VERSION, "runtime/060_inbound.sql"),
            group_name=mount.group,
            owners=[OWNER],
            kinds=KINDS,
        ),
        dg.AssetSpec(
            mount.key("iu_sql_link"),
            description=(
                "Links from units to database objects. The inbound route `iu_sql.iu_sql_link.insert` maps "
                "an insert to `sql_link_created`; after an install it is disabled."
            ),
            metadata=metadata("iu_sql_link", _SQL_LINK, "runtime/060_inbound.sql"),
            group_name=mount.group,
            owners=[OWNER],
            kinds=KINDS,
        ),
    ]
