"""Tables whose triggers emit events. Dagster observes them, but does not write them."""

from __future__ import annotations

from typing import Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import inbound
from iu_pipelines.domain.inbound import SqlLink
from iu_pipelines.domain.units import UnitVersion


def definitions(mount: Mount) -> dg.Definitions:
    """Return the assets of these tables."""
    return dg.Definitions(assets=[source.asset(mount) for source in SOURCES])


def _seen(gateway: Queries, table: str) -> Seen:
    inserted = inbound.rows_inserted(gateway, table)
    return Seen(str(inserted), {"rows_inserted_since_statistics_reset": inserted})


UNIT_VERSION: Final = Source(
    table="unit_version",
    row=UnitVersion,
    description="Versions of units. A trigger emits `version_applied` for each one after the first.",
    sql_files=("runtime/060_inbound.sql",),
    look=lambda gateway, _mount: _seen(gateway, "unit_version"),
)

SQL_LINK: Final = Source(
    table="iu_sql_link",
    row=SqlLink,
    description=(
        "Links from units to database objects. If the inbound route `iu_sql.iu_sql_link.insert` is "
        "enabled, it emits `sql_link_created` for each insert. It is disabled by default."
    ),
    sql_files=("runtime/060_inbound.sql",),
    look=lambda gateway, _mount: _seen(gateway, "iu_sql_link"),
)

SOURCES: Final = (UNIT_VERSION, SQL_LINK)
