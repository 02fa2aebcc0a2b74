"""The cost of an audited delivery in SQL: the claim with its intent, and the record of its outcome.

The sender is simulated: it claims a batch, sends nothing, and records `sent` for all of it. So the figures
are those of the protocol alone: claim, intent, promotion, outcome, settling and chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import psycopg

from bench.cases import Case, Outcome
from bench.engine import COLUMNS, DATABASE, PAYLOAD
from bench.meter import Watch
from bench.server import BenchServer, install

GROUP: Final = "delivery"
OURS: Final = "iu claim and record"
EMPTY: Final = "empty queue"
_BATCH: Final = 200
LOGIN: Final = "iu_bench_sender"
PASSWORD: Final = "of-the-benchmark"
_ROUTES: Final = """
with target as (
    insert into public.iu_delivery_target (target_name, kind, address)
    values ('bench', 'webhook', 'https://receiver.example/') returning *
),
granted as (
    insert into public.iu_delivery_target_sender (target_no, login) select target_no, %(login)s from target
),
route as (
    insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
    select 'bench.' || n, 'version_applied', true, t.kind, t.target_name
    from target as t cross join generate_series(1, %(routes)s) as n returning *
),
promoted as (
    insert into public.iu_route_promotion (
        route_no, route_code, route_version, target_no, target_version, configuration_hash, share,
        max_failure_share, valid_for, deployment, system_identifier, anchor_key, queued, evidence, reason,
        proposed_by, previous_hash, row_hash
    )
    select r.route_no, r.route_code, r.route_version, t.target_no, t.target_version,
        public.fn_iu_promotion_configuration(r.event_type), 1, 1, '1 day', 'bench', c.system_identifier,
        a.anchor_key, 'deliver', '{}', 'bench', 'bench', '', ''
    from route as r cross join target as t
    cross join pg_control_system() as c cross join public.fn_iu_cluster_newest() as a
    returning *
)
insert into public.iu_delivery_route (
    route_no, route_code, event_type, event_domain, target_no, promotion_no, expires_at
)
select route_no, route_code, 'version_applied', 'iu', target_no, promotion_no, clock_timestamp() + valid_for
from promoted
"""
_SETTLED: Final = """
with claimed as (
    insert into public.iu_delivery_claim (
        ledger_no, event_seq, event_id, subject, subject_no, route_no, attempt_no, promotion_no, body_hash
    )
    select n / 200, n, gen_random_uuid(), gen_random_uuid(), n, r.route_no, 1, r.promotion_no,
        sha256(int8send(n))
    from generate_series(1, %(count)s::bigint) as n
    cross join (select * from public.iu_delivery_route limit 1) as r
    returning claim_id, ledger_no
)
insert into public.iu_delivery_outcome (claim_id, ledger_no, status_code, latency_ms, stale, decision)
select claim_id, ledger_no, 200, 5, false, 'sent' from claimed
"""
_CURSOR: Final = """
select (public.fn_iu_cursor_make('live:' || route_no, event_domain, 'delivery')).worker_name
from public.iu_delivery_route
"""
_ENQUEUE: Final = "select public.fn_iu_delivery_enqueue('bench.1', 10000)"
_EVENTS: Final = f"""
insert into public.event_outbox ({COLUMNS})
select 'iu', 'version_applied', 'update', 'immediate', 'BENCH/unit/' || i, 'information_unit',
    case when i <= %(one)s then '00000000-0000-0000-0000-000000000001' else gen_random_uuid() end, 'bench',
    {PAYLOAD}
from generate_series(1, %(count)s) as i
"""
_QUEUE: Final = """
insert into public.iu_delivery (
    route_no, event_seq, event_id, subject, promotion_no, route_version, target_version, shard, is_head
)
select r.route_no, o.event_seq, o.event_id, o.event_subject_ref, r.promotion_no, p.route_version,
    p.target_version, public.fn_iu_delivery_shard(o.event_subject_ref),
    row_number() over (partition by r.route_no, o.event_subject_ref order by o.event_seq) = 1
