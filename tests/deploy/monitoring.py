"""Checks of the files for Prometheus and Grafana: their metrics, labels, expressions and runbooks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

from iu_pipelines.hosting.exposition import METRICS

PROJECT: Final = Path(__file__).parents[2]
RULES: Final = PROJECT / "deploy/prometheus/iu_pipelines.rules.yml"
RULE_TESTS: Final = PROJECT / "deploy/prometheus/iu_pipelines.rules.test.yml"
DASHBOARD: Final = PROJECT / "deploy/grafana/iu_pipelines.dashboard.json"
RUNBOOK: Final = "docs/operate/monitoring.md"

PROMTOOL: Final = shutil.which("promtool")
PROMETHEUS: Final = shutil.which("prometheus")
MISSING: Final = "Prometheus is missing: install the distribution's package prometheus"

_NAME: Final = re.compile(r"\biu_\w+")
_STRING: Final = re.compile(r'"[^"]*"')
_LABELS: Final = {label for metric in METRICS for label in metric.labels}

_DATASOURCE: Final = {
    "type": "object",
    "properties": {"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}},
    "required": ["type", "uid"],
}
_PANEL: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["stat", "timeseries"]},
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "pattern": r"\.$"},
        "datasource": _DATASOURCE,
        "gridPos": {
            "type": "object",
            "properties": {
                "h": {"type": "integer", "minimum": 1},
                "w": {"type": "integer", "minimum": 1, "maximum": 24},
                "x": {"type": "integer", "minimum": 0, "maximum": 23},
                "y": {"type": "integer", "minimum": 0},
            },
            "required": ["h", "w", "x", "y"],
        },
        "fieldConfig": {
            "type": "object",
            "properties": {"defaults": {"type": "object", "required": ["unit"]}},
            "required": ["defaults", "overrides"],
        },
        "options": {"type": "object"},
        "targets": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "refId": {"type": "string", "pattern": "^[A-Z]$"},
                    "expr": {"type": "string", "minLength": 1},
                    "legendFormat": {"type": "string", "minLength": 1},
                    "datasource": _DATASOURCE,
                },
                "required": ["refId", "expr", "legendFormat", "datasource"],
            },
        },
    },
    "required": ["id", "type", "title", "description", "datasource", "gridPos", "fieldConfig", "targets"],
}
_DASHBOARD: Final = {
    "type": "object",
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
        "title": {"type": "string", "minLength": 1},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "id": {"type": "null"},
        "templating": {
            "type": "object",
            "properties": {"list": {"type": "array", "items": {"required": ["name", "type", "query"]}}},
            "required": ["list"],
        },
        "panels": {"type": "array", "minItems": 1, "items": _PANEL},
    },
    "required": ["uid", "title", "schemaVersion", "templating", "panels", "time", "refresh"],
}


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    read = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return read


def expressions(board: Mapping[str, Any]) -> list[str]:
    """Return the expressions of a dashboard, with its variables replaced as Grafana does."""
    return [
        target["expr"].replace("$instance", ".*").replace("$__rate_interval", "5m")
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def unknown_names(expression: str) -> list[str]:
    """Return the names of metrics in an expression that the exposition does not have."""
    known = {metric.name for metric in METRICS}
    return sorted({*_NAME.findall(_STRING.sub('""', expression))} - known)


def invalid(expressions: Sequence[str], folder: Path) -> str:
    """Return what promtool says against expressions, as rules in a file; empty if it accepts all."""
    assert PROMTOOL
    recorded = [{"record": f"rule:{n}", "expr": text} for n, text in enumerate(expressions)]
    file = folder / "expressions.yml"
    file.write_text(json.dumps({"groups": [{"name": "expressions", "rules": recorded}]}), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "check", "rules", file], capture_output=True, text=True, check=False, timeout=60
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def faults(board: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the structure of a dashboard, and with the metrics and labels it uses."""
    for error in jsonschema.Draft202012Validator(_DASHBOARD).iter_errors(board):
        yield f"{error.json_path}: {error.message}"
    panels = board.get("panels", [])
    ids = [panel.get("id") for panel in panels]
    yield from (f"panel id {one} is used twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    yield from _overlaps(panels)
    kinds = {one["name"]: one["type"] for one in board.get("templating", {}).get("list", [])}
    if kinds.get("datasource") != "datasource":
        yield "the data source is no variable"
    for panel in panels:
        for target in panel.get("targets", []):
            yield from (f"unknown metric: {name}" for name in unknown_names(target["expr"]))
            shown = {*re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])}
            yield from (f"unknown label: {label}" for label in sorted(shown - _LABELS - {"instance"}))
            used = {*re.findall(r"\$\{?(\w+)", target["expr"])} - {"__rate_interval"}
            yield from (f"unknown variable: {name}" for name in sorted(used - {*kinds}))


def _overlaps(panels: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{panel['title']} is wider than the grid"
        cells = [
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        yield from {f"{panel['title']} covers {taken[cell]}" for cell in cells if cell in taken}
        taken.update(dict.fromkeys(cells, panel["title"]))
