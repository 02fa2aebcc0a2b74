"""The job that answers why an event was not delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest

from defs.code_location import ROUTE, Location
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER

Emit = Callable[[int], list[UUID]]


def explained(location: Location, event_id: UUID | str) -> dict[str, Any]:
    """Run the job, and return the metadata of its output."""
    done = location.run("event_why_job", {"event_id": str(event_id)})
    assert done.success
    (output,) = (
        event.step_output_data
        for event in done.all_events
        if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    )
    return {
        name: value.records if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in output.metadata.items()
    }


def cells(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [record.data for record in found[name]]


def test_an_event_in_dry_run_is_explained_with_its_route_attempt_and_run(
    location: Location, emit: Emit
) -> None:
    (event_id,) = emit(1)
    run = location.run("route_worker_job", partition=DEFAULT_WORKER)
    found = explained(location, event_id)
    assert found["answer"] == f"dry_run: route {ROUTE} is a dry run: nothing is sent"
    (attempt,) = cells(found, "attempts")
    assert (attempt["decision"], attempt["route"], attempt["run"]) == ("dry_run", ROUTE, run.run_id)
    assert found[f"run of attempt {attempt['attempt']}"] == run.run_id
    assert {"of the event": "type", "value": "version_applied"} in cells(found, "event")
    assert "dead_letters" not in found


def test_rules_batches_origin_and_workers_of_other_mounts_are_shown(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    (event_id,) = emit(1)
    worker.run_once(gateway, DEFAULT_WORKER, 10, "by hand")
    assert "other workers" not in explained(location, event_id)
    worker.add(gateway, "elsewhere", "iu", "test")
    found = explained(location, event_id)
    assert found["other workers"] == f"elsewhere: see iu why {event_id}"
    (rule,) = cells(found, "rules")
    assert rule["rule"].startswith("type version_applied, enabled since ")
    assert cells(found, "batches")[0]["run"] == "by hand"
    (origin,) = (cell["value"] for cell in cells(found, "event") if cell["of the event"] == "from")
    assert origin.startswith("emitted by a caller as actor ")


def test_a_run_of_another_instance_has_no_link(location: Location, gateway: Gateway, emit: Emit) -> None:
    (event_id,) = emit(1)
    worker.run_once(gateway, DEFAULT_WORKER, 10, "by hand")
    found = explained(location, event_id)
    assert cells(found, "attempts")[0]["run"] == "by hand"
    assert not [name for name in found if name.startswith("run of")]


def test_an_event_that_a_gate_holds_is_explained_with_the_gate(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    ids = emit(3)
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    found = explained(location, ids[2])
    assert found["answer"] == "held: the worker gate is closed: 2 events before it"
    (answered,) = cells(found, "workers")
    assert (answered["status"], answered["events before"], answered["held by gates"]) == (
        "waiting",
        "2",
        "worker",
    )
    states = {gate["gate"]: gate["open"] for gate in cells(found, "gates")}
    assert (states[gates.MASTER], states[gates.WORKER]) == ("yes", "no")


def test_a_failed_event_is_explained_with_its_dead_letter(
    location: Location, emit: Emit, live_route: Callable[[bool], None]
) -> None:
    (event_id,) = emit(1)
    live_route(True)
    location.run("route_worker_job", partition=DEFAULT_WORKER)
    found = explained(location, event_id)
    assert found["answer"].startswith(f"failed: route {ROUTE}: ")
    (letter,) = cells(found, "dead_letters")
    assert (letter["state"], letter["attempts"]) == ("open", 1)
    assert letter["dead letter"] in found["answer"]


def test_an_unknown_event_is_answered_by_a_run_that_succeeds(location: Location) -> None:
    unknown = uuid4()
    found = explained(location, unknown)
    assert found["answer"].startswith(f"no such event: no event {unknown} is stored; its transaction may")
    assert "workers" not in found


@pytest.mark.parametrize("event_id", ["", "7", "not-a-uuid", "6b334176-4def-443c-b6c8-b31c0edd43cb "])
def test_an_id_that_is_no_uuid_is_refused_and_no_run_is_made(location: Location, event_id: str) -> None:
    definition = location.definitions.resolve_job_def("event_why_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match=f"event_id: {event_id!r} is not a UUID"):
        location.instance.create_run_for_job(definition, run_config={"event_id": event_id})
    assert not location.instance.get_runs()
