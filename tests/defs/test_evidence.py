"""The evidence job: its lines, its check, its page and its chain of packs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from defs.code_location import Location, checks, failure, materializations, records
from evidence import stores
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.evidence import chain, store
from iu_pipelines.settings import sql_root


def test_the_evidence_holds_every_line_and_leaves_no_trace(location: Location, gateway: Gateway) -> None:
    before = gateway.fetch_value("select public.fn_iu_audit_counts()")
    result = location.run("evidence_job")
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    files = [path for kind in ("verify", "sandbox") for path in (sql_root() / "iu-core" / kind).glob("*.sql")]
    assert (evidence["files"], evidence["failed"]) == (len(files) + 1, 0)
    assert any("POST-ROLLBACK" in row["line"] for row in records(evidence["proof"]))
    assert any(
        row["guarantee"].startswith("A worker delivers nothing") for row in records(evidence["guarantees"])
    )
    assert gateway.fetch_value("select public.fn_iu_audit_counts()") == before


def test_evidence_without_probes_has_the_verify_files_alone(location: Location) -> None:
    result = location.run("evidence_job", {"probes": False})
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    assert evidence["files"] == len(list((sql_root() / "iu-core/verify").glob("*.sql"))) + 1
    assert "not run" in {row["result"] for row in records(evidence["guarantees"])}


def test_a_run_links_to_its_page_and_packs_form_a_chain(location: Location, home: Path) -> None:
    first, second = (materializations(location.run("evidence_job"), "iu_evidence")[0] for _ in range(2))
    assert [first["pack"], second["pack"]] == [1, 2]
    assert first["pack_hash"] in Path(second["report"]).read_text(encoding="utf-8")
    assert "guarantees proven here, " in Path(first["report"]).read_text(encoding="utf-8")
    assert first["report_url"] == Path(first["report"]).as_uri()
    (directory,) = (home / "evidence").iterdir()
    assert chain.verify(directory, second["pack_hash"]).whole


def test_the_link_to_the_page_begins_with_iu_evidence_url(
    location: Location, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_EVIDENCE_URL", "https://evidence.example/iu/")
    (evidence,) = materializations(location.run("evidence_job"), "iu_evidence")
    page = Path(evidence["report"]).relative_to(home / "evidence")
    assert evidence["report_url"] == f"https://evidence.example/iu/{page.as_posix()}"


def test_evidence_is_requested_when_it_is_due_and_only_then(
    database: str, instance: dg.DagsterInstance
) -> None:
    mount = Mount(evidence_cron="0 3 * * *")
    definitions = build_defs(mount, resources={"gateway": GatewayResource(database_url=database)})
    location = Location(definitions, instance)
    night = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)

    def requested(cursor: Any, at: datetime) -> Any:
        return dg.evaluate_automation_conditions(
            definitions, instance, cursor=cursor, evaluation_time=at,
            asset_selection=dg.AssetSelection.assets("iu_evidence"),
        )  # fmt: skip

    before = requested(None, night)
    assert before.total_requested == 0
    due = requested(before.cursor, night + timedelta(hours=2))
    assert due.total_requested == 1
    assert location.run("evidence_job").success
    assert requested(due.cursor, night + timedelta(hours=3)).total_requested == 0


def test_without_a_cron_nothing_requests_evidence(location: Location) -> None:
    sensors = {one.name for one in location.definitions.get_repository_def().sensor_defs}
    assert "evidence_sensor" not in sensors
    assert "default_automation_condition_sensor" not in sensors


def test_the_condition_of_evidence_has_a_sensor_of_its_own(instance: dg.DagsterInstance) -> None:
    definitions = build_defs(Mount(name="orders", evidence_cron="0 3 * * *"))
    sensors = {one.name for one in definitions.get_repository_def().sensor_defs}
    assert "orders_evidence_sensor" in sensors
    assert "default_automation_condition_sensor" not in sensors


def test_a_failed_line_of_evidence_names_its_file(location: Location, gateway: Gateway) -> None:
    gateway.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    check = checks(location.run("evidence_job"))["every_line_passes"]
    assert not check.passed
    assert "040_routes" in str(check.metadata["failed"].value)


def test_a_run_on_another_disk_continues_the_chain_in_the_store(
    location: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served").mkdir()
    found = []
    with stores.ftp(tmp_path / "served") as url:
        monkeypatch.setenv("IU_EVIDENCE_STORE", url)
        for pod in ("one", "two"):
            monkeypatch.setenv("IU_HOME", str(tmp_path / pod))
            result = location.run("evidence_job", {"probes": False})
            found += materializations(result, "iu_evidence")
            assert stores.PASSWORD not in "".join(map(repr, result.all_events))
            assert not (tmp_path / pod / "evidence").exists()
        shown = url.replace(f"ann:{stores.PASSWORD}@", "")
        directory = store.open_directory(url) / Path(found[0]["report"]).parts[-3]
        report = chain.verify(directory, found[1]["pack_hash"])
    assert [one["pack"] for one in found] == [1, 2]
    assert (report.faults, report.packs) == ((), 2)
    assert found[1]["report"] == f"{shown}/{directory.name}/000002/report.html"
    assert "report_url" not in found[1]


def test_a_remote_report_is_linked_where_iu_evidence_url_serves_it(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stores.memory() as url:
        monkeypatch.setenv("IU_EVIDENCE_STORE", url)
        monkeypatch.setenv("IU_EVIDENCE_URL", "https://evidence.example/iu/")
        (evidence,) = materializations(location.run("evidence_job", {"probes": False}), "iu_evidence")
    page = evidence["report"].removeprefix(url)
    assert page.endswith("/000001/report.html")
    assert evidence["report_url"] == f"https://evidence.example/iu{page}"


def test_a_store_that_cannot_be_reached_fails_the_run_without_its_secret(
    location: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stores.ftp(tmp_path) as url:
        monkeypatch.setenv("IU_EVIDENCE_STORE", url)
    result = location.run("evidence_job", {"probes": False})
    assert failure(result).startswith("cannot open ftp://ann:***@127.0.0.1:")
    assert stores.PASSWORD not in "".join(map(repr, result.all_events))
