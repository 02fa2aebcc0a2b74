"""What the catalog of a database says about the functions, tables and settings of iu_pipelines.

The database is made for the purpose: `read` starts an embedded server on temporary files, applies every step
of both modules, and stops it again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)
_FAST: Final = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "10"}
_MODULE: Final = "delivery"

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Argument:
    """An argument or a column of the result; `mode` is that of `pg_proc.proargmodes`, `t` for a column."""

    name: str
    type: str
    mode: str
    default_value: str | None


@dataclass(frozen=True)
class Function:
    """A function; `roles` are the group roles that may execute it, without the owner."""

    name: str
    is_trigger: bool
    arguments: tuple[Argument, ...] | None
    result: str
    volatility: str
    is_definer: bool
    comment: str
    definition: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table, view or type."""

    name: str
    type: str
    is_nullable: bool
    default_value: str | None
    comment: str


@dataclass(frozen=True)
class Constraint:
    """A constraint; `kind` is `p` (primary key), `u` (unique), `f` (foreign key) or `c` (check)."""

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    refers_to: str | None


@dataclass(frozen=True)
class Relation:
    """A table, view or composite type; `rights` are the privileges of each group role."""

    name: str
    kind: str
    access: str
    comment: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    unique_indexes: tuple[str, ...]
    rights: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Setting:
    """A row of `dot_config` after an installation."""

    key: str
    value: str
    value_pattern: str
    description: str
    is_gate: bool


@dataclass(frozen=True)
class Threshold:
    """A threshold of promotions after an installation."""

    threshold: str
    initial_value: int
    minimum: int
    maximum: int
    description: str


@dataclass(frozen=True)
class Catalog:
    """Everything that was read, each list in the order of names."""

    functions: tuple[Function, ...]
    relations: tuple[Relation, ...]
    settings: tuple[Setting, ...]
    thresholds: tuple[Threshold, ...]


def gather(gateway: Gateway) -> Catalog:
    """Return the catalog of a database that has both modules."""
    return Catalog(
        _read(gateway, Function, "functions"),
        _read(gateway, Relation, "relations"),
        _read(gateway, Setting, "settings"),
        _read(gateway, Threshold, "thresholds"),
    )


def _read(gateway: Gateway, row: type[_Row], statement: str) -> tuple[_Row, ...]:
    return tuple(rows.read(row, found) for found in gateway.fetch_all(_SQL[statement]))


@cache
def read() -> Catalog:
    """Return the catalog of a new database, on a server that is stopped and removed before this returns."""
    with tempfile.TemporaryDirectory(prefix="iu-catalog-") as home:
        server = EmbeddedServer(Path(home), settings=_FAST)
        try:
            with Gateway(server.ensure_running()) as gateway:
                migration.apply(gateway, [_MODULE])
                return gather(gateway)
        finally:
            server.stop()
