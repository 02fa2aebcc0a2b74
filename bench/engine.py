"""The cases of the engine and of its floors."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString
from urllib.parse import urlsplit

import psycopg

from bench.cases import Case, Outcome
from bench.meter import backend_cpu
from bench.server import BenchServer, install

DATABASE: Final = "bench"
PAYLOAD: Final[LiteralString] = """jsonb_build_object(
    'unit_id', md5(i::text), 'op', 'update', 'rev', i, 'actor', 'agent.writer.' || mod(i, 7),
    'note', repeat('x', 56))"""
"""An event's payload, some 200 bytes, of an integer i."""

_COLUMNS: Final[LiteralString] = """event_domain, event_type, event_stream, delivery_lane, canonical_address,
    event_subject_table, event_subject_ref, actor_ref, safe_payload"""
_RUN: Final[LiteralString] = "select public.fn_iu_route_worker_run(%s, %s)"
_WORKER: Final = "iu_outbound_default"
_BULK: Final = 1000
WARM: Final = 1
"""So many batches pass before the clock starts: a session compiles and plans once, not once a batch."""


def cases(
    server: BenchServer, events: int, batches: list[int], clients: list[int], seconds: float
) -> list[Case]:
    """Floor, worker, emit, bulk emit, the poisoned event, health and the chain of batches."""
    loaded = lambda server: server.fresh(DATABASE, _loaded(server, events))  # noqa: E731
    empty = lambda server: server.fresh(DATABASE, _installed(server))  # noqa: E731
    made = []
    for batch in batches:
        made.append(Case("route", "floor: INSERT … SELECT", str(batch), loaded, _floor(batch), times=3))
        made.append(Case("route", "iu route worker", str(batch), loaded, _worker(batch), times=3))
    for count in clients:
        for name, sql in (("floor: INSERT", _BARE), ("iu emit", _EMIT)):
            made.append(Case("emit", name, str(count), empty, _pgbench(sql, count, seconds), times=2))
        for name in _FUNCTIONS:
            sql = _EMIT.replace("fn_iu_emit_event", _FUNCTION)
            prepare = _with_function(name)
            made.append(Case("emit", name, str(count), prepare, _pgbench(sql, count, seconds), times=2))
    for name, sql in _BULKS.items():
        run = _bulk(sql, max(5, events // _BULK // 2))
        made.append(Case("bulk", name, str(_BULK), empty, run, times=3))
    made.append(Case("poison", "a clean batch", "10000", _poisonable(0), _second_batch))
    made.append(Case("poison", "one poisoned event", "10000", _poisonable(1), _second_batch))
    made.append(Case("health", "iu health", "", loaded, _health))
    made.append(Case("chain", "the chain of batches", "1000", loaded, _chain))
    return made


def fill(
    connection: psycopg.Connection[Any], events: int, domain: str = "iu", kind: str = "version_applied"
) -> None:
    """Write events as emitters would have, set-based; superuser only."""
    connection.execute(
        f"""insert into public.event_outbox ({_COLUMNS})
        select %s, %s, 'update', 'immediate', 'BENCH/unit/' || i, 'information_unit', gen_random_uuid(),
            'bench', {PAYLOAD}
        from generate_series(1, %s) as i""",
        (domain, kind, events),
    )


def warmed(begun: float, batches: int) -> float:
    """The seconds that all batches would have taken at the pace of those after the first."""
    return (time.perf_counter() - begun) * batches / max(batches - WARM, 1)


def _installed(server: BenchServer) -> str:
    return server.template("bench_installed", lambda name: install(server, name))


def _loaded(server: BenchServer, events: int) -> str:
    def load(name: str) -> None:
        install(server, name)
        with server.connect(name) as connection:
            fill(connection, events)
            connection.execute(
                "create table public.iu_floor (like public.iu_route_attempt_log including all)"
            )
            connection.execute("vacuum analyze")

    return server.template(f"bench_loaded_{events}", load)


def _floor(batch: int) -> Any:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            after, last = connection.execute(
                "select min(event_seq) - 1, max(event_seq) from public.event_outbox where event_domain = 'iu'"
            ).fetchone() or (0, 0)
            ends = range(after + batch, last + 1, batch)
            begun = time.perf_counter()
            for number, end in enumerate(ends):
                if number == WARM:
                    begun = time.perf_counter()
                connection.execute(
                    """insert into public.iu_floor
                    (batch_id, event_id, worker_no, route_no, route_version, decision)
                    select 1, event_id, 1, 1, 1, 'dry_run' from public.event_outbox
                    where event_domain = 'iu' and event_seq > %s and event_seq <= %s order by event_seq""",
                    (after, end),
                )
                after = end
            return Outcome(len(ends) * batch, len(ends), warmed(begun, len(ends)))

    return run


def _worker(batch: int) -> Any:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            begun, seen, statements = time.perf_counter(), 0, 0
            while (answer := _invoke(connection, batch))["seen"]:
                seen, statements = seen + answer["attempts_written"], statements + 1
                if statements == WARM:
                    begun = time.perf_counter()
            return Outcome(seen, statements + 1, warmed(begun, statements))

    return run


def _invoke(connection: psycopg.Connection[Any], batch: int) -> dict[str, Any]:
    row = connection.execute(_RUN, (_WORKER, batch)).fetchone()
    assert row is not None
    return dict(row[0])


_BARE: Final = f"""insert into public.event_outbox ({_COLUMNS})
select 'iu', 'version_applied', 'update', 'immediate', 'BENCH/unit/' || i, 'information_unit',
    gen_random_uuid(), 'bench', {PAYLOAD} from (select :i::int as i) as given returning event_id;"""
_EMIT: Final = f"""select public.fn_iu_emit_event(
    'version_applied', 'BENCH/unit/' || i, gen_random_uuid(), 'bench', {PAYLOAD})
from (select :i::int as i) as given;"""


_FUNCTION: Final = "bench_emit_event"
_FUNCTIONS: Final[dict[str, str]] = {
    "a definer's function: INSERT": """values ('iu', event_type, 'update', 'immediate', canonical_address,
        'information_unit', subject_ref, actor_ref, safe_payload)""",
    "the same, with the type looked up": """select r.event_domain, r.event_type, r.event_stream,
        r.delivery_lane, canonical_address, r.event_subject_table, subject_ref, actor_ref, safe_payload
        from public.event_type_registry as r where r.event_type = bench_emit_event.event_type""",
}
"""What an emit consists of, without a look at what is emitted: what any function would cost."""


def _with_function(name: str) -> Callable[[BenchServer], str]:
    def prepare(server: BenchServer) -> str:
        database = server.fresh(DATABASE, _installed(server))
        with server.connect(database) as connection:
            connection.execute(
                f"""create function public.{_FUNCTION}(event_type text, canonical_address text,
                    subject_ref uuid, actor_ref text, safe_payload jsonb)
                returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
                #variable_conflict use_variable
                declare v_id uuid;
                begin
                    insert into public.event_outbox ({_COLUMNS}) {_FUNCTIONS[name]}
                    returning event_id into v_id;
                    return v_id;
                end $$"""  # type: ignore[arg-type]
            )
            connection.execute(f"alter function public.{_FUNCTION} owner to iu_owner")  # type: ignore[arg-type]
        return database

    return prepare


def _pgbench(sql: str, clients: int, seconds: float) -> Any:
    def run(server: BenchServer, database: str) -> Outcome:
        program = server.program("pgbench")
        if program is None:
            return _pool(server, database, sql, clients, seconds)
        url = urlsplit(server.url(database))
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("\\set i random(1, 1000000)\n" + sql.replace("\n", " ") + "\n")
            script.flush()
            command = [str(program), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
            command += ["-T", str(max(1, round(seconds))), "-f", script.name, "-h", str(url.hostname)]
            command += ["-p", str(url.port), "-U", str(url.username), database]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PGPASSWORD": url.password or ""},
            ).stdout
        count = int(re.search(r"actually processed: (\d+)", done)[1])  # type: ignore[index]
        rate = float(re.search(r"tps = ([\d.]+) \(without", done)[1])  # type: ignore[index]
        return Outcome(count, count, count / rate)

    return run


def _pool(server: BenchServer, database: str, sql: str, clients: int, seconds: float) -> Outcome:
    """The same by a pool of processes, where there is no pgbench."""
    jobs = [(server.url(database), sql.replace(":i", "%s"), seconds)] * clients
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        counts = pool.starmap(_emit_for, jobs)
    return Outcome(sum(counts), sum(counts), seconds, {"by": "process pool"})


def _emit_for(url: str, sql: str, seconds: float) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            connection.execute(sql, (count,), prepare=True)  # type: ignore[arg-type]
            count += 1
    return count


_SELECTED: Final = """'iu', 'version_applied', 'update', 'immediate', canonical_address, 'information_unit',
    subject_ref, actor_ref, safe_payload"""
_BULKS: Final[dict[str, str]] = {
    "floor: INSERT … SELECT from JSON": f"""insert into public.event_outbox ({_COLUMNS}) select {_SELECTED}
        from jsonb_to_recordset(%s::jsonb) as e (
            canonical_address text, subject_ref uuid, actor_ref text, safe_payload jsonb)""",
    "INSERT … SELECT from a table": f"""insert into public.event_outbox ({_COLUMNS}) select {_SELECTED}
        from staged where %s::jsonb is not null""",
    "iu bulk emit": "select count(*) from public.fn_iu_emit_events(%s::jsonb)",
}


def _bulk(sql: str, times: int) -> Any:
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
                connection.execute(sql, (given,))  # type: ignore[arg-type]
            return Outcome(times * _BULK, times, time.perf_counter() - begun)

    return run


def _poisonable(poisoned: int) -> Any:
    """Two batches of 10,000, with a route that is live for the last event of the second, if any."""

    def load(server: BenchServer, name: str) -> None:
        install(server, name)
        with server.connect(name) as connection:
            connection.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
            connection.execute(
                """update public.iu_outbound_route set dry_run = false
                where event_type = 'structure_piece_split'"""
            )
            fill(connection, 15_000)
            fill(connection, poisoned, kind="structure_piece_split")
            fill(connection, 5_000 - poisoned)
            connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        template = server.template(f"bench_poison_{poisoned}", lambda name: load(server, name))
        return server.fresh(DATABASE, template)

    return prepare


def _second_batch(server: BenchServer, database: str) -> Outcome:
    with server.connect(database) as connection:
        _invoke(connection, 10_000)
        begun = time.perf_counter()
        answer = _invoke(connection, 10_000)
        seconds = time.perf_counter() - begun
        return Outcome(answer["seen"], 1, seconds, {"dead_lettered": answer["dead_lettered"]})


def _health(server: BenchServer, database: str) -> Outcome:
    """Its cost with the whole load waiting: the backlog is counted up to its cap."""
    with server.connect(database) as connection:
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            connection.execute("select public.fn_iu_route_worker_health()")
            times.append(time.perf_counter() - begun)
        median = statistics.median(times)
        return Outcome(1, 20, median, {"milliseconds": median * 1000})


def _chain(server: BenchServer, database: str) -> Outcome:
    """The CPU of a link of the chain, made and verified, beside that of a batch of 1,000."""
    with server.connect(database) as connection:
        _invoke(connection, 1000)
        batches = [_cpu_us(connection, _RUN, (_WORKER, 1000)) for _ in range(30)]
        hashed = _cpu_us(connection, _HASH) - _cpu_us(
            connection, _HASH.replace("public.fn_iu_batch_hash", "")
        )
        links = len(batches) + 1
        verified = _cpu_us(connection, "select public.fn_iu_audit_chain_verify(%s)", (_WORKER,))
        batch = statistics.median(batches)
        made = hashed / links / _HASHES
    figures = {"made_us": made, "of_a_batch": made / batch, "verified_us": verified / links}
    return Outcome(links * 1000, links, extra=figures)


_HASHES: Final = 200
_HASH: Final = f"""select count(public.fn_iu_batch_hash(b))
from public.iu_route_batch as b cross join generate_series(1, {_HASHES})"""


def _cpu_us(connection: psycopg.Connection[Any], sql: str, parameters: tuple[Any, ...] = ()) -> float:
    """Microseconds of the backend's CPU, or of the clock where the system does not tell."""
    pid = connection.info.backend_pid
    cpu, begun = backend_cpu(pid), time.perf_counter()
    connection.execute(sql, parameters)  # type: ignore[arg-type]
    seconds = time.perf_counter() - begun
    return ((backend_cpu(pid) or 0.0) - cpu if cpu is not None else seconds) * 1e6
