"""The configuration of a database in the model of an outbox file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import deliveries, event_types, routes, rows, targets, worker
from iu_pipelines.domain.outbox_file import model
from iu_pipelines.domain.outbox_file.model import OutboxFile
from iu_pipelines.domain.outbox_file.problems import shown

_SQL: Final = Statements(__name__)

INSTALLED: Final[Mapping[str, frozenset[str]]] = {
    "targets": frozenset(),
    "event_types": frozenset({"version_applied", "structure_piece_split", "sql_link_created"}),
    "routes": frozenset({"iu.version_applied.workflow", "iu.structure_piece_split.workflow"}),
    "captures": frozenset({"iu_sql.iu_sql_link.insert"}),
    "workers": frozenset({"iu_outbound_default"}),
}
"""What `iu migrate` made, by section: `--prune` never removes it."""


@dataclass(frozen=True)
class CaptureRow:
    """One capture with its triggers and its function: `fn_iu_capture_list` and `fn_iu_capture_functions`.

    `attach_statements` create the triggers that are missing and enable those that are disabled;
    `detach_statements` drop those that exist.
    `may_attach` is whether the current role has the rights of the table's owner.
    `missing_columns` are those that the capture names and its table does not have. `misfit` says how the
    function differs from the one that would be generated now; None if it does not, or has no function.
    """

    route_code: str
    source_table: str
    source_op: str
    condition: dict[str, Any]
    target_event_type: str
    subject_table: str | None
    subject_columns: list[str] | None
    address_template: str | None
    payload_map: dict[str, Any]
    on_error: str
    enabled: bool
    dry_run: bool
    attachment: str
    table_owner: str | None
    may_attach: bool
    attach_statements: list[str]
    detach_statements: list[str]
    function_name: str | None
    missing_columns: list[str]
    misfit: str | None

    @property
    def lacks_triggers(self) -> bool:
        """Whether it is a capture of a user's table with a trigger that does not exist or is disabled."""
        return self.subject_columns is not None and bool(self.attach_statements)


@dataclass(frozen=True)
class Unfit:
    """A row of the database that an outbox file cannot express."""

    section: str
    name: str
    reason: str


@dataclass(frozen=True)
class State:
    """The configuration of a database.

    `file` has everything that fits the model, `unfit` the rest. `retired` are the domains of retired
    workers, which are not in `file`. `delivers` is whether the module iu-delivery is installed; `targets` are
    its targets.
    """

    file: OutboxFile
    unfit: tuple[Unfit, ...] = ()
    captures: Mapping[str, CaptureRow] = field(default_factory=dict)
    retired: Mapping[str, str] = field(default_factory=dict)
    delivers: bool = False
    targets: Mapping[str, targets.Target] = field(default_factory=dict)


def read(gateway: Queries) -> State:
    """Return the configuration of the database."""
    captures = list_captures(gateway)
    workers = worker.list_workers(gateway)
    delivers = deliveries.is_installed(gateway)
    present = targets.list_targets(gateway) if delivers else []
    unfit: list[Unfit] = []
    file = OutboxFile(
        event_types=_fitting(
            "event_types", unfit, ((row.event_type, _type(row)) for row in event_types.list_types(gateway))
        ),
        targets=_fitting("targets", unfit, ((row.target_name, _target(row)) for row in present)),
        routes=_fitting(
            "routes", unfit, ((row.route_code, _route(row)) for row in routes.list_routes(gateway))
        ),
        captures=_fitting("captures", unfit, ((row.route_code, _capture(row)) for row in captures)),
        workers=_fitting(
            "workers",
            unfit,
            ((row.worker_name, {"domain": row.event_domain}) for row in workers if row.retired_at is None),
        ),
    )
    return State(
        file,
        tuple(unfit),
        {row.route_code: row for row in captures},
        {row.worker_name: row.event_domain for row in workers if row.retired_at is not None},
        delivers,
        {row.target_name: row for row in present},
    )


def list_captures(gateway: Queries) -> list[CaptureRow]:
    """Return every capture in alphabetical order."""
    return [rows.read(CaptureRow, row) for row in gateway.fetch_all(_SQL["list_captures"])]


_SECTIONS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter[Any](cast("Any", found.annotation)) for name, found in OutboxFile.model_fields.items()
}


def _fitting(section: str, unfit: list[Unfit], found: Iterable[tuple[str, Mapping[str, Any]]]) -> Any:
    """Return the entries that fit the model, and add the others to `unfit`."""
    fitting: dict[str, Any] = {}
    for name, entry in found:
        try:
            fitting.update(_SECTIONS[section].validate_python({name: entry}))
        except ValidationError as error:
            unfit.append(Unfit(section, name, "; ".join(_reasons(error))))
    return fitting


def _reasons(error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False):
        key = next((str(part) for part in found["loc"][1:] if part != "[key]"), "name")
        said = found.get("ctx", {}).get("problem") or f"{shown(found['input'])} does not fit"
        yield f"{key}: {said}"


def _type(row: event_types.EventType) -> dict[str, Any]:
    return {
        "domain": row.event_domain,
        "stream": row.event_stream,
        "lane": row.delivery_lane,
        "classification": row.payload_classification,
        "subject_table": row.event_subject_table,
        "payload_keys": model.ANY if row.payload_keys is None else row.payload_keys,
        "enabled": row.enabled,
    }


def _target(row: targets.Target) -> dict[str, Any]:
    same = (name for name in model.DeliveryTarget.model_fields if name != "secret")
    return {"secret": row.secret_name, **{name: getattr(row, name) for name in same}}


def _route(row: routes.Route) -> dict[str, Any]:
    return {
        "event_type": row.event_type,
        "target": {"kind": row.target_kind, "ref": row.target_ref},
        "enabled": row.enabled,
    }


def _capture(row: CaptureRow) -> dict[str, Any]:
    return {
        "table": row.source_table,
        "on": row.source_op,
        "when": {key: _texts(key, value) for key, value in row.condition.items()},
        "event_type": row.target_event_type,
        "subject_table": row.subject_table,
        "subject": row.subject_columns,
        "address": row.address_template,
        "payload": row.payload_map,
        "mode": mode_of(row.enabled, row.dry_run),
        "on_error": row.on_error,
    }


def mode_of(enabled: bool, dry_run: bool) -> str:
    """Return the mode of a capture: `off`, `dry_run` or `emit`."""
    if not enabled:
        return "off"
    return "dry_run" if dry_run else "emit"


def _texts(key: str, value: Any) -> Any:
    """Return a condition with the values that are compared as text, which plain SQL may have as numbers."""
    if key not in ("becomes", "equals", "in"):
        return value
    if isinstance(value, dict):
        return {column: _texts(key, item) for column, item in value.items()}
    if isinstance(value, list):
        return [_texts(key, item) for item in value]
    return json.dumps(value) if isinstance(value, bool | int | float) else value
