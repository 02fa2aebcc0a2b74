"""Deliveries that are claimed by their keys: what is claimed, by whom, and how long a claim is valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from delivery.world import Sender, World, make_login, url_of

KEYS: Final = "select * from public.fn_iu_delivery_{name}(%s)"


def key(event: UUID, number: int) -> str:
    return f"evt_{event.hex}_{number}"


def queued(world: World, subjects: int, each: int = 1) -> list[str]:
    """Queue events, and return the keys of the heads."""
    number = int(world.owner.fetch_value("select min(route_no) from public.iu_delivery_route"))
    events = [world.emit(subject + 1, each)[0] for subject in range(subjects)]
    world.enqueue()
    return [key(event, number) for event in events]


def claim(sender: Sender, keys: Sequence[str | None], target: str = "hook") -> list[dict[str, Any]]:
    return sender.session.execute(
        "select * from public.fn_iu_delivery_claim_named(%s, %s, %s, 'run')",
        (target, list(keys), sender.name),
    ).fetchall()


def heads(sender: Sender, limit: int = 100, target: str = "hook") -> list[dict[str, Any]]:
    return sender.session.execute(
        "select * from public.fn_iu_delivery_heads(%s, %s)", (target, limit)
    ).fetchall()


def prolong(sender: Sender, claims: Sequence[dict[str, Any]]) -> int:
    row = sender.session.execute(
        "select public.fn_iu_delivery_prolong(%s) as said", ([one["claim_id"] for one in claims],)
    ).fetchone()
    assert row
    return int(row["said"])


def other_login(world: World) -> Sender:
    """Return a sender with another login, to which every target is granted."""
    login = f"{world.login}_other"
    make_login(world.owner, login, "iu_sender")
    world.owner.execute(
        """insert into public.iu_delivery_target_sender (target_no, login)
           select target_no, %s from public.iu_delivery_target""",
        (login,),
    )
    return Sender(url_of(world.url, login), "other")


def test_only_what_is_named_is_claimed(world: World) -> None:
    keys = queued(world, 3, 2)
    sender = world.sender()
    named = [keys[1], keys[1], keys[2], key(UUID(int=1), 7), key(UUID(int=1), 999_999_999)]
    claims = claim(sender, named)
    assert sorted(one["delivery_key"] for one in claims) == sorted(keys[1:])
    assert {one["attempt_no"] for one in claims} == {1}
    assert claim(sender, keys[1:]) == [], "it is claimed"
    assert sender.record(claims)["sent"] == 2
    assert claim(sender, keys[1:]) == [], "it is settled"
    assert [one["delivery_key"] for one in sender.claim()].count(keys[0]) == 1


def test_what_is_no_head_or_not_due_is_not_claimed(world: World) -> None:
    first, second = world.emit(1, 2)
    world.enqueue()
    number = int(world.owner.fetch_value("select min(route_no) from public.iu_delivery_route"))
    sender = world.sender()
    assert claim(sender, [key(second, number)]) == []
    claims = claim(sender, [key(first, number)])
    assert sender.record(claims, "retry", retry_after_seconds=600)["retry"] == 1
    assert claim(sender, [key(first, number)]) == []
    world.pass_time(700)
    assert [one["attempt_no"] for one in claim(sender, [key(first, number)])] == [2]


def test_a_dead_letter_is_not_claimed_by_its_key(world: World) -> None:
    dead, other = queued(world, 2)
    sender = world.sender()
    assert sender.record(claim(sender, [dead]), "failed")["failed"] == 1
    world.owner.execute("update public.iu_delivery set due_at = clock_timestamp()")
    assert [one["delivery_key"] for one in claim(sender, [dead, other])] == [other]


def test_a_held_route_has_no_head_that_is_due(world: World) -> None:
    (only,) = queued(world, 1)
    sender = world.sender()
    assert [one["delivery_key"] for one in heads(sender)] == [only]
    world.owner.execute("select public.fn_iu_route_demote('shop.paid', 'test')")
    assert heads(sender) == []
    assert claim(sender, [only]) == []


def test_keys_of_another_target_claim_nothing(world: World) -> None:
    world.add_target("other")
    world.add_route("shop.other", "version_applied", "other")
    world.open_gates()
    keys = queued(world, 1)
    world.enqueue("shop.other")
    sender = world.sender()
    assert claim(sender, keys, "other") == []
    assert len(claim(sender, keys)) == 1


@pytest.mark.parametrize("is_due", [False, True])
@pytest.mark.parametrize(
    "keys",
    [[], [None], ["evt_1"], ["'; drop table"], [f"evt_{'0' * 32}_1"] * 1001, [f"EVT_{'0' * 32}_1"],
     [f"evt_{'0' * 32}_1\n"], [f"evt_{'0' * 32}_1234567890"], [f"evt_{'g' * 32}_1"]],
    ids=lambda keys: repr(keys[:1])[:20],
)  # fmt: skip
def test_what_is_no_key_is_refused_whether_or_not_something_is_due(
    world: World, keys: list[str | None], is_due: bool
) -> None:
    if is_due:
        queued(world, 1)
    sender = world.sender()
    with pytest.raises(psycopg.Error) as refused:
        claim(sender, keys)
    assert refused.value.sqlstate == "IU104"
    with pytest.raises(psycopg.Error) as refused:
        sender.session.execute(KEYS.format(name="claimed"), (keys,))
    assert refused.value.sqlstate == "IU104"


def test_as_many_keys_as_can_be_named_are(world: World) -> None:
    keys = queued(world, 2)
    filler = [key(UUID(int=number), 1) for number in range(998)]
    assert len(claim(world.sender(), [*filler, *keys])) == 2


def test_rates_and_the_breaker_apply(world: World) -> None:
    world.add_target("slow", max_per_minute=120)
    world.add_route("shop.slow", "version_applied", "slow")
    world.open_gates()
    for subject in range(5):
        world.emit(subject + 1)
    world.enqueue("shop.slow")
    sender = world.sender()
    keys = [one["delivery_key"] for one in heads(sender, target="slow")]
    assert len(keys) == 5
    claims = claim(sender, keys, "slow")
    assert len(claims) == 2
    assert claim(sender, keys, "slow") == []
    world.pass_time(60)
    world.owner.execute(
        """update public.iu_delivery_target_state set breaker = 'open',
               retry_at = clock_timestamp() + interval '1 hour'"""
    )
    assert claim(sender, keys, "slow") == []
    world.pass_time(3_600)
    assert len(claim(sender, keys, "slow")) == 1, "a half-open breaker lets one through"


@pytest.mark.parametrize("gate", ["master", "delivery", "live_routes"])
def test_a_closed_gate_holds_what_is_named(world: World, gate: str) -> None:
    keys = queued(world, 1)
    world.set_gate(gate, "" if gate == "live_routes" else "false")
    assert claim(world.sender(), keys) == []


@pytest.mark.parametrize("kind", ["dagster_job", "dagster_asset"])
def test_the_gate_of_jobs_holds_the_kinds_of_dagster(world: World, kind: str) -> None:
    world.add_target("job", kind=kind, address="")
    world.add_route("shop.job", "version_applied", "job")
    world.open_gates()
    world.emit(1)
    world.enqueue("shop.job")
    sender = world.sender()
    (head,) = heads(sender, target="job")
    assert claim(sender, [head["delivery_key"]], "job") == []
    world.set_gate("jobs", "true")
    assert len(claim(sender, [head["delivery_key"]], "job")) == 1


def test_another_deployment_reads_and_claims_nothing(world: World) -> None:
    keys = queued(world, 1)
    other = Sender(url_of(world.url, world.login), "other", "elsewhere")
    assert heads(other) == []
    assert claim(other, keys) == []
    other.close()


def test_what_is_in_doubt_is_claimed_again_or_is_a_dead_letter(world: World) -> None:
    world.add_target("once", at_most_once=True)
    world.add_route("shop.once", "version_applied", "once")
    world.open_gates()
    keys = queued(world, 1)
    world.enqueue("shop.once")
    sender = world.sender()
    once = [one["delivery_key"] for one in heads(sender, target="once")]
    first = claim(sender, keys)
    assert claim(sender, once, "once")
    world.pass_time(120)
    assert [one["is_due"] for one in heads(sender)] == [True]
    assert [one["fence"] for one in claim(sender, keys)] == [2]
    assert sender.record(first)["stale"] == 1
    assert claim(sender, once, "once") == []
    assert [one["dead_at"] is not None for one in world.queue()].count(True) == 1


def test_a_process_of_the_same_login_reads_what_was_claimed(world: World) -> None:
    keys = queued(world, 3)
    sender = world.sender()
    claims = claim(sender, keys[:2])
    found = world.sender("another").session.execute(KEYS.format(name="claimed"), (keys,)).fetchall()
    assert {(one.pop("target"), one.pop("run_ref")) for one in found} == {("hook", "run")}

    def order(one: dict[str, Any]) -> int:
        return int(one["claim_id"])

    assert [{**one, "headers": None} for one in found] == sorted(
        [{**one, "headers": None} for one in claims], key=order
    )
    assert [one["headers"] for one in found] == [one["headers"] for one in sorted(claims, key=order)]
    sender.record(claims[:1])
    left = sender.session.execute(KEYS.format(name="claimed"), (keys,)).fetchall()
    assert [one["claim_id"] for one in left] == [claims[1]["claim_id"]]


def test_claims_of_another_login_are_not_shown_and_cannot_be_prolonged(world: World) -> None:
    keys = queued(world, 2)
    claims = claim(world.sender(), keys)
    other = other_login(world)
    assert other.session.execute(KEYS.format(name="claimed"), (keys,)).fetchall() == []
    assert [(one["claim_id"], one["run_ref"], one["fence"]) for one in heads(other)] == [(None, None, 1)] * 2
    with pytest.raises(psycopg.Error) as refused:
        prolong(other, claims)
    assert refused.value.sqlstate == "IU201"
    other.close()


def test_heads_are_the_oldest_that_are_due_and_all_that_are_claimed(world: World) -> None:
    keys = queued(world, 4, 2)
    sender = world.sender()
    claim(sender, keys[:1])
    found = heads(sender, 2)
    assert [one["delivery_key"] for one in found] == [keys[1], keys[2], keys[0]]
    assert [one["is_due"] for one in found] == [True, True, False]
    assert [one["run_ref"] for one in found] == [None, None, "run"]
    world.set_gate("delivery", "false")
    world.set_gate("live_routes", "")
    assert [one["delivery_key"] for one in heads(sender)] == keys[:1], "a claim is shown whatever the gates"
    for limit in (0, -1, 100_001, None):
        with pytest.raises(psycopg.Error) as refused:
            heads(sender, limit)  # type: ignore[arg-type]
        assert refused.value.sqlstate == "IU301"


def test_a_lease_is_prolonged_from_now_on(world: World) -> None:
    keys = queued(world, 2)
    sender = world.sender()
    claims = claim(sender, keys)
    world.pass_time(50)
    assert prolong(sender, claims) == 2
    world.pass_time(30)
    assert claim(sender, keys) == []
    world.pass_time(120)
    assert prolong(sender, claims[:1]) == 1, "a lease that has passed is valid again"
    again = claim(sender, keys)
    assert [one["delivery_key"] for one in again] == [claims[1]["delivery_key"]]
    assert prolong(sender, claims) == 1, "a claim that is not the newest is not prolonged"
    sender.record(claims[:1])
    assert prolong(sender, claims) == 0


def test_a_lease_is_never_shortened(world: World) -> None:
    keys = queued(world, 1)
    sender = world.sender()
    claims = claim(sender, keys)
    world.owner.execute("update public.iu_delivery set due_at = due_at + interval '1 hour'")
    before = world.queue()[0]["due_at"]
    assert prolong(sender, claims) == 1
    assert world.queue()[0]["due_at"] == before


def test_claims_that_cannot_be_prolonged_are_refused(world: World) -> None:
    world.add_target("other")
    world.add_route("shop.other", "version_applied", "other")
    world.open_gates()
    keys = queued(world, 1)
    world.enqueue("shop.other")
    sender = world.sender()
    claims = claim(sender, keys) + claim(sender, [heads(sender, target="other")[0]["delivery_key"]], "other")
    for ids, code in (
        ([one["claim_id"] for one in claims], "IU104"),
        ([claims[0]["claim_id"], 999_999], "IU605"),
        ([None], "IU605"),
        ([], "IU301"),
        ([1] * 1001, "IU301"),
        (None, "IU301"),
    ):
        with pytest.raises(psycopg.Error) as refused:
            sender.session.execute("select public.fn_iu_delivery_prolong(%s::bigint[])", (ids,))
        assert refused.value.sqlstate == code, ids


def test_a_login_that_delivers_nothing_calls_nothing(world: World) -> None:
    keys = queued(world, 1)
    claims = claim(world.sender(), keys)
    login = f"{world.login}_none"
    make_login(world.owner, login, "iu_sender")
    sender = Sender(url_of(world.url, login), "none")
    for call in (lambda: claim(sender, keys), lambda: heads(sender), lambda: prolong(sender, claims)):
        with pytest.raises(psycopg.Error) as refused:
            call()
        assert refused.value.sqlstate == "IU201"
    assert sender.session.execute(KEYS.format(name="claimed"), (keys,)).fetchall() == []
    sender.close()
