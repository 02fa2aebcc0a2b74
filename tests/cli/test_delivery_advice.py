"""What commands say when delivery is refused, held, or about to be: it must be true and name what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.offices import OfficeIu, Shop
from cli.running import Done, refused
from delivery.office import ROUTE
from delivery.receiver import Behaviour
from iu_pipelines.cli.output import rate
from iu_pipelines.domain import deliveries


def test_the_address_of_a_private_target_is_changed_in_three_steps(office_iu: OfficeIu) -> None:
    why = ("--reason", "the receiver moved")
    private = ("target", "set", "hook", "--allow-private", *why)
    public = ("target", "set", "hook", "--no-allow-private", *why)
    move = ("target", "set", "hook", "--address", "http://127.0.0.1:9999/hook", *why)
    assert office_iu("admin", "target", "set", "hook", "--secret", "SHOP", *why).code == 0
    assert office_iu("approver", *private).code == 0
    for login in ("admin", "approver"):
        done = office_iu(login, *move)
        refused(
            done, 1, "iu target set hook --no-allow-private", "iu target set hook --address",
            "iu target set hook --allow-private",
        )  # fmt: skip
        assert "grant" not in done.err
    for login, words in (("approver", public), ("admin", move), ("approver", private)):
        done = office_iu(login, *words)
        assert done.code == 0, done.err
    shown = office_iu("auditor", "target", "show", "hook", "--json").json
    assert (shown["address"], shown["allow_private"]) == ("http://127.0.0.1:9999/hook", True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("route", "disable", ROUTE), "route_changed"),
        (("route", "set", ROUTE, "--target-ref", "another"), "route_changed"),
        (("type", "disable", "version_applied", "--reason", "a test"), "event_type_changed"),
    ],
)
def test_a_change_that_ends_a_promotion_says_so(
    office_iu: OfficeIu, words: tuple[str, ...], reason: str
) -> None:
    office = office_iu.office
    office.promote()
    office.emit(3, 3)
    office.enqueue()
    (number,) = [one["promotion_no"] for one in office_iu("admin", "promote", "list", "--json").json]
    done = office_iu("admin", *words)
    assert done.code == 0, done.err
    assert (
        f"promotion {number} of {ROUTE} ends ({reason}), and 3 deliveries are held until a new one is "
        f"approved: iu promote propose {ROUTE}"
    ) in done.err
    assert "iu target pause hook" in done.err
    assert reason in office_iu("admin", "deliver", "status").out
    again = office_iu("admin", "route", "enable", ROUTE)
    assert f"promotion {number} of {ROUTE} has ended" in again.err
    assert "iu target pause" not in again.err


def test_a_change_that_ends_no_promotion_warns_of_none(office_iu: OfficeIu) -> None:
    office_iu.office.promote()
    for words in (("route", "enable", ROUTE), ("route", "set", ROUTE, "--target-ref", "hook")):
        done = office_iu("admin", *words)
        assert done.code == 0, done.err
        assert "promotion" not in done.err, words


@pytest.mark.parametrize(("login", "may"), [("sender", "iu_sender: deliver"), ("approver", "iu_approver: ")])
def test_doctor_knows_the_roles_of_the_module(office_iu: OfficeIu, login: str, may: str) -> None:
    found = {one["id"]: one for one in office_iu(login, "doctor", "--json").json["findings"]}
    assert found["roles.login"]["level"] == "ok"
    assert may in found["roles.login"]["found"]


def bury(shop: Shop, letters: int) -> Done:
    """Let deliveries fail for good, and return what the last drain said."""
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(letters + 1, letters)
    for _ in range(2):
        shop.done("sender", "deliver")
        shop.office.owner.execute("update iu_delivery set due_at = now() where dead_at is null and is_head")
    return shop.done("sender", "deliver")


def test_what_is_dead_and_parked_after_a_drain_is_said(shop: Shop) -> None:
    done = bury(shop, 3)
    assert "left: 1 parked behind a dead one, 3 dead" in done.out
    assert "3 to retry" not in done.out


def test_a_plan_that_was_carried_out_says_so(shop: Shop) -> None:
    bury(shop, 2)
    plan = ("deliver", "plan", "--target", "hook", "--reason", "repaired", "--json", "--kind")
    replay = shop.done("admin", *plan, "replay").json["plan_hash"]
    assert "2 of 2 entries carried out," in shop.done("admin", "deliver", "execute", replay).out
    assert "2 of 2 entries were carried out before" in shop.done("admin", "deliver", "execute", replay).out
    shop.receiver.behave()
    drain = shop.done("admin", *plan, "drain", "--limit", "1").json["plan_hash"]
    done = shop.done("sender", "deliver", "execute", drain)
    assert "left of the plan: nothing" in done.out
    assert "left: " not in done.out


@pytest.mark.parametrize(
    ("count", "capped", "said"),
    [(11, True, "11"), (1000, False, "1,000"), (1001, True, "1,000 or more"), (2001, True, "2,000 or more")],
)
def test_only_a_count_that_reached_the_limit_is_a_lower_bound(
    shop: Shop, count: int, capped: bool, said: str
) -> None:
    (queue,) = deliveries.status(shop.office.owner)
    assert replace(queue, dead=count, counts_capped=capped).shown("dead") == said


def test_a_slow_rate_is_per_minute() -> None:
    assert [rate(*given) for given in ((6, 60.0), (0, 9.0), (60, 60.0), (90, 60.0))] == [
        "6/min", "0/s", "1/s", "2/s",
    ]  # fmt: skip
