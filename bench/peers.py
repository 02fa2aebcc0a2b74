"""The peers: each is installed from its registry, uses its fastest path, and writes one audit row per event.

Peers that cannot be installed, or that this server does not have, are listed as missing. The audit row of a
peer has the columns of `iu_route_attempt`, in a plain table with a primary key and a unique idempotency key.
One case of PgQ has a table as narrow as `iu_route_attempt_log`, to separate the cost of the table from that
of the engine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.cases import Case, Outcome
from bench.engine import DATABASE, PAYLOAD, WARM, warmed
from bench.server import BenchServer

_WORKERS: Final = Path(__file__).parent / "workers"
PYTHON_PEERS: Final = (
    "procrastinate==3.10.0",
    f"aiohttp=={version('aiohttp')}",
    "pgqueuer==1.6.0",
    "asyncpg",
    "psycopg[binary,pool]",
    "pgmq==1.1.4",
)
NODE_PEERS: Final = (
    "node@22.23.3",
    "graphile-worker@0.18.0",
    "pg-boss@12.35.0",
    "pg@8.23.1",
    "undici@8.13.1",
)
QUEUE: Final = "bench"
AUDIT: Final = """
create table public.peer_audit (
    attempt_id bigint generated always as identity primary key, event_id uuid not null,
    worker_name text not null default 'bench', route_code text default 'iu.version_applied.workflow',
    idempotency_key text
    generated always as ('bench:' || event_id::text || ':iu.version_applied.workflow') stored,
    attempt_no int not null default 1, status text not null default 'dry_run',
    decision text not null default 'dry_run', delivered boolean not null default false,
    target_kind text default 'workflow', target_ref text default 'event_outbox',
    error_code text, error_detail text, created_at timestamptz not null default clock_timestamp(),
    unique (idempotency_key, attempt_no)
);
create table public.peer_audit_narrow (
    attempt_id bigint generated always as identity, batch_id bigint,
    created_at timestamptz not null default clock_timestamp(), event_id uuid not null,
    worker_no int not null default 1, route_no int not null default 1, route_version int not null default 1,
    attempt_no int not null default 1, decision text not null default 'dry_run', error_code text,
    check (decision in ('dry_run', 'skipped', 'failed', 'sent')),
    check ((decision = 'failed') = (error_code is not null)), check (attempt_no > 0)
);
create unique index on public.peer_audit_narrow (event_id, worker_no, route_no) where attempt_no = 1;
create index on public.peer_audit_narrow using brin (batch_id) with (pages_per_range = 16, autosummarize = on)
"""


@dataclass(frozen=True)
class Peer:
    """A peer: how to fill a database with its jobs, and how to consume them."""

    name: str
    labels: tuple[str, ...]
    events: int
    fill: Callable[[BenchServer, str, int], None]
    consume: Callable[[BenchServer, str, int, str], Outcome]
    audit: str = "peer_audit"


class Missing(Exception):
    """A peer is not available; the text is the reason."""


def cases(
    server: BenchServer, home: Path, events: int, slow_events: int
) -> tuple[list[Case], dict[str, str]]:
    """Return the cases of the available peers, and the missing peers with the reason."""
    made: list[Case] = []
    missing: dict[str, str] = {}
    for name, build in _PEERS.items():
        try:
            peer = build(server, home, events, slow_events)
        except Missing as reason:
            missing[name] = str(reason)
            continue
        made += [_case(peer, label) for label in peer.labels]
    return made, missing


def _case(peer: Peer, label: str) -> Case:
    """Return the case of a peer; PgQ, which has a goal, is repeated as often as the worker."""

    def load(server: BenchServer, name: str) -> None:
        with server.connect(name) as connection:
            for statement in AUDIT.split(";"):
                connection.execute(statement)
        peer.fill(server, name, int(label) if label.isdigit() else 1000)
        with server.connect(name) as connection:
            connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        slug = "".join(letter for letter in peer.name if letter.isalnum()).lower()
        batched = label if "PgQ" in peer.name else "all"
        template = server.template(
            f"peer_{slug}_{peer.events}_{batched}".lower(), lambda name: load(server, name)
        )
        return server.fresh(DATABASE, template)

    def run(server: BenchServer, database: str) -> Outcome:
        outcome = peer.consume(server, database, peer.events, label)
        with server.connect(database) as connection:
            row = connection.execute(f"select count(*) from public.{peer.audit}").fetchone()
        if row is None or row[0] != outcome.events:
            raise RuntimeError(f"{outcome.events} events, but {row and row[0]} audit rows")
        return outcome

    return Case("route", peer.name, label, prepare, run, times=3 if "PgQ" in peer.name else 1)


# --- PgQ -----------------------------------------------------------------------------------------------


def _pgq(
    server: BenchServer, home: Path, events: int, slow_events: int, audit: str = "peer_audit", note: str = ""
) -> Peer:
    if not server.has_extension("pgq"):
        raise Missing("the server has no extension pgq (--pg-bin names a server that has it)")
    return Peer(
        f"PgQ + INSERT … SELECT{note}",
        ("100", "1000", "10000"),
        events,
        _pgq_fill(events),
        _pgq_consume(audit),
        audit,
    )


def _pgq_fill(events: int) -> Any:
    def fill(server: BenchServer, database: str, batch: int) -> None:
        """Insert events, with a tick after every `batch` events, so that PgQ makes batches of that size."""
        with server.connect(database) as connection:
            connection.execute("create extension pgq")
            connection.execute("select pgq.create_queue(%s)", (QUEUE,))
            for name, value in (("ticker_max_count", "1"), ("ticker_max_lag", "0 s")):
                connection.execute("select pgq.set_queue_config(%s, %s, %s)", (QUEUE, name, value))
            connection.execute("select pgq.register_consumer(%s, 'bench')", (QUEUE,))
            connection.execute("select pgq.ticker(%s)", (QUEUE,))
            for begin in range(0, events, batch):
                connection.execute(
                    f"""select count(pgq.insert_event(%s, 'version_applied', {PAYLOAD}::text,
                        gen_random_uuid()::text, null, null, null))
                    from generate_series(%s::int, %s::int) as i""",
                    (QUEUE, begin + 1, min(begin + batch, events)),
                )
                connection.execute("select pgq.ticker(%s)", (QUEUE,))

    return fill


def _pgq_narrow(server: BenchServer, home: Path, events: int, slow_events: int) -> Peer:
    return _pgq(server, home, events, slow_events, "peer_audit_narrow", ", our narrow table")


def _pgq_consume(audit: str) -> Any:
    def consume(server: BenchServer, database: str, events: int, label: str) -> Outcome:
        with server.connect(database) as connection:
            begun, seen, statements = time.perf_counter(), 0, 0
            while True:
                with connection.transaction():
                    row = connection.execute("select pgq.next_batch(%s, 'bench')", (QUEUE,)).fetchone()
                    if row is None or row[0] is None:
                        break
                    seen += connection.execute(
                        f"""insert into public.{audit} (event_id)
                        select ev_extra1::uuid from pgq.get_batch_events(%s)""",
                        (row[0],),
                    ).rowcount
                    connection.execute("select pgq.finish_batch(%s)", (row[0],))
                statements += 5
                if statements == 5 * WARM:
                    begun = time.perf_counter()
            return Outcome(seen, statements, warmed(begun, statements // 5))

    return consume


# --- pgmq ----------------------------------------------------------------------------------------------


def pgmq_schema(home: Path) -> str:
    """Return the SQL of pgmq's Python package."""
    found = subprocess.run(
        [
            python(home), "-c",
            "from importlib.resources import files; print(files('pgmq') / 'sql' / 'pgmq.sql')",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        raise Missing("its package has no SQL file")
    return Path(found.stdout.strip()).read_text(encoding="utf-8")


def _pgmq(server: BenchServer, home: Path, events: int, slow_events: int) -> Peer:
    schema = pgmq_schema(home)

    def fill(server: BenchServer, database: str, batch: int) -> None:
        with server.connect(database) as connection:
            connection.prepare_threshold = None
            connection.execute(schema)
            connection.execute("select pgmq.create(%s)", (QUEUE,))
            for begin in range(0, events, 1000):
                connection.execute(
                    f"""select count(*) from pgmq.send_batch(%s, (
                        select array_agg({PAYLOAD} || jsonb_build_object('id', gen_random_uuid()))
                        from generate_series(%s::int, %s::int) as i))""",
                    (QUEUE, begin + 1, min(begin + 1000, events)),
                )

    return Peer("pgmq, pop + audit in one statement", ("100", "1000", "10000"), events, fill, _pgmq_consume)


def _pgmq_consume(server: BenchServer, database: str, events: int, label: str) -> Outcome:
    with server.connect(database) as connection:
        begun, seen, statements = time.perf_counter(), 0, 0
        while True:
            count = connection.execute(
                """insert into public.peer_audit (event_id)
                select (m.message ->> 'id')::uuid from pgmq.pop(%s, %s::int) as m""",
                (QUEUE, label),
            ).rowcount
            statements += 1
            if not count:
                return Outcome(seen, statements, warmed(begun, statements - 1))
            seen += count
            if statements == WARM:
                begun = time.perf_counter()


# --- workers in other processes ------------------------------------------------------------------------


def python(home: Path) -> str:
    """Return the interpreter of a virtual environment with the Python peers."""
    folder = home / "peers"
    interpreter = folder / "bin" / "python"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != repr(PYTHON_PEERS):
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run(
            [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_PEERS],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Missing(f"pip could not install it: {_last_error(done.stderr)}")
        stamp.write_text(repr(PYTHON_PEERS), encoding="utf-8")
    return str(interpreter)


def node(home: Path) -> Path:
    """Return the folder with the Node peers."""
    folder = home / "node"
    stamp = folder / "installed"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("Node.js is not installed")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != repr(NODE_PEERS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--silent", *NODE_PEERS],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Missing(f"npm could not install it: {_last_error(done.stderr or done.stdout)}")
        stamp.write_text(repr(NODE_PEERS), encoding="utf-8")
    for worker in _WORKERS.glob("*.mjs"):
        shutil.copy(worker, folder)
    return folder


def node_command(folder: Path) -> list[str]:
    """Return the command of the Node.js that is installed with the peers."""
    return [str(folder / "node_modules" / "node" / "bin" / "node")]


def _last_error(text: str) -> str:
    """Return the last line that contains `error`, or the last line."""
    lines = text.strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no reason given"])[-1].strip()


def script(command: list[str], folder: Path | None = None) -> dict[str, Any]:
    """Run the script of a worker, and return the JSON of its last line."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(_last_error(done.stderr or done.stdout))
    printed = done.stdout.strip().splitlines()
    return dict(json.loads(printed[-1])) if printed else {}


def _process(name: str, label: str, runtime: str, worker: str, count: int) -> Callable[..., Peer]:
    """Build a peer whose worker is a script with the commands `fill URL COUNT` and `consume URL COUNT`."""

    def build(server: BenchServer, home: Path, events: int, slow_events: int) -> Peer:
        if runtime == "python":
            command, folder = [python(home), str(_WORKERS / worker)], None
        else:
            folder = node(home)
            command = [*node_command(folder), worker]
        size = min(events, count) if count else slow_events

        def fill(server: BenchServer, database: str, batch: int) -> None:
            script([*command, "fill", server.url(database), str(size)], folder)

        def consume(server: BenchServer, database: str, events: int, label: str) -> Outcome:
            result = script([*command, "consume", server.url(database), str(size)], folder)
            return Outcome(int(result["events"]), None, float(result["seconds"]))

        return Peer(name, (label,), size, fill, consume)

    return build


_PEERS: Final[dict[str, Callable[..., Peer]]] = {
    "PgQ": _pgq,
    "PgQ, narrow": _pgq_narrow,
    "pgmq": _pgmq,
    "graphile-worker": _process("graphile-worker, local queue", "500", "node", "graphile.mjs", 20_000),
    "pg-boss": _process("pg-boss, fetch + audit + complete", "1000", "node", "pgboss.mjs", 50_000),
    "pgqueuer": _process("pgqueuer worker", "100", "python", "pgqueuer_worker.py", 20_000),
    "procrastinate": _process("procrastinate worker", "1", "python", "procrastinate_worker.py", 0),
}
