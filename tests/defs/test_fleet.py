"""A fleet in Dagster: one sensor of each kind asks every outbox, and its runs are on the right database."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

from databases import Server
from defs.code_location import Location, attempts_in, checks, emit_one, materializations
from dev_server import Dev, running
from hanging import silent
from iu_pipelines import Event, event_job
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.defs import fleet_sensors
from iu_pipelines.defs.component import FleetComponent
from iu_pipelines.defs.fleet import build_fleet_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.fleet_mount import FleetMount
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.domain.fleet.asking import Asker
from iu_pipelines.domain.fleet.members import MOUNT_FIELDS, MOUNT_LISTS
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import UsageError
from waiting import eventually

HUNDRED: Final = tuple(f"shop_{number:02}" for number in range(100))
NAMES: Final = ("orders", "billing", "returns")
KINDS: Final = {
    "fleet_backlog_sensor",
    "fleet_dead_letter_replay_sensor",
    "fleet_delivery_sensor",
    "fleet_notification_sensor",
    "fleet_run_failure_sensor",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:Function `ComponentLoadContext.build_defs_at_path` is deprecated"),
]


def variable(name: str) -> str:
    return f"{name.upper()}_DATABASE_URL"


def test_the_fields_of_a_mount_are_those_that_a_file_may_have() -> None:
    assert tuple(Mount.model_fields) == MOUNT_FIELDS
    lists = set()
    for name in MOUNT_FIELDS:
        try:
            Mount.model_validate({name: ()})
        except UsageError as error:
            is_list = "at least 1 item" in str(error.hint)
        else:
            is_list = True
        if is_list:
            lists.add(name)
    assert lists == MOUNT_LISTS


@pytest.fixture
def urls(
    new_database: Callable[[str], str], template: str, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """A database for each of three outboxes, whose variables are set."""
    found = {name: new_database(template) for name in NAMES}
    for name, url in found.items():
        monkeypatch.setenv(variable(name), url)
    return found


def fleet(instance: dg.DagsterInstance, **values: Any) -> Location:
    return Location(build_fleet_defs({"outboxes": list(NAMES), "seconds": 3, **values}), instance)


def eager(instance: dg.DagsterInstance, **values: Any) -> Location:
    """Return a fleet whose workers run as soon as an event waits."""
    return fleet(instance, defaults={"backlog_threshold": 1}, **values)


# --- loading -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hundred() -> dg.RepositoryDefinition:
    repository = build_fleet_defs({"outboxes": list(HUNDRED)}).get_repository_def()
    assert isinstance(repository, dg.RepositoryDefinition)
    return repository


def test_a_hundred_outboxes_have_one_sensor_of_each_kind(hundred: dg.RepositoryDefinition) -> None:
    assert {one.name for one in hundred.sensor_defs} == KINDS
    assert len(hundred.sensor_defs) == len(KINDS)


def test_each_of_a_hundred_outboxes_has_its_own_assets_jobs_and_schedules(
    hundred: dg.RepositoryDefinition,
) -> None:
    single = {
        "assets": len(build_fleet_defs({"outboxes": ["one"]}).get_repository_def().assets_defs_by_key) - 1,
        "schedules": 4,
    }
    assert len(hundred.assets_defs_by_key) == 100 * single["assets"] + 1
    assert {key.path[0] for key in hundred.assets_defs_by_key} == {*HUNDRED, "fleet"}
    assert len(hundred.schedule_defs) == 100 * single["schedules"] + 2
    names = [name for name in hundred.job_names if not name.startswith("__")]
    assert len(set(names)) == len(names)
    assert {name for name in names if name.endswith("_route_worker_job")} == {
        f"{name}_route_worker_job" for name in HUNDRED
    }


def test_the_resources_of_a_fleet_do_not_grow_with_it(hundred: dg.RepositoryDefinition) -> None:
    """Dagster gives every resource to every job."""
    assert set(hundred.get_top_level_resources()) == {"fleet_databases"}


def test_every_sensor_of_a_hundred_outboxes_targets_the_jobs_of_all(hundred: dg.RepositoryDefinition) -> None:
    (backlog,) = [one for one in hundred.sensor_defs if one.name == "fleet_backlog_sensor"]
    assert {job.name for job in backlog.jobs} == {f"{name}_route_worker_job" for name in HUNDRED}


def test_evidence_that_is_due_has_one_sensor_for_all() -> None:
    built = build_fleet_defs({"outboxes": ["a", "b"], "defaults": {"evidence_cron": "0 0 * * *"}})
    found = [one.name for one in built.sensors or ()]
    assert "fleet_evidence_sensor" in found
    assert len(found) == len(KINDS) + 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"outboxes": [{"name": "a", "backlog_treshold": 5}]},
            "outbox a: the key 'backlog_treshold'",
        ),
        ({"outboxes": [{"name": "a", "fleet": "b"}]}, "outbox a: the key 'fleet' is not known"),
        ({"outboxes": ["a"], "fleet_cron": "often"}, "fleet fleet: fleet_cron = 'often'"),
        ({"outboxes": ["a"], "fleet_running": ["everything"]}, "running = 'everything'"),
        ({"outboxes": ["a"], "defaults": {"running": ["backlog_sensor"]}}, "running = 'backlog_sensor'"),
        ({"outboxes": ["a"], "defaults": {"workers": []}}, "outbox a: workers = []"),
    ],
)
def test_an_invalid_value_is_refused_with_the_outbox_and_the_field(values: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        build_fleet_defs(values)
    assert said in refused.value.message


def test_the_component_mounts_the_file_that_the_command_line_reads(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump({"name": "shops", "outboxes": ["orders", "billing"]}), encoding="utf-8")
    example = {"type": "iu_pipelines.FleetComponent", "attributes": {"file": str(file)}}
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=FleetComponent, defs_yaml_contents=example)
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert isinstance(component, FleetComponent)
            assert {one.name for one in definitions.sensors or ()} == {
                name.replace("fleet_", "shops_", 1) for name in KINDS
            }


def test_the_scaffolded_component_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=FleetComponent)
        assert (path / "fleet.yaml").exists()
        with sandbox.load_component_and_build_defs(defs_path=path) as (_, definitions):
            assert definitions.get_repository_def().has_job("billing_route_worker_job")


def test_settings_of_an_outbox_hold_in_a_fleet(instance: dg.DagsterInstance) -> None:
    built = build_fleet_defs(
        {
            "outboxes": [
                "orders",
                {"name": "billing", "workers": ["b1", "b2"], "route_worker_cron": "1 * * * *"},
            ],
            "defaults": {"owners": ["team:shop"], "running": ["route_worker_schedule"]},
            "fleet_running": ["backlog_sensor"],
        }
    )
    schedules = {one.name: one for one in built.schedules or ()}
    assert schedules["billing_route_worker_schedule"].cron_schedule == "1 * * * *"  # type: ignore[union-attr]
    running = {one.name for one in (*schedules.values(), *(built.sensors or ())) if _is_on(one)}
    assert running == {
        *("orders_route_worker_schedule", "billing_route_worker_schedule", "fleet_backlog_sensor"),
    }


def _is_on(one: Any) -> bool:
    return str(one.default_status.value) == "RUNNING"


# --- questions -----------------------------------------------------------------------------------------


def requested(location: Location) -> dict[str, str]:
    """Tick the backlog sensor, and return the partition of each requested job."""
    tick = location.tick("fleet_backlog_sensor")
    return {str(one.job_name): str(one.partition_key) for one in tick.run_requests or ()}


def test_a_request_is_for_the_job_of_the_outbox_that_has_a_backlog(
    instance: dg.DagsterInstance, urls: Mapping[str, str]
) -> None:
    location = eager(instance)
    emit_one(urls["billing"])
    assert requested(location) == {"billing_route_worker_job": DEFAULT_WORKER}
    emit_one(urls["returns"])
    assert set(requested(location)) == {"billing_route_worker_job", "returns_route_worker_job"}


def test_a_tick_without_a_request_has_the_reason_of_each_outbox(
    instance: dg.DagsterInstance, urls: Mapping[str, str]
) -> None:
    for sensor, reason in (
        ("fleet_backlog_sensor", f"{DEFAULT_WORKER}: 0 events waiting"),
        ("fleet_dead_letter_replay_sensor", "no dead letter is open"),
        ("fleet_delivery_sensor", "the module iu-delivery is not installed"),
    ):
        said = fleet(instance).tick(sensor).skip_message
        assert said.startswith("3 outboxes need no run, 0 are unavailable: ")
        assert all(f"{name}: {reason}" in said for name in NAMES), said


def test_an_outbox_whose_run_is_queued_is_not_requested_again(
    instance: dg.DagsterInstance, urls: Mapping[str, str]
) -> None:
    location = eager(instance)
    for name in NAMES:
        emit_one(urls[name])
    busy = location.add_started_run("orders_route_worker_job", {"iu/worker": f"orders/{DEFAULT_WORKER}"})
    assert set(requested(location)) == {"billing_route_worker_job", "returns_route_worker_job"}
    assert instance.get_run_by_id(busy)


def all_are_heard(location: Location, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether a tick requests the runs of two outboxes, and the next one names the one that hangs."""
    with silent(threading.Event()) as url, monkeypatch.context() as patched:
        patched.setenv(variable("orders"), url)
        heard = set(requested(location)) == {"billing_route_worker_job", "returns_route_worker_job"}
        for name in ("billing", "returns"):
            location.run(f"{name}_route_worker_job")
        said = location.tick("fleet_backlog_sensor").skip_message or ""
    return heard and "1 are unavailable: orders: unavailable: " in said


