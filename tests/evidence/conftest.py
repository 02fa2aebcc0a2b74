"""A database with five batches, one failed event, and a dead letter that was replayed twice."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from databases import Server, locked
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
_RUN = f"begin; select public.fn_iu_route_worker_run('{DEFAULT_WORKER}', 4); commit;"
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
"""
_REPLAY = """
begin;
select public.fn_iu_route_dead_letter_replay(l.dead_letter_id) from public.iu_route_dead_letter as l;
commit;
"""


@pytest.fixture
def worked(gateway: Gateway) -> Gateway:
    """Return a database with batches of 4, 4, 4, 1 and 1 events. The last failed; its letter is resolved."""
    work(gateway)
    return gateway


def work(gateway: Gateway, pause_seconds: float = 0) -> None:
    """Emit and run in one session, which prepares the functions once; pause before the last replay."""
    pause = f"select pg_sleep({pause_seconds});"
    gateway.run_script(f"{_HISTORY}{_RUN * 4}{_FAILURE}{pause}{_REPLAY}")


@pytest.fixture(scope="session")
def evidence(server: Server, template: str, shared: Path) -> Evidence:
    """Return the evidence of a database such as `worked`, collected once in a run; every line passes."""
    file = shared / "evidence.pickle"
    with locked(shared / "evidence.lock"):
        if not file.exists():
            name = f"{template}_evidence"
            with Gateway(server.create(name, template)) as gateway:
                work(gateway)
                gathered = collect.collect(gateway)
            server.drop(name)
            assert gathered.verdict.passed
            file.write_bytes(pickle.dumps(gathered))
    found: Evidence = pickle.loads(file.read_bytes())
    return found
