"""Steps 090 and 100 applied again after a rollback to 080, while events wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from by_hand import psql
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, plan
from iu_pipelines.domain import health, outbox, worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import BatchFlooded
from iu_pipelines.settings import sql_root

SUMMARY = (
    'summary {"seen": 0, "status": "ran", "skipped": 0, "batch_id": null, "dead_lettered": 0, '
    '"cursor_event_id": null, "attempts_written": 0, "cursor_created_at": null}'
)
LIVE = "iu.version_applied.workflow"


def emit(gateway: Gateway, count: int, event_type: str = "version_applied") -> None:
    for number in range(count):
        outbox.emit(gateway, event_type, f"docs/{number}", uuid4(), "test", {})


def make_live(gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    gateway.execute("update public.iu_outbound_route set dry_run = false where route_code = %s", (LIVE,))


def make_dry(gateway: Gateway) -> None:
    gateway.execute("update public.iu_outbound_route set dry_run = true")
    gateway.execute("alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run)")


def counts(gateway: Gateway) -> dict[str, Any]:
    row = gateway.fetch_one(
        """select (select count(*) from public.event_outbox) as events,
            (select count(distinct event_id) from public.iu_route_attempt) as attempted,
            (select count(*) from public.iu_route_attempt) as attempts,
            (select count(*) from public.iu_route_dead_letter) as letters"""
    )
    assert row
    return row


def notices(results: list[migration.StepResult], step: str) -> tuple[str, ...]:
    return next(result.notices for result in results if result.name == step)


def drain(gateway: Gateway) -> None:
    list(worker.drain(gateway, DEFAULT_WORKER, worker.RunLimits()))


def test_a_first_install_prints_only_the_summary_of_the_seed(empty_gateway: Gateway) -> None:
    results = migration.apply(empty_gateway)
    assert notices(results, "090_route_worker_enable") == (SUMMARY,)


def test_applied_again_without_events_it_prints_the_same(gateway: Gateway) -> None:
    migration.rollback(gateway, "080")
    results = migration.apply(gateway)
    assert notices(results, "090_route_worker_enable") == (SUMMARY,)


def test_waiting_events_are_attempted_and_none_is_skipped(gateway: Gateway) -> None:
    emit(gateway, 3)
    drain(gateway)
    migration.rollback(gateway, "080")
    emit(gateway, 200)
    results = migration.apply(gateway)
    summary, waiting = notices(results, "090_route_worker_enable")
    assert '"seen": 100' in summary
    assert waiting == (
        "events were waiting: 100 read (100 attempts, 0 dead letters), 100 wait for the next run"
    )
    assert {state.status for state in plan.states(gateway)} == {"applied"}
    drain(gateway)
    assert counts(gateway) == {"events": 203, "attempted": 203, "attempts": 203, "letters": 0}
    assert health.read(gateway).healthy


def test_an_event_that_fails_is_set_aside_and_the_steps_succeed(gateway: Gateway) -> None:
    migration.rollback(gateway, "080")
    emit(gateway, 2)
    emit(gateway, 8, "structure_piece_split")
    make_live(gateway)
    gateway.run_script((sql_root() / "iu-core/runtime/090_route_worker_enable.sql").read_text())
    make_dry(gateway)
    migration.apply(gateway)
    assert counts(gateway) == {"events": 10, "attempted": 10, "attempts": 10, "letters": 2}


def test_a_flood_stops_the_step_and_loses_nothing(gateway: Gateway) -> None:
    migration.rollback(gateway, "080")
    emit(gateway, 30)
    make_live(gateway)
    with pytest.raises(BatchFlooded):
        migration.apply(gateway)
    assert counts(gateway) == {"events": 30, "attempted": 0, "attempts": 0, "letters": 0}
    make_dry(gateway)
    migration.apply(gateway)
    assert counts(gateway) == {"events": 30, "attempted": 30, "attempts": 30, "letters": 0}


def test_psql_alone_succeeds_beside_events_that_wait(database: str, gateway: Gateway) -> None:
    migration.rollback(gateway, "080")
    emit(gateway, 5)
    for name in ("090_route_worker_enable", "100_route_worker_live_verification"):
        path: Path = sql_root() / f"iu-core/runtime/{name}.sql"
        done = psql(database, path, "-1", "-v", "ON_ERROR_STOP=1")
        assert done.returncode == 0, done.stderr
    assert counts(gateway) == {"events": 5, "attempted": 5, "attempts": 5, "letters": 0}
