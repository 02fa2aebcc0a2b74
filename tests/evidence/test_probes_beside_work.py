"""Probes beside running emitters and workers, by hand with psql, and behind somebody else's lock."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from iu_pipelines.db import step_files, steps
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.evidence import audit
from iu_pipelines.domain.worker import DEFAULT_WORKER as WORKER
from iu_pipelines.settings import sql_root

FILES = step_files.load(sql_root(), "sandbox")
EVERY_PROBE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)

EMIT = """select public.fn_iu_emit_event('version_applied', 'docs/' || n, gen_random_uuid(), 'test', '{}')
            from generate_series(1, 20) as n"""
RUN = f"select public.fn_iu_route_worker_run('{WORKER}', 50)"
BACKDATED = """
insert into public.event_outbox (event_domain, event_type, event_subject_ref, actor_ref)
select case when n % 2 = 0 then 'iu' else 'other' end, 'version_applied', gen_random_uuid(), 'bulk'
from generate_series(1, 50000) as n
"""


@contextmanager
def busy(gateway: Gateway) -> Iterator[None]:
    """Emit and run without a pause while the block runs."""
    stop = threading.Event()

    def repeat(statement: str) -> None:
        while not stop.is_set():
            gateway.fetch_all(statement)

    threads = [threading.Thread(target=repeat, args=(statement,)) for statement in (EMIT, EMIT, RUN)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_every_probe_passes_beside_many_rows_and_running_emitters_and_workers(gateway: Gateway) -> None:
    gateway.execute(BACKDATED)
    with busy(gateway):
        for _ in range(2):
            proofs = steps.probe(gateway)
            assert [line for proof in proofs for line in proof.lines if not line.passed] == []
    while gateway.fetch_value(RUN)["seen"]:
        pass
    assert audit.verify_chain(gateway, WORKER).fits
    assert audit.verify_attempts(gateway, WORKER).fits


def test_a_probe_gives_way_to_a_lock_and_tries_again(gateway: Gateway) -> None:
    held = threading.Event()

    def hold() -> None:
        with gateway.transaction() as session:
            session.execute("lock table public.iu_outbound_route in access share mode")
            held.set()
            time.sleep(2.6)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    (proof,) = steps.probe(gateway, "040")
    holder.join()
    assert proof.passed, proof.lines


@EVERY_PROBE
def test_a_probe_runs_with_psql_alone(worked: Gateway, file: step_files.StepFile) -> None:
    assert by_hand(worked, file).returncode == 0


@EVERY_PROBE
def test_a_probe_that_fails_under_psql_says_so_and_exits_with_an_error(
    worked: Gateway, file: step_files.StepFile
) -> None:
    worked.run_script(
        """
        create or replace function public.fn_iu_route_deliver(event_id uuid, route_code text) returns void
        language plpgsql set search_path = pg_catalog, pg_temp as $$ begin end $$;
        drop trigger trg_iu_sql_in_iu_sql_link on public.iu_sql_link;
        drop trigger trg_iu_unit_version_out on public.unit_version;
        drop trigger trg_iu_append_only on public.event_outbox;
        drop trigger trg_iu_gate_history on public.dot_config;
        """
    )
    done = by_hand(worked, file)
    assert done.returncode == 3
    assert "FAIL " in done.stderr


def by_hand(gateway: Gateway, file: step_files.StepFile) -> subprocess.CompletedProcess[str]:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("psql is not on PATH")
    return subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file.path), gateway.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
