"""The evidence job: its lines, its check, its page and its chain of packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from defs.code_location import Location, checks, materializations, records
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.evidence import chain
from iu_pipelines.settings import sql_root


def test_the_evidence_holds_every_line_and_leaves_no_trace(location: Location, gateway: Gateway) -> None:
    before = gateway.fetch_value("select public.fn_iu_audit_counts()")
    result = location.run("evidence_job")
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    files = [path for kind in ("verify", "sandbox") for path in (sql_root() / "iu-core" / kind).glob("*.sql")]
    assert (evidence["files"], evidence["failed"]) == (len(files) + 1, 0)
    assert any("POST-ROLLBACK" in row["line"] for row in records(evidence["proof"]))
    assert any(row["guarantee"].startswith("Nothing is del") for row in records(evidence["guarantees"]))
    assert gateway.fetch_value("select public.fn_iu_audit_counts()") == before


def test_evidence_without_probes_has_the_verify_files_alone(location: Location) -> None:
    result = location.run("evidence_job", {"probes": False})
    (evidence,) = materializations(result, "iu_evidence")
    assert checks(result)["every_line_passes"].passed
    assert evidence["files"] == len(list((sql_root() / "iu-core/verify").glob("*.sql"))) + 1
    assert "not reached" in {row["result"] for row in records(evidence["guarantees"])}


def test_a_run_links_to_its_page_and_packs_form_a_chain(location: Location, home: Path) -> None:
    first, second = (materializations(location.run("evidence_job"), "iu_evidence")[0] for _ in range(2))
    assert [first["pack"], second["pack"]] == [1, 2]
    assert first["pack_hash"] in Path(second["report"]).read_text(encoding="utf-8")
    assert "PASS: every guarantee holds" in Path(first["report"]).read_text(encoding="utf-8")
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


def test_a_failed_line_of_evidence_names_its_file(location: Location, gateway: Gateway) -> None:
    gateway.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    check = checks(location.run("evidence_job"))["every_line_passes"]
    assert not check.passed
    assert "040_routes" in str(check.metadata["failed"].value)
