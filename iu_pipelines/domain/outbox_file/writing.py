"""Writing of an outbox file: a model as YAML that reads as the same model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from iu_pipelines.domain.outbox_file.model import ANY, Capture, DeliveryTarget, EventType, OutboxFile, Route

_ALWAYS: Final = ("subject_table", "enabled", "mode", "after_failover")
"""Keys that are written although they have their default."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # yaml has no types
    """Writes plain scalars as YAML 1.2 reads them: `on` and `off` are text without quotation marks."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""])
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), list("-+0123456789")
)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+.0-9][-+.0-9a-zA-Z_]*"), list("-+.0123456789")
)


def write(file: OutboxFile, comments: tuple[str, ...] = ()) -> str:
    """Return the YAML of a file, sorted by name, with `comments` as its last lines."""
    sections = {
        "event_types": {name: _event_type(entry) for name, entry in sorted(file.event_types.items())},
        "targets": {name: _target(entry) for name, entry in sorted(file.targets.items())},
        "routes": {name: _route(entry) for name, entry in sorted(file.routes.items())},
        "captures": {name: _capture(entry) for name, entry in sorted(file.captures.items())},
        "workers": {name: {"domain": entry.domain} for name, entry in sorted(file.workers.items())},
    }
    text = "".join(_dump({name: entries}) for name, entries in sections.items() if entries)
    return "".join((text or "event_types: {}\n", *(f"# {line}\n" for line in comments)))


def _dump(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def _event_type(entry: EventType) -> dict[str, Any]:
    written = _written(entry)
    keys = ANY if entry.payload_keys is None else _flow(list(entry.payload_keys))
    return {**{key: value for key, value in written.items() if key != "enabled"}, "payload_keys": keys} | {
        "enabled": entry.enabled
    }


def _route(entry: Route) -> dict[str, Any]:
    return {
        "event_type": entry.event_type,
        "target": _flow(entry.target.model_dump()),
        "enabled": entry.enabled,
    }


def _target(entry: DeliveryTarget) -> dict[str, Any]:
    return {key: _flow(value) for key, value in _written(entry).items()}


def _capture(entry: Capture) -> dict[str, Any]:
    written = _written(entry)
    if "when" in written:
        written["when"] = _flow(entry.when.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    if entry.subject is not None:
        written["subject"] = entry.subject[0] if len(entry.subject) == 1 else _flow(list(entry.subject))
    if "payload" in written:
        same = all(key == column for key, column in entry.payload.items())
        written["payload"] = _flow(sorted(entry.payload) if same else dict(sorted(entry.payload.items())))
    return written


def _written(entry: EventType | Capture | DeliveryTarget) -> dict[str, Any]:
    """Return the fields that differ from their default, and those that are always written."""
    every = entry.model_dump(mode="json", by_alias=True)
    changed = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {
        key: value for key, value in every.items() if key in changed or (key in _ALWAYS and value is not None)
    }


class _Flow(dict[str, Any]):
    """A mapping that is written in one line."""


class _FlowList(list[Any]):
    """A list that is written in one line."""


def _flow(value: Any) -> Any:
    if isinstance(value, dict):
        return _Flow({key: _flow(item) for key, item in value.items()})
    return _FlowList(_flow(item) for item in value) if isinstance(value, list) else value


_Dumper.add_representer(
    _Flow,
    lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True),
)
_Dumper.add_representer(
    _FlowList,
    lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True),
)
