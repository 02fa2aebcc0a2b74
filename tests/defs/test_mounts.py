"""Several outboxes in one code location, from Python and from YAML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from code_location import Location, materializations
from dagster.components.testing.utils import create_defs_folder_sandbox

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.component import OutboxComponent, OutboxModel
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import attempts, outbox
from iu_pipelines.errors import UsageError

DOCUMENT = Path(__file__).parents[2] / "docs" / "operate" / "dagster.md"


@pytest.fixture
def second_database(new_database: Callable[[str], str], template: str) -> str:
    """Another fresh database with every step applied."""
    return new_database(template)


def emit_one(url: str) -> None:
    with Gateway(url) as gateway:
        outbox.emit(gateway, "version_applied", "test/1", uuid4(), "test", {})


def attempts_in(url: str) -> int:
    with Gateway(url) as gateway:
        return len(attempts.recent(gateway))


def test_two_outboxes_live_side_by_side_and_do_not_touch_each_other(
    database: str, second_database: str, instance: dg.DagsterInstance
) -> None:
    mounts = {"orders": database, "billing": second_database}
    merged = dg.Definitions.merge(
        *(
            build_defs(Mount(name=name), resources={f"{name}_gateway": GatewayResource(database_url=url)})
            for name, url in mounts.items()
        )
    )
    emit_one(database)
    emit_one(second_database)
    result = Location(merged, instance).run("orders_route_worker_job")
    assert materializations(result, ["orders", "iu_route_attempt"])[-1]["run_seen"] == 1
    assert (attempts_in(database), attempts_in(second_database)) == (1, 0)
    run = instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags["iu/worker"] == "orders/iu_outbound_default"


def test_the_first_worker_is_the_default_of_the_launchpad(
    database: str, instance: dg.DagsterInstance
) -> None:
    gateway = GatewayResource(database_url=database)
    location = Location(build_defs(Mount(workers=("mine", "two")), resources={"gateway": gateway}), instance)
    emit_one(database)
    summary = materializations(location.run("route_worker_job"), "iu_route_attempt")[-1]
    assert summary["worker_name"] == "mine"


def test_what_starts_running_can_be_chosen() -> None:
    repository = build_defs(Mount(running=frozenset({"backlog_sensor"}))).get_repository_def()
    running = {
        one.name
        for one in [*repository.schedule_defs, *repository.sensor_defs]
        if one.default_status.value == "RUNNING"
    }
    assert running == {"backlog_sensor"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "Big-Name"}, "name = 'Big-Name' is refused"),
        ({"workers": ()}, "workers = () is refused"),
        ({"workers": ("a", "a")}, "each named once"),
        ({"workers": ("no good",)}, "workers = 'no good' is refused"),
        ({"route_worker_cron": "often"}, "cron = 'often' is refused"),
        ({"running": frozenset({"everything"})}, "running = 'everything' is refused"),
    ],
)
def test_a_mount_that_could_not_work_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        Mount(**options)
    assert words in f"{refused.value.message} {refused.value.hint}"


def test_the_example_of_the_documentation_runs(
    database: str, second_database: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", database)
    monkeypatch.setenv("BILLING_DATABASE_URL", second_database)
    text = DOCUMENT.read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("<!-- component -->\n```yaml\n")[1].split("```")[0])
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=OutboxComponent, defs_yaml_contents=example)
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert isinstance(component, OutboxComponent)
            location = Location(definitions, instance)
            emit_one(second_database)
            assert location.run("billing_route_worker_job").success
            assert len(location.schedule("orders_route_worker_schedule").run_requests) == 2
    assert attempts_in(second_database) == 1


def test_two_outboxes_of_one_name_are_refused() -> None:
    one = OutboxModel(database_url_variable="A")
    with pytest.raises(UsageError, match="two outboxes have the name ''"):
        OutboxComponent(outboxes=[one, one]).build_defs(None)  # type: ignore[arg-type]
