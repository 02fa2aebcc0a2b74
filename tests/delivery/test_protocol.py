"""The protocol of deliveries: enqueue, claim, record, replay and discard."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from hashlib import sha256

import pytest

from delivery import broken, variants
from delivery.simulation import Simulation
from delivery.world import Sender, World, url_of
from engine.sessions import opened
from iu_pipelines.errors import IuError

Worlds = Callable[[], World]


def test_an_event_is_queued_claimed_and_sent(world: World) -> None:
    (event_id,) = world.emit(7)
    said = world.enqueue()
    assert (said["status"], said["queued"]) == ("ran", 1)
    sender = world.sender()
    (claim,) = sender.claim()
    assert (claim["event_id"], claim["attempt_no"], claim["route_code"]) == (event_id, 1, "shop.paid")
    assert claim["delivery_key"].startswith(f"evt_{event_id.hex}_")
    assert (claim["address"], claim["lease_seconds"]) == ("https://hook.example/", 60)
    body = json.loads(claim["body"])
    assert (body["id"], body["event_id"]) == (claim["delivery_key"], str(event_id))
    assert (body["sequence"], body["replayed"]) == (claim["subject_no"], False)
    assert (claim["headers"]["webhook-id"], claim["headers"]["iu-attempt"]) == (claim["delivery_key"], 1)
    recorded = world.owner.fetch_value("select body_hash from public.iu_delivery_claim")
    assert recorded == sha256(claim["body"].encode()).digest()
    assert sender.claim() == []
    assert sender.record([claim])["sent"] == 1
    assert world.queue() == []


def test_a_replay_says_so_and_counts_its_attempts(world: World) -> None:
    (event_id,) = world.emit(7)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(), "failed")
    world.owner.execute("select public.fn_iu_delivery_replay('shop.paid', %s, 'test')", (event_id,))
    (claim,) = sender.claim()
    assert json.loads(claim["body"])["replayed"] is True
    assert (claim["attempt_no"], claim["fence"], claim["headers"]["iu-attempt"]) == (2, 2, 2)


def test_an_event_that_is_queued_while_its_head_is_given_up_becomes_the_head(worlds: Worlds) -> None:
    """A claim must not settle a head to which an open transaction adds the next event of the subject."""
    simulation = Simulation.begin(worlds(), skipper={"at_most_once": True})
    with closing(simulation):
        variants.late_event_beside_a_doubt(simulation)
        simulation.check()
        assert (
            simulation.judge.execute("select from public.iu_delivery where dead_at is not null").rowcount == 0
        )
        simulation.claim("skipper", by=2)
        simulation.check()
        simulation.drain()


def test_an_event_that_is_queued_while_its_head_becomes_a_dead_letter_becomes_the_head(
    worlds: Worlds,
) -> None:
    with closing(Simulation.begin(worlds())) as simulation:
        variants.enqueue_waits_for_a_dead_letter(simulation)
        simulation.check()
        simulation.drain()


@pytest.mark.parametrize("senders", [2, 3, 7, 9, 12, 30, 40, 64, 70])
def test_each_sender_that_joins_gets_its_share_of_the_shards_at_once(world: World, senders: int) -> None:
    """The shares of all senders differ by one at most, so that no sender is left without work."""
    for subject in range(1, 65):
        world.emit(subject)
    world.enqueue()
    session = world.sender()
    for number in range(1, senders + 1):
        session.name = f"sender-{number}"
        session.claim(limit=1)
        world.owner.execute("update public.iu_delivery set due_at = clock_timestamp()")
        shares = owned(world)
        assert sum(shares.values()) == 64
        assert len(shares) == min(number, 64)
        assert max(shares.values()) - min(shares.values()) <= 1


def test_a_sender_that_goes_on_claiming_keeps_its_shards(world: World) -> None:
    """Its leases of 60 s are renewed when half of them has passed, so no other sender finds one that ends."""
    for subject in range(1, 9):
        world.emit(subject)
    world.enqueue()
    sender = world.sender()
    sender.claim(limit=1)
    ends = "select min(lease_until) from public.iu_delivery_shard where owner is not null"
    first = world.owner.fetch_value(ends)
    sender.claim(limit=1)
    assert world.owner.fetch_value(ends) == first, "most claims write no shard"
    world.pass_time(40)
    sender.claim(limit=1)
    assert world.owner.fetch_value(ends) > first - timedelta(seconds=1)
    assert sum(owned(world).values()) == 64


def test_no_shard_moves_while_the_same_senders_go_on(world: World) -> None:
    """Three shares are not equal: the larger one stays where it is."""
    for subject in range(1, 65):
        world.emit(subject)
    world.enqueue()
    senders = [world.sender(f"sender-{number}") for number in range(3)]
    for sender in senders * 2:
        sender.claim(limit=1)
    owners = "select array_agg(owner order by shard) from public.iu_delivery_shard"
    before = world.owner.fetch_value(owners)
    assert sorted(owned(world).values()) == [21, 21, 22]
    for sender in senders * 3:
        sender.claim(limit=1)
        assert world.owner.fetch_value(owners) == before


def test_the_shards_of_a_sender_that_leaves_go_to_the_others_in_equal_parts(world: World) -> None:
    for subject in range(1, 65):
        world.emit(subject)
    world.enqueue()
    senders = [world.sender(f"sender-{number}") for number in range(9)]
    for sender in senders:
        sender.claim(limit=1)
    for name in ("sender-0", "sender-4"):
        senders[0].session.execute("select public.fn_iu_delivery_shards_release('hook', %s)", (name,))
    rest = [one for one in senders if one.name not in {"sender-0", "sender-4"}]
    for _ in range(2):
        for sender in reversed(rest):
            sender.claim(limit=1)
    assert sorted(owned(world).values()) == [9, 9, 9, 9, 9, 9, 10]


def test_senders_without_a_shard_are_seen_if_every_share_is_rounded_up(world: World) -> None:
    with opened(world.url) as (session,):
        broken.shares_that_are_rounded_up(session)
    with pytest.raises(AssertionError):
        test_each_sender_that_joins_gets_its_share_of_the_shards_at_once(world, 9)
    assert len(owned(world)) < 9


def owned(world: World) -> dict[str, int]:
    """Return the number of shards of each sender."""
    rows = world.owner.fetch_all(
        """select owner, count(*) as shards from public.iu_delivery_shard
           where owner is not null group by owner"""
    )
    return {row["owner"]: row["shards"] for row in rows}


def test_a_sender_of_another_deployment_claims_nothing_and_leases_nothing(world: World) -> None:
    """A disk snapshot has the same cluster identifier, but its senders present another deployment."""
    world.emit(7)
    world.enqueue()
    for deployment in ("staging", ""):
        with closing(Sender(url_of(world.url, world.login), "clone", deployment)) as clone:
            assert clone.claim() == []
    assert world.owner.fetch_value("select count(owner) from public.iu_delivery_shard") == 0
    assert len(world.sender().claim()) == 1


def test_nobody_tells_the_protocol_a_time(world: World) -> None:
    """Clocks of senders do not matter, because no argument carries a time."""
    arguments = world.owner.fetch_all(
        """select p.proname, t.typname from pg_proc as p
           cross join unnest(p.proargtypes) as a (type_oid) inner join pg_type as t on t.oid = a.type_oid
           where p.proname in (
               'fn_iu_delivery_enqueue', 'fn_iu_delivery_claim', 'fn_iu_delivery_record',
               'fn_iu_delivery_replay', 'fn_iu_delivery_discard', 'fn_iu_delivery_retry_now'
           )"""
    )
    assert {row["typname"] for row in arguments} == {"text", "int4", "jsonb", "uuid", "bool"}


def test_a_route_that_was_never_promoted_has_nothing_to_replay_or_discard(world: World) -> None:
    (event_id,) = world.emit(7)
    code = "iu.version_applied.workflow"
    said = world.owner.fetch_value(
        "select public.fn_iu_delivery_discard(%s, %s, 'test') ->> 'status'", (code, event_id)
    )
    assert said == "not_queued"
    with pytest.raises(IuError, match="no dead letter"):
        world.owner.execute("select public.fn_iu_delivery_replay(%s, %s, 'test')", (code, event_id))


def test_a_late_410_of_an_earlier_promotion_does_not_demote_the_renewed_route(world: World) -> None:
    world.emit(1)
    world.enqueue()
    sender = world.sender()
    claims = sender.claim()
    world.promote("shop.paid")
    assert sender.record(claims, "retry", status_code=410)["demoted"] == 0
    world.pass_time(120)
    assert sender.record(sender.claim(), "retry", status_code=410)["demoted"] == 1
