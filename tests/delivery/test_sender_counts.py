"""Stable counts of the real sender: calls and commits of 1,000 deliveries, and the WAL bytes of one.

The target accepts at once, so that every batch is full whatever the speed of the machine. The server is the
test's own, so that its WAL is that of the deliveries.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

import servers
from delivery.world import DEPLOYMENT, World, url_of
from iu_pipelines import settings
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.delivery import service
from iu_pipelines.delivery.backoff import Backoff
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.reports import DrainLimits
from waiting import eventually

DELIVERIES: Final = 1000
BATCHES: Final = DELIVERIES // DrainLimits().batch_limit
IDLE: Final = 5
"""Calls that may find nothing: before the drain ends, it looks again."""

IDLE_SECONDS: Final = 12.0

FUNCTIONS: Final = ("fn_iu_delivery_claim", "fn_iu_delivery_record", "fn_iu_delivery_enqueue")
CALLS: Final = """
select funcname, calls from pg_stat_user_functions where funcname = any(%(names)s)
"""
COMMITS: Final = "select xact_commit from pg_stat_database where datname = current_database()"
NOBODY: Final = """
select count(*) = 0 from pg_stat_activity where usename = %(login)s
"""


class Accepting(TargetKind):
    """A kind that accepts every message without sending it."""

    kind = "webhook"

    @classmethod
    def check(cls, *_: Any, **__: Any) -> None: ...

    async def open(self) -> None: ...

    async def send(self, message: Message) -> Answer:
        return Answer("sent", "2xx", 204, None, "ab" * 32)

    async def close(self) -> None: ...

    def sign(self, *_: Any) -> str:
        return ""


@dataclass(frozen=True)
class Counts:
    """What one drain cost the server."""

    calls: Mapping[str, int]
    commits: int
    wal: int


class Counted:
    """A world on a server of its own, and drains of it that are counted."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.add_target("hook")
        world.add_route("shop.paid", "version_applied", "hook")
        world.open_gates()

    def queue(self) -> None:
        """Emit and queue events of 1,000 subjects."""
        self.world.owner.execute(
            """select count(public.fn_iu_emit_event('version_applied', 'doc/' || n, gen_random_uuid(), 'test',
                   jsonb_build_object('version_seq', n, 'note', repeat('x', 100))))
               from generate_series(1, %(count)s) as n""",
            {"count": DELIVERIES},
        )
        assert self.world.enqueue()["queued"] == DELIVERIES

    def wait(self, seconds: float) -> Counts:
        """Run the service for some seconds in which nothing is due."""
        begun, until = self._counts(), time.monotonic() + seconds
        service.stay(
            url_of(self.world.url, self.world.login),
            settings.load(deployment=DEPLOYMENT),
            kinds_by_name={"webhook": Accepting},
            should_stop=lambda: time.monotonic() >= until,
        )
        return self._since(begun, 0)

    def drain(self) -> Counts:
        """Deliver everything by the real sender, with its default limits."""
        owner, begun = self.world.owner, self._counts()
        lsn = owner.fetch_value("select pg_current_wal_insert_lsn()::text")
        report = drain(
            url_of(self.world.url, self.world.login),
            settings.load(deployment=DEPLOYMENT),
            kinds_by_name={"webhook": Accepting},
        )
        assert report.sent == DELIVERIES, report
        wal = owner.fetch_value(
            "select (pg_current_wal_insert_lsn() - %(lsn)s::pg_lsn)::bigint", {"lsn": lsn}
        )
        return self._since(begun, int(wal))

    def _since(self, begun: Mapping[str, int], wal: int) -> Counts:
        owner = self.world.owner
        # A session reports its statistics before it ends.
        eventually(lambda: owner.fetch_value(NOBODY, {"login": self.world.login}), "the sessions to end")
        ended = self._counts()
        calls = {name: ended.get(name, 0) - begun.get(name, 0) for name in FUNCTIONS}
        return Counts(calls, ended["commits"] - begun["commits"], wal)

    def _counts(self) -> dict[str, int]:
        owner = self.world.owner
        found = {row["funcname"]: row["calls"] for row in owner.fetch_all(CALLS, {"names": list(FUNCTIONS)})}
        return {**found, "commits": owner.fetch_value(COMMITS)}


@pytest.fixture
def counted(own_server: EmbeddedServer) -> Iterator[Counted]:
    """Yield a world on a server that counts calls of functions and does nothing by itself."""
    alone = {"track_functions": "pl", "autovacuum": "off"}
    server = servers.make(own_server.home, {**servers.FAST, **alone})
    url = server.ensure_running()
    with Gateway(url) as owner:
        migration.apply(owner, ["delivery"])
        world = World(owner, url, "iu_test_counted")
        yield Counted(world)
        world.close()
    server.stop()


def test_a_thousand_deliveries_are_five_claims_and_five_records(counted: Counted) -> None:
    counted.queue()
    found = counted.drain()
    assert BATCHES <= found.calls["fn_iu_delivery_claim"] <= BATCHES + IDLE, found
    assert found.calls["fn_iu_delivery_record"] == BATCHES, found
    # Besides those of the batches there are some that look whether anything is due; none is of one delivery.
    assert found.commits <= DELIVERIES // 5, found


def test_a_delivery_costs_some_1200_bytes_of_wal(counted: Counted) -> None:
    costs = []
    for _ in range(3):
        counted.queue()
        costs.append(counted.drain().wal / DELIVERIES)
    assert 1100 <= min(costs) <= 1350, costs


@pytest.mark.parametrize("is_patient", [True, False], ids=["waits longer and longer", "does not"])
def test_an_idle_service_asks_every_two_seconds(
    counted: Counted, monkeypatch: pytest.MonkeyPatch, is_patient: bool
) -> None:
    """A pause is at least a second and a half, after six shorter ones at the start."""
    if not is_patient:
        monkeypatch.setattr(Backoff, "pause", lambda _: 0.05)
    found = counted.wait(IDLE_SECONDS)
    asked = max(found.calls["fn_iu_delivery_claim"], found.calls["fn_iu_delivery_enqueue"])
    assert (asked <= IDLE_SECONDS / 1.5 + 8) == is_patient, found
