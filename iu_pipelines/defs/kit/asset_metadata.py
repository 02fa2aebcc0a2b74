"""Metadata of assets: their kinds, columns and SQL files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from iu_pipelines.domain import rows
from iu_pipelines.settings import sql_root

KINDS: Final = {"postgres", "sql"}


def metadata(name: str, row: type, *sql_files: str) -> dict[str, Any]:
    """Return the metadata of the table, view or function `name`, whose rows are read as `row`."""
    return {
        "dagster/column_schema": column_schema(row),
        "dagster/table_name": f"public.{name}",
        "dagster/code_references": code_references(*sql_files),
    }


def column_schema(row: type) -> dg.TableSchema:
    """Return the columns of the dataclass `row` as a table schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=column.name, type=column.type, description=column.description)
            for column in rows.columns(row)
        ]
    )


def code_references(*sql_files: str) -> dg.CodeReferencesMetadataValue:
    """Return references to files under `sql/iu-core/`."""
    root = sql_root() / "iu-core"
    return dg.CodeReferencesMetadataValue(
        code_references=[
            dg.LocalFileCodeReference(file_path=str(root / name), label=name) for name in sql_files
        ]
    )


def markdown_table(header: Sequence[str], cells: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Return a Markdown table, or the word `none` if there are no cells."""
    if not cells:
        return dg.MetadataValue.md("none")
    lines = [header, ["---"] * len(header), *cells]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines))


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def run_link(run_ref: str | None) -> str:
    """Return a link to the run in the web UI, or an empty string if there is no run."""
    return f"[{run_ref[:8]}](/runs/{run_ref})" if run_ref else ""
