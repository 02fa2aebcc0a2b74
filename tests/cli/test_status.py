"""`iu status`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.emitting import add_letter, emit
from cli.running import Iu, accept_ctrl_c, refused
from iu_pipelines import __version__
from iu_pipelines.cli.health import print_health
from iu_pipelines.cli.worker import print_workers
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
from iu_pipelines.domain import health, status
from iu_pipelines.settings import sql_root


def test_status_before_migrate_fails_and_says_what_to_do(empty_iu: Iu) -> None:
    done = empty_iu("status")
    assert done.code == 1
    assert "Run: iu migrate" in done.out
    assert {step["status"] for step in empty_iu("status", "--json").json["steps"]} == {"pending"}


def test_status_shows_gates_events_and_health(iu: Iu) -> None:
    emit(iu)
    done = iu("status")
    assert (done.code, done.err) == (0, "")
    for words in (
        "iu_core.route_worker_enabled",
        "version_applied",
        "iu_outbound_default",
        "healthy",
        "backlog",
        "workflow",
        f"all {len(files.load_steps(sql_root(), [files.CORE]))} are applied",
        f"iu-pipelines {__version__}, PostgreSQL ",
    ):
        assert words in done.out
    status = iu("status", "--json").json
    assert status["health"]["backlog"] == 1
    assert status["gates"][0]["key"] == "iu_core.routes_enabled"
    assert status["events"]["by_type"][0]["events"] == 1
    assert [(one["worker_name"], one["backlog"]) for one in status["workers"]] == [("iu_outbound_default", 1)]
    assert status["routes"] == [{"target_kind": "workflow", "enabled": 2, "disabled": 0}]
    assert status["versions"]["iu_pipelines"] == __version__


def let_time_pass(gateway: Gateway) -> None:
    """Move everything that health compares one hour into the past, except the progress of workers."""
    gateway.execute("update public.dot_config set updated_at = updated_at - interval '1 hour'")
    gateway.execute("update public.iu_route_worker_cursor set added_at = added_at - interval '1 hour'")
    gateway.execute("alter table public.event_outbox disable trigger all")
    gateway.execute("update public.event_outbox set created_at = created_at - interval '1 hour'")


def test_a_second_worker_that_stands_still_makes_the_exit_code_1(iu: Iu, gateway: Gateway) -> None:
    iu("worker", "add", "archive", "--domain", "iu")
    emit(iu)
    iu("run")
    assert iu("status").code == 0
    let_time_pass(gateway)
    done = iu("status")
    assert done.code == 1
    assert "reason: archive: the backlog has not moved for" in done.out
    status = iu("status", "--json").json
    assert status["health"]["healthy"], "the default worker has read everything"
    assert [one["worker_name"] for one in status["workers"] if not one["healthy"]] == ["archive"]
    assert not status["healthy"], "the verdict is that of the exit code"
    assert "UNHEALTHY: 1 of 2 workers" in done.out
    iu("run", "--worker", "archive")
    assert iu("status").code == 0


def test_a_worker_that_was_just_added_is_healthy_however_old_its_events_are(iu: Iu, gateway: Gateway) -> None:
    emit(iu)
    iu("run")
    let_time_pass(gateway)
    iu("worker", "add", "archive", "--domain", "iu")
    assert iu("status").code == 0
    gateway.execute("update public.iu_route_worker_cursor set added_at = added_at - interval '1 hour'")
    assert iu("status").code == 1


def test_a_retired_worker_is_shown_and_does_not_change_the_exit_code(iu: Iu, gateway: Gateway) -> None:
    iu("worker", "add", "archive", "--domain", "iu")
    iu("worker", "retire", "archive", "--reason", "test")
    emit(iu)
    iu("run")
    let_time_pass(gateway)
    done = iu("status")
    assert done.code == 0, done.out
    assert "retired" in done.out


def test_the_name_of_no_worker_is_refused_and_creates_none(iu: Iu, gateway: Gateway) -> None:
    emit(iu)
    done = iu("status", "--worker", "iu_outbond_default")
    refused(done, 1, "no such worker: 'iu_outbond_default'", "Similar workers: iu_outbound_default.")
    assert "--create" not in done.err
    assert gateway.fetch_value("select count(*) from public.iu_route_worker_cursor") == 1


def test_open_letters_are_counted_by_worker_route_and_cause(iu: Iu, gateway: Gateway, database: str) -> None:
    for detail in ("22012 division by zero", "22012 division by a zero", "P0001 no such customer", "gone"):
        letter = add_letter(database, "iu.version_applied.workflow")
        gateway.execute(
            "update public.iu_route_dead_letter set failure_detail = %s where dead_letter_id = %s",
            (detail, letter),
        )
    causes = iu("status", "--json").json["dead_letters_by_cause"]
    assert [(one["sqlstate"], one["letters"], one["newest_detail"]) for one in causes] == [
        ("22012", 2, "22012 division by a zero"),
        ("P0001", 1, "P0001 no such customer"),
        (None, 1, "gone"),
    ]
    out = iu("status").out
    assert "22012 division by a zero" in out
    assert "worker_process_error" in out, "the failure code of a letter without an SQLSTATE"


def test_the_cause_of_a_letter_is_readable_beside_the_id_of_its_event(
    iu: Iu, gateway: Gateway, database: str
) -> None:
    add_letter(database, "iu.version_applied.workflow")
    gateway.execute(
        """update public.iu_route_dead_letter set failure_detail = 'IU201 delivery of event ' || event_id
               || ' by route iu.version_applied.workflow is refused: gate iu_core.delivery_enabled is closed'
        """
    )
    said = " ".join(iu("status").out.split())
    assert "Open dead letters of workers by cause" in said
    assert re.search(
        r"IU201 delivery of event [0-9a-f]{8}… by route iu\.version_applied\.workflow is refused: "
        r"gate iu_core\.delivery_enabled is closed",
        said,
    )


def test_a_closed_gate_is_shown_with_who_closed_it_and_when(iu: Iu) -> None:
    iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "test")
    found = iu("status", "--json").json["gates"]
    gate = next(one for one in found if one["key"] == "iu_core.route_worker_enabled")
    assert not gate["is_open"]
    done = iu("status").out
    assert gate["updated_by"] in done
    assert "note: iu_core.route_worker_enabled is closed since" in done
    assert "events are held, none is lost" in done


def test_watch_looks_again_and_ctrl_c_ends_it_with_the_newest_exit_code(iu: Iu, database: str) -> None:
    emit(iu)
    words = [sys.executable, "-m", "iu_pipelines", "status", "--watch", "--interval", "0.1"]
    with subprocess.Popen(
        [*words, "--database-url", database],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=accept_ctrl_c,  # noqa: PLW1509  this test starts no thread
    ) as process:
        assert process.stdout is not None
        looks = 0
        while looks < 3:
            looks += process.stdout.readline() == "healthy: 1 worker\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def shown(capsys: pytest.CaptureFixture[str], report: health.HealthReport) -> dict[str, str]:
    """Return what is printed of a report, by the name of the line."""
    print_health(report)
    lines = capsys.readouterr().out.splitlines()
    parts = [line.strip().split("  ", 1) for line in lines]
    return {part[0]: part[1].strip() for part in parts if len(part) == 2}


def test_a_count_that_is_capped_is_printed_as_that_many_or_more(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    report = replace(health.read(gateway), backlog=10_000, dead_letter_open=10_000)
    lines = shown(capsys, report)
    assert (lines["backlog"], lines["open dead letters of all workers"]) == ("10,000", "10,000")
    lines = shown(capsys, replace(report, backlog_capped=True))
    assert (lines["backlog"], lines["open dead letters of all workers"]) == ("10,000 or more", "10,000")
    lines = shown(capsys, replace(report, dead_letter_open_capped=True))
    assert (lines["backlog"], lines["open dead letters of all workers"]) == ("10,000", "10,000 or more")


def test_the_last_progress_is_printed_beside_the_last_run(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    run_at = datetime(2026, 1, 2, 12, tzinfo=UTC)
    progress_at = run_at - timedelta(hours=1)
    report = replace(health.read(gateway), last_run_at=run_at, last_progress_at=progress_at)
    lines = shown(capsys, report)
    assert lines["last run"] == run_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert lines["last progress"] == progress_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert shown(capsys, replace(report, last_progress_at=None))["last progress"] == "-"


def test_status_in_json_says_whether_letters_were_counted_to_the_end(iu: Iu, database: str) -> None:
    add_letter(database, "iu.unknown")
    iu("run")
    report = iu("status", "--json").json["health"]
    assert (report["dead_letter_open"], report["dead_letter_open_capped"]) == (1, False)
    assert datetime.fromisoformat(report["last_progress_at"])


def test_status_names_domains_without_a_reader_and_what_to_run(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    emit(iu)
    done = iu("status")
    assert done.code == 0
    assert "note: no worker reads domain shop; enabled event types: 3" in done.out
    assert "iu worker add NAME --domain shop --reason WHY" in done.out
    assert iu("status", "--json").json["unread_domains"] == [
        {"event_domain": "shop", "event_types": 3, "unread_events": 1, "unread_events_capped": False}
    ]
    iu("worker", "add", "shop_worker", "--domain", "shop")
    assert iu("status", "--json").json["unread_domains"] == []


def test_the_events_of_all_domains_are_counted_and_a_named_worker_has_its_report(
    iu: Iu, gateway: Gateway
) -> None:
    emit(iu)
    gateway.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    emit(iu)
    emit(iu)
    iu("worker", "add", "shop_worker", "--domain", "shop")
    words = ("status", "--worker", "shop_worker")
    assert "Health of shop_worker" in iu(*words).out
    assert "Health of" not in iu("status").out, "the state of every worker is in one table"
    status = iu(*words, "--json").json
    by_type = [(one["event_domain"], one["events"]) for one in status["events"]["by_type"]]
    assert (by_type, status["health"]["backlog"]) == ([("iu", 1), ("shop", 2)], 2)


def test_the_most_urgent_workers_are_shown_where_not_all_fit(
    iu: Iu, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(8):
        iu("worker", "add", f"archive_{number}", "--domain", "iu")
    emit(iu)
    iu("run")
    let_time_pass(gateway)
    iu("run", "--worker", "archive_3")
    capsys.readouterr()
    print_workers(status.list_workers(gateway), 7)
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if " iu " in line]
    assert names == [f"archive_{number}" for number in (0, 1, 2, 4, 5, 6, 7)]