def test_an_outbox_that_hangs_is_named_and_holds_up_no_request_of_the_others(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    location = eager(instance)
    for name in NAMES:
        emit_one(urls[name])
    assert all_are_heard(location, urls, monkeypatch)
    assert set(requested(location)) == {"orders_route_worker_job"}


def test_the_same_test_finds_an_outbox_that_is_silently_left_out(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asker.ask
    monkeypatch.setattr(
        Asker, "ask", lambda self, *given: [one for one in ask(self, *given) if one.error is None]
    )
    for name in NAMES:
        emit_one(urls[name])
    assert not all_are_heard(eager(instance), urls, monkeypatch)


def is_on_its_own_database(location: Location, urls: Mapping[str, str]) -> bool:
    """Emit to one outbox, and return whether its run, and no other one, attempts the event."""
    emit_one(urls["billing"])
    requests = location.tick("fleet_backlog_sensor").run_requests or ()
    for one in requests:
        assert location.run(str(one.job_name), partition=str(one.partition_key)).success
    found = {name: attempts_in(url) for name, url in urls.items()}
    return found == {"orders": 0, "billing": 1, "returns": 0}


def test_a_requested_run_attempts_the_events_of_its_own_database(
    instance: dg.DagsterInstance, urls: Mapping[str, str]
) -> None:
    assert is_on_its_own_database(eager(instance), urls)


def test_the_same_test_finds_a_fleet_that_asks_only_the_first_database(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FleetMount, "url", lambda _self: urls["orders"])
    assert not is_on_its_own_database(eager(instance), urls)


def test_the_same_test_finds_runs_that_open_only_the_first_database(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = FleetMount.open

    def first(self: FleetMount, resources: object) -> Any:
        return opened(self.model_copy(update={"database_url_variable": variable("orders")}), resources)

    monkeypatch.setattr(FleetMount, "open", first)
    assert not is_on_its_own_database(eager(instance), urls)


def test_a_failed_run_requests_the_health_report_of_its_outbox(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    location = fleet(instance)
    monkeypatch.setenv(variable("returns"), "postgresql://u@127.0.0.1:1/none")
    failed = location.run("returns_route_worker_job")
    assert not failed.success
    definition = location.definitions.resolve_sensor_def("fleet_run_failure_sensor")
    (event,) = [one for one in failed.all_events if one.event_type_value == "PIPELINE_FAILURE"]
    context = dg.build_run_status_sensor_context(
        sensor_name=definition.name,
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=failed.dagster_run,
        repository_def=location.definitions.get_repository_def(),
    ).for_run_failure()
    asked: Any = definition(context)
    (request,) = asked
    assert request.job_name == "returns_health_audit_job"


# --- notifications -------------------------------------------------------------------------------------


RECEIVED: Final[list[Notice]] = []


@pytest.fixture
def received() -> Iterator[list[Notice]]:
    RECEIVED.clear()
    yield RECEIVED
    RECEIVED.clear()


def notify(notice: Notice) -> None:
    RECEIVED.append(notice)


def notifying(instance: dg.DagsterInstance) -> Location:
    return fleet(instance, defaults={"notify": "defs.test_fleet.notify"})


def test_a_failed_run_of_an_outbox_is_reported_once_with_its_name(
    instance: dg.DagsterInstance,
    urls: Mapping[str, str],
    received: list[Notice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    location = notifying(instance)
    cursor = location.tick("fleet_notification_sensor").cursor
    with monkeypatch.context() as patched:
        patched.setenv(variable("billing"), "postgresql://u@127.0.0.1:1/none")
        assert not location.run("billing_retention_job").success
        tick = location.tick("fleet_notification_sensor", cursor)
    said = {(one.kind, one.outbox, one.subject) for one in RECEIVED}
    assert said == {("run_failed", "billing", "billing_retention_job")}
    assert "the dead letters cannot be read" in tick.skip_message
    location.tick("fleet_notification_sensor", tick.cursor)
    assert len(received) == 1


def test_the_fleet_itself_is_watched(
    instance: dg.DagsterInstance,
    urls: Mapping[str, str],
    received: list[Notice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    location = notifying(instance)
    cursor = location.tick("fleet_notification_sensor").cursor
    monkeypatch.delenv(variable("orders"))
    assert location.run("fleet_status_job").success
    location.tick("fleet_notification_sensor", cursor)
    (notice,) = received
    assert (notice.kind, notice.outbox, notice.subject) == ("check_failed", "fleet", "every_outbox_is_well")
    assert f"orders: {variable('orders')} is not set" in notice.message


def test_equal_cursors_are_stored_once() -> None:
    cursors = {"a": "{}", "b": "{}", "c": '{"runs": null}'}
    text = fleet_sensors.cursors_text(cursors)
    assert text
    assert fleet_sensors.cursors_of(text) == cursors
    assert json.loads(text) == {"{}": ["a", "b"], '{"runs": null}': ["c"]}
    assert fleet_sensors.cursors_text({}) is None
    for other in (None, "", "[]", '{"runs": null}', "no JSON"):
        assert fleet_sensors.cursors_of(other) == {}


# --- the asset -----------------------------------------------------------------------------------------


def test_the_asset_has_every_outbox_and_its_check_passes(
    instance: dg.DagsterInstance, urls: Mapping[str, str]
) -> None:
    emit_one(urls["orders"])
    result = fleet(instance).run("fleet_status_job")
    (summary,) = materializations(result, ["fleet", "iu_fleet"])
    assert (summary["outboxes"], summary["unreachable"], summary["unhealthy"]) == (3, 0, 0)
    assert summary["backlog"] == 1
    assert summary["backlog_oldest_seconds"] > 0
    assert [row.data["outbox"] for row in summary["status"].records] == list(NAMES)
    assert checks(result)["every_outbox_is_well"].passed


def test_an_outbox_that_does_not_answer_fails_the_check_by_name_and_is_the_first_row(
    instance: dg.DagsterInstance, urls: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent(threading.Event()) as url:
        monkeypatch.setenv(variable("returns"), url)
        result = fleet(instance).run("fleet_status_job")
    assert result.success
    (summary,) = materializations(result, ["fleet", "iu_fleet"])
    assert (summary["outboxes"], summary["unreachable"]) == (3, 1)
    assert [row.data["outbox"] for row in summary["status"].records] == ["returns", "orders", "billing"]
    failed = checks(result)["every_outbox_is_well"]
    assert not failed.passed
    assert failed.metadata["unreachable"].value == "returns"
    assert "secret-of-nobody" not in repr(list(instance.all_logs(result.run_id)))


# --- the daemon ----------------------------------------------------------------------------------------

WORKSPACE: Final = """
load_from:
  - python_file: {{relative_path: location.py, location_name: iu_pipelines}}
"""
LOCATION: Final = """
from pathlib import Path
from iu_pipelines import build_fleet_defs

defs = build_fleet_defs(Path(__file__).with_name("fleet.yaml"))
"""


def prepared(place: Path, dev: Dev) -> Mapping[str, str]:
    """Write a code location with two outboxes, and make the database of the second one."""
    (place / "fleet.yaml").write_text(
        yaml.safe_dump({"outboxes": ["first", "second"], "defaults": {"backlog_threshold": 1}}),
        encoding="utf-8",
    )
    (place / "location.py").write_text(LOCATION, encoding="utf-8")
    (place / "workspace.yaml").write_text(WORKSPACE.format(), encoding="utf-8")
    server = Server(dev.server.url())
    second = server.create("second")
    server.close()
    with Gateway(second) as gateway:
        migration.apply(gateway)
    return {variable("first"): dev.server.url(), variable("second"): second}


@pytest.fixture
def two(shared: Path, tmp_path: Path) -> Iterator[tuple[Dev, str]]:
    """Yield a running `iu dev` with a fleet of two outboxes, and the URL of the second."""
    urls: dict[str, str] = {}

    def prepare(dev: Dev) -> Mapping[str, str]:
        urls.update(prepared(tmp_path, dev))
        return urls

    with running(shared, "--workspace", str(tmp_path / "workspace.yaml"), prepare=prepare) as dev:
        yield dev, urls[variable("second")]


def test_the_daemon_runs_what_the_sensor_of_the_fleet_requests_on_the_right_database(
    two: tuple[Dev, str],
) -> None:
    dev, second = two
    dev.switch_on("fleet_backlog_sensor")
    emit_one(second)
    eventually(lambda: attempts_in(second) == 1, "an attempt in the second database", pause=0.2)
    assert attempts_in(dev.server.url()) == 0
    dev.emit(1)
    eventually(lambda: attempts_in(dev.server.url()) == 1, "an attempt in the first database", pause=0.2)
    assert attempts_in(second) == 1
    dev.switch_off("fleet_backlog_sensor")


@event_job(target="search")
def reindex(event: Event) -> None:
    """Do nothing with an event."""


def test_an_event_job_of_an_outbox_keeps_its_sensor_and_its_resource() -> None:
    """No sensor of the fleet requests its runs."""
    given = {"name": "a", "event_jobs": ["defs.test_fleet.reindex"]}
    built = build_fleet_defs({"outboxes": [given, {"name": "b"}]})
    names = {one.name for one in built.sensors or ()}
    assert "a_reindex_sensor" in names
    assert not any(name.startswith("b_") for name in names)
    assert {key for key in built.resources or {} if key.endswith("_events")} == {"a_events"}
    (sensor,) = (one for one in built.sensors or () if one.name == "a_reindex_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        repository = built.get_repository_def()
        databases = (built.resources or {})["fleet_databases"]
        context = dg.build_sensor_context(
            instance, repository_def=repository, resources={"fleet_databases": databases}
        )
        answer = sensor.evaluate_tick(context)
    assert "A_DATABASE_URL is not set" in str(answer.skip_message)
