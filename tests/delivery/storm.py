"""A storm: sixteen sessions that emit, enqueue, send, decide and delete, and kills at random places.

Sessions: emitters, enqueuers, one operator, one gatekeeper, one keeper of retention and one observer are
threads with a connection of their own; the senders are processes (storm_sender.py).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from delivery.storm_sender import FROZEN, STAGES
from delivery.verdict import Evidence, Verdict, judge
from delivery.world import DEPLOYMENT, GATES, World, url_of
from engine.sessions import Session, set_gate, subject, value
from iu_pipelines.db.embedded.server import EmbeddedServer
from waiting import PATIENCE, eventually

PROVOKED: Final = ("senders killed", "terminated", "crash", "events deleted", "replay queued")
"""What every storm must have provoked before it ends."""

ROUTES: Final = {
    "storm.applied": ("version_applied", "parks"),
    "storm.split": ("structure_piece_split", "parks"),
    "storm.again": ("version_applied", "limited"),
    "storm.skip": ("structure_piece_split", "skips"),
}
"""Route: its event type and its target."""

TARGETS: Final[dict[str, dict[str, Any]]] = {
    "parks": {"max_in_doubt": 1000},
    "limited": {"max_in_doubt": 3, "max_per_minute": 60_000},
    "skips": {"on_dead_letter": "skip", "at_most_once": True},
}
"""Target: its policy. A short lease makes doubts frequent."""

LEASE: Final[dict[str, Any]] = {"timeout_seconds": 1, "lease_seconds": 2, "retry_seconds": [1, 1, 1]}
_TYPES: Final = ("version_applied", "structure_piece_split")
_GENTLE: Final = ("57P01", "57P02", "57P03", "08006", "08003", "08001", "55P03")
_PATIENCE: Final = 8.0
"""Seconds within which a sender reaches the stage at which it kills itself, unless the machine is busy."""

_NAME: Final = "storm"

Scene = Callable[[Session, random.Random], None]


@dataclass(frozen=True)
class Programme:
    """The length of a storm: it ends when `kills` senders were killed; every pause is in seconds."""

    kills: int = 24
    kill_every: float = 0.9
    terminate_every: float = 1.0
    crash_every: float = 3.0
    senders: int = 5
    emitters: int = 3
    enqueuers: int = 4
    subjects: int = 40
    failing: float = 0.04
    seed: int = 0


@dataclass
class Storm:
    """One storm on one database, on a server that nothing else uses."""

    server: EmbeddedServer
    url: str
    directory: Path
    programme: Programme
    login: str = "storm_sender"
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    emitted: dict[UUID, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._senders: dict[str, subprocess.Popen[bytes]] = {}
        self._fates: dict[str, str] = {}
        self._born: dict[str, float] = {}
        self._chance = random.Random(self.programme.seed)
        self._provoked: tuple[str, ...] = PROVOKED
        self._arrivals = self.directory / "arrivals"
        self._reports = self.directory / "reports"
        self._headless = 0

    def set_up(self, world: World) -> None:
        """Add the targets and the routes, and open the gates."""
        for name, policy in TARGETS.items():
            world.add_target(name, **{**LEASE, **policy})
        self.add_routes(world)

    def add_routes(self, world: World) -> None:
        """Add the routes, let events be old enough for retention, and open the gates."""
        for code, (event_type, target) in ROUTES.items():
            world.add_route(code, event_type, target)
        world.owner.execute(
            "alter table public.event_outbox alter created_at set default now() - interval '30 days'"
        )
        world.owner.fetch_value("select public.fn_iu_gate_set('iu_core.retention_days', '1', 'storm')")
        world.open_gates()

    def play(self) -> Verdict:
        """Run the programme, drain every queue, and return the verdict."""
        threads = [self._start(name, scene) for name, scene in self._cast()]
        try:
            for place in range(self.programme.senders):
                self._spawn(f"sender-{place}")
            self._kill_and_respawn()
            self._over.set()
            for thread in threads:
                thread.join(60)
                if thread.is_alive():
                    self.surprises.append(f"{thread.name} hangs")
            self._drain()
        finally:
            self._over.set()
            self._end_senders()
        with self._session("judge") as session:
            return judge(session, self.evidence())

    def evidence(self) -> Evidence:
        log = self.server.home / "postgres" / "server.log"
        return Evidence(
            emitted=self.emitted,
            routes={code: event_type for code, (event_type, _) in ROUTES.items()},
            in_order=frozenset(code for code, (_, target) in ROUTES.items() if target != "skips"),
            arrivals=_lines(self._arrivals),
            reports=_lines(self._reports),
            headless=self._headless,
            deadlocks=log.read_text(encoding="utf-8").count("deadlock detected"),
            surprises=tuple(self.surprises),
        )

    def _cast(self) -> list[tuple[str, Scene]]:
        programme = self.programme
        return [
            *((f"emitter {place}", self._emit) for place in range(programme.emitters)),
            *((f"enqueuer {place}", self._enqueue) for place in range(programme.enqueuers)),
            ("operator", self._decide),
            ("gatekeeper", self._close_gates),
            ("keeper", self._retain),
            ("observer", self._observe),
        ]

    def _start(self, name: str, scene: Scene) -> threading.Thread:
        thread = threading.Thread(target=self._repeat, args=(name, scene), name=name, daemon=True)
        thread.start()
        return thread

    @contextmanager
    def _session(self, name: str) -> Iterator[Session]:
        with psycopg.connect(self.url, autocommit=True, application_name=f"{_NAME} {name}") as session:
            session.execute("set default_transaction_isolation = 'read committed'")
            session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
            yield session

    def _repeat(self, name: str, scene: Scene) -> None:
        chance = random.Random(f"{self.programme.seed}/{name}")
        while not self._over.is_set():
            try:
                with self._session(name) as session:
                    while not self._over.is_set():
                        scene(session, chance)
            except Exception as error:  # noqa: BLE001 - _note separates provoked errors from others
                self._note(name, error)
                time.sleep(0.05)

    def _note(self, name: str, error: Exception) -> None:
        state = getattr(error, "sqlstate", None)
        if isinstance(error, psycopg.OperationalError) and (state is None or state in _GENTLE):
            self.counts["cuts"] += 1
        else:
            self.surprises.append(f"{name}: {type(error).__name__} {state} {error}")

    def _emit(self, session: Session, chance: random.Random) -> None:
        """Lock some subjects, emit for each, pause, and commit or roll back."""
        made: dict[UUID, str] = {}
        session.execute("begin")
        for number in sorted(chance.sample(range(1, self.programme.subjects + 1), chance.randint(1, 4))):
            session.execute("select pg_advisory_xact_lock(%s)", (number,))
            for _ in range(chance.randint(1, 3)):
                event_type = chance.choice(_TYPES)
                made[value(session, _EMIT, (event_type, f"STORM/{number}", subject(number)))] = event_type
        time.sleep(chance.random() * 0.02)
        if chance.random() < 0.1:
            session.execute("rollback")
            return
        session.execute("commit")
        self.emitted.update(made)
        time.sleep(0.01 + chance.random() * 0.04)

    def _enqueue(self, session: Session, chance: random.Random) -> None:
        limit = chance.choice((1, 7, 50, 500))
        code = chance.choice(list(ROUTES))
        said = value(session, "select public.fn_iu_delivery_enqueue(%s, %s)", (code, limit))
        self.counts[f"enqueue {said['status']}"] += 1
        if chance.random() < 0.2:
            value(session, "select public.fn_iu_route_worker_run('iu_outbound_default', 1000)")
        time.sleep(0.01)

    def _decide(self, session: Session, chance: random.Random) -> None:
        """Replay or discard a dead letter, and at times discard something else in the queue."""
        row = session.execute(_DEAD if chance.random() < 0.8 else _QUEUED).fetchone()
        if row:
            code, event_id, is_dead = row
            if is_dead and chance.random() < 0.6:
                self._replay(session, code, event_id)
            else:
                said = value(
                    session, "select public.fn_iu_delivery_discard(%s, %s, 'storm')", (code, event_id)
                )
                self.counts[f"discard {said['status']}"] += 1
        time.sleep(0.05)

    def _replay(self, session: Session, code: str, event_id: UUID) -> None:
        try:
            said = value(
                session, "select public.fn_iu_delivery_replay(%s, %s, 'storm', true)", (code, event_id)
            )
        except psycopg.DatabaseError as error:  # a late outcome has settled it
            if error.sqlstate != "IU401":
                raise
            said = {"status": "came too late"}
        self.counts[f"replay {said['status']}"] += 1

    def _close_gates(self, session: Session, chance: random.Random) -> None:
        """Close a gate, pause a target or take a route off the list, for a moment."""
        what = chance.choice(("master", "worker", "delivery", "live_routes", "pause"))
        codes = list(ROUTES)
        try:
            if what == "pause":
                session.execute(_PAUSE, (True, chance.choice(list(TARGETS))))
            else:
                some = ",".join(chance.sample(codes, 2))
                set_gate(session, GATES[what], some if what == "live_routes" else "false")
            self.counts[f"closed {what}"] += 1
            time.sleep(0.1 + chance.random() * 0.4)
        finally:
            if not session.closed:
                self._open(session)
        time.sleep(0.5 + chance.random())

    def _open(self, session: Session) -> None:
        for gate in ("master", "worker", "delivery"):
            set_gate(session, GATES[gate], "true")
        set_gate(session, GATES["live_routes"], ",".join(ROUTES))
        session.execute("update public.iu_delivery_target_state set paused = false where paused")

    def _retain(self, session: Session, chance: random.Random) -> None:
        said = value(session, "select public.fn_iu_retention_run('storm', %s)", (chance.choice((50, 5000)),))
        self.counts["events deleted"] += said["events"]
        time.sleep(0.5)

    def _observe(self, session: Session, chance: random.Random) -> None:
        """Count subjects without a head, which no snapshot may show."""
        self._headless += value(session, HEADLESS)
        self.counts["observations"] += 1
        time.sleep(0.1)

    def _spawn(self, name: str, failing: float | None = None, fate: str | None = None) -> None:
        """Start a sender, with a random fate unless one is given."""
        if fate is None:
            fate = self._chance.choices(("", FROZEN, *STAGES), (1, 1.5, *(1,) * len(STAGES)))[0]
        given = {
            "url": url_of(self.url, self.login), "name": name, "targets": list(TARGETS),
            "arrivals": str(self._arrivals), "reports": str(self._reports), "fate": fate,
            "patience": self._chance.randint(1, 6),
            "failing": self.programme.failing if failing is None else failing,
        }  # fmt: skip
        self._fates[name], self._born[name] = fate, time.monotonic()
        self._senders[name] = subprocess.Popen(
            [sys.executable, "-m", "delivery.storm_sender", json.dumps(given)],
            cwd=Path(__file__).parents[1],
            stderr=subprocess.PIPE,
        )

    def _kill_and_respawn(self) -> None:
        """Kill senders, backends and the server until the programme is over; replace senders that ended."""
        programme = self.programme
        kill, terminate, crash = (
            time.monotonic() + pause
            for pause in (programme.kill_every, programme.terminate_every, programme.crash_every)
        )
        latest = time.monotonic() + PATIENCE
        while self.counts["senders killed"] < programme.kills or (
            not all(self.counts[what] for what in self._provoked) and time.monotonic() < latest
        ):
            now = time.monotonic()
            if now >= crash:
                crash = now + programme.crash_every
                self._strike("crash", "pid")
            elif now >= terminate:
                terminate = now + programme.terminate_every * (0.5 + self._chance.random())
                self._strike("terminated", "pg_terminate_backend(pid)")
            if now >= kill:
                kill = now + programme.kill_every * (0.5 + self._chance.random())
                self._kill_one(now)
            self._replace_ended()
            time.sleep(0.02)

    def _kill_one(self, now: float) -> None:
        """Kill a sender wherever it is now, unless it will soon kill itself at a stage."""
        names = [
            name
            for name, process in self._senders.items()
            if process.poll() is None
            and (self._fates[name] not in STAGES or now > self._born[name] + _PATIENCE)
        ]
        if names:
            name = self._chance.choice(names)
            self._fates[name] = "anywhere"
            self._senders[name].kill()

    def _replace_ended(self) -> None:
        for name, process in list(self._senders.items()):
            code = process.poll()
            if code is None:
                continue
            if code == -signal.SIGKILL:
                self.counts["senders killed"] += 1
                self.counts[f"killed: {self._fates[name]}"] += 1
            else:
                self._complain(name, process)
            self._discard(process)
            self._spawn(name)

    def _complain(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr
        self.surprises.append(f"{name} ended with {process.returncode}: {process.stderr.read().decode()}")

    def _discard(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        if process.stderr:
            process.stderr.close()

    def _strike(self, what: str, act: str) -> None:
        """Terminate a backend, or kill it so that the server goes through crash recovery."""
        try:
            with self._session("striker") as session:
                pid = value(session, _ONE_OF_US.format(act=act))
            if what == "crash" and pid is not None:
                os.kill(pid, signal.SIGKILL)
            self.counts[what] += bool(pid)
        except (psycopg.OperationalError, ProcessLookupError):
            self.counts["cuts"] += 1

    def _drain(self) -> None:
        """Let senders without a fate deliver all that is queued; replay or discard every dead letter."""
        self._end_senders()
        session = eventually(self._connected, "the server accepts a session")
        with session:
            self._open(session)
            for place in range(2):
                self._spawn(f"last-{place}", failing=0.0, fate="")
            eventually(lambda: self._is_empty(session), "every queue is empty", pause=0.2)
        self._end_senders()

    def _connected(self) -> Session | None:
        try:
            session = psycopg.connect(self.url, autocommit=True, application_name="drain")
        except psycopg.OperationalError:
            return None
        session.execute("set default_transaction_isolation = 'read committed'")
        session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
        return session

    def _is_empty(self, session: Session) -> bool:
        self._headless += value(session, HEADLESS)
        seen = 0
        for code in ROUTES:
            said = value(session, "select public.fn_iu_delivery_enqueue(%s, 1000)", (code,))
            assert said["status"] == "ran", said
            seen += said["seen"]
        for code, event_id, _ in session.execute(_DEAD.replace("limit 1", "")).fetchall():
            self._replay(session, code, event_id)
        for name, process in self._senders.items():
            if process.poll() is not None:
                self._complain(name, process)
                raise AssertionError(self.surprises)
        return not seen and not value(session, "select count(*) from public.iu_delivery")

    def _end_senders(self) -> None:
        for process in self._senders.values():
            process.kill()
            self._discard(process)
        self._senders.clear()


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


HEADLESS: Final = "select count(*) from public.fn_iu_delivery_heads_missing()"
_EMIT: Final = "select public.fn_iu_emit_event(%s, %s, %s, 'storm', '{}')"
_DEAD: Final = """
select r.route_code, d.event_id, d.dead_at is not null
from public.iu_delivery as d inner join public.iu_delivery_route as r on r.route_no = d.route_no
where d.dead_at is not null order by random() limit 1
"""
_QUEUED: Final = _DEAD.replace("where d.dead_at is not null", "")
_PAUSE: Final = """
update public.iu_delivery_target_state as s set paused = %s
from public.iu_delivery_target as t where t.target_no = s.target_no and t.target_name = %s
"""
_ONE_OF_US: Final = f"""
select {{act}} from (
    select pid from pg_stat_activity
    where application_name like '{_NAME} %' and pid <> pg_backend_pid() order by random() limit 1
) as chosen
"""
