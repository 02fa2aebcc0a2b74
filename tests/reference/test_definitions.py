"""The reference of the definitions in Dagster has every definition of the example, as Dagster sees it."""

from __future__ import annotations

import re
from typing import Any

import dagster as dg
import pytest

from generators import IncompletePageError, definitions, example_definitions, pydantic_fields
from iu_pipelines import FleetComponent, Mount, OutboxComponent, build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.domain.fleet.members import FleetFile

DEFS = example_definitions.defs


def section(title: str) -> str:
    (found,) = re.findall(
        rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", definitions.page(), re.MULTILINE | re.DOTALL
    )
    return str(found)


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


def test_every_job_has_a_section_with_its_description() -> None:
    jobs = [job for job in DEFS.resolve_all_job_defs() if not job.name.startswith("__")]
    assert len(jobs) > 10
    for job in jobs:
        assert job.description
        assert job.description in section(job.name)


def test_every_field_of_the_config_of_a_job_has_a_row() -> None:
    assert first_cells("route_worker_job") == [
        "batch_limit",
        "max_batches",
        "max_seconds",
        "linger_seconds",
        "worker_name",
    ]
    assert "The fields of `ops.iu_route_attempt.config`:" in section("route_worker_job")
    text = "Maximum number of events in a batch, 1 to 100,000. A batch is one transaction."
    assert f"| `batch_limit` | integer | `1000` | {text} |" in section("route_worker_job")
    assert "| `reason` | text | required | Why." in section("gate_set_job")
    assert "| `key` | `iu_core.routes_enabled` or `" in section("gate_set_job")
    assert "It takes no config." in section("health_audit_job")


def test_the_config_that_the_page_describes_is_accepted_by_dagster() -> None:
    fields = {"batch_limit": 1000, "max_batches": 10000, "max_seconds": 300.0, "linger_seconds": 0.0}
    job: Any = DEFS.resolve_job_def("route_worker_job")
    config = {"ops": {"iu_route_attempt": {"config": fields}}}
    assert dg.validate_run_config(job, config)


def test_every_schedule_and_sensor_has_a_row_with_its_default_status() -> None:
    repository = DEFS.get_repository_def()
    assert first_cells("Schedules") == sorted(one.name for one in repository.schedule_defs)
    assert first_cells("Sensors") == sorted(one.name for one in repository.sensor_defs)
    assert "| `health_audit_schedule` | `*/15 * * * *` | on | [`health_audit_job`]" in section("Schedules")
    assert "| `backlog_sensor` | 5 s | off | [`route_worker_job`](#route_worker_job) |" in section("Sensors")


def test_every_asset_of_the_mount_has_a_row() -> None:
    keys = {key.to_user_string() for key in DEFS.resolve_asset_graph().get_all_asset_keys()}
    assert {*first_cells("Assets")} == keys - {"search_index"}
    assert "| `event_outbox` | observed | `iu_sql_link`, `unit_version` |" in section("Assets")


def test_every_check_has_a_row() -> None:
    found = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", section("Asset checks"), re.MULTILINE)
    keys = DEFS.resolve_asset_graph().asset_check_keys
    assert sorted(found) == sorted((key.asset_key.to_user_string(), key.name) for key in keys)
    assert "| `iu_route_attempt` | `conservation` | yes |" in section("Asset checks")


def test_every_resource_and_every_run_tag_has_a_row() -> None:
    assert first_cells("Resources") == sorted(DEFS.resources or {})
    values = [value for name, value in vars(tags).items() if name.isupper()]
    assert first_cells("Run tags") == values


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("Mount", Mount),
        ("OutboxComponent", OutboxComponent),
        ("FleetComponent", FleetComponent),
        ("Fleets", FleetFile),
    ],
)
def test_every_field_that_a_person_may_set_has_a_row(title: str, model: Any) -> None:
    assert first_cells(title)[: len(model.model_fields)] == list(model.model_fields)


def test_the_example_on_the_page_makes_the_definitions_of_the_page() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", definitions.page(), re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec", dont_inherit=True), made)
    assert [job.name for job in made["defs"].jobs] == [job.name for job in DEFS.jobs or ()]


def test_the_example_has_every_definition_that_a_mount_can_have() -> None:
    names = {job.name for job in DEFS.jobs or ()}
    everything = Mount(actions=frozenset({"gate_set", "worker_seek", "dead_letter_discard"}))
    assert {job.name for job in build_defs(everything).jobs or ()} < names
    assert {"evidence_sensor", "send_receipt_sensor"} <= {one.name for one in DEFS.sensors or ()}


def test_the_definitions_of_a_fleet_have_rows_and_those_of_its_outboxes_have_none() -> None:
    found = first_cells("Fleets")
    assert {"fleet_status_job", "fleet_backlog_sensor", "fleet/iu_fleet", "every_outbox_is_well"} <= {*found}
    assert not [name for name in found if name.startswith(("orders", "billing"))]


def test_a_definition_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def undescribed() -> None:
        nothing()

    monkeypatch.setattr(example_definitions, "defs", dg.Definitions(jobs=[undescribed]))
    with pytest.raises(IncompletePageError, match=r"^undescribed has no description$"):
        definitions.page.__wrapped__()


def test_a_field_without_a_description_is_refused() -> None:
    class Shop(dg.Model):
        price: int

    with pytest.raises(IncompletePageError, match=r"^price has no description$"):
        pydantic_fields.of_model(Shop)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(bool, "true or false"), (tuple[str, ...], "list of text"), (int | None, "integer"), (object, "object")],
)
def test_a_type_is_described_as_yaml_has_it(kind: Any, words: str) -> None:
    assert pydantic_fields.type_of(kind) == words


@pytest.mark.parametrize(
    ("default", "shown"),
    [(0, "`0`"), (False, "`false`"), (None, ""), ((), ""), ("a b", "`a b`"), (("x",), '`["x"]`')],
)
def test_a_default_is_shown_as_yaml_has_it_unless_it_is_empty(default: Any, shown: str) -> None:
    assert pydantic_fields.value(default) == shown
