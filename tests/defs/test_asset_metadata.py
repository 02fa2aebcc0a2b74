"""The column schema of an asset is that of its table in the database."""

from __future__ import annotations

import dagster as dg
import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.definitions import defs

GRAPH = defs.resolve_asset_graph()
WITHOUT_ROWS = {"iu_evidence"}
"""A pack of files: it has no columns."""

OF_A_REPORT = {"iu_health_audit"}
"""The JSON of a function: test_health.py compares its keys."""

WITH_INTERNAL_COLUMNS = {"dot_config", "iu_outbound_route", "iu_route_batch"}
"""Tables with columns that only the engine uses: they are not listed."""

ASSETS = {key.to_user_string() for key in GRAPH.get_all_asset_keys()}
SHORT_TYPES = {"timestamp with time zone": "timestamptz"}


def schema(asset: str) -> dg.TableSchema:
    found: dg.TableSchema = GRAPH.get(dg.AssetKey(asset)).metadata["dagster/column_schema"]
    return found


@pytest.mark.parametrize("asset", sorted(ASSETS - WITHOUT_ROWS - OF_A_REPORT))
def test_the_column_schema_is_that_of_the_database(asset: str, gateway: Gateway) -> None:
    rows = gateway.fetch_all(
        """select attname::text as name, format_type(atttypid, null) as type
             from pg_attribute
            where attrelid = %s::regclass and attnum > 0 and not attisdropped
            order by attnum""",
        (f"public.{asset}",),
    )
    seen = {row["name"]: SHORT_TYPES.get(row["type"], row["type"]) for row in rows}
    listed = {column.name: column.type for column in schema(asset).columns}
    if asset in WITH_INTERNAL_COLUMNS:
        seen = {name: kind for name, kind in seen.items() if name in listed}
    assert list(listed.items()) == list(seen.items())


@pytest.mark.parametrize("asset", sorted(ASSETS - WITHOUT_ROWS))
def test_every_column_has_a_description(asset: str) -> None:
    assert all(column.description for column in schema(asset).columns)
