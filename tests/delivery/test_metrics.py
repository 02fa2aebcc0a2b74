"""The metrics of live delivery are those of the queue, the targets and the promotions, and cheap to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from delivery.world import World, make_login, url_of
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import metrics
from iu_pipelines.hosting import exposition

LEASE: Final = 60
HOOK: Final = 'target="hook"'
PAID: Final = 'route="shop.paid",target="hook"'


def scraped(owner: Gateway) -> dict[str, float]:
    """Return the values of the metrics of deliveries by name and labels, as Prometheus reads them."""
    lines = exposition.text(metrics.collect(owner)).splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("iu_delivery"))
    return {name: float(value) for name, _, value in found}


def states(owner: Gateway) -> dict[str, int]:
    """Return the states of deliveries that are counted, without zeros."""
    found = scraped(owner)
    return {
        name.split('"')[1]: int(value)
        for name, value in found.items()
        if name.startswith("iu_delivery_queue_deliveries") and value
    }


def test_deliveries_are_counted_by_state(world: World) -> None:
    for subject in range(1, 7):
        world.emit(subject, 2)
    world.enqueue()
    assert states(world.owner) == {"queued": 12}
    sender = world.sender()
    sender.record(sender.claim(limit=1))
    sender.record(sender.claim(limit=1), "retry", status_code=503)
    sender.record(sender.claim(limit=1), "failed")
    sender.claim(limit=1)
    assert states(world.owner) == {"queued": 7, "retry": 1, "dead": 1, "parked": 1, "in_flight": 1}
    world.pass_time(LEASE + 1)
    assert states(world.owner)["in_doubt"] == 1
    world.set_gate("delivery", "false")
    assert states(world.owner) == {"in_doubt": 1, "dead": 1, "parked": 1, "held": 8}
    found = scraped(world.owner)
    assert found[f"iu_delivery_sent_total{{{PAID}}}"] == 1
    assert found[f"iu_delivery_route_failure_ratio{{{PAID}}}"] == pytest.approx(2 / 3)
    assert found[f"iu_delivery_queue_capped{{{HOOK}}}"] == 0


def test_a_count_that_is_a_lower_bound_says_so(world: World) -> None:
    world.owner.execute(
        "select public.fn_iu_emit_event('version_applied', 'doc/1', gen_random_uuid(), 'test', '{}') "
        "from generate_series(1, 1002)"
    )
    world.enqueue(limit=2000)
    found = scraped(world.owner)
    assert found[f"iu_delivery_queue_capped{{{HOOK}}}"] == 1
    assert found['iu_delivery_queue_deliveries{state="queued",target="hook"}'] >= 1000


def test_the_age_is_that_of_the_oldest_delivery_that_can_be_claimed(world: World) -> None:
    age = f"iu_delivery_oldest_due_age_seconds{{{PAID}}}"
    assert scraped(world.owner)[age] == 0
    world.emit(1, 2)
    world.enqueue()
    world.pass_time(100)
    assert scraped(world.owner)[age] == pytest.approx(100, abs=50)
    sender = world.sender()
    sender.record(sender.claim(limit=1), "failed")
    assert scraped(world.owner)[age] == 0  # the other one is parked


def test_a_route_that_is_held_names_the_reason(world: World) -> None:
    def reason() -> str:
        (held,) = (name for name in scraped(world.owner) if name.startswith("iu_delivery_route_held"))
        assert scraped(world.owner)[held] == float('reason=""' not in held)
        return held.split('"')[1]

    assert reason() == ""
    world.set_gate("delivery", "false")
    assert reason() == "delivery_gate_closed"
    world.set_gate("delivery", "true")
    world.owner.execute("update public.iu_delivery_target_state set paused = true")
    assert reason() == "target_paused"
    world.owner.execute("update public.iu_delivery_route set expires_at = now() - interval '1 s'")
    assert reason() == "promotion_expired"


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("enabled", "update public.iu_delivery_target set enabled = not enabled"),
        ("paused", "update public.iu_delivery_target_state set paused = not paused"),
        ("failover_hold", "update public.iu_delivery_target_state set failover_hold = not failover_hold"),
        ("breaker_open", "update public.iu_delivery_target_state set breaker = 'half_open'"),
        ("failures", "update public.iu_delivery_target_state set failures = 1"),
    ],
)
def test_the_state_of_a_target_is_a_number(world: World, metric: str, change: str) -> None:
    name = f"iu_delivery_target_{metric}{{{HOOK}}}"
    before = scraped(world.owner)[name]
    world.owner.execute(change)
    assert {before, scraped(world.owner)[name]} == {0, 1}


def test_a_promotion_ends_at_a_time_unless_it_was_demoted(world: World) -> None:
    name = f"iu_delivery_promotion_expiry_timestamp_seconds{{{PAID}}}"
    at = world.owner.fetch_value("select extract(epoch from expires_at)::float from public.iu_delivery_route")
    assert scraped(world.owner)[name] == pytest.approx(at)
    world.owner.execute("update public.iu_delivery_route set held_reason = 'demoted'")
    assert name not in scraped(world.owner)


@contextmanager
def auditor(world: World) -> Iterator[Gateway]:
    login = f"{world.login}_auditor"
    make_login(world.owner, login, "iu_auditor")
    with Gateway(url_of(world.url, login)) as gateway:
        yield gateway


def test_a_member_of_iu_auditor_may_read_every_number(world: World) -> None:
    world.emit(1, 2)
    world.enqueue()
    with auditor(world) as reader:
        read, owned = metrics.collect(reader).delivery, metrics.collect(world.owner).delivery
    assert read
    assert owned
    assert (read.queues, read.targets) == (owned.queues, owned.targets)
    assert [route.route_code for route in read.routes] == ["shop.paid"]


def test_a_target_without_a_live_route_has_numbers(
    new_database: Callable[[str], str], delivery_template: str
) -> None:
    with Gateway(new_database(delivery_template)) as owner:
        assert scraped(owner) == {}
        owner.execute(
            "insert into public.iu_delivery_target (target_name, kind, address) "
            "values ('hook', 'webhook', 'https://hook.example/')"
        )
        assert scraped(owner)[f"iu_delivery_target_enabled{{{HOOK}}}"] == 1
