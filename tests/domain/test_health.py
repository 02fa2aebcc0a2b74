"""The domain function of health."""

from __future__ import annotations

from uuid import UUID

from domain.samples import emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates, health, worker


def test_health_reports_the_backlog_and_the_attempts(gateway: Gateway) -> None:
    emit(gateway)
    emit(gateway)
    report = health.read(gateway)
    assert (report.healthy, report.backlog, report.attempts_in_audit) == (True, 2, 0)
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits()))
    report = health.read(gateway)
    assert (report.healthy, report.backlog, report.attempts_in_audit) == (True, 0, 2)
    assert report.worker_gate_open
    assert report.master_gate_open
    assert not report.delivery_gate_open
    assert report.live_routes == ()
    assert report.last_run_at is not None
    assert isinstance(report.cursor_event_id, UUID)


def test_a_worker_with_a_closed_gate_is_healthy_with_a_reason(gateway: Gateway) -> None:
    emit(gateway)
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    report = health.read(gateway)
    assert report.healthy
    assert any("1" in reason for reason in report.reasons)


def test_domains_without_a_reader_are_returned_and_are_no_fault(gateway: Gateway) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    emit(gateway)
    assert health.unread_domains(gateway) == [health.UnreadDomain("shop", 3, 1, False)]
    report = health.read(gateway)
    assert report.healthy
    assert report.reasons == ("no worker reads domain shop; enabled event types: 3, unread events: 1",)
    worker.add(gateway, "shop_worker", "shop", "test")
    assert health.unread_domains(gateway) == []
