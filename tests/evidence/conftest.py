"""A database with five batches, one failed event, and a dead letter that was replayed twice."""

from __future__ import annotations

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.evidence import collect
from iu_pipelines.evidence.facts import Evidence

_HISTORY = """
begin;
select public.fn_iu_emit_event('version_applied', 'docs/' || n, gen_random_uuid(), 'test', '{}')
from generate_series(1, 12) as n;
select public.fn_iu_emit_event('sql_link_created', 'link', gen_random_uuid(), 'test', '{}');
commit;
"""
_RUN = f"select public.fn_iu_route_worker_run('{DEFAULT_WORKER}', 4);"
_FAILURE = """
begin;
alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
update public.iu_outbound_route set dry_run = false where event_type = 'structure_piece_split';
commit;
begin;
select public.fn_iu_emit_event('structure_piece_split', 'docs/bad', gen_random_uuid(), 'test', '{}');
commit;
begin;
select public.fn_iu_route_worker_run('iu_outbound_default', 4);
select public.fn_iu_route_dead_letter_replay(l.dead_letter_id) from public.iu_route_dead_letter as l;
update public.iu_outbound_route set dry_run = true where event_type = 'structure_piece_split';
alter table public.iu_outbound_route add constraint dry_run_is_enforced check (dry_run);
commit;
begin;
select public.fn_iu_route_dead_letter_replay(l.dead_letter_id) from public.iu_route_dead_letter as l;
commit;
"""


@pytest.fixture
def worked(gateway: Gateway) -> Gateway:
    """Five batches of 4, 4, 4, 1 and 1 events; the last event failed, and its dead letter is resolved."""
    gateway.run_script(_HISTORY)
    for _ in range(4):
        gateway.run_script(_RUN)
    gateway.run_script(_FAILURE)
    return gateway


@pytest.fixture
def evidence(worked: Gateway) -> Evidence:
    """Evidence of the database of `worked`, in which every line passes."""
    gathered = collect.collect(worked)
    assert gathered.verdict.passed
    return gathered
