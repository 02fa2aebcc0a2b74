"""The cost of a batch, an emit, health, the backlog and a replay as the tables grow (`--scale`)."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from bench import audits
from bench.engine import DATABASE, PAYLOAD, buffers, fill
from bench.meter import backend_cpu
from bench.server import BenchServer, install
from bench.shapes import add_types

_WORKER: Final = "iu_outbound_default"
_BATCH: Final = 1000
_TIMED: Final = 25
_RUN: Final[LiteralString] = "select public.fn_iu_route_worker_run(%s, %s)"
_RUN_OF: Final[LiteralString] = "select public.fn_iu_route_worker_run(%s, %s, %s)"
_BACKLOG: Final[LiteralString] = """select public.fn_iu_cursor_backlog(c, 0, 10000)
from public.iu_route_worker_cursor as c where c.worker_name = 'iu_outbound_default'"""
_CHUNK: Final = 1_000_000


def measure(server: BenchServer, sizes: list[int], other: int, log: Path) -> None:
    """Measure every point of every curve, and append each to the log at once."""
    server.admin.execute(f"drop database if exists {DATABASE} with (force)")
    server.admin.execute(f"create database {DATABASE}")
    install(server, DATABASE)
    with server.connect(DATABASE) as connection:
        note = _noter(connection, log)
        held = 0
        for size in sizes:
            _grow(connection, size - held, "iu")
            held = size
            note("old events", size)
        _grow(connection, other, "other")
        note("beside another domain", other)
        with _routes(connection, 1000):
            note("registered routes", 1000, kinds=1000)
        with _fan(connection, 50):
            note("routes of one event", 50)
        with _idle_writer(server, connection):
            note("an idle writer, ids burned meanwhile", 1_000_000)
        with _workers(connection, 100):
            note("workers", 100)
        _letters(connection, 100_000)
        note("open dead letters", 100_000)


def _noter(connection: psycopg.Connection[Any], log: Path) -> Callable[..., None]:
    def note(curve: str, size: int, kinds: int = 1) -> None:
        point = {"curve": curve, "x": size} | _point(connection, kinds)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")
        print(f"{curve:40} {size:>12,} " + _said(point), flush=True)

    return note


def _said(point: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value:,.3g}" for name, value in point.items() if isinstance(value, float))


def _grow(connection: psycopg.Connection[Any], count: int, domain: str) -> None:
    """Add consumed events, with their attempts if the domain is that of the worker."""
    for begin in range(0, count, _CHUNK):
        size = min(_CHUNK, count - begin)
        row = connection.execute("select coalesce(max(event_seq), 0) from public.event_outbox").fetchone()
        fill(connection, size, domain)
        if domain == "iu":
            connection.execute(
                """insert into public.iu_route_attempt_log
                (batch_id, event_id, worker_no, route_no, route_version, decision)
                select 0, o.event_id, public.fn_iu_name_intern(%s), r.route_no, r.route_version, 'dry_run'
                from public.event_outbox as o
                inner join public.iu_outbound_route as r on r.event_type = o.event_type
                where o.event_domain = 'iu' and o.event_seq > %s
                order by o.event_seq""",
                (_WORKER, row[0] if row else 0),
            )
    connection.execute("select public.fn_iu_route_worker_seek(%s, 'latest', 'bench')", (_WORKER,))
    if count:
        connection.execute("vacuum analyze")
    connection.execute("checkpoint")


def _point(connection: psycopg.Connection[Any], kinds: int) -> dict[str, Any]:
    batches = _TIMED + 3
    share = batches * _BATCH // kinds
    for number in range(kinds):
        fill(connection, share, kind="version_applied" if kinds == 1 else f"bench_{number}")
    backlog = _median(connection, _BACKLOG)
    for _ in range(2):
        connection.execute(_RUN_OF, (_WORKER, _BATCH, "bench"))
    taken = [_timed(connection, _RUN, (_WORKER, _BATCH)) for _ in range(_TIMED)]
    point: dict[str, Any] = {
        "batch_ms": statistics.median(wall for wall, _ in taken),
        "batch_cpu_ms": statistics.median(cpu for _, cpu in taken),
        "batch_buffers": buffers(connection, _BATCH),
        "backlog_ms": backlog,
    }
    point["emit_ms"] = _median(
        connection,
        f"""select public.fn_iu_emit_event(
            'version_applied', 'BENCH/x', gen_random_uuid(), 'bench', {PAYLOAD})
        from (select 7 as i) as given""",
    )
    point["health_ms"] = _median(connection, "select public.fn_iu_route_worker_health()")
    point["pending_ms"] = _median(connection, "select public.fn_iu_route_worker_pending()")
    point["all_health_ms"] = _median(connection, "select count(*) from public.fn_iu_workers_status()")
    point["audit_ms"] = _audit(connection)
    _letters(connection, 30)
    point["replay_ms"] = _median(
        connection,
        """select public.fn_iu_route_dead_letter_replay((
            select dead_letter_id from public.iu_route_dead_letter where resolution is null
            order by next_replay_at limit 1))""",
    )
    while _answer(connection)["seen"]:
        pass
    return point


def _audit(connection: psycopg.Connection[Any]) -> dict[str, float]:
    """Measure each query of the attempts whose function exists."""
    answers = {}
    for name in audits.QUESTIONS:
        try:
            answers[name] = audits.ask(connection, name)
        except psycopg.errors.UndefinedFunction as missing:
            print(f"not measured: {name}: {missing.diag.message_primary}", flush=True)
    return answers


def _answer(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    row = connection.execute(_RUN, (_WORKER, 10_000)).fetchone()
    return dict(row[0]) if row else {}


def _timed(
    connection: psycopg.Connection[Any], sql: str, parameters: tuple[Any, ...] = ()
) -> tuple[float, float]:
    """Return milliseconds of wall time and of the backend's CPU time."""
    pid = connection.info.backend_pid
    cpu, begun = backend_cpu(pid) or 0.0, time.perf_counter()
    connection.execute(sql, parameters)
    return (time.perf_counter() - begun) * 1000, ((backend_cpu(pid) or 0.0) - cpu) * 1000


