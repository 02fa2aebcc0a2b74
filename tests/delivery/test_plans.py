"""Frozen plans: what they name, and that their execution does that and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from delivery.world import Sender, World
from engine.sessions import opened, read_committed, value

CLAIM = "select * from public.fn_iu_delivery_claim_plan(%s, %s, %s)"


def make(world: World, kind: str, reason: str = "a test", **filters: Any) -> dict[str, Any]:
    said: dict[str, Any] = world.owner.fetch_value(
        "select public.fn_iu_delivery_plan_make(%s, %s, %s)", (kind, Jsonb(filters), reason)
    )
    return said


def execute(world: World, plan_hash: str, limit: int = 1000) -> dict[str, Any]:
    said: dict[str, Any] = world.owner.fetch_value(
        "select public.fn_iu_delivery_plan_execute(%s, %s)", (plan_hash, limit)
    )
    return said


def progress(world: World, plan_hash: str) -> dict[str, Any]:
    said: dict[str, Any] = world.owner.fetch_value(
        "select public.fn_iu_delivery_plan_progress(%s)", (plan_hash,)
    )
    return said


def claim(sender: Sender, plan_hash: str, limit: int = 100) -> list[dict[str, Any]]:
    return sender.session.execute(CLAIM, (plan_hash, limit, sender.name)).fetchall()


def counts(said: dict[str, Any]) -> dict[str, int]:
    names = ("open", "settled", "in_flight", "waiting", "dead")
    return {name: said[name] for name in names if said[name]}


def named(world: World, plan_hash: str) -> list[UUID]:
    return [
        row["event_id"]
        for row in world.owner.fetch_all(
            """select e.event_id from public.iu_delivery_plan_entry as e
               inner join public.iu_delivery_plan as p on p.plan_no = e.plan_no
               where p.plan_hash = decode(%s, 'hex') order by e.entry_no""",
            (plan_hash,),
        )
    ]


def drain(sender: Sender, plan_hash: str, limit: int = 100) -> list[UUID]:
    """Deliver what the plan names; return the events in the order of their claims."""
    sent = []
    while claims := claim(sender, plan_hash, limit):
        sent += [one["event_id"] for one in claims]
        sender.record(claims)
    return sent


def bury(world: World, *subjects: int, error: str = "status 422", target: str = "hook") -> list[UUID]:
    """Make a dead letter of the first event of each of these subjects; return the events."""
    events = [world.emit(subject)[0] for subject in subjects]
    for code in ("shop.paid", "shop.skip") if target == "skips" else ("shop.paid",):
        world.enqueue(code)
    sender = world.sender()
    claims = [row for row in sender.claim(target) if row["event_id"] in events]
    assert len(claims) == len(events)
    sender.record(claims, "failed", error=error)
    return events


def add_skipping(world: World) -> None:
    world.add_target("skips", on_dead_letter="skip")
    world.add_route("shop.skip", "version_applied", "skips")
    world.open_gates()


# --- drain


def test_a_drain_claims_what_it_names_and_nothing_that_arrived_later(world: World) -> None:
    first = [event for subject in (1, 2) for event in world.emit(subject, 2)]
    world.enqueue()
    plan = make(world, "drain", target="hook")
    assert (plan["status"], plan["kind"], plan["entries"], plan["routes"]) == (
        "planned", "drain", 4, ["shop.paid"]
    )  # fmt: skip
    assert named(world, plan["plan_hash"]) == first
    later = world.emit(1) + world.emit(3)
    world.enqueue()
    sender = world.sender()
    assert counts(progress(world, plan["plan_hash"])) == {"open": 4}
    sent = drain(sender, plan["plan_hash"])
    assert sorted(sent) == sorted(first)
    assert [event for event in sent if event in first[:2]] == first[:2]
    assert counts(progress(world, plan["plan_hash"])) == {"settled": 4}
    assert claim(sender, plan["plan_hash"]) == []
    assert [row["event_id"] for row in world.queue()] == later
    claims = sender.claim()
    assert sorted(row["event_id"] for row in claims) == sorted(later)


def test_the_columns_of_a_claim_are_those_of_any_claim(world: World) -> None:
    world.emit(1)
    world.emit(2)
    world.enqueue()
    plan = make(world, "drain", route_code="shop.paid", limit=1)
    sender = world.sender()
    (planned,), (other,) = claim(sender, plan["plan_hash"]), sender.claim()
    assert list(planned) == list(other)
    assert planned["headers"].keys() == other["headers"].keys()
    assert (planned["fence"], planned["lease_seconds"]) == (1, 60)


def test_an_entry_behind_a_head_that_the_plan_does_not_name_waits(world: World) -> None:
    world.emit(1, 2)
    world.enqueue()
    head, second = world.queue()
    world.owner.execute(
        "update public.iu_delivery set queued_at = queued_at - interval '1 hour' where event_seq = %s",
        (head["event_seq"],),
    )
    plan = make(world, "drain", target="hook", since=second["queued_at"].isoformat())
    assert plan["entries"] == 1
    sender = world.sender()
    assert counts(progress(world, plan["plan_hash"])) == {"waiting": 1}
    assert claim(sender, plan["plan_hash"]) == []
    sender.record(sender.claim())
    assert counts(progress(world, plan["plan_hash"])) == {"open": 1}
    assert drain(sender, plan["plan_hash"]) == [second["event_id"]]


def test_progress_counts_each_entry_once(world: World) -> None:
    bury(world, 1)
    world.emit(1)
    for subject in (2, 3, 4):
        world.emit(subject, 2)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    assert plan["entries"] == 7
    sender = world.sender()
    sent, failed, _ = claim(sender, plan["plan_hash"])
    sender.record([sent])
    sender.record([failed], "failed", status_code=422)
    said = progress(world, plan["plan_hash"])
    assert counts(said) == {"settled": 1, "dead": 1, "in_flight": 1, "waiting": 2, "open": 2}
    assert (said["entries"], said["reason"], said["kind"]) == (7, "a test", "drain")
    assert said["created_by"] == world.owner.fetch_value("select session_user::text")


def test_two_senders_execute_one_drain_and_claim_nothing_twice(world: World) -> None:
    for subject in range(1, 41):
        world.emit(subject, 2)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    senders = [world.sender("one"), world.sender("two")]
    sent: list[UUID] = []
    idle = 0
    while idle < 4:
        for sender in senders:
            claims = claim(sender, plan["plan_hash"], 7)
            idle = 0 if claims else idle + 1
            sent += [row["event_id"] for row in claims]
            sender.record(claims)
    assert sorted(sent) == sorted(named(world, plan["plan_hash"]))


def test_the_rates_hold_for_a_drain(world: World) -> None:
    world.owner.execute("update public.iu_delivery_target set max_per_minute = 60")
    world.promote("shop.paid", max_per_minute=30)
    for subject in range(1, 9):
        world.emit(subject)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    assert plan["drain_seconds"] == 8 / 30 * 60
    sender = world.sender()
    assert len(claim(sender, plan["plan_hash"])) == 1
    assert claim(sender, plan["plan_hash"]) == []


@pytest.mark.parametrize("closed", ["master", "delivery", "live_routes", "paused", "demoted", "other"])
def test_what_refuses_a_claim_refuses_that_of_a_drain(world: World, closed: str) -> None:
    world.emit(1)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    sender = world.sender()
    if closed == "paused":
        world.owner.execute("update public.iu_delivery_target_state set paused = true")
    elif closed == "demoted":
        world.owner.execute("update public.iu_delivery_route set held_reason = 'demoted', held_since = now()")
    elif closed == "other":
        sender.session.execute("select set_config('iu.deployment', 'other', false)")
    else:
        world.set_gate(closed, "" if closed == "live_routes" else "false")
    assert claim(sender, plan["plan_hash"]) == []
    assert counts(progress(world, plan["plan_hash"])) == {"open": 1}


def test_an_open_breaker_lets_one_delivery_of_a_drain_through(world: World) -> None:
    for subject in range(1, 4):
        world.emit(subject)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    world.owner.execute(
        "update public.iu_delivery_target_state set breaker = 'open', failures = 5, retry_at = now()"
    )
    sender = world.sender()
    assert len(claim(sender, plan["plan_hash"])) == 1
    assert claim(sender, plan["plan_hash"]) == []


def test_a_retry_and_a_replayed_dead_letter_are_claimed_by_the_drain_again(world: World) -> None:
    (event,) = world.emit(1)
    world.enqueue()
    plan = make(world, "drain", target="hook")
    sender = world.sender()
    sender.record(claim(sender, plan["plan_hash"]), "retry", status_code=503)
    world.pass_time(10)
    sender.record(claim(sender, plan["plan_hash"]), "failed", status_code=422)
    assert counts(progress(world, plan["plan_hash"])) == {"dead": 1}
    assert claim(sender, plan["plan_hash"]) == []
    world.owner.fetch_value("select public.fn_iu_delivery_replay('shop.paid', %s, 'a test')", (event,))
    assert drain(sender, plan["plan_hash"]) == [event]


def test_a_drain_goes_round_its_subjects_and_looks_at_each_part(world: World) -> None:
    """More subjects than one part of the scan has, of which the first fail and are due again."""
    world.owner.execute(
        """insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane,
               canonical_address, event_subject_table, event_subject_ref, actor_ref, safe_payload)
           select 'iu', 'version_applied', 'update', 'immediate', 'doc/' || i, 'information_unit',
               gen_random_uuid(), 'plan', '{}' from generate_series(1, 1300) as i"""
    )
    world.enqueue(limit=10_000)
    plan = make(world, "drain", target="hook")
    sender = world.sender()
    first = claim(sender, plan["plan_hash"], 300)
    sender.record(first, "retry", local_fault=True)
    rest = drain(sender, plan["plan_hash"], 450)
    assert len(rest) == 1000
    world.pass_time(10)
    again = drain(sender, plan["plan_hash"], 450)
    assert sorted(again) == sorted(row["event_id"] for row in first)
    assert counts(progress(world, plan["plan_hash"])) == {"settled": 1300}
    claim(sender, plan["plan_hash"])
    world.emit(1)
    world.enqueue()
    assert claim(sender, plan["plan_hash"]) == []
    assert world.owner.fetch_value("select count(*) from public.iu_delivery_plan_subject") == 0


def test_a_drain_has_one_target(world: World) -> None:
    with pytest.raises(Exception, match="without a target") as raised:
        make(world, "drain")
    assert getattr(raised.value, "code", "") == "IU104"


# --- replay and discard


def test_a_replay_queues_the_dead_letters_that_it_names(world: World) -> None:
    events = bury(world, 1, 2, 3)
    plan = make(world, "replay", "the receiver is repaired", route_code="shop.paid")
    assert (plan["entries"], plan["routes"], plan["drain_seconds"]) == (3, ["shop.paid"], None)
    later = bury(world, 4)
    said = execute(world, plan["plan_hash"], 2)
    assert (said["status"], said["done"], said["changed"], said["left"]) == ("running", 2, 0, 1)
    said = execute(world, plan["plan_hash"], 2)
    assert (said["status"], said["done"], said["changed"], said["left"]) == ("done", 3, 0, 0)
    assert execute(world, plan["plan_hash"])["done"] == 3
    assert [row["event_id"] for row in world.queue() if row["dead_at"]] == later
    rows = world.owner.fetch_all(
        "select event_id, reason from public.iu_delivery_decision where decision = 'replayed' order by 1"
    )
    assert [row["event_id"] for row in rows] == sorted(events)
    assert {row["reason"] for row in rows} == {"the receiver is repaired"}
    claims = world.sender().claim()
    assert [row["event_id"] for row in claims] == events
    assert {row["body"].count('"replayed" : true') for row in claims} == {1}


def test_a_discard_settles_what_it_names_and_the_next_of_the_subject_goes_on(world: World) -> None:
    bury(world, 1, 2)
    (second,) = world.emit(1)
    world.enqueue()
    plan = make(world, "discard", target="hook")
    assert execute(world, plan["plan_hash"])["status"] == "done"
    assert [row["event_id"] for row in world.sender().claim()] == [second]
    said = progress(world, plan["plan_hash"])
    assert counts(said) == {"settled": 2}


def test_what_is_no_dead_letter_any_more_is_left_alone(world: World) -> None:
    first, second, third = bury(world, 1, 2, 3)
    plan = make(world, "discard")
    for event in (first, second):
        world.owner.fetch_value("select public.fn_iu_delivery_replay('shop.paid', %s, 'a test')", (event,))
    sender = world.sender()
    sender.record(sender.claim(limit=1))
    said = execute(world, plan["plan_hash"])
    assert (said["status"], said["done"], said["changed"], said["left"]) == ("done", 1, 2, 0)
    assert [row["event_id"] for row in world.queue()] == [second]
    discarded = world.owner.fetch_all(
        "select event_id from public.iu_delivery_decision where decision = 'discarded'"
    )
    assert [row["event_id"] for row in discarded] == [third]


def test_a_plan_of_several_routes_and_targets_is_executed_route_by_route(world: World) -> None:
    add_skipping(world)
    bury(world, 1, 2, target="skips")
    sender = world.sender()
    sender.record(sender.claim(), "failed", status_code=422)
    plan = make(world, "discard", reason="too old")
    assert (plan["entries"], plan["routes"]) == (4, ["shop.paid", "shop.skip"])
    assert [execute(world, plan["plan_hash"], 3)["left"] for _ in range(2)] == [2, 0]
    assert world.queue() == []


def test_a_replay_of_what_was_skipped_needs_out_of_order(world: World) -> None:
    add_skipping(world)
    events = bury(world, 1, 2, target="skips")
    later = world.emit(1)
    world.enqueue("shop.skip")
    with pytest.raises(Exception, match="subjects of 2 dead letters") as raised:
        make(world, "replay", target="skips")
    assert getattr(raised.value, "code", "") == "IU606"
    assert world.owner.fetch_value("select count(*) from public.iu_delivery_plan_entry") == 0
    plan = make(world, "replay", target="skips", out_of_order=True)
    assert execute(world, plan["plan_hash"])["done"] == 2
    sender, sent = world.sender(), []
    while claims := sender.claim("skips"):
        sent += [row["event_id"] for row in claims]
        sender.record(claims)
    assert sorted(sent) == sorted(events + later)
    assert world.owner.fetch_value("select count(*) from public.fn_iu_delivery_heads_missing()") == 0


def test_skipped_letters_of_one_subject_are_replayed_in_their_order(world: World) -> None:
    add_skipping(world)
    events = world.emit(1, 3)
    world.enqueue("shop.skip")
    sender = world.sender()
    for _ in events:
        sender.record(sender.claim("skips"), "failed", status_code=422)
    plan = make(world, "replay", target="skips", out_of_order=True)
    assert execute(world, plan["plan_hash"])["done"] == 3
    sent = []
    while claims := sender.claim("skips"):
        sent += [row["event_id"] for row in claims]
        sender.record(claims)
    assert sent == events


def test_an_interrupted_execution_goes_on_where_it_was(world: World) -> None:
    bury(world, *range(1, 6))
    plan = make(world, "replay")
    with opened(world.url) as [session]:
        read_committed(session)
        session.execute("begin")
        said = value(session, "select public.fn_iu_delivery_plan_execute(%s, 2)", (plan["plan_hash"],))
        assert said["left"] == 3
        busy = execute(world, plan["plan_hash"], 2)
        assert (busy["status"], busy["done"], busy["left"]) == ("busy", 0, 5)
        session.execute("rollback")
    assert [execute(world, plan["plan_hash"], 2)["left"] for _ in range(3)] == [3, 1, 0]


# --- making


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"cause": "timeout"}, [2]),
        ({"cause": "no such cause"}, []),
        ({"subject": str(UUID(int=3))}, [3]),
        ({"limit": 2}, [1, 2]),
        ({"route_code": "shop.paid", "target": "hook"}, [1, 2, 3]),
        ({"target": "other"}, []),
        ({"since": "2000-01-01T00:00:00Z"}, [1, 2, 3]),
        ({"until": "2000-01-01T00:00:00Z"}, []),
        ({"cause": None}, [1, 2, 3]),
    ],
)
def test_a_filter_chooses_dead_letters(world: World, filters: dict[str, Any], expected: list[int]) -> None:
    world.add_target("other")
    one, two, three = bury(world, 1), bury(world, 2, error="timeout after 10 s"), bury(world, 3)
    plan = make(world, "discard", **filters)
    events = {1: one[0], 2: two[0], 3: three[0]}
    if not expected:
        assert (plan["status"], plan["plan_hash"], plan["entries"]) == ("nothing", None, 0)
        assert world.owner.fetch_value("select count(*) from public.iu_delivery_plan") == 0
    else:
        assert named(world, plan["plan_hash"]) == [events[number] for number in expected]


def test_the_same_hash_means_the_same_content(world: World) -> None:
    bury(world, 1, 2)
    filters = {"since": "2000-01-01T00:00:00Z"}
    plans = [
        make(world, "replay", "a", **filters),
        make(world, "replay", "a", since="2000-01-01T01:00:00+01:00"),
        make(world, "replay", "b", **filters),
        make(world, "discard", "a", **filters),
        make(world, "replay", "a"),
        make(world, "replay", "a", limit=1),
    ]
    bury(world, 3)
    plans.append(make(world, "replay", "a", **filters))
    hashes = [plan["plan_hash"] for plan in plans]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 6


@pytest.mark.parametrize(
    ("kind", "filters"),
    [
        ("erase", {}), ("replay", {"cuase": "x"}), ("replay", {"limit": 0}), ("replay", {"limit": 1_000_001}),
        ("replay", {"limit": "5"}), ("replay", {"limit": 1.5}), ("replay", {"since": "yesterdy"}),
        ("replay", {"subject": "x"}), ("replay", {"cause": ""}), ("drain", {"target": "hook", "cause": "x"}),
        ("discard", {"out_of_order": True}), ("replay", {"route_code": "shop.none"}),
        ("replay", {"limit": 10**12}), ("replay", {"out_of_order": "yes"}),
    ],
)  # fmt: skip
def test_a_wrong_filter_is_refused(world: World, kind: str, filters: dict[str, Any]) -> None:
    bury(world, 1)
    with pytest.raises(Exception) as raised:  # noqa: PT011
        make(world, kind, **filters)
    assert getattr(raised.value, "code", "") == "IU104"


def test_another_hash_and_another_kind_are_refused(world: World) -> None:
    bury(world, 1)
    world.emit(2)
    world.enqueue()
    replay, drained = make(world, "replay"), make(world, "drain", target="hook")
    sender = world.sender()
    asked: list[tuple[Callable[[Any, str], Any], Any, str, str]] = [
        (execute, world, "0" * 64, "IU206"),
        (progress, world, "0" * 64, "IU206"),
        (claim, sender, "0" * 64, "IU206"),
        (execute, world, drained["plan_hash"], "IU104"),
        (claim, sender, replay["plan_hash"], "IU104"),
        (execute, world, replay["plan_hash"][:-1], "IU104"),
        (execute, world, replay["plan_hash"].upper(), "IU104"),
    ]
    for call, by, plan_hash, code in asked:
        with pytest.raises(Exception) as raised:  # noqa: PT011
            call(by, plan_hash)
        seen = getattr(raised.value, "code", None) or getattr(raised.value, "sqlstate", None)
        assert seen == code, (call, plan_hash)


@pytest.mark.parametrize(
    ("table", "column"), [("iu_delivery_plan", "reason"), ("iu_delivery_plan_entry", "event_id")]
)
@pytest.mark.parametrize("act", ["update {} set {} = null", "delete from {}"])
def test_a_plan_cannot_be_changed(world: World, table: str, column: str, act: str) -> None:
    bury(world, 1)
    make(world, "replay")
    with psycopg.connect(world.url) as session, pytest.raises(psycopg.Error) as raised:
        session.execute(act.format(f"public.{table}", column).encode())
    assert raised.value.sqlstate == "IU203"
