"""The demo: one command in its own process and on its own server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import pages
from acceptance.console import PROJECT, commands_of, first_difference, stable, without_numbers
from acceptance.gitfolder import GitFolder
from acceptance.unit_totals import totals
from cli.running import in_terminal, without_spinner
from iu_pipelines.cli.demo import ingest_here, program, web_ui
from iu_pipelines.cli.demo_delivery import APPROVER, PROPOSER, TARGET, why_left_out
from iu_pipelines.cli.demo_report import Report, Run, summary
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification
from iu_pipelines.domain import deliveries, gates, health, outbox, promotions, targets
from iu_pipelines.hosting.instance import open_instance
from iu_pipelines.settings import load


class Home:
    """Run `iu` in a folder, with an IU_HOME whose path contains a space."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self._folder = folder

    def iu(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        programs = Path(sys.executable).parent
        environment = {
            **os.environ,
            "IU_HOME": str(self.home),
            "PYTHONPATH": str(PROJECT),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }
        command = [sys.executable, "-m", "iu_pipelines", *arguments]
        return subprocess.run(
            command,
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def home(tmp_path: Path, folder: GitFolder) -> Iterator[Home]:
    home = Home(tmp_path / "home with a space", folder.path)
    yield home
    home.iu("stop")


def test_the_demo_routes_a_git_history_through_dagster_and_can_be_repeated(
    home: Home, folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        folder.commit({b"a.md": str(n).encode(), b"b.md": str(n).encode()})
    first = home.iu("demo")
    assert (first.returncode, first.stderr) == (0, "")
    shown = first.stdout.split("\n\n")[0].splitlines()
    assert len(shown) == 10, "what happened, what to click and what to type next, before every table"
    assert "78 events from 80 file versions of 40 commits" in shown[2]
    assert "78 events in 8 batches" in shown[3]
    assert shown[4].endswith("29 PASS, 0 FAIL, all rolled back")
    assert "iu_demo_proposer proposed it, iu_demo_approver approved it" in shown[5]
    lines = [stable(line) for line in first.stdout.splitlines()]
    assert sum(line.startswith("PASS P") for line in lines) == 15
    assert sum(line.startswith("PASS E.") for line in lines) == 12
    assert " FAIL " not in first.stdout.replace("0 FAIL", "")
    assert difference_from_readme(first.stdout) is None

    again = home.iu("demo", "--json")
    assert (again.returncode, again.stderr) == (0, "")
    report = json.loads(again.stdout)
    assert (report["passed"], report["steps_applied"]) == (True, 0)
    assert [result["versions_added"] for result in report["ingested"]] == [0]
    assert report["batches"] == []
    assert [(run["job_name"], run["status"], run["stopped_reason"]) for run in report["runs"]] == [
        ("route_worker_job", "SUCCESS", "drained"),
        ("health_audit_job", "SUCCESS", None),
    ]
    assert report["attempts_by_decision"] == [{"decision": "dry_run", "attempts": 78 + 3}]
    assert report["health"]["healthy"] is True
    assert "***" in report["database"]
    assert materializations_of_the_first_worker_run(home) == 1, "the summary"
    assert (report["delivery"]["sent"], len(report["delivery"]["received"])) == (1, 1)
    assert [state["state"] for state in report["delivery"]["states"]] == ["sent"]
    assert_nothing_is_left_open(home, report["delivery"]["event_id"])

    monkeypatch.chdir(folder.path)
    narrow = in_terminal(60, "demo", IU_HOME=str(home.home), PYTHONPATH=str(PROJECT))
    shown = without_spinner(narrow).splitlines()
    assert [line for line in shown if len(line.rstrip()) > 60 and len(line.split()) > 1] == []
    assert "PASS in" in narrow


def assert_nothing_is_left_open(home: Home, event_id: str) -> None:
    """Assert that the demo's route is demoted, its gates are closed, and its logins cannot log in."""
    with Gateway(resolve_database_url(load(home=home.home))) as owner:
        assert [promotion.state for promotion in promotions.list_promotions(owner)] == ["demoted"] * 2
        assert {promotion.decided_by for promotion in promotions.list_promotions(owner)} == {APPROVER}
        is_open = {gate.key: gate.is_open for gate in gates.list_gates(owner)}
        assert (is_open[gates.DELIVERY], is_open[gates.LIVE_ROUTES]) == (False, False)
        values = {one.threshold: one.value for one in promotions.thresholds(owner)}
        assert (values["events"], values["hours"]) == (1000, 24)
        assert not targets.get(owner, TARGET).allow_private
        logins = owner.fetch_all(
            "select rolname, rolcanlogin, rolsuper from pg_roles where rolname like 'iu_demo_%%' order by 1",
            {},
        )
        assert [tuple(login.values()) for login in logins] == [
            (APPROVER, False, False),
            (PROPOSER, False, False),
        ]
        assert [state.state for state in deliveries.why(owner, UUID(event_id))] == ["sent"]


def test_the_summary_names_a_run_and_a_probe_that_failed(gateway: Gateway) -> None:
    (failed,) = verification.probe(gateway, "040")
    line = replace(failed.lines[0], passed=False)
    report = Report(
        database="postgresql://me@db.example/app",
        steps_applied=0,
        ingested=(),
        notes=(),
        runs=(Run("route_worker_job", "0e8855d1-8f20", "FAILURE", None, 0, "the disk is full"),),
        batches=(),
        events=outbox.overview(gateway),
        attempts_by_decision=(),
        dead_letter_open=0,
        dead_letters=(),
        health=health.read(gateway),
        proofs=(replace(failed, lines=(line, *failed.lines[1:])),),
        delivery=None,
        not_delivered="an extra is missing",
        passed=False,
        seconds=2.0,
        log="demo.log",
        next="iu dev",
        program="iu",
        option="",
    )
    said = summary(report)
    assert said[0] == "FAIL in 2.0 s. What happened:"
    assert "  probes    13 PASS, 1 FAIL, all rolled back" in said
    assert "  delivery  none, because an extra is missing" in said
    assert "  FAIL      route_worker_job FAILURE: the disk is full" in said
    assert "  FAIL      040_worker_live_dryrun_probe: see its lines below" in said


def test_on_a_server_of_its_user_the_demo_delivers_nothing() -> None:
    reason = why_left_out(load(database_url="postgresql://me@db.example/app"))
    assert reason == "the demo creates logins and a live route only in its own embedded database"


def difference_from_readme(printed: str) -> str | None:
    """Compare with the output of `make demo` in the README, except for numbers and the names of programs."""
    (block,) = pages.code("README.md", "Try it", "console")
    (command,) = commands_of(block)
    assert command.text == "make demo"
    in_a_folder = [
        line.replace("make dev", "iu dev").replace(".venv/bin/iu", "iu") for line in command.output
    ]
    return first_difference(without_numbers(in_a_folder), without_numbers(printed.splitlines()))


def test_the_demo_names_the_programs_as_they_are_called_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / ".venv/bin"
    venv.mkdir(parents=True)
    (venv / "iu").touch(mode=0o755)
    (tmp_path / "Makefile").touch()
    monkeypatch.setattr(sys, "executable", str(venv / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert (program(), web_ui("")) == (".venv/bin/iu", ".venv/bin/iu dev")
    monkeypatch.chdir(PROJECT)
    assert (program(), web_ui("")) == (f"{venv}/iu", "make dev")
    assert web_ui(" --database-url URL") == f"{venv}/iu dev --database-url URL"
    monkeypatch.setenv("PATH", f"{venv}:/usr/bin")
    assert program() == "iu"


def materializations_of_the_first_worker_run(home: Home) -> int:
    """Count materializations in Dagster's storage after the demo."""
    with open_instance(load(home=home.home)) as instance:
        runs = [run for run in instance.get_runs() if run.job_name == "route_worker_job"]
        logs = instance.all_logs(runs[-1].run_id)
    return sum(entry.is_dagster_event and entry.get_dagster_event().is_step_materialization for entry in logs)


def test_without_a_repository_the_sample_is_ingested_and_a_note_says_why(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results, notes = ingest_here(gateway)
    assert [result.source for result in results] == ["sample"]
    (note,) = notes
    assert "sample" in note
    assert "is not a git repository" in note


def test_if_no_file_has_a_second_version_the_sample_is_added(
    gateway: Gateway, folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.commit({b"a": b"1"})
    monkeypatch.chdir(folder.path)
    results, notes = ingest_here(gateway)
    assert [result.events_emitted for result in results] == [0, 29]
    assert "no file in this history has a second version" in notes[0]
    assert ingest_here(gateway)[1] == [], "events exist now"


def test_for_an_empty_repository_the_sample_is_added(
    gateway: Gateway, folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    results, _ = ingest_here(gateway)
    assert [result.head is None for result in results] == [True, False]


def test_a_history_of_another_repository_gives_a_note_and_no_error(
    gateway: Gateway, folder: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.commit({b"a": b"1"})
    monkeypatch.chdir(folder.path)
    ingest_here(gateway)
    other = GitFolder(tmp_path / "other")
    other.commit({b"a": b"other"})
    monkeypatch.chdir(other.path)
    before: Any = totals(gateway)
    results, notes = ingest_here(gateway)
    assert (results, totals(gateway)) == ([], before)
    assert "came from another repository" in notes[0]
