"""The job that simulates an outbox file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import dagster as dg
import pytest
import yaml

import pages
from defs.code_location import ROUTE, Location
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[UUID]]

FILE: Final = """
routes:
  docs.index:
    event_type: version_applied
    target: {kind: workflow, ref: index}
workers:
  new_reader: {domain: iu}
"""


def simulated(location: Location, **config: Any) -> dict[str, Any]:
    """Run the job, and return the metadata of its output."""
    done = location.run("simulate_job", {"outbox_file": FILE, **config})
    assert done.success
    (output,) = (
        event.step_output_data
        for event in done.all_events
        if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    )
    return {
        name: [record.data for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for name, value in output.metadata.items()
    }


def test_the_job_shows_the_comparison_the_differences_and_what_is_not_simulated(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    ids = emit(3)
    worker.run_once(gateway, DEFAULT_WORKER, 2)
    found = simulated(location)
    assert (found["events"], found["decisions"], found["changed"], found["not_read"]) == (3, 6, 2, 4)
    rows = {
        (one["route"], one["worker"], one["was"], one["would be"]): one["events"]
        for one in found["comparison"]
    }
    assert rows == {
        ("docs.index", DEFAULT_WORKER, "not routed", "dry_run"): 2,
        ("docs.index", DEFAULT_WORKER, "not read", "dry_run"): 1,
        ("docs.index", "new_reader", "not read", "dry_run"): 3,
        (ROUTE, DEFAULT_WORKER, "dry_run", "dry_run"): 2,
        (ROUTE, DEFAULT_WORKER, "not read", "dry_run"): 1,
        (ROUTE, "new_reader", "not read", "dry_run"): 3,
    }
    (difference,) = found["differences"]
    assert {*difference["newest"].split()} == {str(ids[0]), str(ids[1])}
    assert {"action": "add", "noun": "worker", "name": "new_reader"} in found["changes"]
    assert len(found["not_simulated"]) == 5
    assert gateway.fetch_value("select count(*) from public.iu_outbound_route") == 2


def test_the_config_of_the_page_simulates_its_file(location: Location, emit: Emit) -> None:
    emit(3)
    (text,) = pages.code("docs/how-to/simulate.md", "From Dagster", "yaml")
    comparison = simulated(location, **yaml.safe_load(text))["comparison"]
    assert [
        (one["was"], one["would be"], one["events"])
        for one in comparison
        if one["route"] == "docs.version_applied.index"
    ] == [("not read", "dry_run", 3)]


def test_the_config_selects_workers_and_the_newest_events(location: Location, emit: Emit) -> None:
    emit(5)
    found = simulated(location, workers=["new_reader"], limit=2, since="1h", examples=0)
    assert (found["events"], found["decisions"], found["differences"]) == (2, 2, [])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"outbox_file": "routes: {a.b: {}}"}, "outbox_file, line 1, column 10: .*this key is missing"),
        ({"outbox_file": FILE, "since": "soon"}, "since: .*'soon' is neither an age nor a time"),
        ({"outbox_file": FILE, "limit": 0}, "limit: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_config_is_refused_and_no_run_is_made(
    location: Location, config: dict[str, Any], message: str
) -> None:
    definition = location.definitions.resolve_job_def("simulate_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match=message) as caught:
        location.instance.create_run_for_job(definition, run_config=config)
    assert len(str(caught.value)) < 1000
    assert not location.instance.get_runs()


def test_a_file_that_does_not_fit_the_database_fails_the_run_with_its_line(location: Location) -> None:
    text = "routes: {a.b: {event_type: nothing, target: {kind: workflow, ref: x}}}"
    done = location.run("simulate_job", {"outbox_file": text})
    assert not done.success
    (failure,) = (event for event in done.all_events if event.is_step_failure)
    assert "line 1, column 16" in str(failure.step_failure_data.error)
    assert "no such event type: 'nothing'" in str(failure.step_failure_data)
