"""Queries of the attempts by the documented functions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

import psycopg

from bench.cases import Case, Outcome
from bench.engine import DATABASE, WORKER, fill
from bench.server import BOTH, BenchServer, install

QUESTIONS: Final[dict[str, tuple[LiteralString, LiteralString]]] = {
    "newest 20": ("fn_iu_attempts_newest", "20"),
    "by event": ("fn_iu_attempts_by_event", "a.event_id"),
    "by batch": ("fn_iu_attempts_by_batch", "b.batch_id"),
    "by run": ("fn_iu_attempts_by_run", "b.run_ref"),
    "by idempotency key": ("fn_iu_attempts_by_key", "a.idempotency_key"),
}
"""Each query, its function and the argument: `a` is an attempt of the middle, `b` a batch of a run."""
_BATCH: Final = 1000
_BATCHES_A_RUN: Final = 5
_ASKED: Final = 20


def cases(attempts: int) -> list[Case]:
    """Return a case for each query, in a table of `attempts` attempts that the worker has written."""

    def load(server: BenchServer, name: str) -> None:
        install(server, name)
        with server.connect(name) as connection:
            fill(connection, attempts)
            connection.execute("vacuum analyze")
            work(connection)
            connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        template = server.template(f"bench_audit_{attempts}", lambda name: load(server, name))
        return server.fresh(DATABASE, template)

    return [Case("audit", name, f"{attempts:,}", prepare, _asked(name), on=BOTH) for name in QUESTIONS]


def work(connection: psycopg.Connection[Any]) -> None:
    """Run the worker until no event waits, with several batches under one run_ref."""
    batches, seen = 0, True
    while seen:
        row = connection.execute(
            "select public.fn_iu_route_worker_run(%s, %s, %s)",
            (WORKER, _BATCH, f"bench-{batches // _BATCHES_A_RUN}"),
        ).fetchone()
        seen, batches = bool(row and row[0]["seen"]), batches + 1


def _asked(name: str) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection:
            milliseconds = ask(connection, name)
        return Outcome(1, _ASKED, milliseconds / 1000, extra={"milliseconds": milliseconds})

    return run


def ask(connection: psycopg.Connection[Any], name: str) -> float:
    """Return the median milliseconds of one query."""
    function, argument = QUESTIONS[name]
    statement = f"select count(*) from public.{function}(%s)"
    given = _given(connection, argument)
    taken = []
    for _ in range(_ASKED):
        begun = time.perf_counter()
        row = connection.execute(statement, (given,)).fetchone()
        taken.append((time.perf_counter() - begun) * 1000)
        if not row or not row[0]:
            raise RuntimeError(f"{name}: {function}({given}) found nothing")
    return statistics.median(taken)


def _given(connection: psycopg.Connection[Any], argument: LiteralString) -> Any:
    """Return the argument of a query, from the middle event and the middle batch that has a run_ref."""
    row = connection.execute(
        f"""select {argument} from (
            select o.event_id, public.fn_iu_idempotency_key(%s, o.event_id, r.route_code) as idempotency_key
            from public.event_outbox as o
            inner join public.iu_outbound_route as r on r.event_type = o.event_type and r.enabled
            where o.event_domain = 'iu' and o.event_seq >= (
                select (min(event_seq) + max(event_seq)) / 2 from public.event_outbox
                where event_domain = 'iu'
            ) order by o.event_seq limit 1
        ) as a cross join (
            select batch_id, run_ref from public.iu_route_batch where run_ref is not null
            order by batch_id offset (select count(run_ref) / 2 from public.iu_route_batch) limit 1
        ) as b""",
        (WORKER,),
    ).fetchone()
    return None if row is None else row[0]
