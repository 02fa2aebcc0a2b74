"""``iu status``."""

from __future__ import annotations

from cli.emitting import emit
from cli.running import Iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
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
    gateway.execute("update public.iu_route_worker_cursor set last_progress_at = now() - interval '1 hour'")
    gateway.execute("alter table public.event_outbox disable trigger all")
    gateway.execute("update public.event_outbox set created_at = now() - interval '1 hour'")
    done = iu("status")
    assert done.code == 1
    assert "because:" in done.out
