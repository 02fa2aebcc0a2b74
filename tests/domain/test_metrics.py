"""The numbers for a monitoring system."""

from __future__ import annotations

import pytest

from deploy.busy_outbox import CAPTURE, LATE_WORKER, RETIRED_WORKER, fill
from domain.samples import ROUTE
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import metrics
from iu_pipelines.domain.metrics import Tally, Totals
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import StatementFailed, Unavailable
from iu_pipelines.hosting import exposition

GATES = """
create or replace function public.fn_iu_gate_list()
returns table (
    key text, value text, is_open boolean, description text, updated_at timestamptz, updated_by text
)
language plpgsql volatile as $$ begin {} end $$
"""


def test_the_numbers_are_those_of_the_tables(gateway: Gateway) -> None:
    fill(gateway)
    found = metrics.collect(gateway)
    assert [(worker.worker_name, worker.backlog) for worker in found.workers] == [
        (DEFAULT_WORKER, 2),
        (LATE_WORKER, 4),
    ]
    assert found.tallies == (Tally(DEFAULT_WORKER, attempts=2, failed=0, sent=0),)
    highest = gateway.fetch_value("select max(event_seq) from public.event_outbox")
    assert found.totals == Totals(highest, replays=1, replays_failed=0, replays_sent=0)
    assert [(cause.route_code, cause.letters) for cause in found.status.causes] == [(ROUTE, 1)]
    assert [domain.event_domain for domain in found.status.unread_domains] == ["shop"]
    assert [(capture.route_code, capture.attached) for capture in found.captures] == [
        ("iu_sql.iu_sql_link.insert", True),
        (CAPTURE, False),
    ]
    (retention,) = [state for state in found.retention if state.event_domain == "iu"]
    assert (retention.retention_days, retention.overdue_days) == (1, 8)
    assert f"worker {LATE_WORKER} has not read it" in str(retention.note)


def test_a_retired_worker_has_no_numbers(gateway: Gateway) -> None:
    fill(gateway)
    assert RETIRED_WORKER not in [worker.worker_name for worker in metrics.collect(gateway).workers]
    gateway.execute("update public.iu_route_worker_cursor set retired_at = null")
    assert RETIRED_WORKER in [worker.worker_name for worker in metrics.collect(gateway).workers]


def test_without_the_module_nothing_of_deliveries_is_read(gateway: Gateway) -> None:
    fill(gateway)
    found = metrics.collect(gateway)
    assert found.delivery is None
    assert [name for name, _, _ in exposition.samples(found) if name.startswith("iu_delivery")] == []


def test_an_empty_outbox_has_numbers(gateway: Gateway) -> None:
    found = metrics.collect(gateway)
    assert found.totals == Totals(None, 0, 0, 0)
    assert [worker.healthy for worker in found.workers] == [True]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.dot_config (key, value) values ('a', 'b');",
        "perform from public.dot_config for key share;",
        "perform nextval('public.event_outbox_event_seq_seq');",
    ],
)
def test_a_function_that_writes_or_locks_a_row_is_refused(gateway: Gateway, statement: str) -> None:
    gateway.execute(GATES.format(statement))
    with pytest.raises(StatementFailed) as refused:
        metrics.collect(gateway)
    assert refused.value.code == "25006"
    assert "read-only transaction" in refused.value.message


def test_a_statement_that_takes_too_long_is_cancelled(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert metrics.LOCK_SECONDS < metrics._STATEMENT_SECONDS == 5
    monkeypatch.setattr(metrics, "_STATEMENT_SECONDS", 0.2)
    gateway.execute(GATES.format("perform pg_sleep(60);"))
    with pytest.raises(Unavailable) as cancelled:
        metrics.collect(gateway)
    assert cancelled.value.code == "57014"
    assert "a statement took more than 0.2 s" in cancelled.value.message
    assert "iu doctor" in (cancelled.value.hint or "")


def test_the_limits_end_with_the_transaction(gateway: Gateway) -> None:
    metrics.collect(gateway)
    settings = "select current_setting('transaction_read_only') || current_setting('statement_timeout')"
    assert gateway.fetch_value(settings) == "off0"


def test_a_member_of_iu_auditor_may_read_every_number(gateway: Gateway, database: str) -> None:
    fill(gateway)
    with Gateway(database, role="iu_auditor") as auditor:
        read = metrics.collect(auditor)
    owned = metrics.collect(gateway)
    assert (read.totals, read.tallies, read.captures) == (owned.totals, owned.tallies, owned.captures)
    assert read.status.causes == owned.status.causes
    assert [worker.worker_name for worker in read.workers] == [DEFAULT_WORKER, LATE_WORKER]
