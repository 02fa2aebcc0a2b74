"""`iu status`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.emitting import add_letter, emit
from cli.running import Iu
from iu_pipelines.cli.health import print_health
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
from iu_pipelines.domain import health
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
        "healthy",
        "backlog",
        f"all {len(files.load_steps(sql_root()))} are applied",
    ):
        assert words in done.out
    status = iu("status", "--json").json
    assert status["health"]["backlog"] == 1
    assert status["gates"][0]["key"] == "iu_core.routes_enabled"
    assert status["events"]["by_type"][0]["events"] == 1


def test_status_of_an_unhealthy_worker_exits_with_1_and_gives_the_reason(iu: Iu, gateway: Gateway) -> None:
    emit(iu)
    iu("run")
    emit(iu)
    iu("gate", "set", "iu_core.stall_seconds", "1", "--reason", "test")
    gateway.execute(
        "update public.iu_route_worker_cursor set last_progress_at = last_run_at - interval '1 hour', "
        "last_run_at = last_run_at - interval '1 hour'"
    )
    gateway.execute("update public.dot_config set updated_at = now() - interval '1 hour'")
    gateway.execute("alter table public.event_outbox disable trigger all")
    gateway.execute("update public.event_outbox set created_at = now() - interval '1 hour'")
    done = iu("status")
    assert done.code == 1
    assert "reason:" in done.out


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
    assert (lines["backlog"], lines["open dead letters"]) == ("10,000", "10,000")
    lines = shown(capsys, replace(report, backlog_capped=True))
    assert (lines["backlog"], lines["open dead letters"]) == ("10,000 or more", "10,000")
    lines = shown(capsys, replace(report, dead_letter_open_capped=True))
    assert (lines["backlog"], lines["open dead letters"]) == ("10,000", "10,000 or more")


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
    assert "note: no worker reads domain shop, which has 3 enabled event types" in done.out
    assert "iu worker add NAME --domain shop --reason WHY" in done.out
    assert iu("status", "--json").json["unread_domains"] == [
        {"event_domain": "shop", "event_types": 3, "unread_events": 1, "unread_events_capped": False}
    ]
    iu("worker", "add", "shop_worker", "--domain", "shop")
    assert iu("status", "--json").json["unread_domains"] == []


def test_status_of_a_worker_of_another_domain_counts_the_events_of_that_domain(
    iu: Iu, gateway: Gateway
) -> None:
    emit(iu)
    gateway.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    emit(iu)
    emit(iu)
    iu("worker", "add", "shop_worker", "--domain", "shop")
    words = ("status", "--worker", "shop_worker")
    assert "Events of domain shop by type" in iu(*words).out
    status = iu(*words, "--json").json
    assert (status["events"]["events"], status["health"]["backlog"]) == (2, 2)
