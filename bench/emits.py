"""The cost of writing an event: single events from 1 and 16 clients, compared with floor and peers, and bulk.

pgbench sends each statement prepared, in its own transaction, with the same payload as text, so a system that
stores jsonb or json pays for the conversion. Each statement is the one that a client of that system sends.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg

from bench.cases import Case, Outcome
from bench.engine import COLUMNS, DATABASE, PAYLOAD, installed
from bench.server import BenchServer

FLOOR: Final = "floor: INSERT"
OURS: Final = "iu emit"


def text(number: str) -> str:
    """Return SQL for the payload of an emit, 160 bytes of text with an integer."""
    return f"""('{{"unit_id": "0123456789abcdef0123456789abcdef", "op": "update", "rev": ' || {number}
        || ', "actor": "agent.writer.3", "note": "' || repeat('x', 56) || '"}}')"""


TEXT: Final = text("i")
GIVEN: Final = "(select :i::int as i) as given"
_BULK: Final = 1000


@dataclass(frozen=True)
class Emitter:
    """One system: how its database is created, and the statement that its client sends."""

    system: str
    prepare: Callable[[BenchServer], str]
    sql: str
    times: int = 1


_BARE: Final = f"""insert into public.event_outbox ({COLUMNS})
    select 'iu', 'version_applied', 'update', 'immediate', 'BENCH/unit/' || i, 'information_unit',
    gen_random_uuid(), 'bench', {TEXT}::jsonb from {GIVEN} returning event_id"""
_EMIT: Final = f"""select public.fn_iu_emit_event(
    'version_applied', 'BENCH/unit/' || i, gen_random_uuid(), 'bench', {TEXT}::jsonb) from {GIVEN}"""
_FUNCTION: Final = "bench_emit_event"
_FUNCTIONS: Final[dict[str, str]] = {
    "a definer's function: INSERT": """values ('iu', event_type, 'update', 'immediate', canonical_address,
        'information_unit', subject_ref, actor_ref, safe_payload)""",
    "the same, with the type looked up": """select r.event_domain, r.event_type, r.event_stream,
        r.delivery_lane, canonical_address, r.event_subject_table, subject_ref, actor_ref, safe_payload
        from public.event_type_registry as r where r.event_type = bench_emit_event.event_type""",
}
"""Functions that emit without checks, to separate the cost of the checks from that of any function."""


def ours() -> list[Emitter]:
    """Return the plain INSERT, `fn_iu_emit_event`, and two functions that show the parts of its cost."""
    empty = lambda server: server.fresh(DATABASE, installed(server))  # noqa: E731
    sql = _EMIT.replace("fn_iu_emit_event", _FUNCTION)
    return [
        Emitter(FLOOR, empty, _BARE, times=2),
        Emitter(OURS, empty, _EMIT, times=2),
        *(Emitter(name, _with_function(name), sql) for name in _FUNCTIONS),
    ]


def cases(emitters: list[Emitter], clients: list[int], seconds: float, bulks: int) -> list[Case]:
    """Return a case for each emitter and number of clients, and those of bulk emits."""
    made = [
        Case(
            "emit", one.system, str(count), one.prepare, pgbench(one.sql, count, seconds), times=one.times
        )
        for count in clients
        for one in emitters
    ]  # fmt: skip
    empty = lambda server: server.fresh(DATABASE, installed(server))  # noqa: E731
    for name, sql in _BULKS.items():
        made.append(Case("bulk", name, str(_BULK), empty, _bulk(sql, bulks), times=3))
    return made


def _with_function(name: str) -> Callable[[BenchServer], str]:
    def prepare(server: BenchServer) -> str:
        database = server.fresh(DATABASE, installed(server))
        with server.connect(database) as connection:
            connection.execute(
                f"""create function public.{_FUNCTION}(event_type text, canonical_address text,
                    subject_ref uuid, actor_ref text, safe_payload jsonb)
                returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
                #variable_conflict use_variable
                declare v_id uuid;
                begin
                    insert into public.event_outbox ({COLUMNS}) {_FUNCTIONS[name]}
                    returning event_id into v_id;
                    return v_id;
                end $$"""
            )
            connection.execute(f"alter function public.{_FUNCTION} owner to iu_owner")
        return database

    return prepare


def pgbench(sql: str, clients: int, seconds: float) -> Callable[[BenchServer, str], Outcome]:
    """Return a function that sends the statement from `clients` clients for `seconds` seconds."""

    def run(server: BenchServer, database: str) -> Outcome:
        program = server.program("pgbench")
        if program is None:
            return _pool(server, database, sql, clients, seconds)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("\\set i random(1, 1000000)\n" + " ".join(sql.split()) + ";\n")
            script.flush()
            done = _pgbench(program, Path(script.name), server.url(database), clients, seconds)
        count = int(re.findall(r"actually processed: (\d+)", done)[0])
        rate = float(re.findall(r"tps = ([\d.]+) \(without", done)[0])
        return Outcome(count, count, count / rate)

    return run


def _pgbench(program: Path, script: Path, url: str, clients: int, seconds: float) -> str:
    parts = urlsplit(url)
    command = [str(program), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
    command += ["-T", str(max(1, round(seconds))), "-f", str(script), "-h", str(parts.hostname)]
    command += ["-p", str(parts.port), "-U", str(parts.username), parts.path.lstrip("/")]
    environment = {**os.environ, "PGPASSWORD": parts.password or ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-200:])
    return done.stdout


def _pool(server: BenchServer, database: str, sql: str, clients: int, seconds: float) -> Outcome:
    """Do the same with a pool of processes, if there is no pgbench."""
    jobs = [(server.url(database), sql.replace("%", "%%").replace(":i::", "%s::"), seconds)] * clients
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        counts = pool.starmap(_emit_for, jobs)
    return Outcome(sum(counts), sum(counts), seconds, extra={"by": "process pool"})


def _emit_for(url: str, sql: str, seconds: float) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            connection.execute(sql, (count,), prepare=True)
            count += 1
    return count


_SELECTED: Final = """'iu', 'version_applied', 'update', 'immediate', canonical_address, 'information_unit',
    subject_ref, actor_ref, safe_payload"""
_BULKS: Final[dict[str, str]] = {
    "floor: INSERT … SELECT from JSON": f"""insert into public.event_outbox ({COLUMNS}) select {_SELECTED}
        from jsonb_to_recordset(%s::jsonb) as e (
            canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb)""",
    "INSERT … SELECT from a table": f"""insert into public.event_outbox ({COLUMNS}) select {_SELECTED}
        from staged where %s::jsonb is not null""",
    "iu bulk emit": "select count(*) from public.fn_iu_emit_events(%s::jsonb)",
}


def _bulk(sql: str, times: int) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            connection.execute(
                f"""create temp table staged as select 'version_applied' as event_type,
                    'BENCH/unit/' || i as canonical_address, gen_random_uuid() as subject_ref,
                    'bench' as actor_ref, {PAYLOAD} as safe_payload from generate_series(1, {_BULK}) as i"""
            )
            row = connection.execute("select jsonb_agg(to_jsonb(s)) from staged as s").fetchone()
            given = json.dumps(row[0] if row else [])
            begun = time.perf_counter()
            for _ in range(times):
                connection.execute(sql, (given,))
            return Outcome(times * _BULK, times, time.perf_counter() - begun)

    return run
