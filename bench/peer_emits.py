"""The cost of writing an event with each peer, by the statement that the client of the peer sends.

PgQ, pgmq, graphile-worker and procrastinate have a function for it. pg-boss has none: the statement of its
`send` is recorded. River is a Go library: an equivalent statement is written here, for a table with the
columns, checks and indexes of River (riverqueue/river, migration 6).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, LiteralString

from bench import peers
from bench.emits import GIVEN, TEXT, Emitter, text
from bench.engine import DATABASE
from bench.peers import QUEUE, Missing
from bench.server import BenchServer

PGQ: Final = "PgQ insert_event"


def emitters(server: BenchServer, home: Path) -> tuple[list[Emitter], dict[str, str]]:
    """Return the available peers, and the missing ones with the reason."""
    made: list[Emitter] = []
    missing: dict[str, str] = {}
    for name, build in _PEERS.items():
        try:
            made.append(build(name, server, home))
        except Missing as reason:
            missing[name] = str(reason)
    return made, missing


def _emitter(name: str, load: Callable[[BenchServer, str], None], sql: str, times: int = 1) -> Emitter:
    slug = "emit_" + "".join(letter for letter in name if letter.isalnum()).lower()

    def prepare(server: BenchServer) -> str:
        return server.fresh(DATABASE, server.template(slug, lambda made: load(server, made)))

    return Emitter(name, prepare, f"{sql} from {GIVEN}", times)


def _pgq(name: str, server: BenchServer, home: Path) -> Emitter:
    if not server.has_extension("pgq"):
        raise Missing("the server has no extension pgq (on Debian: postgresql-15-pgq3)")
    sql = f"""select pgq.insert_event('{QUEUE}', 'version_applied', {TEXT}, 'BENCH/unit/' || i,
        gen_random_uuid()::text, 'bench', null)"""
    return _emitter(
        name, _statements("create extension pgq", f"select pgq.create_queue('{QUEUE}')"), sql, times=2
    )


def _pgmq(name: str, server: BenchServer, home: Path) -> Emitter:
    schema = peers.pgmq_schema(home)
    load = _statements(schema, f"select pgmq.create('{QUEUE}')")
    return _emitter(name, load, f"select pgmq.send('{QUEUE}', {TEXT}::jsonb)")


def _procrastinate(name: str, server: BenchServer, home: Path) -> Emitter:
    schema = subprocess.run(
        [
            peers.python(home), "-c",
            "from procrastinate.schema import SchemaManager; print(SchemaManager.get_schema())",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    sql = f"""select procrastinate_defer_jobs_v1(array[row(
        '{QUEUE}', 'audit', 0, null, null, {TEXT}::jsonb, null)::procrastinate_job_to_defer_v1])"""
    return _emitter(name, _statements(schema), sql)


def _graphile(name: str, server: BenchServer, home: Path) -> Emitter:
    load = _installed_by(home, "graphile.mjs")
    return _emitter(name, load, f"select graphile_worker.add_job('audit', {TEXT}::json)")


def _pgboss(name: str, server: BenchServer, home: Path) -> Emitter:
    """Return the recorded statement of pg-boss, with its payload replaced by that of the other peers."""
    load = _installed_by(home, "pgboss.mjs")
    sent = _recorded(server, home, "pgboss.mjs", load)
    before, after = json.dumps(json.loads(sent["value"])).split('"PAYLOAD"')
    parameter = f"('{before}' || {text(':i::int')} || '{after}')"
    emitter = _emitter(name, load, "")
    return Emitter(name, emitter.prepare, sent["sql"].replace("$1", parameter))


def _river(name: str, server: BenchServer, home: Path) -> Emitter:
    sql = f"""insert into public.river_job (args, kind, max_attempts, metadata, priority, queue,
            scheduled_at, state, tags, unique_key, unique_states)
        select unnest(array[{TEXT}::jsonb]), unnest(array['audit']), unnest(array[25::smallint]),
            unnest(array['{{}}'::jsonb]), unnest(array[1::smallint]), unnest(array['{QUEUE}']),
            unnest(array[now()]), unnest(array['available'])::public.river_job_state,
            string_to_array(unnest(array['']), ','), unnest(array[null::bytea]), unnest(array[null::bit(8)])
        from {GIVEN}
        on conflict (unique_key) where unique_key is not null and unique_states is not null
            and public.river_job_state_in_bitmask(unique_states, state)
        do update set kind = excluded.kind
        returning river_job.*, (xmax != 0) as was_there"""
    emitter = _emitter(name, _statements(_RIVER), "")
    return Emitter(name, emitter.prepare, sql)


_RIVER: Final[LiteralString] = """
create type public.river_job_state as enum (
    'available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
create table public.river_job (
    id bigserial primary key, state public.river_job_state not null default 'available',
    attempt smallint not null default 0, max_attempts smallint not null, attempted_at timestamptz,
    created_at timestamptz not null default now(), finalized_at timestamptz,
    scheduled_at timestamptz not null default now(), priority smallint not null default 1,
    args jsonb not null, attempted_by text[], errors jsonb[], kind text not null,
    metadata jsonb not null default '{}',
    queue text not null default 'default', tags varchar(255)[] not null default '{}', unique_key bytea,
    unique_states bit(8),
    check ((finalized_at is not null) = (state in ('cancelled', 'completed', 'discarded'))),
    check (max_attempts > 0), check (priority between 1 and 4),
    check (char_length(queue) between 1 and 127), check (char_length(kind) between 1 and 127));
create function public.river_job_state_in_bitmask(bitmask bit(8), state public.river_job_state)
returns boolean language sql immutable as $$ select 1 = get_bit(bitmask, case state
    when 'available' then 7 when 'cancelled' then 6 when 'completed' then 5 when 'discarded' then 4
    when 'pending' then 3 when 'retryable' then 2 when 'running' then 1 else 0 end) $$;
create index on public.river_job (kind);
create index on public.river_job (state, finalized_at) where finalized_at is not null;
create index on public.river_job (state, queue, priority, scheduled_at, id);
create index on public.river_job using gin (args);
create index on public.river_job using gin (metadata);
create unique index on public.river_job (unique_key) where unique_key is not null
    and unique_states is not null and public.river_job_state_in_bitmask(unique_states, state)
"""


def _statements(*statements: str) -> Callable[[BenchServer, str], None]:
    def load(server: BenchServer, database: str) -> None:
        with server.connect(database) as connection:
            connection.prepare_threshold = None
            for statement in statements:
                connection.execute(statement)

    return load


def _installed_by(home: Path, script: str) -> Callable[[BenchServer, str], None]:
    """Return a function that installs the schema of a Node peer with its client."""
    folder = peers.node(home)

    def load(server: BenchServer, database: str) -> None:
        peers.script([*peers.node_command(folder), script, "install", server.url(database)], folder)

    return load


def _recorded(
    server: BenchServer, home: Path, script: str, load: Callable[[BenchServer, str], None]
) -> dict[str, Any]:
    """Return what the client of a Node peer sends: `sql` and its only `value`, with "PAYLOAD" as payload."""
    folder = peers.node(home)
    server.admin.execute(f"drop database if exists {DATABASE} with (force)")
    server.admin.execute(f"create database {DATABASE}")
    load(server, DATABASE)
    return peers.script([*peers.node_command(folder), script, "statement", server.url(DATABASE)], folder)


_PEERS: Final[dict[str, Callable[[str, BenchServer, Path], Emitter]]] = {
    PGQ: _pgq,
    "pgmq send": _pgmq,
    "pg-boss send": _pgboss,
    "graphile-worker add_job": _graphile,
    "procrastinate defer_jobs": _procrastinate,
    "River insert": _river,
}
NAMES: Final = tuple(_PEERS)
