"""The numbers for a monitoring system."""

from __future__ import annotations

import pytest

from deploy.busy_outbox import LATE_WORKER, RETIRED_WORKER, fill
from domain.samples import ROUTE, add_letter
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import health, metrics
from iu_pipelines.domain.metrics import COUNTED_LETTERS, LetterCount, RouteCount, Totals
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import StatementFailed, Unavailable

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
    default, late = found.workers
    assert (default.worker_name, default.attempts, default.failed, default.sent) == (DEFAULT_WORKER, 2, 0, 0)
    assert default.health.backlog == health.read(gateway, DEFAULT_WORKER).backlog == 2
    assert (late.worker_name, late.event_domain, late.attempts, late.health.backlog) == (
        LATE_WORKER,
        "iu",
        0,
        4,
    )
    highest = gateway.fetch_value("select max(event_seq) from public.event_outbox")
    assert found.totals == Totals(highest, replays=1, replays_failed=0, replays_sent=0)
    assert found.letters == (LetterCount("worker_process_error", ROUTE, 1),)
    assert [domain.event_domain for domain in found.unread_domains] == ["shop"]
    assert found.routes == (RouteCount("workflow", False, 1), RouteCount("workflow", True, 1))
    assert [capture.attached for capture in found.captures] == [True, False]
    (retention,) = found.retention
    assert (retention.retention_days, retention.overdue_days) == (1, 8)
    assert f"worker {LATE_WORKER} has not read it" in str(retention.note)


def test_a_retired_worker_has_no_numbers(gateway: Gateway) -> None:
    fill(gateway)
    assert RETIRED_WORKER not in [worker.worker_name for worker in metrics.collect(gateway).workers]
    gateway.execute("update public.iu_route_worker_cursor set retired_at = null")
    assert RETIRED_WORKER in [worker.worker_name for worker in metrics.collect(gateway).workers]


def test_an_empty_outbox_has_numbers(gateway: Gateway) -> None:
    found = metrics.collect(gateway)
    assert (found.totals, found.letters) == (Totals(None, 0, 0, 0), ())
    assert [worker.health.healthy for worker in found.workers] == [True]


def test_open_letters_are_counted_by_cause_and_up_to_a_limit(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add_letter(gateway, ROUTE, key=f"test:{number}")
    add_letter(gateway, None, key="test:none")
    assert metrics.collect(gateway).letters == (
        LetterCount("worker_process_error", ROUTE, 3),
        LetterCount("worker_process_error", "", 1),
    )
    assert COUNTED_LETTERS == 10_000
    monkeypatch.setattr(metrics, "COUNTED_LETTERS", 2)
    assert [count.letters for count in metrics.collect(gateway).letters] == [2]


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
    assert metrics._TIMEOUT == "5s"
    monkeypatch.setattr(metrics, "_TIMEOUT", "200ms")
    gateway.execute(GATES.format("perform pg_sleep(60);"))
    with pytest.raises(Unavailable) as cancelled:
        metrics.collect(gateway)
    assert cancelled.value.code == "57014"


def test_the_limits_end_with_the_transaction(gateway: Gateway) -> None:
    metrics.collect(gateway)
    settings = "select current_setting('transaction_read_only') || current_setting('statement_timeout')"
    assert gateway.fetch_value(settings) == "off0"


def test_a_member_of_iu_auditor_may_read_every_number(gateway: Gateway, database: str) -> None:
    fill(gateway)
    with Gateway(database, role="iu_auditor") as auditor:
        read = metrics.collect(auditor)
    owned = metrics.collect(gateway)
    assert (read.totals, read.letters, read.captures) == (owned.totals, owned.letters, owned.captures)
    assert [worker.worker_name for worker in read.workers] == [DEFAULT_WORKER, LATE_WORKER]
