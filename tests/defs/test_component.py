"""The component that adds outboxes from YAML, with every field of a mount."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import dagster as dg
import pytest
import yaml
from dagster.components.resolved.errors import ResolutionException
from dagster.components.testing.utils import create_defs_folder_sandbox
from pydantic import ValidationError

import pages
from defs.code_location import Location, attempts_in, checks, emit_one
from defs.test_event_jobs import imported
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.component import OutboxComponent, scaffolded
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain import health
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import UsageError

VERIFY_100: Final = "verify_100_route_worker_live_verification"
DOCUMENT = "docs/operate/dagster.md"

# Dagster warns about its own use of beta classes and of old functions of pydantic and of itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:Function `ComponentLoadContext.build_defs_at_path` is deprecated"),
]

OTHER_THAN_THE_DEFAULT: dict[str, Any] = {
    "name": "orders",
    "database_url_variable": "ORDERS_DATABASE_URL",
    "workers": ["one", "two"],
    "targets": ["hook", "partner.eu"],
    "event_jobs": ["defs.test_event_jobs.imported"],
    "sender_database_url_variable": "ORDERS_SENDER_URL",
    "key_prefix": ["shop", "orders"],
    "group_name": "shop",
    "owners": ["team:shop"],
    "kinds": ["postgres"],
    "executor": "multiprocess",
    "backlog_threshold": 7,
    "backlog_age_seconds": 8.5,
    "sensor_interval_seconds": 9,
    "route_worker_cron": "1 * * * *",
    "health_audit_cron": "2 * * * *",
    "prune_cron": "3 * * * *",
    "retention_cron": "4 * * * *",
    "evidence_cron": "5 * * * *",
    "replay_attempts": 4,
    "senders_per_target": 3,
    "notify": "builtins.print",
    "red_fails_run": True,
    "actions": ["gate_set"],
    "running": ["backlog_sensor"],
}


def load(**values: Any) -> OutboxComponent:
    """Read a component with one outbox from YAML."""
    document = {"outboxes": [values]}
    component: OutboxComponent = OutboxComponent.resolve_from_yaml(yaml.safe_dump(document))
    return component


@pytest.fixture
def documented(
    database: str, second_database: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Location]:
    """Yield the examples of the documentation: `orders` has two workers, `billing` is in another database."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", database)
    monkeypatch.setenv("BILLING_DATABASE_URL", second_database)
    (component_of_the_page,) = pages.code(DOCUMENT, "component", "yaml")
    (another,) = pages.code(DOCUMENT, "another outbox", "yaml")
    example = yaml.safe_load(component_of_the_page)
    (two_workers,) = pages.code(DOCUMENT, "two workers", "yaml")
    example["attributes"]["outboxes"][0] |= yaml.safe_load(two_workers)
    example["attributes"]["outboxes"] += yaml.safe_load(another)
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=OutboxComponent, defs_yaml_contents=example)
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert isinstance(component, OutboxComponent)
            yield Location(definitions, instance)


@pytest.mark.stored
def test_the_example_of_the_documentation_runs(
    documented: Location, database: str, second_database: str
) -> None:
    emit_one(database)
    emit_one(second_database)
    assert documented.run("billing_route_worker_job").success
    assert len(documented.schedule("orders_route_worker_schedule").run_requests) == 2
    assert attempts_in(second_database) == 1


LATER: Final = """
set session_replication_role = replica;
update public.event_outbox set created_at = created_at - interval '1 day';
update public.dot_config set updated_at = updated_at - interval '1 day';
update public.iu_route_worker_cursor
set last_progress_at = last_progress_at - interval '1 day', last_run_at = last_run_at - interval '1 day',
added_at = added_at - interval '1 day';
"""


def failed_checks(location: Location) -> dict[str, str]:
    """Return the failed checks of the health reports and the evidence of `orders`, with the failed lines."""
    found = checks(location.run("orders_health_audit_job")) | checks(location.run("orders_evidence_job"))
    assert {"backlog_moving", "every_line_passes", VERIFY_100} <= set(found)
    return {
        name: str(check.metadata["failed"].value) if "failed" in check.metadata else ""
        for name, check in found.items()
        if not check.passed
    }


def test_the_checks_of_the_documented_example_are_about_its_own_workers(
    documented: Location, database: str, gateway: Gateway
) -> None:
    """Nobody runs the default worker here, so its health is not asked about."""
    emit_one(database)
    for worker in ("orders_outbound", "orders_archive"):
        assert documented.run("orders_route_worker_job", {"worker_name": worker}).success
    gateway.run_script(LATER)
    assert not health.read(gateway).healthy
    assert failed_checks(documented) == {}


