"""A database with live routes, senders that fail in every way, and a receiver that keeps what arrived.

Nearly everything runs in one thread: a call that would wait for a lock longer than `LOCK_TIMEOUT` fails, and
counts as a crash of its caller. Time passes by `pass_time`. No function is told what the clock of a sender
says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from delivery.invariants import Event, Flight, Violation, check
from delivery.world import DEPLOYMENT, GATES, World, url_of

LOCK_TIMEOUT: Final = "40ms"

LEASE: Final = 60

TIMEOUT: Final = 10

ROUTES: Final = {
    "shop.paid": ("version_applied", "hook"),
    "shop.split": ("structure_piece_split", "hook"),
    "shop.copy": ("version_applied", "skipper"),
}

_FAILURES: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)

_EMIT: Final = """
select public.fn_iu_emit_event(
    %(type)s, 'doc/' || %(subject)s, %(subject)s, 'test', jsonb_build_object('n', n)
) as event_id from generate_series(1, %(count)s) as n
"""

_INSERT: Final = """
insert into public.event_outbox (
    event_id, event_domain, event_type, event_stream, delivery_lane, canonical_address, event_subject_table,
    actor_ref, payload_classification, safe_payload
)
select md5(%(type)s || %(known)s || n)::uuid, r.event_domain, r.event_type, r.event_stream, r.delivery_lane,
    'doc/0', r.event_subject_table, 'test', r.payload_classification, jsonb_build_object('n', n)
from public.event_type_registry as r cross join generate_series(1, %(count)s) as n
where r.event_type = %(type)s
returning event_id
"""

_RESTORE: Final = """
do $$
declare
    v_anchor public.event_outbox_cluster;
    v_cursor public.iu_route_worker_cursor;
begin
    insert into public.event_outbox_cluster (anchor_no, system_identifier, restored_seq)
    overriding system value
    select (public.fn_iu_cluster_newest()).anchor_no + 1, c.system_identifier,
        (select coalesce(max(o.event_seq), 0) from public.event_outbox as o)
    from pg_control_system() as c;
    update public.event_outbox_cluster as a set written_xid = a.xmin
    where a.anchor_no = (public.fn_iu_cluster_newest()).anchor_no;
    v_anchor := public.fn_iu_cluster_newest();
    for v_cursor in select c.* from public.iu_route_worker_cursor as c where c.worker_name like 'live:%' loop
        v_cursor.anchor_no := v_anchor.anchor_no;
        v_cursor.anchor_key := v_anchor.anchor_key;
        perform public.fn_iu_cursor_store(public.fn_iu_cursor_seek(v_cursor, 'latest'));
    end loop;
