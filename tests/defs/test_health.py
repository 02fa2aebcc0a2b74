"""The health report: its numbers, its check, its schedule, and the report after a failed run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import dagster as dg
import pytest

from defs.code_location import Location, checks, materializations, records
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.definitions import defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.domain import gates
from iu_pipelines.domain.health import HealthReport
from iu_pipelines.settings import sql_root

Emit = Callable[[int], list[Any]]

FUNCTION = "public.fn_iu_route_worker_health(text)"

CONTRACT_KEYS = {
    "healthy",
    "reasons",
    "worker_name",
    "worker_gate_open",
    "master_gate_open",
    "delivery_gate_open",
    "live_routes",
    "backlog",
    "backlog_capped",
    "backlog_oldest_seconds",
    "attempts_in_audit",
    "failed_attempts",
    "delivered_sent",
    "dead_letter_open",
    "last_run_at",
    "cursor_event_id",
    "cursor_created_at",
}


def test_the_health_report_has_its_numbers_and_every_check_passes(location: Location, emit: Emit) -> None:
    emit(6)
    run = location.run("route_worker_job")
    result = location.run("health_audit_job")
    (report,) = materializations(result, "iu_health_audit")
    assert result.success
    assert (report["healthy"], report["attempts_in_audit"], report["delivered_sent"]) == (True, 6, 0)
    assert "backlog_oldest_seconds" in {row["figure"] for row in records(report["workers"])}
    assert records(report["latest_batches"])[0]["run"] == run.run_id[:8]
    assert {name for name, check in checks(result).items() if not check.passed} == set()
    files = list((sql_root() / "iu-core" / "verify").glob("*.sql"))
    assert sum(name.startswith("verify_") for name in checks(result)) == len(files) > 0


def test_the_report_has_every_key_that_the_function_returns_and_the_contract_lists(gateway: Gateway) -> None:
    said = gateway.fetch_value("select obj_description(%s::regprocedure)", (FUNCTION,))
    listed = re.search(r"\{(.*?)\}", said, re.DOTALL)
    assert listed
    returned = gateway.fetch_value("select public.fn_iu_route_worker_health()")
    keys = {field.name for field in fields(HealthReport)}
    assert keys == set(returned) == set(re.findall(r'"(\w+)"', listed[1]))
    assert keys >= CONTRACT_KEYS


def test_the_columns_of_the_asset_are_the_keys_of_the_report(gateway: Gateway) -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey("iu_health_audit"))
    report = gateway.fetch_value("select public.fn_iu_route_worker_health()")
    assert {column.name for column in node.metadata["dagster/column_schema"].columns} == set(report)


def test_the_health_report_observes_the_outbox(location: Location, emit: Emit) -> None:
    emit(2)
    location.run("health_audit_job")
    (record,) = location.instance.fetch_observations(dg.AssetKey("event_outbox"), limit=5).records
    observed = record.asset_observation
    assert observed
    assert observed.metadata["backlog"].value == 2
    assert observed.metadata["events_per_second"].value == pytest.approx(2 / 60, abs=0.01)


_CAP = """
do $$ begin
    execute replace(
        pg_get_functiondef('public.fn_iu_route_worker_health(text)'::regprocedure),
        'v_cap constant int := 10000', 'v_cap constant int := {cap}'
    );
