"""`python -m bench.upgrade`: bring a database of a release forward while events flow, and measure the pauses.

The database has the events, attempts and captures of a year of use. Two emitters and a worker call the
functions as a client of the release does, one call after another, and each call is timed.
"""

from __future__ import annotations

import argparse
import json
import platform
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from bench.server import EMBEDDED, STOCK, BenchServer, newest_pg_bin, started
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

ROOT: Final = Path(__file__).resolve().parent.parent
RELEASES: Final = ROOT / "tests" / "steps" / "releases"
CHUNK: Final = 5_000
QUIET_SECONDS: Final = 5.0
"""How long the traffic runs before and after the upgrade."""

_EMIT: Final = (
    "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'bench', '{\"n\": 1}')"
)
_RUN: Final = "select public.fn_iu_route_worker_run('iu_outbound_default', 100, 'bench')"
_CAPTURE: Final = "insert into public.iu_sql_link (sql_object_ref) values ('public.a')"
_FILL: Final = """select count(*) from public.fn_iu_emit_events((
    select jsonb_agg(jsonb_build_object(
        'event_type', 'version_applied', 'canonical_address', 'docs/' || n %% 1000, 'actor_ref', 'bench',
        'subject_ref', md5((n %% 1000)::text)::uuid, 'safe_payload', jsonb_build_object('n', n)))
    from generate_series(1, %s) as n))"""
_CAPTURES: Final = """insert into public.iu_inbound_capture
    (route_code, source_table, source_op, source_ref, decision)
select 'iu_sql.iu_sql_link.insert', 'iu_sql_link', 'insert', gen_random_uuid(), 'dry_run'
from generate_series(1, %s)"""


@dataclass
class Calls:
    """The begin and the duration of each call of one kind, in seconds, and errors."""

    name: str
    sql: LiteralString
    taken: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def repeat(self, url: str, stop: threading.Event) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                begun = time.perf_counter()
                try:
                    connection.execute(self.sql)
                except psycopg.Error as error:
                    self.errors.append(str(error).splitlines()[0])
                self.taken.append((begun, time.perf_counter() - begun))

    def longest(self, begin: float, end: float) -> float:
        """Return the milliseconds of the longest call that overlaps with an interval."""
        found = [taken for begun, taken in self.taken if begun < end and begun + taken > begin]
        return round(1000 * max(found, default=0.0), 1)


@contextmanager
def traffic(url: str) -> Iterator[list[Calls]]:
    """Run two emitters, a worker, and inserts into a captured table while the block runs."""
    stop = threading.Event()
    calls = [
        *(Calls("emit", _EMIT), Calls("emit", _EMIT)),
        *(Calls("worker", _RUN), Calls("captured insert", _CAPTURE)),
    ]
    threads = [threading.Thread(target=one.repeat, args=(url, stop)) for one in calls]
    for thread in threads:
        thread.start()
    try:
        yield calls
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def fill(url: str, release: str, events: int) -> None:
    """Install a release, and make events, attempts and captures; a tenth of the events waits."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(RELEASES / f"{release}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
        with Gateway(url) as gateway:
            migration.apply(gateway, root=Path(folder) / "sql")
    with psycopg.connect(url, autocommit=True) as connection:
        for made in range(0, events, CHUNK):
            connection.execute(_FILL, (CHUNK,))
            if made < events * 0.9:
                connection.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 10000)")
        connection.execute(_CAPTURES, (events,))
        connection.execute("update public.iu_inbound_route set enabled = true")
        connection.execute("vacuum analyze")


def upgrade(url: str) -> dict[str, Any]:
    """Upgrade beside traffic, and return the pauses in milliseconds and the steps in seconds."""
    with Gateway(url) as gateway, traffic(url) as calls:
        started_at = time.perf_counter()
        time.sleep(QUIET_SECONDS)
        waited: list[str] = []
        begin = time.perf_counter()
        steps = migration.apply(gateway, ["delivery"], on_wait=waited.append)
        end = time.perf_counter()
        time.sleep(QUIET_SECONDS)
    kinds = {one.name for one in calls}
    return {
        "seconds": round(end - begin, 2),
        "steps": {f"{step.name} {step.action}": round(step.seconds, 3) for step in steps},
        "retried": waited,
        "longest_ms": {kind: _longest(calls, kind, begin, end) for kind in sorted(kinds)},
        "longest_ms_before": {kind: _longest(calls, kind, started_at, begin) for kind in sorted(kinds)},
        "calls": {kind: sum(len(one.taken) for one in calls if one.name == kind) for kind in sorted(kinds)},
        "errors": [error for one in calls for error in one.errors],
    }


def _longest(calls: list[Calls], kind: str, begin: float, end: float) -> float:
    return max(one.longest(begin, end) for one in calls if one.name == kind)


def measure(server: BenchServer, release: str, events: int, repeats: int) -> list[dict[str, Any]]:
    name = server.template(f"upgrade_{release}_{events}", lambda new: fill(server.url(new), release, events))
    return [upgrade(server.url(server.fresh("upgraded", name))) for _ in range(repeats)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.upgrade", description=__doc__)
    parser.add_argument("--release", default=max(path.name for path in RELEASES.glob("*.tar.gz"))[:-7])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--settings", choices=[STOCK, EMBEDDED], default=STOCK)
    parser.add_argument("--home", type=Path, default=Path(".iu/bench"))
    given = parser.parse_args(arguments)
    with started(given.home.absolute(), (given.settings,), newest_pg_bin()) as servers:
        server = servers[given.settings]
        results = {
            "taken": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.system()} {platform.machine()}",
            "server": server.version(),
            "settings": given.settings,
            "release": given.release,
            "events": given.events,
            "runs": measure(server, given.release, given.events, given.repeats),
        }
    print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
