"""`iu evidence`."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest

from cli.running import Iu
from evidence import stores
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary IU_HOME."""
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.usefixtures("worked")
def test_evidence_prints_the_verdict_and_where_the_page_is(iu: Iu, home: Path) -> None:
    done = iu("evidence")
    assert done.code == 0
    assert "PASS: " in done.out
    assert ", 0 failed" in done.out
    (report,) = home.glob("evidence/*/000001/report.html")
    assert f"open {report}" in done.out


@pytest.mark.usefixtures("worked")
def test_evidence_counts_the_guarantees_that_were_proven(iu: Iu) -> None:
    done = iu("evidence")
    assert re.search(r"^\d+ guarantees proven here, \d+ rest on the project's tests$", done.out, re.MULTILINE)


def test_a_step_that_is_not_applied_is_pending_and_not_failed(iu: Iu, worked: Gateway) -> None:
    worked.execute("delete from public.iu_schema_step where step_name = '100_route_worker_live_verification'")
    done = iu("evidence", "--no-probes")
    assert done.code == 1
    assert "Pending: the step is not applied" in done.out
    assert re.search(
        r"^PENDING: \d+ lines of 12 proofs, 0 failed, 2 pending; no probe was run$", done.out, re.M
    )
    assert "FAIL" not in done.out


@pytest.mark.usefixtures("worked")
def test_evidence_without_probes_says_so(iu: Iu) -> None:
    done = iu("evidence", "--no-probes")
    assert done.code == 0
    assert ", 0 failed; no probe was run" in done.out


@pytest.mark.usefixtures("worked")
def test_evidence_in_json_names_pack_hash_and_page(iu: Iu, tmp_path: Path) -> None:
    first, second = (
        iu("evidence", "--no-probes", "--out", str(tmp_path / "packs"), "--json").json for _ in range(2)
    )
    assert (first["passed"], first["failed"], first["pack"], second["pack"]) == (True, [], 1, 2)
    assert Path(second["report"]) == tmp_path / "packs/000002/report.html"
    verified = iu("evidence", "verify", str(tmp_path / "packs"), "--head", second["hash"], "--json")
    assert verified.json == {
        "whole": True,
        "packs": 2,
        "newest": 2,
        "newest_hash": second["hash"],
        "head": 2,
        "faults": [],
    }


@pytest.mark.usefixtures("worked")
def test_a_stored_hash_of_an_earlier_pack_is_accepted_and_one_of_no_pack_is_not(
    iu: Iu, tmp_path: Path
) -> None:
    packs = str(tmp_path / "packs")
    first = iu("evidence", "--no-probes", "--out", packs, "--json").json["hash"]
    iu("evidence", "--no-probes", "--out", packs)
    done = iu("evidence", "verify", packs, "--head", first)
    assert done.code == 0
    assert done.out.startswith(
        "the hash is that of pack 1; 1 newer pack follows\nthe chain is intact: 2 packs"
    )
    other = iu("evidence", "verify", packs, "--head", "0" * 64)
    assert other.code == 1
    assert f"pack 2 is the newest, and no pack has the hash {'0' * 64}: newer packs may be" in other.out
    assert "THE CHAIN IS BROKEN" in other.out
    mistyped = iu("evidence", "verify", packs, "--head", "1234")
    assert mistyped.code == 2
    assert "'1234' is not the hash of a pack" in mistyped.err
    assert "64 hexadecimal digits" in mistyped.err


def test_evidence_with_a_failed_line_exits_with_1_and_writes_the_pack(
    iu: Iu, worked: Gateway, tmp_path: Path
) -> None:
    worked.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    done = iu("evidence", "--no-probes", "--out", str(tmp_path))
    assert done.code == 1
    assert "safety check dry_run_is_enforced" in done.out
    assert "FAIL: " in done.out
    assert (tmp_path / "000001" / "report.html").is_file()


def test_compare_lists_what_changed_since_a_pack(iu: Iu, worked: Gateway, tmp_path: Path) -> None:
    old = iu("evidence", "--no-probes", "--out", str(tmp_path), "--json").json["folder"]
    assert (
        "nothing except the time"
        in iu("evidence", "--no-probes", "--out", str(tmp_path), "--compare", old).out
    )
    iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "test")
    outbox.emit(worked, "version_applied", "docs/new", uuid4(), "test", {})
    done = iu(
        "evidence", "--no-probes", "--out", str(tmp_path), "--compare", f"{old}/evidence.json", "--json"
    )
    changes = {change["name"]: (change["before"], change["after"]) for change in done.json["changes"]}
    assert changes["iu_core.route_worker_enabled"] == ("true", "false")
    assert changes["events"] == ("6", "7")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--compare", "/no/such.json"), "/no/such.json"),
        (("--compare", __file__), "does not fit the schema of evidence.json"),
        (("--out", "/dev/null/packs"), "/dev/null/packs"),
        (("verify", "/no/such/folder"), "/no/such/folder"),
    ],
)
def test_a_bad_path_is_a_usage_error(iu: Iu, words: tuple[str, ...], named: str) -> None:
    done = iu("evidence", *words)
    assert done.code == 2
    assert named in done.err


@pytest.mark.usefixtures("worked")
def test_an_altered_pack_exits_with_1_and_is_named(iu: Iu, home: Path) -> None:
    for _ in range(2):
        iu("evidence", "--no-probes")
    (report,) = home.glob("evidence/*/000001/report.html")
    report.write_text("all is well")
    done = iu("evidence", "verify")
    assert done.code == 1
    assert "pack 1 report.html was altered" in done.out
    assert "THE CHAIN IS BROKEN" in done.out


@pytest.mark.usefixtures("worked")
def test_the_commands_read_and_write_the_store_and_print_no_secret(
    iu: Iu, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stores.ftp(tmp_path) as url:
        monkeypatch.setenv("IU_EVIDENCE_STORE", url)
        first, second = iu("evidence", "--no-probes"), iu("evidence", "--no-probes", "--json")
        assert "open ftp://127.0.0.1:" in first.out
        assert second.json["pack"] == 2
        verified = iu("evidence", "verify", "--head", second.json["hash"])
        assert (verified.code, "the chain is intact: 2 packs" in verified.out) == (0, True)
        folder = f"{url}/{Path(second.json['folder']).parent.name}"
        assert iu("evidence", "verify", folder).out == verified.out
        compared = iu("evidence", "--no-probes", "--compare", f"{folder}/000001")
        assert "nothing except the time" in compared.out
        elsewhere = iu("evidence", "--no-probes", "--out", f"{url}/elsewhere", "--json")
        assert elsewhere.json["folder"].endswith("/packs/elsewhere/000001")
    refused = iu("evidence", "verify")
    assert refused.code == 1
    assert "cannot open ftp://ann:***@127.0.0.1:" in refused.err
    everything = "".join(done.out + done.err for done in (first, second, verified, compared, refused))
    assert stores.PASSWORD not in everything
    assert not (home / "evidence").exists()