def test_a_worker_of_the_documented_example_that_stalls_fails_the_checks_and_is_named(
    documented: Location, database: str, gateway: Gateway
) -> None:
    emit_one(database)
    assert documented.run("orders_route_worker_job", {"worker_name": "orders_outbound"}).success
    gateway.run_script(LATER)
    failed = failed_checks(documented)
    assert set(failed) == {"backlog_moving", "every_line_passes", VERIFY_100}
    assert failed[VERIFY_100] == "health of orders_archive"


def test_the_fields_about_delivery_in_the_documentation_are_those_of_a_mount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = ModuleType("my_project.events")
    events.send_receipt = imported  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_project", ModuleType("my_project"))
    monkeypatch.setitem(sys.modules, events.__name__, events)
    given: dict[str, Any] = {}
    for text in (
        *pages.code(DOCUMENT, "targets", "yaml"),
        *pages.code(DOCUMENT, "event jobs", "yaml"),
    ):
        (fields,) = yaml.safe_load(text)
        given |= fields
    (outbox,) = load(**given).outboxes
    assert (outbox.name, outbox.targets) == ("shop", ("partner", "warehouse"))
    assert outbox.event_jobs == (imported,)


def test_two_outboxes_with_the_same_name_are_refused() -> None:
    one = Mount(database_url_variable="A")
    with pytest.raises(UsageError, match="two outboxes have the name ''"):
        OutboxComponent(outboxes=[one, one]).build_defs(None)  # type: ignore[arg-type]


def test_yaml_can_set_every_field_of_a_mount() -> None:
    assert set(OTHER_THAN_THE_DEFAULT) == set(Mount.model_fields)
    (outbox,) = load(**OTHER_THAN_THE_DEFAULT).outboxes
    wanted = Mount(**OTHER_THAN_THE_DEFAULT)
    default = Mount()
    for field in Mount.model_fields:
        assert getattr(outbox, field) == getattr(wanted, field) != getattr(default, field)


def test_a_field_that_is_left_out_has_the_default_of_a_mount() -> None:
    (outbox,) = load().outboxes
    assert outbox == Mount()


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("name", "Big-Name", "Big-Name"),
        ("database_url_variable", "postgresql://a@b/c", "postgresql://a@b/c"),
        ("workers", [], "[]"),
        ("workers", ["a", "a"], "'a', 'a'"),
        ("workers", ["no good"], "no good"),
        ("backlog_threshold", 0, "0"),
        ("backlog_age_seconds", -1.5, "-1.5"),
        ("sensor_interval_seconds", 4, "4"),
        ("route_worker_cron", "often", "often"),
        ("backlog_treshold", 5, "5"),
        ("running", ["everything"], "everything"),
    ],
)
def test_an_invalid_value_in_yaml_is_refused_with_the_field_and_the_value(
    field: str, value: Any, named: str
) -> None:
    with pytest.raises((UsageError, ResolutionException, ValidationError)) as refused:
        load(**{field: value}).build_defs(None)  # type: ignore[arg-type]
    assert field in str(refused.value)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Big-Name"), ("route_worker_cron", "often"), ("worker", ["orders_outbound"])],
)
def test_an_invalid_value_in_yaml_gives_one_error_at_its_key(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        load(**{field: value})
    assert refused.value.error_count() == 1
    assert f"outboxes.0.{field} at " in str(refused.value)


def test_both_formats_of_the_scaffold_mount_the_same_outbox() -> None:
    written = yaml.safe_load(scaffolded("defs.yaml", "orders"))
    names: dict[str, Any] = {}
    exec(compile(scaffolded("component.py", "orders"), "component.py", "exec", dont_inherit=True), names)
    assert names["load"](None).outboxes == load(**written["attributes"]["outboxes"][0]).outboxes


def test_the_scaffold_mounts_the_worker_that_the_installation_creates() -> None:
    (outbox,) = yaml.safe_load(scaffolded("defs.yaml", "orders"))["attributes"]["outboxes"]
    assert outbox["workers"] == [DEFAULT_WORKER]


def test_a_template_may_stand_for_the_list_of_outboxes() -> None:
    mine = [Mount(name="orders")]
    assert OutboxComponent.resolve_from_yaml("outboxes: '{{ mine }}'", scope={"mine": mine}).outboxes == mine
