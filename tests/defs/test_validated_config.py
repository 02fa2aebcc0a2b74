"""Invalid config is refused with the field and the reason, and no run is made."""

from __future__ import annotations

from typing import Any

import annotated_types
import dagster as dg
import pytest

from defs.code_location import Location, run_config
from iu_pipelines.defs import actions, dead_letters, events, evidence, prune, retention, worker

CONFIGS = [
    found
    for noun in (actions, dead_letters, events, evidence, prune, retention, worker)
    for found in vars(noun).values()
    if isinstance(found, type) and issubclass(found, dg.Config)
]

BAD = [
    (
        "route_worker_job",
        {"batch_limit": 0},
        "batch_limit: Input should be greater than or equal to 1 (it is 0)",
    ),
    (
        "route_worker_job",
        {"batch_limit": 100_001},
        "batch_limit: Input should be less than or equal to 100000",
    ),
    (
        "route_worker_job",
        {"max_batches": 100_001},
        "max_batches: Input should be less than or equal to 100000",
    ),
    ("route_worker_job", {"max_seconds": 0}, "max_seconds: Input should be greater than 0"),
    (
        "route_worker_job",
        {"linger_seconds": -1},
        "linger_seconds: Input should be greater than or equal to 0",
    ),
    ("dead_letter_replay_job", {"limit": 0}, "limit: Input should be greater than or equal to 1"),
    ("dead_letter_replay_job", {"dead_letter_id": "7"}, "dead_letter_id: '7' is not a UUID"),
    ("event_why_job", {"event_id": "123"}, "event_id: '123' is not a UUID"),
    (
        "dead_letter_replay_job",
        {"letters_per_second": 0},
        "letters_per_second: Input should be greater than 0",
    ),
    ("prune_job", {"keep_days": 0}, "keep_days: Input should be greater than or equal to 1"),
]


@pytest.fixture
def database(kept_database: str) -> str:
    """Return the database of this module, whose tests make no run."""
    return kept_database


@pytest.mark.parametrize(("job", "config", "reason"), BAD)
def test_a_value_out_of_bounds_is_refused_and_no_run_is_made(
    location: Location, job: str, config: dict[str, Any], reason: str
) -> None:
    definition = location.definitions.resolve_job_def(job)
    with pytest.raises(dg.DagsterInvalidConfigError) as refused:
        location.instance.create_run_for_job(definition, run_config=run_config(job, config))
    assert str(refused.value).startswith("The config is refused: ")
    assert reason in str(refused.value)
    assert not location.instance.get_runs()


def test_every_invalid_field_is_named(location: Location) -> None:
    definition = location.definitions.resolve_job_def("route_worker_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"batch_limit: .*; max_seconds: ") as refused:
        config = run_config("route_worker_job", {"batch_limit": 0, "max_seconds": 0})
        location.instance.create_run_for_job(definition, run_config=config)
    assert "\n" not in str(refused.value).strip()


@pytest.mark.parametrize("name", ["no good", "", "another"])
def test_a_worker_that_is_not_one_of_the_mount_is_refused(location: Location, name: str) -> None:
    definition = location.definitions.resolve_job_def("route_worker_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match="worker_name not in enum type"):
        config = run_config("route_worker_job", {"worker_name": name})
        location.instance.create_run_for_job(definition, run_config=config)


@pytest.mark.parametrize("config", [{"batch_limit": "many"}, {"batch_limits": 5}, {"batch_limit": None}])
def test_a_value_of_another_type_or_name_is_refused_by_dagster_itself(
    location: Location, config: dict[str, Any]
) -> None:
    definition = location.definitions.resolve_job_def("route_worker_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match="batch_limit"):
        location.instance.create_run_for_job(definition, run_config=run_config("route_worker_job", config))


@pytest.mark.parametrize(
    "job",
    [
        "dead_letter_replay_job",
        "prune_job",
        "evidence_job",
        "retention_job",
    ],
)
def test_every_field_has_a_safe_default_and_a_description(location: Location, job: str) -> None:
    fields = location.definitions.resolve_job_def(job).run_config_schema.config_type.fields  # type: ignore[attr-defined]
    assert fields
    assert all(not field.is_required and field.description for field in fields.values())


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_an_upper_bound_is_in_the_description_because_the_launchpad_shows_no_other(
    config: type[dg.Config],
) -> None:
    assert all(field.description for field in config.model_fields.values())
    for name, field in config.model_fields.items():
        for bound in (one.le for one in field.metadata if isinstance(one, annotated_types.Le)):
            assert f"{bound:,}" in (field.description or ""), name
