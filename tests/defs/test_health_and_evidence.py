"""The audit of health, the checks made from it and from the verify files, and the evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from code_location import Location, checks, materializations

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates
from iu_pipelines.evidence import chain
from iu_pipelines.settings import sql_root

Emit = Callable[[int], list[Any]]


def test_the_audit_reports_every_key_and_passes_every_check(location: Location, emit: Emit) -> None:
    emit(6)
    run = location.run("route_worker_job")
    result = location.run("health_audit_job")
    (report,) = materializations(result, "iu_health_audit")
    assert result.success
    assert (report["healthy"], report["attempts_in_audit"], report["delivered_sent"]) == (True, 6, 0)
    assert "| backlog_oldest_seconds |" in report["workers"]
    assert f"(/runs/{run.run_id})" in report["latest_batches"]
    assert {name for name, check in checks(result).items() if not check.passed} == set()
    files = list((sql_root() / "iu-core" / "verify").glob("*.sql"))
    assert sum(name.startswith("verify_") for name in checks(result)) == len(files) > 0


def test_the_audit_observes_the_outbox(location: Location, emit: Emit) -> None:
    emit(2)
    location.run("health_audit_job")
    (record,) = location.instance.fetch_observations(dg.AssetKey("event_outbox"), limit=5).records
    observed = record.asset_observation
    assert observed
    assert observed.metadata["backlog"].value == 2
    assert observed.metadata["events_per_second"].value == pytest.approx(2 / 60, abs=0.01)


def test_the_outbox_can_be_observed_by_hand(location: Location, emit: Emit) -> None:
    emit(5)
    job = location.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={dg.AssetKey("event_outbox")}
    )
    result = job.execute_in_process(instance=location.instance)
    (observed,) = result.get_asset_observation_events()[:1]
    metadata = observed.asset_observation_data.asset_observation.metadata
    assert metadata["events"].value == 5
    assert metadata["newest_event_at"].value != "none"
    assert "| version_applied | 5 |" in str(metadata["by_type"].value)


@pytest.mark.parametrize(
    ("break_it", "check", "severity"),
    [
        (lambda gateway: gates.set_gate(gateway, gates.WORKER, "false", "test"), "gates_open", "WARN"),
        (
            lambda gateway: gates.set_gate(gateway, gates.DELIVERY, "true", "test"),
            "delivery_stays_closed",
            "ERROR",
        ),
        (
            lambda gateway: gateway.run_script(
                "alter table public.iu_outbound_route drop constraint dry_run_is_enforced"
            ),
            "verify_040_routes",
            "ERROR",
        ),
        (
            lambda gateway: gateway.run_script("alter table public.event_outbox disable trigger user"),
            "verify_030_event_types_and_outbox",
            "ERROR",
        ),
        (
            lambda gateway: gateway.run_script(
                "insert into public.iu_route_dead_letter (event_id, idempotency_key)"
                " values (gen_random_uuid(), 'x')"
            ),
            "dead_letters_open",
            "WARN",
        ),
    ],
)
def test_what_is_broken_turns_its_check_red(
    location: Location, gateway: Gateway, break_it: Callable[[Gateway], Any], check: str, severity: str
) -> None:
    break_it(gateway)
    found = checks(location.run("health_audit_job"))[check]
    assert not found.passed
    assert found.severity.value == severity


def test_a_backlog_that_does_not_move_turns_its_check_red(
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
        update public.iu_route_worker_cursor set last_progress_at = now() - interval '1 day';
        """
    )
    result = location.run("health_audit_job")
    assert not checks(result)["backlog_moving"].passed
    assert "has not moved" in str(checks(result)["backlog_moving"].metadata["reasons"].value)
    assert materializations(result, "iu_health_audit")[0]["healthy"] is False


def test_the_evidence_holds_every_line_and_leaves_no_trace(location: Location, gateway: Gateway) -> None:
    before = gateway.fetch_value("select public.fn_iu_audit_counts()")
    result = location.run("evidence_job")
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    files = [path for kind in ("verify", "sandbox") for path in (sql_root() / "iu-core" / kind).glob("*.sql")]
    assert (evidence["files"], evidence["failed"]) == (len(files) + 1, 0)
    assert "POST-ROLLBACK" in evidence["proof"]
    assert "| Nothing is delivered" in evidence["guarantees"]
    assert gateway.fetch_value("select public.fn_iu_audit_counts()") == before


def test_evidence_without_probes_is_for_a_dagster_that_is_not_the_owner(location: Location) -> None:
    result = location.run("evidence_job", {"probes": False})
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    assert evidence["files"] == len(list((sql_root() / "iu-core/verify").glob("*.sql"))) + 1
    assert "not reached" in evidence["guarantees"]


def test_the_page_is_reached_from_the_run_and_packs_are_a_chain(location: Location, home: Path) -> None:
    first, second = (materializations(location.run("evidence_job"), "iu_evidence")[0] for _ in range(2))
    assert [first["pack"], second["pack"]] == [1, 2]
    assert first["pack_hash"] in Path(second["report"]).read_text(encoding="utf-8")
    assert "PASS: every guarantee holds" in Path(first["report"]).read_text(encoding="utf-8")
    assert first["report_url"] == Path(first["report"]).as_uri()
    (directory,) = (home / "evidence").iterdir()
    assert chain.verify(directory, second["pack_hash"]).whole


def test_the_page_is_linked_where_somebody_serves_it(
    location: Location, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_EVIDENCE_URL", "https://evidence.example/iu/")
    (evidence,) = materializations(location.run("evidence_job"), "iu_evidence")
    page = Path(evidence["report"]).relative_to(home / "evidence")
    assert evidence["report_url"] == f"https://evidence.example/iu/{page.as_posix()}"


def test_evidence_of_something_broken_names_the_file(location: Location, gateway: Gateway) -> None:
    gateway.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    check = checks(location.run("evidence_job"))["every_line_passes"]
    assert not check.passed
    assert "040_routes" in str(check.metadata["failed"].value)
