"""Metadata of assets: their columns, SQL files, tables and timestamps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg

from iu_pipelines.defs.kit import code_references
from iu_pipelines.domain import rows


def metadata(name: str, row: type, *sql_files: str) -> dict[str, Any]:
    """Return the metadata of the table, view or function `name`, whose rows are read as `row`."""
    return {
        "dagster/column_schema": column_schema(row),
        "dagster/table_name": f"public.{name}",
        **code_references.of_sql(*sql_files),
    }


def metadata_of_part(name: str, row: type, *sql_files: str) -> dict[str, Any]:
    """Return the metadata of some rows of a table. Dagster links assets that name the same table."""
    found = metadata(name, row, *sql_files)
    del found["dagster/table_name"]
    return found


@cache
def column_schema(row: type) -> dg.TableSchema:
    """Return the columns of the dataclass `row` as a table schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=column.name, type=column.type, description=column.description)
            for column in rows.columns(row)
        ]
    )


def table(header: Sequence[str], cells: Sequence[Sequence[object]]) -> dg.TableMetadataValue:
    """Return a table, which the web UI shows in full, without a click. Moments are shown in UTC."""
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in header])
    records = [
        dg.TableRecord({name: _cell(cell) for name, cell in zip(header, line, strict=True)}) for line in cells
    ]
    return dg.MetadataValue.table(records, schema)


def _cell(value: object) -> str | int | float | bool:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value if isinstance(value, str | int | float | bool) else str(value)


def moment(at: datetime | None) -> dg.TimestampMetadataValue | str:
    """Return a timestamp, which the web UI shows in the time zone of its user, or `never`."""
    return "never" if at is None else dg.MetadataValue.timestamp(at)
