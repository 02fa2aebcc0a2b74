"""`iu deliver`, and what other commands say about deliveries."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest

from cli.offices import OfficeIu, Shop
from cli.running import Iu, accept_ctrl_c, refused
from delivery.office import ROUTE
from delivery.receiver import Behaviour
from delivery.world import GATES, url_of
from iu_pipelines.cli import deliveries as commands
from iu_pipelines.cli.drain_reports import WHY_STOPPED, failed
from iu_pipelines.delivery import trials
from iu_pipelines.delivery.reports import DrainReport, StoppedReason, TargetReport
from iu_pipelines.delivery.trials import Rehearsed
from iu_pipelines.domain import delivery_plans, delivery_reasons
from iu_pipelines.domain.deliveries import DeliveryState
from iu_pipelines.domain.times import shown
from waiting import eventually


def newest(shop: Shop) -> str:
    """Return the id of the newest event."""
    return str(
        shop.office.owner.fetch_value("select event_id from event_outbox order by event_seq desc limit 1")
    )


def test_what_is_emitted_arrives_and_why_says_so(shop: Shop) -> None:
    shop.office.emit(6, 3)
    done = shop.iu("sender", "deliver", "--run-ref", "by-hand")
    assert done.code == 0, done.err
    assert done.out.startswith("hook: 6 sent in ")
    assert "stopped: nothing more is due" in done.out
    assert "deliveries: 6 sent to 1 target" in done.out
    assert len(shop.delivered()) == len(set(shop.delivered())) == 6
    said = shop.done("auditor", "why", newest(shop))
    assert "Deliveries" in said.out
    assert "the target accepted it" in said.out
    found = shop.done("auditor", "why", newest(shop), "--json").json["deliveries"]
    states = {one["route_code"]: (one["state"], one["run_ref"]) for one in found}
    assert states == {ROUTE: ("sent", "by-hand"), "iu.version_applied.workflow": ("not_promoted", None)}
    again = shop.done("sender", "deliver", "--json").json
    assert (again["targets"][0]["sent"], again["problems"]) == (0, [])


def test_the_sender_is_named_by_a_variable(shop: Shop, command: Iu, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.office.emit(1, 1)
    monkeypatch.setenv("IU_DATABASE_URL", url_of(shop.office.url, shop.office.login("admin")))
    refused(command("deliver"), 1, "IU_SENDER_DATABASE_URL", "iu target grant")
    monkeypatch.setenv("IU_SENDER_DATABASE_URL", url_of(shop.office.url, shop.office.login("sender")))
    assert command("deliver").code == 0
    assert len(shop.delivered()) == 1
    assert command("target", "test", "hook").code == 0
    assert command("target", "list").code == 0, "the other login lists targets"
    named = url_of(shop.office.url, shop.office.login("admin"))
    refused(command("deliver", "--database-url", named), 1, "iu target grant")


def test_what_is_held_is_explained_with_what_to_do(shop: Shop) -> None:
    office = shop.office
    office.emit(3, 3)
    office.enqueue()
    close = ("gate", "set", GATES["delivery"], "false")
    preview = shop.done("admin", *close, "--preview")
    assert "delivery_gate_closed" in preview.out
    assert preview.out.endswith("nothing was changed\n")
    wrong = shop.iu("admin", *close[:-1], "off", "--preview")
    refused(wrong, 1, "hint:  The value must be true or false\n")
    assert (
        office.owner.fetch_value("select value from dot_config where key = %s", (GATES["delivery"],))
        == "true"
    )
    refused(shop.iu("admin", *close), 2, "missing option --reason")
    shop.done("admin", *close, "--reason", "a test")
    done = shop.iu("sender", "deliver")
    assert done.code == 0
    assert f"iu gate set {GATES['delivery']} true --reason WHY" in done.out
    assert shop.delivered() == []
    status = shop.done("auditor", "deliver", "status")
    assert f"hook: delivery_gate_closed: the gate {GATES['delivery']} is closed" in status.out
    (row,) = shop.done("sender", "deliver", "status", "--json").json
    assert (row["held"], row["held_reasons"]) == (3, ["delivery_gate_closed"])
    assert f"the gate {GATES['delivery']} is closed" in shop.done("auditor", "why", newest(shop)).out
    (effect,) = shop.done("admin", "gate", "set", GATES["delivery"], "true", "--preview", "--json").json
    assert (effect["route_code"], effect["held"], effect["held_reason"]) == (ROUTE, 3, None)
    refused(
        shop.iu("sender", "target", "test", "hook"), 1, "nothing is sent to target hook: delivery_gate_closed"
    )


def test_another_deployment_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.office.emit(1, 1)
    monkeypatch.setenv("IU_DEPLOYMENT", "staging")
    done = shop.done("sender", "deliver")
    assert shop.delivered() == []
    assert "the promotion is for 'test', and IU_DEPLOYMENT is 'staging'" in done.out


def test_a_target_that_cannot_be_served_makes_the_exit_code_1(shop: Shop, secrets_dir: Path) -> None:
    shop.office.emit(1, 1)
    (secrets_dir / "SHOP").unlink()
    done = shop.iu("sender", "deliver")
    assert done.code == 1
    assert "hook: there is no secret SHOP" in done.err
    assert shop.delivered() == []
    refused(shop.iu("sender", "deliver", "--target", "hok"), 1, "'hok'")


def bury(shop: Shop) -> int:
    """Let everything that is queued fail for good, and return how many dead letters there are."""
    for _ in range(3):
        shop.done("sender", "deliver")
        shop.office.owner.execute("update iu_delivery set due_at = now() where dead_at is null")
    (row,) = shop.done("auditor", "deliver", "status", "--json").json
    return int(row["dead"])


def dead(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.done("auditor", "deliver", "dead", "--target", "hook", "--json").json
    return found


def test_dead_letters_are_replayed_and_discarded_one_by_one(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(1, 1)
    first = newest(shop)
    shop.office.emit(1, 1)
    assert bury(shop) == 1
    why = shop.done("auditor", "why", first).out
    assert f"delivery on {ROUTE}: dead: " in why
    assert "when the cause is gone: iu deliver replay" in why
    assert (
        f"parked: behind the dead letter of event {first}: " in shop.done("auditor", "why", newest(shop)).out
    )
    status = shop.iu("auditor", "status").out
    assert "deliveries to hook: 1 dead, 1 parked behind a dead one; see: iu deliver status" in status
    assert "healthy: 1 worker; some deliveries are dead, parked or in doubt\n" in status
    assert shop.iu("auditor", "status", "--json").json["targets"][0]["dead"] == 1
    queues = shop.done("auditor", "deliver", "status").out
    assert "or in bulk: iu deliver plan" in queues
    assert "iu deliver dead --target hook" in queues
    assert [(one["event_id"], one["route_code"], one["target"]) for one in dead(shop)] == [
        (first, ROUTE, "hook")
    ]
    printed = shop.done("auditor", "deliver", "dead", "--limit", "1").out
    assert first in printed
    assert "there may be more" in printed
    refused(shop.iu("auditor", "deliver", "dead", "--target", "hok"), 1, "unknown target 'hok'")
    on = ("--route", ROUTE, "--reason", "the receiver is repaired")
    replayed = shop.done("admin", "deliver", "replay", first, *on)
    assert dead(shop) == []
    assert shop.done("auditor", "deliver", "dead").out.strip() == "Dead letters of deliveries: none"
    assert replayed.out.startswith(f"{first} on {ROUTE}: queued again")
    refused(shop.iu("admin", "deliver", "replay", first, *on), 1, first)
    assert "discarded" in shop.done("admin", "deliver", "discard", newest(shop), *on).out
    assert shop.iu("admin", "deliver", "discard", newest(shop), *on).code == 1


def test_a_plan_replays_what_it_names_and_nothing_else(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(4, 4)
    dead = bury(shop)
    assert dead == 4
    planned = shop.done(
        "admin", "deliver", "plan", "--kind", "replay", "--route", ROUTE, "--reason", "repaired"
    )
    plan_hash = planned.out.split("iu deliver execute ")[1].strip()
    made = shop.done("auditor", "deliver", "progress", plan_hash, "--json").json
    assert (made["kind"], made["entries"]) == ("replay", dead)
    shop.receiver.behave()
    done = shop.done("admin", "deliver", "execute", plan_hash)
    assert done.out.startswith(f"replay: {dead} of {dead} entries carried out, 0 had changed, 0 left\n")
    assert shop.done("admin", "deliver", "execute", plan_hash, "--json").json["status"] == "done"
    nothing = shop.done("admin", "deliver", "plan", "--kind", "replay", "--route", ROUTE, "--reason", "again")
    assert nothing.out == "nothing to replay: no dead letter matches\n"
    refused(shop.iu("admin", "deliver", "execute", "ab" * 32), 1, "ab" * 32)


def test_a_drain_plan_delivers_what_was_queued_when_it_was_made(shop: Shop) -> None:
    office = shop.office
    office.emit(3, 3)
    office.enqueue()
    planned = shop.done(
        "admin", "deliver", "plan", "--kind", "drain", "--target", "hook", "--reason", "first"
    )
    plan_hash = planned.out.split("iu deliver execute ")[1].strip()
    office.emit(3, 3)
    office.enqueue()
    done = shop.done("sender", "deliver", "execute", plan_hash)
    assert "hook: 3 sent" in done.out
    assert len(shop.delivered()) == 3
    assert shop.done("sender", "deliver", "progress", plan_hash, "--json").json["settled"] == 3


def test_what_is_in_flight_is_not_discarded_and_the_exit_code_is_1(shop: Shop) -> None:
    shop.office.emit(1, 1)
    shop.office.enqueue()
    assert len(shop.office.claim()) == 1
    done = shop.iu("admin", "deliver", "discard", newest(shop), "--route", ROUTE, "--reason", "a test")
    assert (done.code, "unchanged: it is in flight" in done.out) == (1, True)


def test_the_senders_of_a_target_are_shown_with_their_shards(shop: Shop) -> None:
    assert "shards" not in shop.done("auditor", "deliver", "status").out
    shop.office.emit(1, 1)
    shop.office.enqueue()
    shop.office.claim()
    assert "hook: sender-1 has 64 of 64 shards" in shop.done("auditor", "deliver", "status").out
    (row,) = shop.done("auditor", "deliver", "status", "--json").json
    assert [(one["target"], one["sender"], one["shards"]) for one in row["senders"]] == [
        ("hook", "sender-1", 64)
    ]
    shop.office.owner.execute("update public.iu_delivery_shard set lease_until = clock_timestamp()")
    assert "shards" not in shop.done("sender", "deliver", "status").out


def test_a_plan_that_another_session_executes_is_not_waited_for_without_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(1, 1)
    bury(shop)
    words = ("deliver", "plan", "--kind", "replay", "--route", ROUTE, "--reason", "a test", "--json")
    plan_hash = shop.done("admin", *words).json["plan_hash"]
    monkeypatch.setattr(commands, "_BUSY_SECONDS", 0.3)
    busy = delivery_plans.Executed("busy", plan_hash, 1, 0, 0, 1)
    monkeypatch.setattr(delivery_plans, "execute", lambda *_: busy)
    refused(
        shop.iu("admin", "deliver", "execute", plan_hash), 1, "another session executes the plan",
        f"iu deliver progress {plan_hash}",
    )  # fmt: skip
    running = delivery_plans.Executed("running", plan_hash, 1, 0, 0, 1)
    monkeypatch.setattr(delivery_plans, "execute", lambda *_: running)
    done = shop.done("admin", "deliver", "execute", plan_hash, "--max-seconds", "0.2")
    assert f"1 left\ngo on with: iu deliver execute {plan_hash}" in done.out


def test_each_option_of_a_plan_is_part_of_its_filter(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=400))
    shop.office.emit(3, 3)
    assert bury(shop) == 3
    subject = shop.office.owner.fetch_value("select subject::text from iu_delivery limit 1")
    given = {
        "target": "hook", "route_code": ROUTE, "cause": "400", "subject": subject, "limit": 2,
        "since": "2026-01-01T00:00:00+00:00", "until": "2126-01-01T00:00:00+00:00",
    }  # fmt: skip
    options = [
        word for name, value in given.items() for word in (f"--{name.removesuffix('_code')}", str(value))
    ]
    words = ("deliver", "plan", "--kind", "discard", "--reason", "a test", *options)
    made = shop.done("admin", *words, "--json").json
    assert (made["entries"], made["routes"]) == (1, [ROUTE])
    stored = shop.office.owner.fetch_value("select filter from iu_delivery_plan")
    assert stored.keys() == given.keys()
    assert {name: str(stored[name]) for name in ("cause", "subject", "limit", "target")} == {
        "cause": "400", "subject": subject, "limit": "2", "target": "hook",
    }  # fmt: skip


def test_the_time_of_a_drain_is_limited(shop: Shop) -> None:
    began = time.monotonic()
    (row,) = shop.done("sender", "deliver", "--linger-seconds", "1", "--json").json["targets"]
    assert (row["stopped_reason"], time.monotonic() - began >= 1) == ("drained", True)
    shop.receiver.behave(Behaviour(delay=0.5))
    shop.office.emit(10, 1)
    (row,) = shop.done("sender", "deliver", "--max-seconds", "0.7", "--json").json["targets"]
    assert (row["stopped_reason"], row["sent"] < 10) == ("max_seconds", True)


def test_an_interrupt_finishes_what_has_begun_and_ends_with_130(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(delay=0.5))
    shop.office.emit(40, 2)
    url = url_of(shop.office.url, shop.office.login("sender"))
    with subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", "deliver", "--json", "--database-url", url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=accept_ctrl_c,  # noqa: PLW1509  this test starts no thread
    ) as process:  # fmt: skip
        eventually(shop.delivered, "a request arrives")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    (row,) = json.loads(out)["targets"]
    assert row["stopped_reason"] == "cancelled"
    assert row["sent"] == len(shop.delivered()) < 40
    assert shop.done("sender", "deliver", "status", "--json").json[0]["in_flight"] == 0


IMPATIENT = """
from iu_pipelines.__main__ import main
from iu_pipelines.cli import drain_reports
drain_reports._LINE_SECONDS = 0.5
main()
"""
"""`iu` with a line of progress each second."""


def test_a_reader_that_ends_stops_a_drain_after_what_has_begun(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(delay=0.3))
    shop.office.emit(400, 4)
    url = url_of(shop.office.url, shop.office.login("sender"))
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, "deliver", "--linger-seconds", "5", "--database-url", url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")
    (row,) = shop.done("sender", "deliver", "status", "--json").json
    assert (row["in_flight"], row["in_doubt"]) == (0, 0)
    assert 0 < len(shop.delivered()) < 400
    left = row["queued"] + row["retry"]  # what was claimed and not sent was given back
    assert left == 400 - len(shop.delivered()), "each request was recorded as sent"


def test_a_secret_is_rotated_in_its_file_and_never_printed(shop: Shop, secrets_dir: Path) -> None:
    before = (secrets_dir / "SHOP").read_text(encoding="utf-8").split()[1]
    done = shop.done("sender", "target", "rotate-secret", "hook")
    values = (secrets_dir / "SHOP").read_text(encoding="utf-8").split()[1:]
    assert (len(values), values[1]) == (2, before)
    assert str(secrets_dir / "SHOP") in done.out
    finished = shop.done("sender", "target", "rotate-secret", "hook", "--finish")
    assert (secrets_dir / "SHOP").read_text(encoding="utf-8").split()[1:] == values[:1]
    for said in (done.out + done.err, finished.out + finished.err):
        assert not any(value in said for value in values)
    shop.office.emit(1, 1)
    shop.done("sender", "deliver")
    assert len(shop.delivered()) == 1


def test_a_test_of_a_target_fails_with_exit_code_1_and_is_recorded(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=500, body="secret words of the receiver"))
    done = shop.iu("sender", "target", "test", "hook")
    assert (done.code, done.err.startswith("hint:  The receiver failed")) == (1, True)
    assert "failed: 5xx" in done.out
    assert "secret words" not in done.out
    (test, *_) = shop.done("auditor", "target", "show", "hook", "--json").json["tests"]
    assert (test["passed"], test["status_class"]) == (False, "5xx")
    request = shop.receiver.requests()[-1]
    assert request.content["type"] == "iu.target_test"
    assert not request.key.startswith("evt_")


def test_a_rehearsal_without_success_makes_the_exit_code_1(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse = ("promote", "rehearse", ROUTE)
    assert shop.done("sender", *rehearse, "--test-target").out.endswith("passed: 2xx\n")
    shop.receiver.behave(Behaviour(status=500))
    assert shop.done("sender", *rehearse).code == 0, "nothing is sent"
    tested = shop.iu("sender", *rehearse, "--test-target")
    assert (tested.code, tested.out.splitlines()[-1].endswith("failed: 5xx")) == (1, True)
    too_large = Rehearsed("hook", "", UUID(int=1), 70_000, False, "the body is too large")
    for made, said in (([too_large], "refused: the body is too large"), ([], "no event of its type")):
        monkeypatch.setattr(trials, "rehearse", lambda *_, made=made: made)
        done = shop.iu("sender", *rehearse)
        assert (done.code, said in done.out) == (1, True)


def test_a_private_address_is_refused_before_a_byte(shop: Shop) -> None:
    shop.done("approver", "target", "set", "hook", "--no-allow-private", "--reason", "a test")
    before = shop.receiver.connections()
    assert shop.iu("sender", "target", "test", "hook").code == 1
    assert shop.receiver.connections() == before


def test_a_paused_target_is_not_tested(shop: Shop) -> None:
    shop.done("admin", "target", "pause", "hook", "--reason", "a test")
    before = len(shop.receiver.requests())
    refused(shop.iu("sender", "target", "test", "hook"), 1, "target_paused")
    assert len(shop.receiver.requests()) == before


def test_a_delivery_that_failed_is_explained_with_its_last_error() -> None:
    found = DeliveryState("shop.paid", "retry", "not_due", None, 1, None, None, "HTTP status 503")
    meaning = delivery_reasons.REFUSALS["not_due"]
    assert delivery_reasons.explain(found) == f"{meaning}; last error: HTTP status 503"
    assert delivery_reasons.explain(replace(found, last_error=None)) == meaning


def test_the_hint_of_an_open_breaker_names_its_target() -> None:
    assert delivery_reasons.hint("breaker_open", "hook").endswith("if this passes: iu target test hook")


def test_a_delivery_that_is_tried_again_says_when(shop: Shop) -> None:
    shop.receiver.behave(Behaviour(status=500))
    shop.office.emit(1, 1)
    shop.iu("sender", "deliver", "--max-seconds", "1")
    why = ("auditor", "why", newest(shop))
    (found,) = (one for one in shop.done(*why, "--json").json["deliveries"] if one["route_code"] == ROUTE)
    due = datetime.fromisoformat(found["next_at"])
    assert (found["state"], found["reason"]) == ("retry", "not_due")
    assert f"retry: it is due at {shown(due)}; it goes on by itself, or sooner with: iu deliver retry; " in (
        shop.done(*why).out
    )


def test_each_word_of_the_documentation_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "delivery.md").read_text(encoding="utf-8")
    words = page.partition("## Why nothing is claimed")[2].partition("## Order")[0]
    import re

    refusals = set(re.findall(r"`([a-z]+_[a-z_]+)`", words)) - {"dagster_job", "dagster_asset"}
    assert len(refusals) > 15
    assert refusals <= set(delivery_reasons.REFUSALS)
    table = page.partition("## States")[2].partition("\n## ")[0]
    states = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert len(states) > 10
    assert states - {"state"} <= set(delivery_reasons.STATES)


@pytest.mark.parametrize(
    ("part", "is_failed"),
    [({"unrecorded": 1}, True), ({"stopped_reason": "failed"}, True), ({"failed": 3, "retry": 2}, False)],
    ids=str,
)
def test_what_the_database_refused_makes_the_exit_code_1(part: dict[str, Any], is_failed: bool) -> None:
    assert failed(DrainReport("sender-1", targets=(TargetReport("hook", **part),))) == is_failed


def test_each_reason_to_stop_is_explained() -> None:
    assert set(get_args(StoppedReason)) == set(WHY_STOPPED)


def test_without_the_module_each_command_says_so(iu: Iu) -> None:
    some = str(UUID(int=1))
    for words in (
        ("deliver",),
        ("deliver", "status"),
        ("deliver", "plan", "--kind", "drain", "--reason", "x"),
        ("deliver", "execute", "ab" * 32),
        ("deliver", "progress", "ab" * 32),
        ("deliver", "replay", some, "--route", "a", "--reason", "x"),
        ("deliver", "discard", some, "--route", "a", "--reason", "x"),
        ("target", "test", "a"),
        ("gate", "set", GATES["delivery"], "true", "--preview"),
    ):
        refused(iu(*words), 1, "the module iu-delivery is not installed", "iu migrate --with delivery")


def test_a_superuser_is_told_how_to_make_a_sender(office_iu: OfficeIu) -> None:
    refused(
        office_iu("root", "deliver"), 1, "is a superuser", "iu target grant TARGET LOGIN",
        "IU_SENDER_DATABASE_URL",
    )  # fmt: skip
