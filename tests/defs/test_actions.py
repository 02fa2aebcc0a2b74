"""Governed actions: off by default, recorded with the actor and the run, and done once for all retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob

from defs.code_location import Location, failure
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import actions
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.dagster_private import execute_run
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import dead_letters, gates, worker
from iu_pipelines.domain.gates import GateChange
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import UsageError

ALL = Mount(actions=frozenset({"gate_set", "worker_seek", "dead_letter_discard"}))
WHO = {"reason": "ticket 4711", "actor": "ann"}
CLOSE = {"key": gates.WORKER, "value": "false", **WHO}
LATEST = {"worker": DEFAULT_WORKER, "position": "latest", **WHO}

Emit = Callable[[int], list[UUID]]


@pytest.fixture
def location(database: str, instance: dg.DagsterInstance) -> Location:
    """The code location with every action, on a fresh database."""
    return Location(build_defs(ALL, resources={"gateway": GatewayResource(database_url=database)}), instance)


@pytest.fixture
def letter_id(gateway: Gateway, emit: Emit, live_route: Callable[[bool], None]) -> UUID:
    """The id of an open dead letter, whose route is dry-run."""
    emit(1)
    live_route(True)
    worker.run_once(gateway, DEFAULT_WORKER, 10)
    live_route(False)
    (letter,) = dead_letters.list_letters(gateway)
    return letter.dead_letter_id


def metadata(done: Any) -> dict[str, Any]:
    (output,) = (
        event.step_output_data
        for event in done.all_events
        if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    )
    return {
        name: value.records if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in output.metadata.items()
    }


def change(done: Any, name: str) -> tuple[Any, Any]:
    """Return what was before and what is after, of one figure."""
    (row,) = (record.data for record in metadata(done)["change"] if record.data[""] == name)
    return row["before"], row["after"]


def again(location: Location, job: str, config: Mapping[str, Any], first: dg.ExecuteInProcessResult) -> Any:
    """Run a job as Dagster retries the run `first`: the new run names it as its parent and root."""
    definition = location.definitions.resolve_job_def(job)
    run = location.instance.create_run_for_job(
        definition, run_config=dict(config), parent_run_id=first.run_id, root_run_id=first.run_id
    )
    return execute_run(InMemoryJob(definition), run, location.instance)


def jobs(mount: Mount) -> set[str]:
    return {job.name for job in build_defs(mount).resolve_all_job_defs()}


def test_no_action_has_a_job_unless_the_mount_allows_it() -> None:
    names = {"gate_set_job", "worker_seek_job", "dead_letter_discard_job"}
    assert not names & jobs(Mount())
    assert names & jobs(Mount(actions=frozenset({"gate_set"}))) == {"gate_set_job"}
    assert names <= jobs(ALL)


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(UsageError, match="actions = 'drop_everything' is refused") as refused:
        Mount(actions=frozenset({"drop_everything"}))  # type: ignore[arg-type]
    assert "gate_set" in str(refused.value.hint)


def test_a_gate_is_set_and_its_history_names_the_actor_and_the_run(
    location: Location, gateway: Gateway
) -> None:
    done = location.run("gate_set_job", CLOSE)
    assert done.success
    assert change(done, "value") == ("true", "false")
    (record,) = gates.history(gateway, gates.WORKER, 1)
    assert (record.old_value, record.new_value) == ("true", "false")
    assert record.reason == f"ticket 4711 (by ann, run {done.run_id})"
    assert metadata(done)["recorded"] == record.reason


def test_a_gate_that_is_opened_without_effect_says_so(location: Location, gateway: Gateway) -> None:
    config = {**CLOSE, "key": gates.WORKER, "value": "true"}
    assert "note" not in metadata(location.run("gate_set_job", config))
    gates.set_gate(gateway, gates.MASTER, "false", "a test")
    done = location.run("gate_set_job", config)
    assert done.success
    assert metadata(done)["note"] == f"no effect yet: the master gate {gates.MASTER} is closed"
    assert gates.history(gateway, gates.WORKER, 1)[0].new_value == "true"


def changes(gateway: Gateway) -> list[GateChange]:
    """Return the changes of the worker gate by a job, newest first."""
    found = gates.history(gateway, gates.WORKER, 100)
    return [change for change in found if "(by ann" in (change.reason or "")]


def test_a_retry_does_not_close_a_gate_that_was_opened_since(location: Location, gateway: Gateway) -> None:
    first = location.run("gate_set_job", CLOSE)
    gates.set_gate(gateway, gates.WORKER, "true", "opened by hand")
    second = again(location, "gate_set_job", CLOSE, first)
    assert second.success
    assert metadata(second)["status"] == "already_done"
    assert change(second, "value") == ("true", "true")
    assert len(changes(gateway)) == 1
    assert location.run("gate_set_job", CLOSE).success
    assert len(changes(gateway)) == 2


def test_a_retry_of_a_run_that_did_not_act_names_both_runs(location: Location, gateway: Gateway) -> None:
    first = location.run("gate_set_job", {**CLOSE, "value": "maybe"})
    assert failure(first).startswith("IU202: value 'maybe' does not fit ")
    second = again(location, "gate_set_job", CLOSE, first)
    (record,) = changes(gateway)
    assert record.reason == f"ticket 4711 (by ann, run {second.run_id}, retry of {first.run_id})"


def test_of_two_runs_of_a_series_at_the_same_time_one_acts(gateway: Gateway, database: str) -> None:
    root = str(uuid4())
    second = actions.Signature("ann", str(uuid4()), root)
    seen: list[int] = []

    def recorded(session: Any) -> list[str]:
        found = [c.reason for c in gates.history(session, gates.WORKER, 100) if second.is_in(c.reason)]
        seen.append(len(found))
        return [str(reason) for reason in found]

    def act(session: Any) -> dict[str, Any]:
        # The first run commits after the second has looked for its record.
        gates.set_gate(gateway, gates.WORKER, "false", actions.Signature("ann", root, root).signed("x"))
        return gates.set_gate(session, gates.WORKER, "false", second.signed("x"))

    with Gateway(database) as other:
        assert actions._once(other, recorded, act) is None
    assert seen == [0, 2]
    assert len(changes(gateway)) == 1


def test_a_worker_is_sought_and_the_record_names_the_actor_and_the_run(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    ids = emit(3)
    done = location.run("worker_seek_job", LATEST)
    assert done.success
    assert change(done, "backlog") == ("3", "0")
    assert change(done, "cursor_event_id") == ("", str(ids[2]))
    (seek,) = worker.seeks(gateway, DEFAULT_WORKER)
    assert (seek.position, seek.to_event_id) == ("latest", ids[2])
    assert seek.reason == f"ticket 4711 (by ann, run {done.run_id})"


def test_a_retry_does_not_seek_past_events_that_came_since(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    emit(1)
    first = location.run("worker_seek_job", LATEST)
    emit(2)
    second = again(location, "worker_seek_job", LATEST, first)
    assert second.success
    assert metadata(second)["status"] == "already_done"
    assert change(second, "backlog") == ("2", "2")
    assert len(worker.seeks(gateway, DEFAULT_WORKER)) == 1


def test_a_seek_while_the_cursor_is_held_fails_with_one_clear_line(
    location: Location, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_BUSY_SECONDS", 0.2)
    with gateway.transaction() as session:
        session.execute("select 1 from public.iu_route_worker_cursor for update")
        done = location.run("worker_seek_job", LATEST)
    assert failure(done).startswith(
        f"worker_busy: another transaction holds the cursor of worker {DEFAULT_WORKER}; nothing was changed"
    )
    assert worker.seeks(gateway, DEFAULT_WORKER) == []


def test_a_letter_is_discarded_and_keeps_the_reason_the_actor_and_the_run(
    location: Location, gateway: Gateway, letter_id: UUID
) -> None:
    config = {"dead_letter_id": str(letter_id), **WHO}
    done = location.run("dead_letter_discard_job", config)
    assert done.success
    assert change(done, "state") == ("open", "discarded")
    letter = dead_letters.letter(gateway, letter_id)
    assert letter.resolution_reason == f"ticket 4711 (by ann, run {done.run_id})"
    retried = again(location, "dead_letter_discard_job", config, done)
    assert metadata(retried)["status"] == "already_done"
    other = location.run("dead_letter_discard_job", {**config, "reason": "another"})
    assert metadata(other)["status"] == "already_resolved"
    assert dead_letters.letter(gateway, letter_id) == letter


def test_an_unknown_letter_fails_with_one_clear_line(location: Location) -> None:
    unknown = str(uuid4())
    done = location.run("dead_letter_discard_job", {"dead_letter_id": unknown, **WHO})
    assert failure(done).startswith(f"IU401: there is no dead letter {unknown}")


@pytest.mark.parametrize(
    ("job", "config", "words"),
    [
        ("gate_set_job", {**CLOSE, "reason": " \n"}, "reason: String should match pattern"),
        ("gate_set_job", {**CLOSE, "actor": ""}, "actor: String should match pattern"),
        ("gate_set_job", {**CLOSE, "key": "no.such.gate"}, "no.such.gate"),
        ("gate_set_job", {"key": gates.WORKER, "value": "false", "actor": "ann"}, "reason"),
        ("worker_seek_job", {**LATEST, "reason": ""}, "reason: String should match pattern"),
        (
            "worker_seek_job",
            {**LATEST, "position": "earlier"},
            "position: 'earlier' is not beginning, latest or a UUID",
        ),
        ("worker_seek_job", {**LATEST, "worker": "another"}, "another"),
        (
            "dead_letter_discard_job",
            {"dead_letter_id": "7", **WHO},
            "dead_letter_id: '7' is not a UUID",
        ),
    ],
)
def test_an_action_with_invalid_config_is_refused_and_no_run_is_made(
    location: Location, job: str, config: dict[str, Any], words: str
) -> None:
    definition = location.definitions.resolve_job_def(job)
    with pytest.raises(dg.DagsterInvalidConfigError) as refused:
        location.instance.create_run_for_job(definition, run_config=config)
    assert words in str(refused.value)
    assert not location.instance.get_runs()


def test_the_launchpad_lists_the_gates_and_the_workers() -> None:
    listed = Mount(workers=("orders.out", "orders:in"), actions=ALL.actions)
    built = build_defs(listed)
    for job, field, values in (
        ("gate_set_job", "key", gates.KEYS),
        ("worker_seek_job", "worker", listed.workers),
    ):
        schema = built.resolve_job_def(job).run_config_schema.config_type
        assert schema
        kind = schema.fields[field].config_type  # type: ignore[attr-defined]
        assert [value.config_value for value in kind.enum_values] == list(values)


@pytest.mark.parametrize(("job", "config"), [("gate_set_job", CLOSE), ("worker_seek_job", LATEST)])
def test_a_role_without_the_right_to_act_gets_one_clear_line(
    database: str, instance: dg.DagsterInstance, gateway: Gateway, job: str, config: dict[str, Any]
) -> None:
    url = f"{database}&options=-c%20role%3Diu_auditor"
    location = Location(build_defs(ALL, resources={"gateway": GatewayResource(database_url=url)}), instance)
    done = location.run(job, config)
    line = failure(done)
    assert line.startswith("42501: permission denied for function fn_iu_")
    assert "workflow_admin" in line
    assert "\n" not in line
    assert changes(gateway) == []
