"""Probes beside running emitters and workers, run by psql, and while another session holds a lock."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from by_hand import psql
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, verification
from iu_pipelines.domain.worker import DEFAULT_WORKER as WORKER
from iu_pipelines.evidence import ledgers
from iu_pipelines.settings import sql_root
from repeating import running

FILES = files.load(sql_root(), "sandbox")
VERIFY = files.load(sql_root(), "verify")
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
    """Emit events and run the worker continuously during the block."""
    stop = threading.Event()

    def repeat(statement: str) -> None:
        while not stop.is_set():
            gateway.fetch_all(statement)

    with running(stop, *(partial(repeat, statement) for statement in (EMIT, EMIT, RUN))):
        yield


def test_every_probe_passes_beside_many_rows_and_running_emitters_and_workers(gateway: Gateway) -> None:
    gateway.execute(BACKDATED)
    with busy(gateway):
        proofs = verification.probe(gateway)
    assert [line for proof in proofs for line in proof.lines if not line.passed] == []
    while gateway.fetch_value(RUN.replace("50", "1000"))["seen"]:
        pass
    assert ledgers.verify_chain(gateway, WORKER).fits
    assert ledgers.verify_attempts(gateway, WORKER).fits


def test_a_probe_that_waits_for_a_lock_times_out_and_is_retried(gateway: Gateway) -> None:
    held = threading.Event()

    def hold() -> None:
        with gateway.transaction() as session:
            session.execute("lock table public.iu_outbound_route in access share mode")
            held.set()
            time.sleep(2.6)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    (proof,) = verification.probe(gateway, "040")
    holder.join()
    assert proof.passed, proof.lines


@EVERY_PROBE
def test_a_probe_runs_with_psql_and_prints_the_rows_before_and_after(
    worked: Gateway, file: files.StepFile
) -> None:
    done = psql(worked.url, file.path)
    assert done.returncode == 0, done.stderr
    before, after = re.findall(r"rows (before|after): (.*)", done.stderr)
    assert (before[0], after[0]) == ("before", "after")
    assert before[1] == after[1]


@pytest.mark.parametrize("file", VERIFY, ids=lambda file: file.name)
def test_a_verify_file_runs_with_psql(worked: Gateway, file: files.StepFile) -> None:
    done = psql(worked.url, file.path, "-v", "ON_ERROR_STOP=1")
    assert done.returncode == 0, done.stderr
    assert "PASS " in done.stderr


@pytest.mark.parametrize("file", [*FILES, *VERIFY], ids=lambda file: file.name)
def test_a_proof_that_fails_with_psql_prints_the_line_and_exits_with_3(
    worked: Gateway, file: files.StepFile
) -> None:
    worked.run_script(
        """
        create or replace function public.fn_iu_proof_note(name text, expected text, seen text)
        returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
        begin
            perform set_config('iu.proof_failed', name, false);
            raise warning 'FAIL %', name;
            return false;
        end $$
        """
    )
    done = psql(worked.url, file.path, *(() if file in FILES else ("-v", "ON_ERROR_STOP=1")))
    assert done.returncode == 3
    assert "FAIL " in done.stderr
