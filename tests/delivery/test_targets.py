"""Targets as their senders and administrators see them: grants, pauses, and who changed what."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from delivery.office import Office
from delivery.world import World
from engine.sessions import opened, read_committed, value
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import targets
from iu_pipelines.domain.outbox_file.model import DeliveryTarget

GRANTED = "select * from public.fn_iu_delivery_targets_granted()"
HISTORY = """
select target_name, change, old_value, new_value, reason, changed_by from public.iu_delivery_target_history
where change_no > %s order by change_no
"""


def history(office: Office, after: int = 0) -> list[dict[str, Any]]:
    return office.run("auditor", HISTORY, after)


def mark(office: Office) -> int:
    (row,) = office.run(
        "auditor", "select coalesce(max(change_no), 0) as no from public.iu_delivery_target_history"
    )
    return int(row["no"])


def test_a_sender_sees_the_targets_that_are_granted_to_it_and_their_routes(office: Office) -> None:
    assert [(row["target_name"], row["routes"]) for row in office.run("sender", GRANTED)] == [("hook", [])]
    office.promote()
    office.run(
        "admin",
        "insert into public.iu_delivery_target (target_name, kind, address, secret_name) "
        "values ('other', 'webhook', 'https://other.example/', 'OTHER')",
    )
    (row,) = office.run("sender", GRANTED)
    assert (row["target_name"], row["kind"], row["address"]) == ("hook", "webhook", "https://hook.example/")
    assert (row["secret_name"], row["timeout_seconds"], row["lease_seconds"]) == (None, 10, 60)
    assert (row["max_per_minute"], row["allow_private"], row["options"]) == (None, False, {})
    assert row["enabled"] is True
    assert row["routes"] == ["shop.paid"]
    assert office.run("stranger", GRANTED) == []


@pytest.mark.parametrize(("name", "code"), [("admin", "42501"), ("root", "IU201"), ("owner", "IU201")])
def test_only_a_sender_may_ask_what_is_granted_to_it(office: Office, name: str, code: str) -> None:
    with pytest.raises(psycopg.Error) as raised:
        office.run(name, GRANTED)
    assert raised.value.sqlstate == code


def test_a_paused_target_is_not_claimed_until_it_is_resumed(office: Office) -> None:
    office.promote()
    office.emit(2, 2)
    office.enqueue()
    (first, *_) = office.run("sender", "select * from public.fn_iu_delivery_claim('hook', 1, 'one')")
    paused = office.call("admin", "fn_iu_delivery_target_pause", "hook", True, "maintenance")
    assert (paused["status"], paused["in_flight"], paused["failover_hold"]) == ("paused", 1, False)
    assert paused["until"] is not None
    assert office.claim() == []
    again = office.call("admin", "fn_iu_delivery_target_pause", "hook", True, "again")
    assert again["status"] == "unchanged"
    resumed = office.call("colleague", "fn_iu_delivery_target_pause", "hook", False, "done")
    assert resumed["status"] == "resumed"
    (second,) = office.claim()
    assert second["event_id"] != first["event_id"]


def test_to_resume_ends_the_hold_after_a_failover(office: Office) -> None:
    office.run("admin", "update public.iu_delivery_target set after_failover = 'hold'")
    office.test_target()
    office.rehearse()
    office.promote()
    office.emit(2, 2)
    office.enqueue()
    office.owner.execute("update public.iu_delivery_target_state set timeline = '0000FFFF'")
    assert office.claim() == []
    paused = office.call("admin", "fn_iu_delivery_target_pause", "hook", True, "look")
    assert paused["failover_hold"] is True
    said = office.call("admin", "fn_iu_delivery_target_pause", "hook", False, "no claim is lost")
    assert (said["status"], said["failover_hold"]) == ("resumed", False)
    assert len(office.claim()) == 2


def test_to_resume_a_target_that_is_only_held_is_a_change(office: Office) -> None:
    office.owner.execute("update public.iu_delivery_target_state set failover_hold = true")
    said = office.call("admin", "fn_iu_delivery_target_pause", "hook", False, "go on")
    assert said["status"] == "resumed"


def test_a_disabled_target_is_not_claimed_and_keeps_its_promotion(office: Office) -> None:
    office.promote()
    office.emit(1, 1)
    office.enqueue()
    said = office.call("admin", "fn_iu_delivery_target_enable", "hook", False, "too slow")
    assert (said["status"], said["in_flight"], said["until"]) == ("disabled", 0, None)
    assert office.claim() == []
    said = office.call("admin", "fn_iu_delivery_target_enable", "hook", False, "too slow")
    assert said["status"] == "unchanged"
    said = office.call("admin", "fn_iu_delivery_target_enable", "hook", True, "fast again")
    assert said["status"] == "enabled"
    assert len(office.claim()) == 1


def test_every_change_of_a_target_says_who_when_and_why(office: Office) -> None:
    before = mark(office)
    office.call("admin", "fn_iu_delivery_target_pause", "hook", True, "maintenance")
    office.call("admin", "fn_iu_delivery_target_pause", "hook", True, "changes nothing")
    office.call("colleague", "fn_iu_delivery_target_pause", "hook", False, "done")
    office.call("admin", "fn_iu_delivery_target_enable", "hook", False, "too slow")
    office.run("admin", "update public.iu_delivery_target set enabled = true")
    office.run("admin", "update public.iu_delivery_target set timeout_seconds = 9")
    office.call("approver", "fn_iu_delivery_target_allow_private", "hook", True, "inside")
    office.run("admin", "delete from public.iu_delivery_target_sender")
    office.run("admin", "delete from public.iu_delivery_target")
    rows = history(office, before)
    said = [(row["change"], row["reason"], row["changed_by"]) for row in rows]
    admin, colleague, approver = (office.login(name) for name in ("admin", "colleague", "approver"))
    assert said == [
        ("paused", "maintenance", admin),
        ("resumed", "done", colleague),
        ("disabled", "too slow", admin),
        ("enabled", None, admin),
        ("changed", None, admin),
        ("changed", "inside", approver),
        ("revoked", None, admin),
        ("removed", None, admin),
    ]
    assert {row["target_name"] for row in rows} == {"hook"}
    assert rows[2]["old_value"] == {"enabled": True}
    assert rows[2]["new_value"] == {"enabled": False}
    assert rows[4]["new_value"]["timeout_seconds"] == 9
    assert "address" not in rows[4]["new_value"]
    assert rows[6]["old_value"] == {"login": office.login("sender")}


def test_the_first_rows_say_who_added_the_target_and_granted_it(office: Office) -> None:
    first, second = history(office)[:2]
    assert (first["change"], second["change"]) == ("added", "granted")
    assert first["new_value"]["address"] == "https://hook.example/"
    assert second["new_value"] == {"login": office.login("sender")}


def test_a_pause_waits_for_the_claim_that_began_before_and_counts_it(world: World) -> None:
    world.emit(1)
    world.enqueue()
    sender = world.sender()
    with opened(world.url) as [session]:
        read_committed(session)
        sender.session.execute("begin")
        assert len(sender.claim()) == 1
        session.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute("select public.fn_iu_delivery_target_pause('hook', true, 'a test')")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute("select public.fn_iu_delivery_target_enable('hook', false, 'a test')")
        sender.session.execute("commit")
        said = value(session, "select public.fn_iu_delivery_target_enable('hook', false, 'a test')")
    assert said["in_flight"] == 1


@pytest.mark.parametrize("function", ["pause", "enable"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("none", True, "why"), "IU603"), (("hook", None, "why"), "IU104"), (("hook", True, ""), "IU104")],
)
def test_a_wrong_argument_is_refused(
    office: Office, function: str, arguments: tuple[Any, ...], code: str
) -> None:
    with pytest.raises(psycopg.Error) as raised:
        office.call("admin", f"fn_iu_delivery_target_{function}", *arguments)
    assert raised.value.sqlstate == code


def test_a_target_has_the_same_defaults_in_the_table_in_python_and_in_the_outbox_file(owner: Gateway) -> None:
    with owner.transaction() as session:
        session.execute(
            "insert into public.iu_delivery_target (target_name, kind) values ('plain', 'webhook')"
        )
        assert targets.add(session, "added", {"kind": "webhook"})
    plain, added = (
        {name: getattr(targets.get(owner, target), name) for name in targets.DEFAULTS}
        for target in ("plain", "added")
    )
    assert plain == added
    in_file = DeliveryTarget(kind="webhook")
    shared = set(targets.DEFAULTS) & set(DeliveryTarget.model_fields)
    assert len(shared) > 8
    assert {name: getattr(in_file, name) for name in shared} == {
        name: tuple(plain[name]) if isinstance(plain[name], list) else plain[name] for name in shared
    }


@pytest.mark.parametrize(
    ("constraint", "pattern"),
    [
        ("target_name_is_a_name", targets.NAME_PATTERN),
        ("secret_name_is_a_name", targets.SECRET_NAME_PATTERN),
    ],
)
def test_python_accepts_the_names_that_the_table_accepts(
    owner: Gateway, constraint: str, pattern: str
) -> None:
    definition = owner.fetch_value(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", (constraint,)
    )
    assert f"'^{pattern}$'" in definition
