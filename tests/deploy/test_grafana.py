"""The dashboard: its structure, its expressions, and that a changed one is noticed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring import MISSING, PROMTOOL, dashboard, expressions, faults, invalid

Board = dict[str, Any]


def target(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = board["panels"][4]["targets"][0]
    return found


def changed(change: Callable[[Board], object]) -> list[str]:
    """Return the faults of the dashboard after a change."""
    board = copy.deepcopy(dashboard())
    change(board)
    return list(faults(board))


def test_the_dashboard_is_complete_and_uses_metrics_and_labels_that_exist() -> None:
    assert list(faults(dashboard())) == []


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_every_expression_of_the_dashboard_is_accepted_by_promtool(tmp_path: Path) -> None:
    found = expressions(dashboard())
    assert len(found) > 15
    assert invalid(found, tmp_path) == ""
    assert "could not parse expression" in invalid([*found, "sum(iu_up"], tmp_path)


def test_a_metric_that_was_renamed_is_noticed() -> None:
    name = "iu_worker_backlog_events"
    assert name in target(dashboard())["expr"]
    renamed = changed(lambda board: target(board).update(expr="iu_worker_backlog > 0"))
    assert renamed == ["unknown metric: iu_worker_backlog"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda board: target(board).update(legendFormat="{{wroker}}"), "unknown label: wroker"),
        (lambda board: target(board).update(expr='iu_up{job="$job"}'), "unknown variable: job"),
        (lambda board: target(board).update(datasource={"uid": "x"}), "$.panels[4].targets[0].datasource"),
        (lambda board: board["panels"][1].update(id=1), "panel id 1 is used twice"),
        (lambda board: board["panels"][1].update(type="graph"), "$.panels[1].type: 'graph'"),
        (lambda board: board["panels"][1]["gridPos"].update(x=0), "Workers covers Database"),
        (lambda board: board["panels"][3]["gridPos"].update(w=8), "Open dead letters is wider"),
        (lambda board: board["templating"]["list"].pop(0), "the data source is no variable"),
        (lambda board: board.pop("schemaVersion"), "$: 'schemaVersion' is a required property"),
    ],
)
def test_a_mistake_in_the_dashboard_is_noticed(change: Callable[[Board], object], fault: str) -> None:
    assert [found for found in changed(change) if found.startswith(fault)], changed(change)
