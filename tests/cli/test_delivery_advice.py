"""What commands say when delivery is refused, held, or about to be: it must be true and name what to do."""

from __future__ import annotations

import pytest

from cli.offices import OfficeIu
from cli.running import refused
from delivery.office import ROUTE


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
