"""Cases of the route worker and its floor, of a poisoned event, of health and of the chain of batches."""

from __future__ import annotations

import statistics
import time
from typing import Any, Final, LiteralString

import psycopg

from bench.cases import Case, Outcome
from bench.meter import backend_cpu
from bench.server import BOTH, BenchServer, install

DATABASE: Final = "bench"
FLOOR: Final = "floor: INSERT … SELECT"
PAYLOAD: Final[LiteralString] = """jsonb_build_object(
    'unit_id', md5(i::text), 'op', 'update', 'rev', i, 'actor', 'agent.writer.' || mod(i, 7),
    'note', repeat('x', 56))"""
"""SQL for the payload of an event, about 200 bytes, with an integer i."""

COLUMNS: Final[LiteralString] = """event_domain, event_type, event_stream, delivery_lane, canonical_address,
    event_subject_table, event_subject_ref, actor_ref, safe_payload"""
_RUN: Final[LiteralString] = "select public.fn_iu_route_worker_run(%s, %s)"
WORKER: Final = "iu_outbound_default"
WARM: Final = 1
"""The number of batches before the clock starts, because a session compiles and plans only once."""


def cases(events: int, batches: list[int]) -> list[Case]:
    """Return the cases of floor, worker, poisoned event, health and chain of batches."""
    prepare = lambda server: server.fresh(DATABASE, loaded(server, events))  # noqa: E731
    made = []
    for batch in batches:
        for system, run in ((FLOOR, _floor(batch)), ("iu route worker", _worker(batch))):
            made.append(Case("route", system, str(batch), prepare, run, times=3, on=BOTH))
    made.append(Case("poison", "a clean batch", "10000", _poisonable(0), _second_batch))
    made.append(Case("poison", "one poisoned event", "10000", _poisonable(1), _second_batch))
    made.append(Case("health", "iu health", "", prepare, _health, on=BOTH))
    made.append(Case("chain", "the chain of batches", "1000", prepare, _chain))
    return made


def fill(
    connection: psycopg.Connection[Any], events: int, domain: str = "iu", kind: str = "version_applied"
) -> None:
    """Insert events of one type in one statement. Requires a superuser."""
    connection.execute(_fill_sql("%s"), (domain, kind, events))


def fill_mixed(connection: psycopg.Connection[Any], events: int, kind: LiteralString) -> None:
    """Insert events whose type is the SQL expression `kind` of the integer i."""
    connection.execute(_fill_sql(kind), ("iu", events))


def _fill_sql(kind: LiteralString) -> LiteralString:
    return f"""insert into public.event_outbox ({COLUMNS})
        select %s, {kind}, 'update', 'immediate', 'BENCH/unit/' || i, 'information_unit', gen_random_uuid(),
            'bench', {PAYLOAD}
        from generate_series(1, %s) as i"""


def warmed(begun: float, batches: int) -> float:
    """Return the seconds that all batches would have taken at the speed of those after the first."""
    return (time.perf_counter() - begun) * batches / max(batches - WARM, 1)


def installed(server: BenchServer) -> str:
    return server.template("bench_installed", lambda name: install(server, name))


def loaded(server: BenchServer, events: int) -> str:
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
            while (answer := invoke(connection, batch))["seen"]:
                seen, statements = seen + answer["attempts_written"], statements + 1
                if statements == WARM:
                    begun = time.perf_counter()
            return Outcome(seen, statements + 1, warmed(begun, statements))

    return run


def invoke(connection: psycopg.Connection[Any], batch: int) -> dict[str, Any]:
    """Run the worker once and return its answer."""
    row = connection.execute(_RUN, (WORKER, batch)).fetchone()
    assert row is not None
    return dict(row[0])


def buffers(connection: psycopg.Connection[Any], batch: int) -> float:
    """Return the number of buffers that a run of the worker reads."""
    row = connection.execute(
        f"""explain (analyze, buffers, format json)
        select public.fn_iu_route_worker_run('iu_outbound_default', {int(batch)})""",
        prepare=False,
    ).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return float(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _poisonable(poisoned: int) -> Any:
    """Prepare two batches of 10,000 events; `poisoned` events of the second have a live route, and fail."""

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
        invoke(connection, 10_000)
        begun = time.perf_counter()
        answer = invoke(connection, 10_000)
        seconds = time.perf_counter() - begun
        return Outcome(answer["seen"], 1, seconds, extra={"dead_lettered": answer["dead_lettered"]})


def _health(server: BenchServer, database: str) -> Outcome:
    """Measure health while all events wait, so the backlog is counted up to its cap."""
    with server.connect(database) as connection:
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            connection.execute("select public.fn_iu_route_worker_health()")
            times.append(time.perf_counter() - begun)
        median = statistics.median(times)
        return Outcome(1, 20, median, extra={"milliseconds": median * 1000})


def _chain(server: BenchServer, database: str) -> Outcome:
    """Measure the CPU time to make and verify one link of the chain, and that of a batch of 1,000."""
    with server.connect(database) as connection:
        invoke(connection, 1000)
        batches = [_cpu_us(connection, _RUN, (WORKER, 1000)) for _ in range(30)]
        hashed = _cpu_us(connection, _HASH) - _cpu_us(
            connection, _HASH.replace("public.fn_iu_batch_hash", "")
        )
        links = len(batches) + 1
        verified = _cpu_us(connection, "select public.fn_iu_audit_chain_verify(%s)", (WORKER,))
        batch = statistics.median(batches)
        made = hashed / links / _HASHES
    figures = {"made_us": made, "of_a_batch": made / batch, "verified_us": verified / links}
    return Outcome(links * 1000, links, extra=figures)


_HASHES: Final = 200
_HASH: Final = f"""select count(public.fn_iu_batch_hash(b))
from public.iu_route_batch as b cross join generate_series(1, {_HASHES})"""


def _cpu_us(connection: psycopg.Connection[Any], sql: str, parameters: tuple[Any, ...] = ()) -> float:
    """Return microseconds of the backend's CPU time, or of wall time where CPU time is unknown."""
    pid = connection.info.backend_pid
    cpu, begun = backend_cpu(pid), time.perf_counter()
    connection.execute(sql, parameters)
    seconds = time.perf_counter() - begun
    return ((backend_cpu(pid) or 0.0) - cpu if cpu is not None else seconds) * 1e6
