"""The column schema of an asset is that of its table in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.definitions import defs

GRAPH = defs.resolve_asset_graph()
WITHOUT_ROWS = {"iu_evidence"}
"""A pack of files: it has no columns."""

OF_A_REPORT = {"iu_health_audit"}
"""The JSON of a function: test_health.py compares its keys."""

WITH_INTERNAL_COLUMNS = {
    *("dot_config", "iu_outbound_route", "iu_route_batch"),
    *("iu_delivery", "iu_delivery_target"),
}
"""Tables with columns that only the engine uses: they are not listed."""

OF_OTHER_TABLES = {"iu_delivery_target": {"paused", "failover_hold", "breaker", "routes", "senders"}}
"""Columns that come from a table beside that of the asset."""

ASSETS = {key.to_user_string() for key in GRAPH.get_all_asset_keys()}
SHORT_TYPES = {"timestamp with time zone": "timestamptz"}


def schema(asset: str) -> dg.TableSchema:
    found: dg.TableSchema = GRAPH.get(dg.AssetKey(asset)).metadata["dagster/column_schema"]
    return found


@pytest.fixture
def installed(new_database: Callable[[str], str], delivery_template: str) -> Iterator[Gateway]:
    """Yield a gateway to a new database with the core and the module of deliveries."""
    with Gateway(new_database(delivery_template)) as gateway:
        yield gateway


@pytest.mark.parametrize("asset", sorted(ASSETS - WITHOUT_ROWS - OF_A_REPORT))
def test_the_column_schema_is_that_of_the_database(asset: str, installed: Gateway) -> None:
    rows = installed.fetch_all(
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
    listed = {name: kind for name, kind in listed.items() if name not in OF_OTHER_TABLES.get(asset, ())}
    assert list(listed.items()) == list(seen.items())


@pytest.mark.parametrize("asset", sorted(ASSETS - WITHOUT_ROWS))
def test_every_column_has_a_description(asset: str) -> None:
    assert all(column.description for column in schema(asset).columns)
