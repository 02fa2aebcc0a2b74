"""Run all scenes concurrently, terminate their backends at random, print counts, and return the verdict."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import psycopg

from engine.sessions import Session, drain, make_live, opened, set_gate, subject, value
from soak.failovers import REFUSED, Fleet, prepared
from soak.ledger import Ledger
from soak.scenes import LIVE_ROUTE, PLAIN, WORKERS, Scene, Scenes
from soak.verdict import Verdict, judge, lost_so_far

Say = Callable[[str], None]

_NAME = "soak"
_GENTLE = ("57P01", "57P02", "57P03", "57014", "40P01", "40001", "53300", "08006", "08003", "08001")
_FLOOD = "IU302"
_READ_ONLY = "25006"
_ENDING = 60.0
_KINDS = {"promote": Fleet.promote, "recover": Fleet.recover, "leave": Fleet.leave, "return": Fleet.come_back}


@dataclass(frozen=True)
class Programme:
    """The duration, the numbers of clients and the intervals of faults, in seconds.

    Every `crash_every` seconds a backend gets SIGKILL, and the server restarts. `failovers` are pairs of a
    time, as a fraction of `seconds`, and a kind: `promote`, `recover`, `leave`, and `return` after `leave`.
    """

    seconds: float = 600.0
    say_every: float = 10.0
    writers: int = 16
    gate_closed: float = 2.0
    gate_rest: float = 8.0
    cut_every: float = 0.5
    crash_every: float = 30.0
    failing: float = 0.04
    seed: int = 0
    failovers: tuple[tuple[float, str], ...] = ()


@dataclass
class Play:
    """One soak on one database, whose server nothing else uses, because its backends are killed.

    With a fleet, the database is on the server that the fleet has in use.
    """

    url: str
    programme: Programme
    say: Say = print
    ledger: Ledger = field(default_factory=Ledger)
    fleet: Fleet | None = None

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._scenes = Scenes(self.ledger, failing=self.programme.failing)
        self._began = time.monotonic()
        self._due = [(part * self.programme.seconds, kind) for part, kind in self.programme.failovers]

    def perform(self) -> Verdict:
        """Run the programme, drain every worker, and return the verdict."""
        with opened(self.url) as (session,):
            self._set_up(session)
        threads = [self._start(name, scene) for name, scene in self._cast()]
        self._began = time.monotonic()
        self._cut_and_tell()
        self._over.set()
        until = time.monotonic() + _ENDING
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            self._commit_prepared()
            time.sleep(0.1)
        for thread in threads:
            if thread.is_alive():
                self.ledger.surprise(f"{thread.name} hangs")
        return self._close()

    def _set_up(self, session: Session) -> None:
        for number in range(1, self._scenes.subjects + 1):
            session.execute(
                "insert into public.information_unit (unit_id, canonical_address) values (%s, %s)",
                (subject(number), f"TEST/{number}"),
            )
        make_live(session, LIVE_ROUTE)

    def _cast(self) -> list[tuple[str, Scene]]:
        scenes, programme = self._scenes, self.programme
        gates = scenes.close_gates(programme.gate_closed, programme.gate_rest)
        return [
            *((f"writer {place}", scenes.write) for place in range(programme.writers)),
            *((f"long writer {place}", scenes.write_for_long) for place in range(2)),
            *((f"preparer {place}", scenes.prepare) for place in range(2 if self.fleet else 0)),
            *((("resolver", scenes.resolve),) if self.fleet else ()),
            ("idler", scenes.idle_elsewhere),
            *((f"{name} {place}", scenes.work(name)) for name in WORKERS for place in range(2)),
            *((f"replayer {place}", scenes.replay) for place in range(2)),
            ("router", scenes.change_routes),
            ("gatekeeper", gates),
            ("seeker", scenes.seek),
        ]

    def _start(self, name: str, scene: Scene) -> threading.Thread:
        thread = threading.Thread(target=self._repeat, args=(name, scene), name=name, daemon=True)
        thread.start()
        return thread

    def _repeat(self, name: str, scene: Scene) -> None:
        """Repeat the scene until the end; after an error, continue in a new session."""
        database = "postgres" if name == "idler" else None
        chance = random.Random(f"{self.programme.seed}/{name}")
        while not self._over.is_set():
            try:
                with psycopg.connect(
                    self.url,
                    autocommit=True,
                    application_name=f"{_NAME} {name}",
                    connect_timeout=5,
                    dbname=database,
                ) as session:
                    while not self._over.is_set():
                        scene(session, chance)
            except Exception as error:  # noqa: BLE001 - _note separates provoked errors from others
                self._note(name, error)
                time.sleep(0.05)

    def _note(self, name: str, error: Exception) -> None:
        state = getattr(error, "sqlstate", None)
        if state == _FLOOD:
            self.ledger.count("floods refused")
        elif state == REFUSED and self.fleet and self.fleet.leaves_out(name):
            self.ledger.count("refused in another cluster")
        elif state == _READ_ONLY and self.fleet:
            self.ledger.count("refused by a server in recovery")
        elif isinstance(error, psycopg.OperationalError) and (state is None or state in _GENTLE):
            self.ledger.count("deadlocks" if state == "40P01" else "cuts")
        else:
            self.ledger.surprise(f"{name}: {type(error).__name__} {state} {error}")

    def _cut_and_tell(self) -> None:
        """Terminate and kill backends at random, fail over, and print counts, until the time is over."""
        chance = random.Random(f"{self.programme.seed}/cuts")
        cut, crash, told = self.programme.cut_every, self.programme.crash_every, self.programme.say_every
        while (now := self._elapsed()) < self.programme.seconds:
            if self._due and now >= self._due[0][0]:
                self._fail_over(self._due.pop(0)[1])
            try:
                with opened(self.url) as (session,):
                    if now >= crash:
                        crash = now + self.programme.crash_every
                        self._kill(session, chance)
                    elif now >= cut:
                        cut = now + self.programme.cut_every * (0.5 + chance.random())
                        self._terminate(session)
                    if now >= told:
                        told = now + self.programme.say_every
                        self.say(self._tally(session))
            except psycopg.OperationalError:
                self.ledger.count("cuts")
            time.sleep(0.05)

    def _fail_over(self, kind: str) -> None:
        """Move the outbox to another server. Its duration does not count as time of the soak."""
        assert self.fleet
        before = time.monotonic()
        _reopened(self.url).close()
        _KINDS[kind](self.fleet)
        self.url = self.fleet.url
        self.ledger.count(f"failovers: {kind}")
        took = time.monotonic() - before
        self._began += took
        self.say(f"{self._elapsed():6.0f} s  {kind}: took {took:.1f} s, the outbox is on {self.fleet}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _terminate(self, session: Session) -> None:
        ended = value(session, _ONE_OF_US.format(act="pg_terminate_backend(pid)"))
        self.ledger.count("terminated", bool(ended))

    def _kill(self, session: Session, chance: random.Random) -> None:
        pid = value(session, _ONE_OF_US.format(act="pid"))
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.ledger.count("killed")

    def _tally(self, session: Session) -> str:
        counts = self.ledger.counts
        events, attempts = (
            value(session, f"select count(*) from public.{table}")
            for table in ("event_outbox", "iu_route_attempt_log")
        )
        told = ", ".join(
            f"{name} {counts[name]:,}"
            for name in ("rollbacks", "deadlocks", "terminated", "killed", "gate closings", "route changes")
        )
        seeks, replays = (
            sum(count for name, count in counts.items() if name.startswith(what))
            for what in ("seeks ", "replays ")
        )
        return (
            f"{self._elapsed():6.0f} s  events {events:,}, attempts {attempts:,}, {told}, seeks {seeks:,}, "
            f"replays {replays:,}, busy {counts['worker_busy']:,}, lost so far {lost_so_far(session)}"
        )

    def _commit_prepared(self) -> None:
        """Commit all prepared transactions, because sessions that wait for their locks cannot end."""
        with _reopened(self.url) as session:
            for name in prepared(session):
                with suppress(psycopg.errors.UndefinedObject, psycopg.errors.ObjectNotInPrerequisiteState):
                    self._scenes.decide(session, name, commit=True)

    def _close(self) -> Verdict:
        """Open the gates, drain every worker, and return the verdict."""
        self._commit_prepared()
        with _reopened(self.url) as session:
            for gate in ("iu_core.route_worker_enabled", "iu_core.routes_enabled"):
                set_gate(session, gate, "true")
            session.execute("update public.iu_outbound_route set dry_run = true")
            for worker in WORKERS:
                drain(session, worker, 1000)
            self.say(self._tally(session))
            plain = () if self.ledger.counts["anchored again"] else PLAIN
            return judge(session, self.ledger, plain, WORKERS)


_ONE_OF_US = f"""
select {{act}} from (
    select pid from pg_stat_activity where application_name like '{_NAME} %' order by random() limit 1
) as chosen
"""


def _reopened(url: str) -> Session:
    """Return a session as soon as the server accepts connections; retry for a minute."""
    for _ in range(600):
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError("the server did not accept connections within a minute")


SHORT = replace(
    Programme(), seconds=10.0, say_every=2.0, gate_closed=1.0, gate_rest=2.0, cut_every=0.3, crash_every=5.0
)
FAILOVERS = ((0.15, "promote"), (0.35, "leave"), (0.5, "return"), (0.65, "recover"), (0.8, "promote"))