end
$$
"""


class Session:
    """A connection that can keep the transaction of one call open."""

    def __init__(self, url: str, deployment: str = DEPLOYMENT) -> None:
        self._connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self._connection.execute("set default_transaction_isolation = 'read committed'")
        self.patience(LOCK_TIMEOUT)
        self._connection.execute("select setseed(0.5)")
        self.present(deployment)
        self._effect: Callable[[], None] | None = None
        self.answered_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._effect is not None

    def present(self, deployment: str) -> None:
        self._connection.execute("select set_config('iu.deployment', %s, false)", (deployment,))

    def patience(self, timeout: str) -> None:
        """Set how long a call waits for a lock."""
        self._connection.execute(f"set lock_timeout = '{timeout}'")

    def call(
        self,
        query: str,
        parameters: Mapping[str, Any],
        effect: Callable[[list[dict[str, Any]]], None],
        *,
        held: bool,
    ) -> bool:
        """Run the query and commit, or keep the transaction open; `effect` follows the commit.

        Return False if it waited too long for a lock and was rolled back.
        """
        assert not self.is_open
        self._connection.execute("begin")
        try:
            rows = self._connection.execute(query, parameters).fetchall()
            self.answered_at = time.monotonic()
        except _FAILURES:
            self._connection.execute("rollback")
            return False
        except psycopg.Error:
            self._connection.execute("rollback")
            raise
        self._effect = lambda: effect(rows)
        if not held:
            self.finish()
        return True

    def finish(self, *, kept: bool = True) -> None:
        """End the open transaction, if there is one: commit it, or roll it back as a crash does."""
        effect, self._effect = self._effect, None
        if effect is not None:
            self._connection.execute("commit" if kept else "rollback")
            if kept:
                effect()

    def close(self) -> None:
        self._connection.close()


@dataclass
class Promise:
    """What the newest promotion of a route promises, and what has made it invalid since."""

    share: float
    max_per_minute: int | None
    expires_at: float
    invalid: str | None = None


@dataclass
class Simulation:
    """A world, its actors, and what they have done. `passed` is the simulated part of the time."""

    world: World
    judge: psycopg.Connection[dict[str, Any]]
    owners: list[Session]
    senders: list[Session]
    terms: dict[str, dict[str, Any]]
    passed: float = 0.0
    events: dict[UUID, Event] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    gates: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(GATES, True))
    listed: set[str] = field(default_factory=lambda: set(ROUTES))
    numbers: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, set[UUID]] = field(default_factory=dict)
    order: dict[tuple[str, UUID], list[UUID]] = field(default_factory=dict)
    shares: dict[tuple[str, UUID], float] = field(default_factory=dict)
    flights: dict[int, Flight] = field(default_factory=dict)
    arrivals: list[Flight] = field(default_factory=list)
    discarded: set[tuple[str, UUID]] = field(default_factory=set)
    emitted: int = 0
    reset_at: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, world: World, hook: Mapping[str, Any] | None = None, skipper: Mapping[str, Any] | None = None
    ) -> Simulation:
        """Return a simulation on a new database; `hook` and `skipper` are further columns of its targets."""
        timing: dict[str, Any] = {
            "lease_seconds": LEASE, "timeout_seconds": TIMEOUT, "retry_seconds": [5, 300], "max_in_doubt": 3,
        }  # fmt: skip
        terms: dict[str, dict[str, Any]] = {
            "hook": {"on_dead_letter": "park", "at_most_once": False, "max_per_minute": None, **(hook or {})},
            "skipper": {
                "on_dead_letter": "skip", "at_most_once": False, "max_per_minute": None, **(skipper or {}),
            },
        }  # fmt: skip
        for name, columns in terms.items():
            world.add_target(name, **timing, **columns)
        simulation = cls(
            world,
            psycopg.connect(world.url, autocommit=True, row_factory=dict_row),
            [Session(world.url) for _ in range(3)],
            [Session(url_of(world.url, world.login)) for _ in range(3)],
            terms,
        )
        for code, (event_type, target) in ROUTES.items():
            simulation.numbers[code] = world.add_route(code, event_type, target)
            simulation.skipped[code] = set()
            simulation._promise(code, 1, None, 86400)
        world.open_gates()
        world.set_gate("jobs", "true")
        return simulation

    def close(self) -> None:
        for session in [*self.owners, *self.senders]:
            session.close()
        self.judge.close()
        self.world.close()

    @property
    def now(self) -> float:
        return time.monotonic() + self.passed

    @property
    def is_busy(self) -> bool:
        """Return whether a transaction is open."""
        return any(session.is_open for session in [*self.owners, *self.senders])

    def is_refused(self) -> bool:
        """Return whether a gate is closed, or a route is not listed or no longer promoted."""
        return (
            not all(self.gates.values())
            or len(self.listed) < len(ROUTES)
            or any(self._refused("", DEPLOYMENT))
        )

    def finish_all(self, *, kept: bool = True) -> None:
        for session in [*self.owners, *self.senders]:
            session.finish(kept=kept)

    def check(self) -> None:
        """Raise `Violation` if an invariant does not hold in the committed state."""
        check(self)

    # --- events -----------------------------------------------------------------------------------------

    def emit(
        self,
        subject: int | None = 1,
        event_type: str = "version_applied",
        count: int = 1,
        by: int = 0,
        *,
        held: bool = False,
    ) -> None:
        """Emit events about a subject, or each about itself; committed later if `held`."""
        self.emitted += 1
        self.owners[by].call(
            _EMIT if subject is not None else _INSERT,
            {
                "type": event_type, "subject": UUID(int=subject or 0), "count": count,
                "known": f"{len(self.events)}-{self.emitted}",
            },
            self._emitted,
            held=held,
        )  # fmt: skip

    def _emitted(self, rows: Iterable[Mapping[str, Any]]) -> None:
        found = self.judge.execute(
            """select event_id, event_seq, emitted_xid::text::bigint as xid, event_type,
                   coalesce(event_subject_ref, event_id) as subject
               from public.event_outbox where event_id = any(%s)""",
            ([row["event_id"] for row in rows],),
        )
        for row in found:
            self.events[row["event_id"]] = Event(**row)

    def enqueue(self, route: str = "shop.paid", limit: int = 100, by: int = 0, *, held: bool = False) -> None:
        share = self.promises[route].share
        self.owners[by].call(
            "select public.fn_iu_delivery_enqueue(%(route)s, %(limit)s)",
            {"route": route, "limit": limit},
            lambda _: self._enqueued(route, share),
            held=held,
        )

    def _enqueued(self, route: str, share: float) -> None:
        known = {key for key in self.shares if key[0] == route}
        rows = self.judge.execute(
            """select event_id, subject, subject_no from public.iu_delivery
               where route_no = %s order by event_seq""",
            (self.numbers[route],),
        ).fetchall()
        new = [row for row in rows if (route, row["event_id"]) not in known]
        for event in self._consumed(route):
            self.shares.setdefault((route, event), share)
        if [row["subject_no"] for row in new] != sorted(row["subject_no"] for row in new):
            raise Violation("order", "subject_no does not follow event_seq within a batch")
        for row in new:
            self.order.setdefault((route, row["subject"]), []).append(row["event_id"])

    def _consumed(self, route: str) -> list[UUID]:
        from delivery.invariants import consumed, read

        state = read(self)
        return [event.event_id for event in self.events.values() if consumed(state, self, route, event)]

    # --- senders ----------------------------------------------------------------------------------------

    def claim(
        self,
        target: str = "hook",
        limit: int = 100,
        by: int = 0,
        name: str | None = None,
        deployment: str = DEPLOYMENT,
        *,
        held: bool = False,
    ) -> None:
        """Claim deliveries as a sender; `deployment` is what the sender presents."""
        session = self.senders[by]
        if deployment != DEPLOYMENT:
            session.present(deployment)
        began, passed = self.now, self.passed
        refused = self._refused(target, deployment)
        session.call(
            "select * from public.fn_iu_delivery_claim(%(target)s, %(limit)s, %(name)s)",
            {"target": target, "limit": limit, "name": name or f"sender-{by}"},
            lambda rows: self._claimed(rows, by, target, (began, session.answered_at + passed), refused),
            held=held,
        )
        if deployment != DEPLOYMENT and not held:
            session.present(DEPLOYMENT)

    def _refused(self, target: str, deployment: str) -> dict[str, str]:
        """Return why each route of the target may not be claimed now, by what was done to it so far."""
        for code, promise in self.promises.items():
            if promise.invalid is None and promise.expires_at < self.now:
                promise.invalid = "expired"
            row = self.judge.execute(
                "select held_reason from public.iu_delivery_route where route_no = %s", (self.numbers[code],)
            ).fetchone()
            assert row is not None
            promise.invalid = promise.invalid or row["held_reason"]
        refused = {}
        for code, promise in self.promises.items():
            if not self.gates["master"] or not self.gates["delivery"]:
                refused[code] = "gate"
            elif code not in self.listed:
                refused[code] = "not listed"
            elif promise.invalid:
                refused[code] = promise.invalid
            elif deployment != DEPLOYMENT:
                refused[code] = "deployment"
        return refused

    def _claimed(
        self,
        rows: Iterable[Mapping[str, Any]],
        by: int,
        target: str,
        between: tuple[float, float],
        refused: dict[str, str],
    ) -> None:
        began, ended = between
        for row in rows:
            if row["route_code"] in refused:
                raise Violation("promotion", f"claimed although {refused[row['route_code']]}: {row}")
            self.flights[row["claim_id"]] = Flight(
                claim_id=row["claim_id"], fence=row["fence"], key=row["delivery_key"],
                event_id=row["event_id"], route=row["route_code"], subject=row["subject"],
                subject_no=row["subject_no"], target=target, by=by, began=began, ended=ended,
                lease=row["lease_seconds"], replays=self._replays(row["route_code"], row["event_id"]),
            )  # fmt: skip

    def _replays(self, route: str, event_id: UUID) -> int:
        row = self.judge.execute(
            """select count(*) as replays from public.iu_delivery_decision
               where route_no = %s and event_id = %s and decision = 'replayed'""",
            (self.numbers[route], event_id),
        ).fetchone()
        assert row is not None
        return int(row["replays"])

    def held_by(self, by: int) -> list[Flight]:
        """Return the claims that a sender has committed and not forgotten or recorded."""
        return [f for f in self.flights.values() if f.by == by and not f.forgotten and f.decision is None]

    def send(self, flight: Flight, *, frozen: bool = False) -> bool:
        """Send what was claimed, if enough of the lease is left; `frozen` checked this long ago."""
        if not frozen and self.now > flight.began + flight.lease - TIMEOUT:
            return False
        intent = self.judge.execute(
            "select from public.iu_delivery_claim where claim_id = %s", (flight.claim_id,)
        ).fetchone()
        if intent is None:
            raise Violation("intent", f"{flight} arrived without a committed intent")
        flight.arrived = True
        self.arrivals.append(flight)
        return True

    def record(
        self,
        flights: Sequence[Flight],
        decision: str = "sent",
        by: int | None = None,
        *,
        held: bool = False,
        **facts: Any,
    ) -> bool:
        """Record the outcome of claims of one target; return False if that failed."""
        outcomes = [
            {"claim_id": f.claim_id, "fence": f.fence, "decision": decision, **facts} for f in flights
        ]

        def effect(_: object) -> None:
            for flight in flights:
                if flight.decision is None:
                    flight.decision, flight.recorded_at = decision, self.now

        return self.senders[flights[0].by if by is None else by].call(
            "select public.fn_iu_delivery_record(%(outcomes)s)",
            {"outcomes": Jsonb(outcomes)},
            effect,
            held=held,
        )

    # --- people -----------------------------------------------------------------------------------------

    def settle_by_hand(
        self, verb: str, route: str, event_id: UUID, by: int = 0, *, held: bool = False
    ) -> str | None:
        """Discard a delivery or replay a dead letter; return the status, None if it waited too long."""
        said: list[str] = []
        more = ", true" if verb == "replay" else ""

        def effect(rows: list[dict[str, Any]]) -> None:
            said.append(rows[0]["said"]["status"])
            if said == ["discarded"]:
                self.discarded.add((route, event_id))

        done = self.owners[by].call(
            f"select public.fn_iu_delivery_{verb}(%(route)s, %(event)s, 'test'{more}) as said",
            {"route": route, "event": event_id},
            effect,
            held=held,
        )
        return said[0] if done and said else None

    def retry_now(self, route: str, event_id: UUID | None = None, by: int = 0, *, held: bool = False) -> None:
        """Make the retries of a route due, or that of one event."""
        self.owners[by].call(
            "select public.fn_iu_delivery_retry_now(%(route)s, 'test', %(event)s)",
            {"route": route, "event": event_id},
            lambda _: None,
            held=held,
        )

    def promote(
        self,
        route: str,
        share: float = 1,
        max_per_minute: int | None = None,
        seconds: int = 86400,
    ) -> None:
        """Promote a route again, with other terms."""
        self.world.promote(route, share=share, max_per_minute=max_per_minute, valid_for=f"{seconds} seconds")
        self._promise(route, share, max_per_minute, seconds)

    def _promise(self, route: str, share: float, max_per_minute: int | None, seconds: int) -> None:
        before = self.promises.get(route)
        if before is None or before.max_per_minute != max_per_minute:
            self.reset_at[route] = self.now
        self.promises[route] = Promise(share, max_per_minute, self.now + seconds + 1)

    def demote(self, route: str) -> None:
        self.world.owner.execute(
            "select public.fn_iu_route_demote_apply(%s, 'test', false)", (self.numbers[route],)
        )

    def edit_route(self, route: str) -> None:
        """Disable and enable the route, so that it has a new version."""
        for enabled in ("false", "true"):
            self.world.owner.execute(
                f"update public.iu_outbound_route set enabled = {enabled} where route_code = %s", (route,)
            )
        self._invalidate("route changed", [route])

    def edit_type(self, event_type: str) -> None:
        """Change which payload keys the event type allows."""
        self.world.owner.execute(
            """update public.event_type_registry
               set payload_keys = coalesce(payload_keys, '{n}') || array['k' || random()::text]
               where event_type = %s""",
            (event_type,),
        )
        self._invalidate("type changed", [code for code, (name, _) in ROUTES.items() if name == event_type])

    def edit_target(self, target: str, **columns: Any) -> None:
        """Change columns of the target, its address too."""
        given = {"address": f"https://{time.monotonic_ns()}.example/", **columns}
        self.world.owner.execute(
            f"update public.iu_delivery_target set {', '.join(f'{key} = %({key})s' for key in given)} "
            "where target_name = %(target)s",
            {**given, "target": target},
        )
        self.terms[target].update(columns)
        self.reset_at[target] = self.now
        self._invalidate("target changed", [code for code, (_, name) in ROUTES.items() if name == target])

    def set_gate(self, gate: str, *, is_open: bool) -> None:
        self.world.set_gate(gate, "true" if is_open else "false")
        self.gates[gate] = is_open

    def list_routes(self, codes: Iterable[str]) -> None:
        self.listed = set(codes)
        self.world.set_gate("live_routes", ",".join(sorted(self.listed)))

    def restore(self) -> None:
        """Restore the database into another cluster: a new anchor; the cursors are moved to the end."""
        for route in ROUTES:
            read_before = set(self._consumed(route))
            self.skipped[route] |= self.events.keys() - read_before
        self.world.owner.execute(_RESTORE)
        self._invalidate("restored", ROUTES)

    def _invalidate(self, why: str, routes: Iterable[str]) -> None:
        for code in routes:
            self.promises[code].invalid = self.promises[code].invalid or why

    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.passed += seconds

    # --- the end ----------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Remove every obstacle, deliver what can be delivered, and check that only dead letters are left."""
        self.finish_all()
        for gate in ("master", "worker", "delivery"):
            self.set_gate(gate, is_open=True)
        self.list_routes(ROUTES)
        for target in self.terms:
            self.edit_target(target, max_per_minute=None)
        self._renew()
        for route in ROUTES:
            self.enqueue(route, 1000)
        idle = 0
        while self._undead() and idle < 3:
            before = len(self.arrivals)
            self._deliver_all()
            idle = 0 if len(self.arrivals) > before else idle + 1
        self.check()
        if undead := self._undead():
            raise Violation("progress", f"never delivered: {undead}")

    def _renew(self) -> None:
        for route in ROUTES:
            self.promote(route, share=self.promises[route].share)

    def _deliver_all(self) -> None:
        """Deliver every head once, a day later."""
        self.pass_time(90_000)
        self._renew()
        for target in self.terms:
            self.claim(target, 1000)
            flights = [flight for flight in self.held_by(0) if flight.target == target]
            sent = [flight for flight in flights if self.send(flight)]
            if sent:
                self.record(sent)
                self.check()

    def _undead(self) -> list[dict[str, Any]]:
        """Return deliveries that are neither dead letters nor parked behind one."""
        return self.judge.execute(
            """select d.* from public.iu_delivery as d where d.dead_at is null and not exists (
                   select from public.iu_delivery as h where h.route_no = d.route_no
                       and h.subject = d.subject and h.is_head and h.dead_at is not null
               ) limit 3"""
        ).fetchall()

    # --- retention --------------------------------------------------------------------------------------

    def retain(self, limit: int = 100) -> None:
        """Make every event old, and run one round of retention."""
        with self.world.owner.transaction() as session:
            session.execute("set local session_replication_role = replica")
            session.execute("update public.event_outbox set created_at = created_at - interval '9 days'")
            session.execute("select public.fn_iu_gate_set('iu_core.retention_days', '7', 'test')")
        self.world.owner.execute("select public.fn_iu_retention_run('test', %s)", (limit,))

    # --- waiting ----------------------------------------------------------------------------------------

    def meanwhile(self, waiting: Callable[[], object], then: Callable[[], object]) -> None:
        """Run `waiting` in a thread and, when it waits for a lock, `then`; join the thread."""
        sessions = [*self.owners, *self.senders]
        for session in sessions:
            if not session.is_open:
                session.patience("5s")
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(waiting)
            while not future.done() and not self._is_waiting():
                time.sleep(0.002)
            then()
            future.result()
        for session in sessions:
            if not session.is_open:
                session.patience(LOCK_TIMEOUT)

    def _is_waiting(self) -> bool:
        row = self.judge.execute(
            """select exists (select from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock') as waits"""
        ).fetchone()
        return bool(row and row["waits"])
