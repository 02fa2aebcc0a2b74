"""A fleet of 100 databases: the load of its definitions in a new process, and a tick over all of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any, Final

from bench.cases import Case, Outcome
from bench.server import BenchServer, install

GROUP: Final = "fleet"
LOAD: Final = "load"
TICK: Final = "tick"
HANGS: Final = "tick, one hangs"
SYSTEM: Final = "iu fleet of 100"
OUTBOXES: Final = 100
_TEMPLATE: Final = "fleet_template"
_PREFIX: Final = "fleet_of_"

_PROGRAM: Final = f"""
import json, time
begun = time.perf_counter()
from iu_pipelines import build_fleet_defs
defs = build_fleet_defs({{"outboxes": [f"o{{n:03}}" for n in range({OUTBOXES})]}})
repository = defs.get_repository_def()
found = {{"{LOAD}": time.perf_counter() - begun, "sensors": len(repository.sensor_defs)}}
import dagster as dg
sensor = defs.resolve_sensor_def("fleet_backlog_sensor")
with dg.DagsterInstance.ephemeral() as instance:
    with dg.build_sensor_context(instance=instance, definitions=defs) as context:
        begun = time.perf_counter()
        said = sensor.evaluate_tick(context).skip_message
        found["{TICK}"] = time.perf_counter() - begun
found["said"] = said.partition(":")[0]
print(json.dumps(found))
"""


def cases() -> list[Case]:
    """Return the cases: loading with a tick over healthy databases, and a tick of which one hangs."""
    return [
        Case(GROUP, SYSTEM, TICK, _prepare, lambda server, _: _outcome(server, None)),
        Case(GROUP, SYSTEM, HANGS, _prepare, _with_one_that_hangs),
    ]


def _prepare(server: BenchServer) -> str:
    """Create the databases, once for all cases."""
    template = server.template(_TEMPLATE, lambda name: install(server, name, "delivery"))
    for number in range(OUTBOXES):
        name = f"{_PREFIX}{number:03}"
        if not server.value("select count(*) from pg_database where datname = %s", (name,)):
            server.admin.execute(f'create database "{name}" template "{template}"')
    return f"{_PREFIX}000"


def _with_one_that_hangs(server: BenchServer, _database: str) -> Outcome:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        return _outcome(server, f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none")


def _outcome(server: BenchServer, first: str | None) -> Outcome:
    """Measure in a new process. `first` is the URL of the first outbox, instead of its database."""
    urls = {f"O{n:03}_DATABASE_URL": server.url(f"{_PREFIX}{n:03}") for n in range(OUTBOXES)}
    if first:
        urls["O000_DATABASE_URL"] = first
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM],
        env={**os.environ, **urls},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    healthy = OUTBOXES - bool(first)
    if not found["said"].startswith(f"{healthy} outboxes need no run, {OUTBOXES - healthy} are unavailable"):
        raise RuntimeError(f"the tick said: {found['said']}")
    return Outcome(OUTBOXES, seconds=found[TICK], extra={LOAD: found[LOAD], TICK: found[TICK]})
