"""Senders that join, leave, freeze, are killed and come back on one target, while events flow.

The senders are processes; an emitter keeps some hundred events waiting, and an observer notes which sender
owns how many shards.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from delivery.receiver import Receiver
from delivery.sending import Ground
from delivery.verdict import Evidence
from delivery.world import World, url_of
from waiting import eventually

LEASE: Final[dict[str, Any]] = {
    "timeout_seconds": 2, "lease_seconds": 4, "retry_seconds": [1] * 9, "max_in_doubt": 1000,
}  # fmt: skip
ROUTE: Final = "hook.route"
_PAUSE: Final = 0.2
_EMIT: Final = """
select public.fn_iu_emit_event(
    'version_applied', 'doc/' || s, ('00000000-0000-0000-0000-' || lpad(s::text, 12, '0'))::uuid, 'test', '{}'
) as event_id from unnest(%s::int[]) as s
"""
_OWNED: Final = """
select owner, count(*) as shards from public.iu_delivery_shard
where lease_until > clock_timestamp() group by owner
"""
_CLAIMS: Final = """
select r.route_code, c.event_id, c.attempt_no, c.claim_id, r.route_no
from public.iu_delivery_claim as c inner join public.iu_delivery_route as r on r.route_no = c.route_no
"""
_CLOSE_BREAKER: Final = """
update public.iu_delivery_target_state
set breaker = 'closed', failures = 0, half_open_failures = 0, retry_at = null where breaker <> 'closed'
"""


@dataclass(frozen=True)
class Ownership:
    """Who owned how many shards, by the process of the sender, some seconds after the beginning."""

    seconds: float
    shards: Mapping[int, int]


@dataclass
class ShardStorm:
    """Senders of the target `hook`. A sender has the name that the test gives it."""

    ground: Ground
    directory: Path
    subjects: int = 500
    waiting: int = 400
    emitted: dict[UUID, str] = field(default_factory=dict)
    owned: list[Ownership] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    settled: list[tuple[str, float]] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    senders: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._frozen: set[str] = set()
        self._reports = self.directory / "reports"
        self._threads = [
            threading.Thread(target=one, name=name, daemon=True)
            for name, one in (("emitter", self._emit), ("observer", self._observe))
        ]
        self._began = time.monotonic()

    @property
    def world(self) -> World:
        return self.ground.world

    @property
    def receiver(self) -> Receiver:
        return self.ground.receiver

    def start(self) -> None:
        """Let events flow."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the threads and every process."""
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(60)
        for process in self.senders.values():
            process.kill()
            process.wait()

    def join(self, name: str, *, url: str | None = None, before: Sequence[str] = (), **given: Any) -> None:
        """Start a sender and wait for its first claim. `before` is put before its command."""
        arguments = {
            "url": url_of(url or self.world.url, self.world.login), "reports": str(self._reports),
            "ready": str(self.directory / f"{name}.ready"), "timeout": LEASE["timeout_seconds"], **given,
        }  # fmt: skip
        with (self.directory / f"{name}.stderr").open("ab") as errors:
            self.senders[name] = subprocess.Popen(
                [*before, sys.executable, "-m", "delivery.shard_sender", json.dumps(arguments)],
                cwd=Path(__file__).parents[1],
                stderr=errors,
            )
        self.names[self.senders[name].pid] = name
        self.counts["joined"] += 1
        eventually(lambda: Path(arguments["ready"]).exists(), f"{name} has claimed something")

    def leave(self, name: str) -> None:
        """Ask a sender to end, and wait until it has."""
        process = self.senders.pop(name)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, self._complaint(name)
        self.counts["left"] += 1

    def kill(self, name: str) -> None:
        process = self.senders.pop(name)
        process.kill()
        process.wait()
        self._frozen.discard(name)
        self.counts["killed"] += 1

    def freeze(self, name: str, *, in_claim: bool = False) -> None:
        """Stop the process of a sender, and wait until it stands still."""
        process = self.senders[name]
        process.send_signal(signal.SIGUSR2 if in_claim else signal.SIGUSR1)
        eventually(lambda: _state(process.pid) == "T", f"{name} stands still")
        self._frozen.add(name)
        self.counts["frozen in a claim" if in_claim else "frozen"] += 1

    def thaw(self, name: str) -> None:
        self._frozen.discard(name)
        self.senders[name].send_signal(signal.SIGCONT)

    def cut_off(self, name: str) -> None:
        """Expect no share for a sender that reaches nothing."""
        self._frozen.add(name)
        self.counts["cut off"] += 1

    def reach(self, name: str) -> None:
        """Expect a share for a sender again."""
        self._frozen.discard(name)

    def settle(self, what: str) -> None:
        """Wait until every sender that can work owns its share, and no other owns anything."""
        began = time.monotonic()
        eventually(self._is_fair, f"the shares are fair after {what}; {self._shares()}", pause=0.05)
        self.settled.append((what, time.monotonic() - began))

    def pass_lease(self) -> None:
        """Wait until deliveries were accepted for longer than a lease."""
        time.sleep(LEASE["lease_seconds"] + 1)

    def finish(self, events: int) -> None:
        """Let events flow until there were so many, wait until all are delivered, and end every sender."""
        eventually(lambda: len(self.emitted) >= events or self.surprises, f"{events} events", pause=0.2)
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        with self.world.owner.transaction() as session:
            session.execute(_CLOSE_BREAKER)
        eventually(self._is_delivered, "everything is delivered", pause=0.2)
        for name in list(self.senders):
            self.leave(name)

    def evidence(self) -> Evidence:
        return Evidence(
            emitted=self.emitted,
            routes={ROUTE: "version_applied"},
            in_order=frozenset({ROUTE}),
            arrivals=self._arrivals(),
            reports=self._lines(),
            surprises=tuple(self.surprises),
        )

    def late(self) -> list[float]:
        """Return by how many seconds sends began too late."""
        return [line["late"] for line in self._lines() if "late" in line]

    def owners(self) -> set[str]:
        """Return the senders that have not given a shard back, also if its lease has passed."""
        rows = self.world.owner.fetch_all(
            "select distinct owner from public.iu_delivery_shard where owner is not null"
        )
        return {self.names[int(row["owner"].split(":")[-2])] for row in rows}

    def settling(self) -> str:
        """Return how long it took until the shares were fair, a line for each change, to be printed."""
        return "\n".join(f"{seconds:5.1f} s until fair after {what}" for what, seconds in self.settled)

    def ownership(self, every: float = 1.0) -> str:
        """Return who owned how many shards, a line a second, to be printed."""
        lines, next_at = [], 0.0
        for one in self.owned:
            if one.seconds >= next_at:
                next_at = one.seconds + every
                named = sorted((self.names[pid], count) for pid, count in one.shards.items())
                lines.append(f"{one.seconds:6.1f} s  {named}")
        return "\n".join(lines)

    def _lines(self) -> list[dict[str, Any]]:
        if not self._reports.exists():
            return []
        lines = self._reports.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _arrivals(self) -> list[dict[str, Any]]:
        claims = {
            (f"evt_{row['event_id'].hex}_{row['route_no']}", row["attempt_no"]): row
            for row in self.world.owner.fetch_all(_CLAIMS)
        }
        found = []
        for request in self.receiver.requests():
            known = claims.get((request.key, int(request.headers["iu-attempt"])), {})
            found.append(
                {
                    "delivery_key": request.key, "route_code": known.get("route_code", ""),
                    "event_id": str(known.get("event_id", UUID(int=0))), "claim_id": known.get("claim_id", 0),
                }
            )  # fmt: skip
        return found

    def _emit(self) -> None:
        """Emit in random order, so that some hundred events always wait."""
        chance = random.Random(0)
        try:
            while not self._over.is_set():
                if self._waiting() >= self.waiting:
                    time.sleep(0.02)
                    continue
                chosen = [chance.randint(1, self.subjects) for _ in range(200)]
                rows = self.world.owner.fetch_all(_EMIT, [chosen])
                self.emitted.update({row["event_id"]: "version_applied" for row in rows})
        except Exception as error:  # noqa: BLE001
            self.surprises.append(f"emitter: {error!r}")

    def _waiting(self) -> int:
        sent = self.world.owner.fetch_value(
            "select count(*) from public.iu_delivery_outcome where decision = 'sent' and not stale"
        )
        return len(self.emitted) - int(sent)

    def _observe(self) -> None:
        try:
            while not self._over.wait(_PAUSE):
                self.owned.append(Ownership(time.monotonic() - self._began, self._shares()))
                # After a partition the sends of one sender have failed, which says nothing of the receiver.
                self.world.owner.execute(_CLOSE_BREAKER)
        except Exception as error:  # noqa: BLE001
            self.surprises.append(f"observer: {error!r}")

    def _shares(self) -> dict[int, int]:
        rows = self.world.owner.fetch_all(_OWNED)
        return {int(row["owner"].split(":")[-2]): row["shards"] for row in rows}

    def _is_fair(self) -> bool:
        shares = self._shares()
        able = {one.pid for name, one in self.senders.items() if name not in self._frozen}
        dead = [name for name, one in self.senders.items() if one.poll() is not None]
        assert not dead, [self._complaint(name) for name in dead]
        counts = shares.values()
        return set(shares) == able and sum(counts) == 64 and max(counts) - min(counts) <= 1

    def _is_delivered(self) -> bool:
        dead = [name for name, one in self.senders.items() if one.poll() is not None]
        assert not dead, [self._complaint(name) for name in dead]
        said = self.world.enqueue(ROUTE)
        left = self.world.owner.fetch_value("select count(*) from public.iu_delivery")
        return (said["status"], said["seen"], left) == ("ran", 0, 0)

    def _complaint(self, name: str) -> str:
        return f"{name}: {(self.directory / f'{name}.stderr').read_text(encoding='utf-8')[-2000:]}"


def _state(pid: int) -> str:
    """Return the state of a process in /proc, such as R, S, T (stopped) or Z."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return text.rpartition(")")[2].split()[0]