def _median(connection: psycopg.Connection[Any], sql: str) -> float:
    for _ in range(6):
        connection.execute(sql)
    return statistics.median(_timed(connection, sql)[0] for _ in range(20))


@contextmanager
def _routes(connection: psycopg.Connection[Any], count: int) -> Iterator[None]:
    """Add `count` event types, each with its own route."""
    add_types(connection, count)
    yield
    connection.execute("update public.iu_outbound_route set enabled = false where route_code like 'bench.%'")


@contextmanager
def _fan(connection: psycopg.Connection[Any], count: int) -> Iterator[None]:
    """Add routes to one event type, up to `count`."""
    connection.execute(
        """insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
        select 'fan.' || n, 'version_applied', true, 'workflow', 'bench' from generate_series(2, %s) as n""",
        (count,),
    )
    yield
    connection.execute("update public.iu_outbound_route set enabled = false where route_code like 'fan.%'")


@contextmanager
def _workers(connection: psycopg.Connection[Any], count: int) -> Iterator[None]:
    """Add workers of the domain, up to `count`, with their cursors at the newest event."""
    connection.execute(
        """select public.fn_iu_route_worker_seek('bench_' || n, 'latest', 'bench')
        from generate_series(2, %s) as n""",
        (count,),
    )
    yield


@contextmanager
def _idle_writer(server: BenchServer, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Keep a transaction open that has emitted, while another session consumes a million transaction ids."""
    with server.connect(DATABASE) as idle:
        idle.execute("begin")
        fill(idle, 1)
        connection.execute("create temp table burned (n int)")
        connection.execute(
            """do $burn$ begin for n in 1..1000000 loop
                begin insert into burned values (n); exception when others then raise; end;
                if n % 1000 = 0 then commit; end if;
            end loop; end $burn$"""
        )
        yield
        idle.execute("commit")


def _letters(connection: psycopg.Connection[Any], count: int) -> None:
    connection.execute(
        """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, next_replay_at)
        select o.event_id, 'iu.version_applied.workflow', 'bench:' || gen_random_uuid(), clock_timestamp()
        from (
            select e.event_id from public.event_outbox as e
            where e.event_domain = 'iu' and e.event_type = 'version_applied' and not exists (
                select from public.iu_route_dead_letter as l where l.event_id = e.event_id
            ) order by e.event_seq desc limit %s
        ) as o""",
        (count,),
    )