from (select o.*, row_number() over (order by event_seq) as place from public.event_outbox as o) as o
inner join (
    select r.*, row_number() over (order by route_no) - 1 as place, count(*) over () as routes
    from public.iu_delivery_route as r
) as r on r.place = mod(o.place, r.routes)
inner join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
order by o.event_seq
"""


def cases(settled: int, queued: int, measured: int) -> list[Case]:
    """Return the cases: an empty queue, and beside many settled or queued deliveries, or 1,000 routes."""
    one = queued // 10
    return [
        _case(EMPTY, measured, {}),
        _case(f"{settled:,} settled", measured, {"settled": settled}),
        _case(f"{queued:,} queued, {one:,} of one subject", measured, {"queued": queued, "one": one}),
        _case("1,000 routes", measured, {"routes": 1000}),
    ]


def _case(label: str, measured: int, world: dict[str, int]) -> Case:
    key = "_".join(f"{name}{value}" for name, value in sorted(world.items())) or "empty"

    def prepare(server: BenchServer) -> str:
        template = server.template(
            f"bench_delivery_{key}_{measured}", lambda name: _load(server, name, measured, **world)
        )
        return server.fresh(DATABASE, template)

    return Case(GROUP, OURS, label, prepare, _delivered(measured))


def _load(
    server: BenchServer, name: str, measured: int, *, settled: int = 0, queued: int = 0, one: int = 0,
    routes: int = 1,
) -> None:  # fmt: skip
    with _world(server, name, routes) as connection:
        if settled:
            connection.execute(_SETTLED, {"count": settled})
        connection.execute(_EVENTS, {"count": max(queued, measured), "one": one})
        connection.execute(_QUEUE)
        connection.execute("vacuum analyze")


def load(server: BenchServer, name: str, events: int, *, enqueued: bool) -> None:
    """Fill a database with events of one live route, each of a subject of its own; perhaps enqueue them."""
    with _world(server, name, 1) as connection:
        connection.execute(_CURSOR)
        connection.execute(_EVENTS, {"count": events, "one": 0})
        connection.execute("vacuum analyze")
        connection.execute("set iu.deployment = 'bench'")
        while enqueued:
            row = connection.execute(_ENQUEUE).fetchone()
            if row is None or row[0]["status"] != "ran":
                raise RuntimeError(f"enqueue answered {row and row[0]}")
            enqueued = row[0]["seen"] > 0
        connection.execute("vacuum analyze")


@contextmanager
def _world(server: BenchServer, name: str, routes: int) -> Iterator[psycopg.Connection[Any]]:
    """Install the module, with a login that delivers, and live routes that the owner promoted."""
    install(server, name, "delivery")
    with server.connect(name) as connection:
        if not connection.execute("select 1 from pg_roles where rolname = %s", (LOGIN,)).fetchone():
            connection.execute(f"create role {LOGIN} login password '{PASSWORD}'")
        connection.execute(f"grant iu_sender to {LOGIN}")
        connection.execute(_ROUTES, {"login": LOGIN, "routes": routes})
        connection.execute("select public.fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'bench')")
        connection.execute(
            """select public.fn_iu_gate_set(
                'iu_core.delivery_live_routes', string_agg(route_code, ','), 'bench'
            ) from public.iu_delivery_route"""
        )
        yield connection


def _delivered(measured: int) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        connection = psycopg.connect(
            server.url(database), user=LOGIN, password=PASSWORD, autocommit=True, prepare_threshold=0
        )
        with closing(connection):
            connection.execute("set iu.deployment = 'bench'")
            _deliver(connection)
            watch, sent, calls = Watch(server, connection), 0, 0
            while sent < measured - 2 * _BATCH:
                with watch:
                    sent += _deliver(connection)
                calls += 2
        return Outcome(sent, calls, watch.seconds, watch.cpu, watch.wal)

    return run


def _deliver(connection: psycopg.Connection[Any]) -> int:
    claims = connection.execute(
        "select claim_id, fence, body from public.fn_iu_delivery_claim('bench', %s, 'bench')", (_BATCH,)
    ).fetchall()
    outcomes = [
        {"claim_id": claim, "fence": fence, "decision": "sent", "status_code": 200, "latency_ms": 5}
        for claim, fence, _ in claims
    ]
    row = connection.execute("select public.fn_iu_delivery_record(%s)", (json.dumps(outcomes),)).fetchone()
    if row is None or not row[0]["sent"] == len(claims) > 0:
        raise RuntimeError(f"{len(claims)} claims, and the record answered {row and row[0]}")
    return len(claims)
