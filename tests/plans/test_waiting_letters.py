"""Waiting dead letters are found without reading a big audit, analysed or not."""

from __future__ import annotations

import psycopg
import pytest

ATTEMPTS = 20_000
LETTERS = 50

EVENTS = """insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane,
    canonical_address, event_subject_table, event_subject_ref, actor_ref, safe_payload)
select 'iu', 'version_applied', 'update', 'immediate', 'PLAN/' || i, 'information_unit',
    gen_random_uuid(), 'plan', '{}' from generate_series(1, %s) as i"""
WAITING = """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, next_replay_at)
select o.event_id, 'iu.version_applied.workflow', 'plan:' || o.event_id, now() + interval '1 hour'
from (select event_id from public.event_outbox order by event_seq limit %s) as o"""
READ_WHOLE = """select seq_scan from pg_stat_xact_user_tables
where schemaname = 'public' and relname = 'iu_route_attempt_log'"""


@pytest.mark.parametrize("analysed", [True, False], ids=["analysed", "never analysed"])
def test_waiting_letters_are_found_not_replayable_without_reading_the_audit(
    database: str, analysed: bool
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table public.iu_route_attempt_log set (autovacuum_enabled = off)")
        connection.execute(EVENTS, (ATTEMPTS,))
        connection.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100000)")
        connection.execute(WAITING, (LETTERS,))
        if analysed:
            connection.execute("vacuum analyze")
        with connection.transaction():
            before = connection.execute(READ_WHOLE).fetchone()
            found = connection.execute("select count(*) from public.fn_iu_dead_letters_replayable(100)")
            assert found.fetchone() == (0,)
            assert connection.execute(READ_WHOLE).fetchone() == before
