"""Webhooks: the same POST to the same receiver, with an audit row for each, by every system.

The floor posts from a bare loop without a database. All senders run in a process of their own, which reports
its seconds and its CPU; that of the backends is the server's. The receiver is a process too, and its CPU
belongs to no system. A case fails unless the receiver got as many POSTs as there are audit rows.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bench import deliveries, peers
from bench.cases import Case, Outcome
from bench.engine import DATABASE
from bench.receiver import Receiver
from bench.server import BenchServer

GROUP: Final = "webhook"
FLOOR: Final = "floor: bare aiohttp loop, no database"
OURS: Final = "iu deliver, queued"
FROM_OUTBOX: Final = "iu deliver, from the outbox"
RELAY: Final = "relay by hand, SKIP LOCKED"
PEERS: Final = (
    RELAY, "procrastinate task", "graphile-worker task", "pg-boss, an audit row a POST",
    "pg-boss, audit rows in batches",
)  # fmt: skip
CONCURRENT: Final = "64"
"""How many POSTs each has under way, and the label of the cases."""

_USED: Final = ("procrastinate", "node", "graphile-worker", "pg-boss", "undici")
_SPACED: Final = re.compile("==|@")
_WORKERS: Final = Path(__file__).parent / "workers"
_ROOT: Final = Path(__file__).resolve().parent.parent
_SECRET: Final = "whsec_" + "a2tr" * 10
ENVIRONMENT: Final = {"IU_DEPLOYMENT": "bench", "IU_SECRET_BENCH": f"host=127.0.0.1 {_SECRET}"}
"""What a process of our sender needs."""

_TARGET: Final = (
    "update public.iu_delivery_target set address = %s, allow_private = true, secret_name = 'BENCH'"
)
_AUDIT_ROWS: Final = {
    True: "select count(*) from public.iu_delivery_outcome where decision = 'sent'",
    False: "select count(*) from public.peer_audit where delivered",
}


@dataclass(frozen=True)
class _Script:
    """A sender: the command of its worker, where it runs, and what follows the address of the receiver."""

    command: Sequence[str]
    folder: Path | None = None
    after: tuple[str, ...] = ()

    def run(self, *arguments: str, **environment: str) -> dict[str, Any]:
        """Run it, and return the JSON of its last line."""
        done = subprocess.run(
            [*self.command, *arguments, *self.after], cwd=self.folder, capture_output=True, text=True,
            timeout=3600, check=False, env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
        printed = done.stdout.strip().splitlines()
        return dict(json.loads(printed[-1])) if printed else {}


def cases(
    receiver: Receiver, home: Path, events: int, *, with_peers: bool
) -> tuple[list[Case], dict[str, str]]:
    """Return the cases, and the missing peers with the reason. Slow peers send a part of `events`."""
    made = [
        Case(GROUP, FLOOR, CONCURRENT, _empty, _consumed(receiver, _ours("webhook_loop.py"), events)),
        sender_case(receiver, OURS, events, queued=True),
        sender_case(receiver, FROM_OUTBOX, events, queued=False),
        _peer_case(receiver, RELAY, _ours("webhook_relay.py"), events),
    ]
    missing: dict[str, str] = {}
    for name, build in _PEERS.items() if with_peers else ():
        try:
            made.append(_peer_case(receiver, name, build(home), events // _SLOWER.get(name, 1)))
        except peers.Missing as reason:
            missing[f"{name} that posts"] = str(reason)
    return made, missing


def long_case(receiver: Receiver, events: int) -> Case:
    """Return the case of one long drain, which shows the memory of the sender."""
    return sender_case(receiver, OURS, events, queued=True, label=f"{events:,}")


def versions() -> list[str]:
    """Return the versions of what the senders are made of."""
    ours = [f"{name} {version(name)}" for name in ("aiohttp", "psycopg", "standardwebhooks")]
    others = [one for one in (*peers.PYTHON_PEERS, *peers.NODE_PEERS) if one.startswith(_USED)]
    return [f"Python {platform.python_version()}", *ours, *(_SPACED.sub(" ", one) for one in others)]


def sender_case(receiver: Receiver, name: str, events: int, *, queued: bool, label: str = CONCURRENT) -> Case:
    """Return the case of our sender. With `queued`, the events are in the queue when it starts."""

    def run(server: BenchServer, database: str) -> Outcome:
        receiver.taken()
        parts = urlsplit(server.url(database))
        login = f"{deliveries.LOGIN}:{deliveries.PASSWORD}@"
        url = parts._replace(netloc=login + parts.netloc.rpartition("@")[2]).geturl()
        result = _ours("webhook_ours.py").run(
            "consume", url, str(events), receiver.url, **ENVIRONMENT
        )  # fmt: skip
        return _outcome(server, database, receiver, result, events, ours=True)

    return Case(GROUP, name, label, lambda server: prepared(server, receiver.url, events, queued=queued), run)


def prepared(server: BenchServer, address: str, events: int, *, queued: bool) -> str:
    """Return the name of a database with events for a target at `address`, in its queue or in the outbox."""
    template = server.template(
        f"bench_webhook_{'queued' if queued else 'outbox'}_{events}",
        lambda name: deliveries.load(server, name, events, enqueued=queued),
    )
    server.fresh(DATABASE, template)
    with server.connect(DATABASE) as connection, connection.transaction():
        # Without triggers, so that the version of the target stays that of the promotion.
        connection.execute("set local session_replication_role = 'replica'")
        connection.execute(_TARGET, (address,))
    return DATABASE


def _peer_case(receiver: Receiver, name: str, script: _Script, events: int) -> Case:
    slug = "".join(letter for letter in name.lower() if letter.isalnum())

    def load(server: BenchServer, database: str) -> None:
        with server.connect(database) as connection:
            for statement in peers.AUDIT.split(";"):
                connection.execute(statement)
        script.run("fill", server.url(database), str(events))
        with server.connect(database) as connection:
            connection.execute("vacuum analyze")

    def prepare(server: BenchServer) -> str:
        template = server.template(f"bench_post_{slug}_{events}", lambda made: load(server, made))
        return server.fresh(DATABASE, template)

    return Case(GROUP, name, CONCURRENT, prepare, _consumed(receiver, script, events, audited=True))


def _empty(server: BenchServer) -> str:
    return server.fresh(DATABASE, "template1")


def _consumed(
    receiver: Receiver, script: _Script, events: int, *, audited: bool = False
) -> Callable[[BenchServer, str], Outcome]:
    def run(server: BenchServer, database: str) -> Outcome:
        receiver.taken()
        result = script.run("consume", server.url(database), str(events), receiver.url)
        return _outcome(server, database, receiver, result, events, ours=False if audited else None)

    return run


def _outcome(
    server: BenchServer, database: str, receiver: Receiver, result: dict[str, Any], events: int,
    *, ours: bool | None,
) -> Outcome:  # fmt: skip
    """Return the outcome of a sender, if each event was posted once and has its audit row."""
    counts = {"reported": int(result["events"]), "received": receiver.taken()}
    if ours is not None:
        with closing(server.connect(database)) as connection:
            row = connection.execute(_AUDIT_ROWS[ours]).fetchone()
            counts["audited"] = row[0] if row else 0
    if set(counts.values()) != {events}:
        raise RuntimeError(f"{events} events, but {counts}")
    return Outcome(
        events, None, float(result["seconds"]), client_cpu=float(result["cpu"]),
        extra=_memory(result.get("memory") or [], events),
    )  # fmt: skip


def _memory(samples: Sequence[tuple[int, float]], events: int) -> dict[str, float]:
    """Return the resident MiB of the sender when a tenth, a half and all of the events were sent."""
    return {
        f"mib_at_{share}": next(mib for sent, mib in samples if sent >= events * share / 100)
        for share in (10, 50, 100)
        if samples
    }


def _ours(worker: str) -> _Script:
    return _Script([sys.executable, str(_WORKERS / worker)])


def _python(home: Path) -> _Script:
    return _Script([peers.python(home), str(_WORKERS / "webhook_procrastinate.py")])


def _node(worker: str, *after: str) -> Callable[[Path], _Script]:
    def build(home: Path) -> _Script:
        folder = peers.node(home)
        return _Script([*peers.node_command(folder), worker], folder, after)

    return build


_PEERS: Final[dict[str, Callable[[Path], _Script]]] = dict(
    zip(
        PEERS[1:],
        (
            _python, _node("webhook_graphile.mjs"), _node("webhook_pgboss.mjs", "each"),
            _node("webhook_pgboss.mjs", "batch"),
        ),
        strict=True,
    )
)  # fmt: skip
_SLOWER: Final = {PEERS[1]: 5, PEERS[2]: 2}