end $$
"""


@pytest.mark.parametrize(("cap", "is_capped", "said"), [(2, True, "2 or more"), (3, False, "3")])
def test_a_count_that_is_capped_is_not_shown_as_exact(
    location: Location,
    gateway: Gateway,
    emit: Emit,
    live_route: Callable[[bool], None],
    cap: int,
    is_capped: bool,
    said: str,
) -> None:
    live_route(True)
    emit(3)
    location.run("route_worker_job")
    live_route(False)
    emit(3)
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    gateway.run_script(_CAP.format(cap=cap))
    result = location.run("health_audit_job")
    (report,) = materializations(result, "iu_health_audit")
    (record,) = location.instance.fetch_observations(dg.AssetKey("event_outbox"), limit=1).records
    assert record.asset_observation
    observed = record.asset_observation.metadata
    moving, opened = (checks(result)[name].metadata for name in ("backlog_moving", "gates_open"))
    assert (report["backlog"], report["backlog_is_capped"]) == (cap, is_capped)
    assert (report["dead_letter_open"], report["dead_letter_open_is_capped"]) == (cap, is_capped)
    assert (observed["backlog"].value, observed["backlog_is_capped"].value) == (cap, is_capped)
    assert records(observed["by_worker"].value)[0]["backlog"] == said
    assert (moving["backlog"].value, moving["backlog_is_capped"].value) == (cap, is_capped)
    assert (opened["events_held"].value, opened["events_held_are_capped"].value) == (cap, is_capped)
    assert f"{said} events are waiting" in str(location.tick("backlog_sensor").skip_message)


def test_a_backlog_that_does_not_move_fails_its_check(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    emit(1)
    gateway.run_script(
        """
        alter table public.event_outbox disable trigger user;
        update public.event_outbox set created_at = created_at - interval '1 day';
        alter table public.event_outbox enable trigger user;
        alter table public.dot_config disable trigger user;
        update public.dot_config set updated_at = updated_at - interval '1 day';
        alter table public.dot_config enable trigger user;
        update public.iu_route_worker_cursor
        set last_progress_at = now() - interval '1 day', last_run_at = now() - interval '1 day',
            added_at = added_at - interval '1 day';
        """
    )
    result = location.run("health_audit_job")
    assert not checks(result)["backlog_moving"].passed
    assert "has not moved" in str(checks(result)["backlog_moving"].metadata["reasons"].value)
    assert materializations(result, "iu_health_audit")[0]["healthy"] is False


def test_the_health_report_is_scheduled_while_a_gate_is_closed(location: Location, gateway: Gateway) -> None:
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    assert len(location.schedule("health_audit_schedule").run_requests) == 1


def test_the_health_report_observes_every_source(location: Location) -> None:
    location.run("health_audit_job")
    for asset in ("unit_version", "iu_sql_link", "dot_config", "iu_outbound_route", "iu_route_batch"):
        (record,) = location.instance.fetch_observations(dg.AssetKey(asset), limit=5).records
        observed = record.asset_observation
        assert observed
        assert observed.tags["dagster/data_version"]


def test_a_failed_run_requests_a_health_report_that_names_it(
    location: Location, gateway: Gateway, emit: Emit
) -> None:
    emit(1)
    location.run("route_worker_job")
    gateway.execute("update public.iu_route_worker_cursor set anchor_no = 0")
    for failed in (location.run("route_worker_job"), location.materialize("iu_route_attempt")):
        request = _after(location, failed)
        assert isinstance(request, dg.RunRequest)
        assert request.job_name == "health_audit_job"
        assert request.tags == {tags.FAILED_RUN: failed.run_id}


def test_a_failed_run_of_another_job_requests_nothing(location: Location, gateway: Gateway) -> None:
    gateway.run_script("drop function public.fn_iu_retention_run(text, int) cascade")
    failed = location.run("retention_job")
    assert not failed.success
    assert isinstance(_after(location, failed), dg.SkipReason)


def _after(location: Location, failed: dg.ExecuteInProcessResult) -> Any:
    """Return what the failure sensor requests after a failed run."""
    run = location.instance.get_run_by_id(failed.run_id)
    assert run
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure_sensor",
        dagster_event=failed.get_run_failure_event(),
        dagster_instance=location.instance,
        dagster_run=run,
    ).for_run_failure()
    return location.definitions.resolve_sensor_def("run_failure_sensor")(context)


def test_a_domain_without_a_reader_is_in_the_reasons_and_is_no_fault(
    location: Location, gateway: Gateway
) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    result = location.run("health_audit_job")
    moving = checks(result)["backlog_moving"]
    (report,) = materializations(result, "iu_health_audit")
    said = "no worker reads domain shop; enabled event types: 3"
    assert said in str(report["reasons"])
    assert said in str(moving.metadata["reasons"].value)
    assert moving.passed
