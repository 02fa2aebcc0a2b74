"""The protocol of deliveries: enqueue, claim, record, replay and discard."""

from __future__ import annotations

from delivery.world import World


def test_an_event_is_queued_claimed_and_sent(world: World) -> None:
    (event_id,) = world.emit(7)
    said = world.enqueue()
    assert (said["status"], said["queued"]) == ("ran", 1)
    sender = world.sender()
    (claim,) = sender.claim()
    assert (claim["event_id"], claim["attempt_no"], claim["route_code"]) == (event_id, 1, "shop.paid")
    assert claim["delivery_key"].startswith(f"evt_{event_id.hex}_")
    assert sender.claim() == []
    assert sender.record([claim])["sent"] == 1
    assert world.queue() == []
