"""The retention job: it drops old events that were read, and records its run."""

from __future__ import annotations

from defs.code_location import Location
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates, retention
from iu_pipelines.domain.worker import DEFAULT_WORKER, run_once, seek


def old_events(gateway: Gateway) -> None:
    """Insert six events of a month ago, from a transaction older than the first window of any worker."""
    gateway.execute(
        """insert into public.event_outbox (emitted_xid, created_at, event_domain, event_type)
           select '3', now() - interval '30 days', 'iu', 'version_applied' from generate_series(1, 6)"""
    )
    seek(gateway, DEFAULT_WORKER, "beginning", "a test")


def test_a_run_drops_events_that_were_read_and_its_id_is_recorded(
    location: Location, gateway: Gateway
) -> None:
    old_events(gateway)
    run_once(gateway, DEFAULT_WORKER, 100)
    gates.set_gate(gateway, retention.SETTING, "7", "a test")
    done = location.run("retention_job")
    assert done.success
    (record,) = retention.history(gateway)
    assert (record.events, record.attempts, record.reason) == (5, 5, f"run {done.run_id}")


def test_a_run_that_may_drop_nothing_succeeds_and_drops_nothing(location: Location, gateway: Gateway) -> None:
    old_events(gateway)
    gates.set_gate(gateway, retention.SETTING, "7", "a test")
    assert location.run("retention_job").success
    assert retention.history(gateway) == []
    (state,) = retention.states(gateway)
    assert (state.overdue_days, state.held_by) == (23, f"worker {DEFAULT_WORKER} has not read it")


def test_a_run_while_retention_is_off_drops_nothing(location: Location, gateway: Gateway) -> None:
    old_events(gateway)
    run_once(gateway, DEFAULT_WORKER, 100)
    assert location.run("retention_job").success
    assert retention.history(gateway) == []
