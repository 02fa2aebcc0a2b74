"""What commands say when delivery is refused, held, or about to be: it must be true and name what to do."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from cli.offices import OfficeIu, Shop
from cli.running import Done, Iu, refused
from delivery.office import ROUTE
from delivery.receiver import Behaviour
from delivery.world import GATES
from iu_pipelines.cli.output import rate
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.times import shown


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


def newest(shop: Shop) -> str:
    """Return the id of the newest event."""
    return str(
        shop.office.owner.fetch_value("select event_id from event_outbox order by event_seq desc limit 1")
    )


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


def test_a_list_without_the_route_is_named_with_its_key_and_value(shop: Shop) -> None:
    shop.office.emit(1, 1)
    shop.office.enqueue()
    key = GATES["live_routes"]
    done = shop.done("admin", "gate", "set", key, "iu.version_applied.workflow", "--reason", "a test")
    assert done.out.splitlines()[1:] == [f"note: no longer listed: {ROUTE}; their deliveries are held"]
    change = f"iu gate set {key} iu.version_applied.workflow,{ROUTE} --reason WHY"
    said = f"not_listed: route {ROUTE} is not listed; add it to the present list with: "
    assert f"  hook: {said}{change}\n" in shop.done("admin", "deliver", "status").out
    assert f"  {said}iu gate set {key} A,B,{ROUTE} --reason WHY\n" in shop.done("sender", "deliver").out
    why = shop.done("admin", "why", newest(shop)).out
    assert f"iu gate set {key} iu.version_applied.workflow,{ROUTE} --reason WHY" in why
    shop.done("admin", "gate", "set", key, "", "--reason", "a test")
    assert f"{said}iu gate set {key} {ROUTE} --reason WHY\n" in shop.done("admin", "deliver", "status").out


def test_a_dead_letter_that_may_have_arrived_says_to_ask_the_receiver(shop: Shop) -> None:
    shop.office.emit(1, 1)
    shop.office.enqueue()
    shop.office.owner.execute(
        "update iu_delivery set dead_at = now(), dead_reason = 'in_doubt', due_at = 'infinity'"
    )
    assert "ask the receiver whether it has the id" in shop.done("auditor", "why", newest(shop)).out
    assert "ask the receiver whether it has the id" in shop.done("auditor", "deliver", "status").out


def test_a_test_of_a_stopped_target_names_the_command_that_starts_it(shop: Shop) -> None:
    test = ("target", "test", "hook")
    rehearse = ("promote", "rehearse", ROUTE, "--test-target")
    for verb, opposite, commands in (("pause", "resume", (test, rehearse)), ("disable", "enable", (test,))):
        shop.done("admin", "target", verb, "hook", "--reason", "a test")
        for words in commands:
            done = shop.iu("sender", *words)
            refused(done, 1, f"iu target {opposite} hook --reason WHY")
            assert "A sender has a login of its own" not in done.err
        shop.done("admin", "target", opposite, "hook", "--reason", "a test")


@pytest.mark.parametrize(
    ("login", "words", "roles"),
    [
        ("admin", ("promote", "approve", "1", "--reason", "x"), "iu_approver"),
        ("auditor", ("demote", ROUTE, "--reason", "x"), "iu_approver or workflow_admin"),
        ("approver", ("target", "add", "b", "--kind", "webhook", "--secret", "SHOP", "--address",
                      "https://b.example/"), "workflow_admin"),
        ("auditor", ("deliver", "plan", "--kind", "drain", "--reason", "x"), "workflow_admin"),
        ("emitter", ("deliver", "status"), "iu_approver or iu_auditor or iu_sender or workflow_admin"),
    ],
)  # fmt: skip
def test_a_login_that_may_not_is_told_which_role_may(
    office_iu: OfficeIu, login: str, words: tuple[str, ...], roles: str
) -> None:
    office_iu.office.promote()
    done = office_iu(login, *words)
    refused(done, 1, "permission denied", f"This needs a member of {roles} (", office_iu.office.login(login))


def test_a_replay_out_of_order_names_its_option(shop: Shop) -> None:
    shop.done("admin", "target", "set", "hook", "--on-dead-letter", "skip")
    shop.promote()
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(1, 1)
    first = newest(shop)
    for _ in range(3):
        shop.done("sender", "deliver")
        shop.office.owner.execute("update iu_delivery set due_at = now() where dead_at is null")
    why = ("--reason", "repaired")
    refused(shop.iu("admin", "deliver", "replay", first, "--route", ROUTE, *why), 1, "add: --out-of-order")
    plan = ("deliver", "plan", "--kind", "replay", "--route", ROUTE, *why)
    refused(shop.iu("admin", *plan), 1, "add: --out-of-order")


def test_a_retry_is_made_due_by_a_command_and_its_time_is_said(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=500))
    shop.office.emit(2, 2)
    done = shop.done("sender", "deliver")
    (queue,) = deliveries.status(shop.office.owner)
    assert queue.next_due_at is not None
    due = f"the next retry is due at {shown(queue.next_due_at)}; make all of them due now with: "
    command = "iu deliver retry --target hook --reason WHY"
    assert f"  stopped: nothing more is due\n  {due}{command}\n" in done.out
    assert f"  hook: {due}{command}\n" in shop.done("auditor", "deliver", "status").out
    (row,) = shop.done("auditor", "deliver", "status", "--json").json
    assert row["next_due_at"] == queue.next_due_at.isoformat()
    assert "or sooner with: iu deliver retry" in shop.done("auditor", "why", newest(shop)).out
    refused(
        shop.iu("admin", "deliver", "replay", newest(shop), "--route", ROUTE, "--reason", "x"), 1,
        "hint:  See the state of the event with: iu why EVENT_ID", "iu deliver retry EVENT_ID --reason WHY",
    )  # fmt: skip
    shop.receiver.behave()
    plan = shop.done("admin", "deliver", "plan", "--kind", "drain", "--route", ROUTE, "--reason", "repaired")
    assert " due now      0" in plan.out
    assert "takes" not in plan.out
    assert f"make the retries due now with: iu deliver retry --route {ROUTE} --reason WHY" in plan.out
    refused(shop.iu("admin", "deliver", "retry", "--reason", "x"), 2, "nothing names the retries")
    refused(shop.iu("admin", "deliver", "retry", "--target", "hok", "--reason", "x"), 1, "hok")
    refused(shop.iu("admin", "deliver", "retry", "--route", "hok", "--reason", "x"), 1, "unknown route 'hok'")
    one = shop.done("admin", "deliver", "retry", newest(shop), "--reason", "repaired")
    assert one.out.startswith(f"{ROUTE}: 1 retry due now\ndeliver with: iu deliver")
    again = shop.iu("admin", "deliver", "retry", newest(shop), "--reason", "repaired")
    assert (again.code, f"iu why {newest(shop)}" in again.out) == (1, True)
    retry = ("deliver", "retry", "--target", "hook", "--reason", "repaired")
    assert shop.done("admin", *retry, "--json").json == [
        {"status": "ran", "route_code": ROUTE, "made_due": 1}
    ]
    assert shop.done("admin", *retry).out == "unchanged: no delivery waits for a retry\n"
    assert shop.done("sender", "deliver").out.startswith("hook: 2 sent in ")


def test_a_clear_failure_does_not_ask_whether_it_arrived_and_a_replay_names_the_sender(shop: Shop) -> None:
    bury(shop, 2)
    status = shop.done("auditor", "deliver", "status").out
    assert "hook: dead: it failed for good" in status
    assert "it may have arrived" not in status
    shop.office.owner.execute("update iu_delivery set dead_reason = 'in_doubt' where subject_no = 1")
    assert (
        "hook: 1 of the dead with the reason in_doubt: it may have"
        in shop.done("auditor", "deliver", "status").out
    )
    plan = shop.done(
        "admin", "deliver", "plan", "--kind", "replay", "--target", "hook", "--reason", "repaired"
    )
    assert "no limit of rate" not in plan.out
    plan_hash = plan.out.split()[-1]
    done = shop.done("admin", "deliver", "execute", plan_hash).out
    assert "they are queued, not sent; deliver with: iu deliver" in done


def test_a_removed_route_says_so_and_how_its_deliveries_are_sent(shop: Shop) -> None:
    shop.office.emit(1, 1)
    shop.office.enqueue()
    event_id = newest(shop)
    done = shop.done("admin", "route", "remove", ROUTE, "--reason", "renamed")
    assert "1 delivery is held until it is added again and a new one is approved" in done.err
    why = shop.done("admin", "why", event_id).out
    assert "held: the route was removed; add it again with the event type that it had" in why
    assert "route_removed" in shop.done("auditor", "promote", "list").out
    propose = shop.iu("admin", "promote", "propose", ROUTE, "--reason", "x", "--deployment", "test")
    refused(propose, 1, "it needs an enabled one, and found a route that was removed", "add it again")
    shop.done("sender", "deliver")
    assert "route_removed" in shop.done("admin", "deliver", "status").out
    shop.done(
        "admin", "route", "add", ROUTE, "version_applied", "--target-kind", "webhook", "--target-ref", "hook",
        "--enabled",
    )  # fmt: skip
    assert "route_changed" in shop.done("admin", "deliver", "status").out
    shop.office.emit()
    shop.office.attempt()
    shop.office.rehearse()
    shop.promote()
    shop.done("sender", "deliver")
    assert any(UUID(event_id).hex in key for key in shop.delivered())


def test_the_status_names_a_held_route_that_has_unread_events(shop: Shop) -> None:
    shop.office.emit(1, 1)
    assert "has read no event" not in shop.done("auditor", "deliver", "status").out
    shop.done("admin", "route", "disable", ROUTE)
    status = ("deliver", "status")
    assert f"hook: {ROUTE} is held (route_changed) and has read no event since 20" in (
        shop.done("auditor", *status).out
    )
    (row,) = shop.done("auditor", *status, "--json").json
    assert list(row["unread"]) == [ROUTE]


def test_a_preview_refuses_a_route_that_is_not_registered(shop: Shop) -> None:
    done = shop.iu("admin", "gate", "set", GATES["live_routes"], f"{ROUTE},shop.nonsense", "--preview")
    refused(done, 1, "names a route that is not registered: shop.nonsense", "Register the route first")


@pytest.mark.parametrize(
    ("words", "is_named"),
    [
        (("deliver",), True),
        (("target", "test"), True),
        (("target", "rotate-secret"), True),
        (("promote", "rehearse"), True),
        (("deliver", "status"), False),
        (("deliver", "retry"), False),
    ],
)
def test_the_help_names_the_variable_of_the_login(
    command: Iu, words: tuple[str, ...], is_named: bool
) -> None:
    option = command(*words, "--help").out.partition("--database-url")[2]
    assert ("IU_SENDER_DATABASE_URL" in option) is is_named
    assert "IU_DATABASE_URL" in option.replace("IU_SENDER_DATABASE_URL", "")
