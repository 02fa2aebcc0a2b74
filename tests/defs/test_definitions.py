"""The definitions of the code location, which load without a warning."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from defs.code_location import Location
from iu_pipelines import defs as package
from iu_pipelines.definitions import defs
from iu_pipelines.defs import factory
from iu_pipelines.settings import sql_root

REPOSITORY = Path(__file__).parents[2]

DEPENDENCIES = {
    "unit_version": set(),
    "iu_sql_link": set(),
    "event_outbox": {"unit_version", "iu_sql_link"},
    "dot_config": set(),
    "iu_outbound_route": set(),
    "iu_route_attempt": {"event_outbox", "dot_config", "iu_outbound_route"},
    "iu_route_batch": {"iu_route_attempt"},
    "iu_route_dead_letter": {"iu_route_attempt"},
    "iu_delivery": {"event_outbox", "dot_config", "iu_outbound_route"},
    "iu_delivery_target": {"iu_delivery"},
    "iu_health_audit": {"event_outbox", "iu_route_attempt", "iu_route_dead_letter"},
    "iu_evidence": {"iu_route_attempt", "iu_route_dead_letter", "iu_health_audit"},
}
EXTERNAL = {
    "unit_version",
    "iu_sql_link",
    "event_outbox",
    "dot_config",
    "iu_outbound_route",
    "iu_route_batch",
    "iu_delivery_target",
}


def test_the_assets_have_the_listed_names_and_dependencies() -> None:
    graph = defs.resolve_asset_graph()
    seen = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert seen == DEPENDENCIES
    assert {key.to_user_string() for key in graph.external_asset_keys} == EXTERNAL
    assert {key.to_user_string() for key in graph.observable_asset_keys} == EXTERNAL


@pytest.mark.parametrize("asset", sorted(DEPENDENCIES))
def test_every_asset_has_a_description_an_owner_and_code_references(asset: str) -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey(asset))
    assert node.description
    assert list(node.owners) == ["team:iu_core"]
    assert node.group_name == "iu_core"
    assert node.kinds == {"postgres", "sql"}
    references = node.metadata["dagster/code_references"].code_references
    assert references
    assert all(Path(reference.file_path).is_file() for reference in references)


def test_the_jobs_have_the_listed_names_and_run_in_one_process() -> None:
    jobs = {job.name: job for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    assert set(jobs) == {
        "route_worker_job",
        "dead_letter_replay_job",
        "health_audit_job",
        "delivery_job",
        "evidence_job",
        "prune_job",
        "retention_job",
        "event_why_job",
        "simulate_job",
    }
    assert {job.executor_def.name for job in jobs.values()} == {"in_process"}
    assert all(job.description for job in jobs.values())


def test_the_schedules_and_sensors_have_the_listed_names_and_only_observers_start_running() -> None:
    repository = defs.get_repository_def()
    schedules = {one.name: (one.cron_schedule, one.default_status.value) for one in repository.schedule_defs}
    sensors = {one.name: one.default_status.value for one in repository.sensor_defs}
    assert schedules == {
        "route_worker_schedule": ("*/5 * * * *", "STOPPED"),
        "health_audit_schedule": ("*/15 * * * *", "RUNNING"),
        "prune_schedule": ("17 3 * * *", "STOPPED"),
        "retention_schedule": ("47 3 * * *", "STOPPED"),
    }
    assert sensors == {
        "backlog_sensor": "STOPPED",
        "dead_letter_replay_sensor": "STOPPED",
        "delivery_sensor": "STOPPED",
        "notification_sensor": "RUNNING",
        "run_failure_sensor": "RUNNING",
    }


def test_there_is_a_check_for_each_verify_file_and_one_check_blocks() -> None:
    graph = defs.resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys}
    files = {path.stem for path in (sql_root() / "iu-core" / "verify").glob("*.sql")}
    assert {f"verify_{file}" for file in files} <= names
    assert names - {f"verify_{file}" for file in files} == {
        "conservation",
        "no_deliveries_in_doubt",
        "no_parked_subjects",
        "promotions_do_not_expire_soon",
        "delivered_as_rehearsed",
        "dead_letters_open",
        "backlog_moving",
        "delivery_stays_closed",
        "gates_open",
        "every_line_passes",
    }
    blocking = {key.name for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert blocking == {"conservation"}


def test_only_the_health_report_has_a_freshness_policy() -> None:
    graph = defs.resolve_asset_graph()
    timed = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).freshness_policy_or_from_metadata
    }
    assert timed == {"iu_health_audit"}


def test_the_definitions_load_without_a_warning_and_without_heavy_libraries() -> None:
    code = (
        "import sys; from iu_pipelines.definitions import defs; defs.get_repository_def().get_all_jobs();"
        "print(sorted({'pandas', 'matplotlib', 'dagster_webserver'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")


def test_dg_check_defs_passes_without_a_warning() -> None:
    pytest.importorskip("dagster_dg_cli")
    program = Path(sys.executable).with_name("dg")
    done = subprocess.run(
        [program, "check", "defs"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    words = (done.stdout + done.stderr).lower()
    assert done.returncode == 0, words
    assert "warning" not in words


def test_the_entry_point_has_at_most_20_lines() -> None:
    text = (REPOSITORY / "iu_pipelines" / "definitions.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20


def test_no_op_stores_an_output(location: Location) -> None:
    result: Any = location.run("health_audit_job")
    kinds = {event.event_type for event in result.all_events}
    assert result.success
    assert dg.DagsterEventType.HANDLED_OUTPUT not in kinds


def test_every_module_with_definitions_is_in_the_factory() -> None:
    found = {
        name
        for _, name, _ in pkgutil.iter_modules(package.__path__)
        if hasattr(importlib.import_module(f"{package.__name__}.{name}"), "definitions")
    }
    built = {noun.__name__.rpartition(".")[2] for noun in (*factory.NOUNS, *factory.ABOUT_OTHERS)}
    assert built == found
