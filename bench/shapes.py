"""Batches of 1,000 in different shapes, each with its floor, and batches of one event.

The floor is an INSERT … SELECT of the same attempts. Only the batches are measured, not what a round needs
before them (events, an open transaction).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from bench.cases import Case, Outcome
from bench.engine import DATABASE, WARM, fill, fill_mixed, invoke, loaded
from bench.meter import Watch
from bench.server import BOTH, BenchServer, install

FLOOR: Final = "floor of the same shape"
WORKER: Final = "iu route worker"
SHAPES: Final = "shapes"
_BATCH: Final = 1000
_TYPES: Final = 1000
_FAILING: Final = 100
_ROUNDS: Final = 12

Span: TypeAlias = tuple[int, int]
"""The events with an event_seq greater than the first number and at most the second."""
Round: TypeAlias = Callable[[BenchServer, psycopg.Connection[Any], bool], AbstractContextManager[list[Span]]]


@contextmanager
def _next(server: BenchServer, connection: psycopg.Connection[Any], work: bool) -> Iterator[list[Span]]:
    """Yield the next batch of waiting events; for the floor, from the batches that it has written."""
    row = connection.execute(
        """select coalesce((select max(batch_id) from public.iu_floor), (
            select min(event_seq) - 1 from public.event_outbox where event_domain = 'iu'))"""
    ).fetchone()
    after = int(row[0]) if row else 0
    yield [(after, after + _BATCH)]


@contextmanager
def _late(server: BenchServer, connection: psycopg.Connection[Any], work: bool) -> Iterator[list[Span]]:
    """Yield 1,000 events that are committed after the worker has read later ones, and 1,000 others."""
    with server.connect(DATABASE) as writer, server.connect(DATABASE) as other:
        writer.execute("begin")
        fill(writer, _BATCH)
        late = _newest(writer)
        fill(other, 1)
        drain(connection, work)
        fill(other, _BATCH)
        writer.execute("commit")
        normal = _newest(other)
        yield [(late - _BATCH, late), (normal - _BATCH, normal)]
    drain(connection, work)


@contextmanager
def _own(server: BenchServer, connection: psycopg.Connection[Any], work: bool) -> Iterator[list[Span]]:
    """Yield 1,000 events that the transaction of the run has emitted."""
    connection.execute("begin")
    fill(connection, _BATCH)
    newest = _newest(connection)
    yield [(newest - _BATCH, newest)]
    connection.execute("commit")
    drain(connection, work)


def drain(connection: psycopg.Connection[Any], work: bool = True) -> None:
    """Run the worker until no event waits."""
    while work and invoke(connection, 10_000)["seen"]:
        pass


def _newest(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select max(event_seq) from public.event_outbox").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Shape:
    """A shape of batches: routes per type, types of the events, and what a round does before its batch."""

    name: str
    routes: int = 1
    kind: LiteralString = "'version_applied'"
    analysed: bool = True
    failing: bool = False
    round: Round = field(default=_next)
    batches: int = 1

    @property
    def slug(self) -> str:
        return "shape_" + "".join(letter if letter.isalnum() else "_" for letter in self.name)


ONE_EVENT: Final = "iu route worker, one event"
ONES: Final[dict[str, LiteralString]] = {
    ONE_EVENT: f"""select public.fn_iu_route_worker_run(
        'iu_outbound_default', {_BATCH}) ->> 'attempts_written'""",
    "an update of one row": """update public.iu_route_attempt_tally set attempts = attempts
        where tally_key = 'iu_outbound_default' returning '1'""",
}
"""A batch of one event, and for comparison the smallest transaction that writes."""
_FAILING_KIND: Final[LiteralString] = f"""case when mod(i, {_FAILING}) = 0 then 'structure_piece_split'
    else 'version_applied' end"""
ALL: Final = (
    Shape("1 route a type"),
    Shape("2 routes a type", routes=2),
    Shape("16 routes a type", routes=16),
    Shape("50 routes a type", routes=50),
    Shape("1,000 types", kind=f"'bench_' || mod(i, {_TYPES})"),
    Shape("1,000 types, never analysed", kind=f"'bench_' || mod(i, {_TYPES})", analysed=False),
    Shape("late transaction", round=_late, batches=2),
    Shape("own events", round=_own),
    Shape("1 in 100 fails", kind=_FAILING_KIND, failing=True),
)


def cases(rounds: int = _ROUNDS) -> list[Case]:
    """Return the cases of each shape and its floor, and of the batch of one event, on both settings."""
    made = []
    for shape in ALL:
        for system, run in ((FLOOR, _floor), (WORKER, _worker)):
            made.append(
                Case(
                    SHAPES, system, shape.name, _prepared(shape, rounds), _rounds(shape, rounds, run),
                    on=BOTH,
                )
            )  # fmt: skip
    prepare = lambda server: server.fresh(DATABASE, loaded(server, _BATCH))  # noqa: E731
    for system, statement in ONES.items():
        made.append(Case("one", system, "1", prepare, _ones(statement, 20 * rounds), on=BOTH))
    return made


def _prepared(shape: Shape, rounds: int) -> Callable[[BenchServer], str]:
    def load(server: BenchServer, name: str) -> None:
        install(server, name)
        with server.connect(name) as connection:
            connection.execute(
                "create table public.iu_floor (like public.iu_route_attempt_log including all)"
            )
            if not shape.analysed:
                _never_analyse(connection)
            _configure(connection, shape)
            if shape.round is _next:
                fill_mixed(connection, (rounds + WARM) * _BATCH, shape.kind)
            if shape.analysed:
                connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        template = server.template(f"{shape.slug}_{rounds}", lambda name: load(server, name))
        return server.fresh(DATABASE, template)

    return prepare


def _never_analyse(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        """select format('alter table %s set (autovacuum_enabled = off)', c.oid::regclass)
        from pg_class as c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace"""
    )
    for (statement,) in rows.fetchall():
        connection.execute(statement)


def _configure(connection: psycopg.Connection[Any], shape: Shape) -> None:
    """Create the routes and types of the shape."""
    connection.execute(
        """insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
        select 'fan.' || n, 'version_applied', true, 'workflow', 'bench' from generate_series(2, %s) as n""",
        (shape.routes,),
    )
    if "bench_" in shape.kind:
        add_types(connection, _TYPES)
    if shape.failing:
        connection.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
        connection.execute(
            """update public.iu_outbound_route set dry_run = false
            where event_type = 'structure_piece_split'"""
        )


def add_types(connection: psycopg.Connection[Any], count: int) -> None:
    """Register the types bench_0, bench_1, …, each with its own route."""
    connection.execute(
        """insert into public.event_type_registry (event_type, event_stream, delivery_lane)
        select 'bench_' || n, 'update', 'immediate' from generate_series(0, %s) as n""",
        (count - 1,),
    )
    connection.execute(
        """insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
        select 'bench.' || n, 'bench_' || n, true, 'workflow', 'bench' from generate_series(0, %s) as n""",
        (count - 1,),
    )


Run: TypeAlias = Callable[[psycopg.Connection[Any], Watch, Shape, list[Span]], int]


def _rounds(shape: Shape, rounds: int, run: Run) -> Callable[[BenchServer, str], Outcome]:
    """Return a function that runs rounds of the shape. The first warms the session up and does not count."""

    def measured(server: BenchServer, database: str) -> Outcome:
        attempts = 0
        with server.connect(database) as connection:
            watch = Watch(server, connection)
            for number in range(rounds + WARM):
                if number == WARM:
                    watch.reset()
                with shape.round(server, connection, run is _worker) as spans:
                    written = run(connection, watch, shape, spans)
                attempts += written if number >= WARM else 0
        wanted = rounds * shape.batches * _BATCH * shape.routes
        if attempts != wanted:
            raise RuntimeError(f"{attempts} attempts of {wanted}")
        return Outcome(attempts, rounds * shape.batches, watch.seconds, watch.cpu, watch.wal)

    return measured


def _worker(connection: psycopg.Connection[Any], watch: Watch, shape: Shape, spans: list[Span]) -> int:
    written = 0
    for _ in spans:
        with watch:
            answer = invoke(connection, _BATCH)
        written += answer["attempts_written"]
    return written


def _floor(connection: psycopg.Connection[Any], watch: Watch, shape: Shape, spans: list[Span]) -> int:
    """Insert the same rows with INSERT … SELECT; batch_id records the last event_seq of the batch."""
    written = 0
    for after, last in spans:
        with watch:
            written += connection.execute(_FLOOR_SQL, (last, shape.routes, after, last)).rowcount
    return written


_FLOOR_SQL: Final[LiteralString] = """insert into public.iu_floor
    (batch_id, event_id, worker_no, route_no, route_version, decision, error_code)
select %s, o.event_id, 1, r.route_no, 1,
    case o.event_type when 'structure_piece_split' then 'failed' else 'dry_run' end,
    case o.event_type when 'structure_piece_split' then 'worker_process_error' end
from public.event_outbox as o cross join generate_series(1, %s) as r (route_no)
where o.event_domain = 'iu' and o.event_seq > %s and o.event_seq <= %s order by o.event_seq"""


def _ones(statement: LiteralString, count: int) -> Callable[[BenchServer, str], Outcome]:
    """Return a function that repeatedly emits one event and sends the statement on another connection."""

    def run(server: BenchServer, database: str) -> Outcome:
        with server.connect(database) as connection, server.connect(database) as emitter:
            drain(connection)
            watch = Watch(server, connection)
            for number in range(count + 20):
                if number == 20:
                    watch.reset()
                fill(emitter, 1)
                with watch:
                    answer = connection.execute(statement).fetchone()
                if answer is None or answer[0] != "1":
                    raise RuntimeError(f"{statement} returned {answer}, not 1")
            return Outcome(count, count, watch.seconds, watch.cpu, watch.wal)

    return run
