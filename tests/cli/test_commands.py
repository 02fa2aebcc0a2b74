"""Every command: what it does, what it prints for a person and for a program, and its exit code."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files
from iu_pipelines.domain import inbound, outbox
from iu_pipelines.settings import sql_root

NAMES = [step.name for step in files.load_steps(sql_root())]
Iu = Callable[..., Any]


def emit(iu: Iu, *words: str) -> str:
    return str(
        iu("emit", "version_applied", "docs/a", "--subject", str(uuid4()), "--actor", "test", *words).out
    ).strip()


def add_letter(database: str, route_code: str) -> str:
    with Gateway(database) as gateway:
        event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
        letter = gateway.fetch_value(
            """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, event_snapshot)
               values (%s, %s, %s, '{}') returning dead_letter_id""",
            (event_id, route_code, f"test:{event_id}"),
        )
    return str(letter)


def test_migrate_applies_every_step_and_says_so(empty_iu: Iu) -> None:
    done = empty_iu("migrate")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in NAMES)
    again = empty_iu("migrate")
    assert (again.code, again.out) == (0, "Steps: every step is applied already\n")


def test_migrate_in_json_lists_what_was_done(empty_iu: Iu) -> None:
    done = empty_iu("migrate", "--json")
    assert [step["name"] for step in done.json] == NAMES
    assert empty_iu("migrate", "--json").json == []


def test_migrate_on_the_tables_of_somebody_else_is_refused(empty_iu: Iu, empty_gateway: Gateway) -> None:
    empty_gateway.execute("create table public.event_outbox (mine int)")
    done = empty_iu("migrate")
    assert done.code == 1
    assert "event_outbox" in done.err
    assert "hint:" in done.err


def test_status_before_migrate_fails_and_says_what_to_do(empty_iu: Iu) -> None:
    done = empty_iu("status")
    assert done.code == 1
    assert "Run: iu migrate" in done.out
    assert {step["status"] for step in empty_iu("status", "--json").json["steps"]} == {"pending"}


def test_status_shows_gates_events_and_health(iu: Iu) -> None:
    emit(iu)
    done = iu("status")
    assert (done.code, done.err) == (0, "")
    for words in (
        "iu_core.route_worker_enabled",
        "version_applied",
        "healthy",
        "backlog",
        f"all {len(NAMES)} are applied",
    ):
        assert words in done.out
    status = iu("status", "--json").json
    assert status["health"]["backlog"] == 1
    assert status["gates"][0]["key"] == "iu_core.routes_enabled"
    assert status["events"]["by_type"][0]["events"] == 1


def test_status_of_an_unhealthy_worker_exits_with_1_and_gives_the_reason(iu: Iu, gateway: Gateway) -> None:
    emit(iu)
    iu("run")
    emit(iu)
    iu("gate", "set", "iu_core.stall_seconds", "1", "--reason", "test")
    gateway.execute("update public.iu_route_worker_cursor set last_progress_at = now() - interval '1 hour'")
    gateway.execute("alter table public.event_outbox disable trigger all")
    gateway.execute("update public.event_outbox set created_at = now() - interval '1 hour'")
    done = iu("status")
    assert done.code == 1
    assert "because:" in done.out


def test_emit_prints_the_id_alone(iu: Iu, gateway: Gateway) -> None:
    event_id = UUID(emit(iu, "--payload", '{"child_count": 2}'))
    row = gateway.fetch_one("select safe_payload from public.event_outbox where event_id = %s", (event_id,))
    assert row == {"safe_payload": {"child_count": 2}}


def test_emit_in_json_prints_an_object(iu: Iu) -> None:
    done = iu("emit", "version_applied", "a", "--subject", str(uuid4()), "--actor", "test", "--json")
    assert list(done.json) == ["event_id"]


def test_emit_reads_the_payload_from_a_file_or_stdin(
    iu: Iu, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "payload.json").write_text('{"n": 1}')
    emit(iu, "--payload", f"@{tmp_path / 'payload.json'}")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"n": 2}'))
    emit(iu, "--payload", "@-")
    rows = gateway.fetch_all("select safe_payload from public.event_outbox order by event_seq")
    assert [row["safe_payload"] for row in rows] == [{"n": 1}, {"n": 2}]


def test_run_prints_each_batch_and_a_total_with_its_rate(iu: Iu) -> None:
    for _ in range(3):
        emit(iu)
    done = iu("run", "--batch-limit", "2")
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split(", ")[0].split(": ")[1] for line in lines[:2]] == ["2 events", "1 event"]
    assert lines[2].startswith(
        "iu_outbound_default: 3 events in 2 batches, 3 attempts, 0 skipped, 0 dead letters in "
    )
    assert lines[2].endswith("/s")
    assert lines[3] == "stopped: nothing is left to read"


def test_run_once_makes_one_batch(iu: Iu) -> None:
    for _ in range(3):
        emit(iu)
    done = iu("run", "--once", "--batch-limit", "2", "--run-ref", "mine", "--json").json
    assert (done["seen"], done["stopped_reason"], len(done["batches"])) == (2, "max_batches", 1)
    assert iu("batch", "list", "--run", "mine", "--json").json[0]["seen"] == 2


def test_run_with_a_closed_gate_is_clean_and_names_the_gate(iu: Iu) -> None:
    emit(iu)
    iu("gate", "set", "iu_core.routes_enabled", "false", "--reason", "test")
    done = iu("run")
    assert done.code == 0
    assert "the gate iu_core.routes_enabled is closed; events are held" in done.out
    assert iu("run", "--json").json["status"] == "master_gate_closed"


def test_seek_reads_again(iu: Iu) -> None:
    emit(iu)
    iu("run")
    done = iu("seek", "beginning", "--reason", "test")
    assert done.code == 0
    assert iu("run", "--json").json["seen"] == 1


def test_gate_show_lists_gates_settings_and_changes(iu: Iu) -> None:
    iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "because I say so")
    done = iu("gate", "show")
    assert "because I say so" in done.out
    assert "iu_core.stall_seconds" in done.out
    shown = iu("gate", "show", "--json").json
    assert [gate["is_open"] for gate in shown["gates"]] == [True, False, False, False, False]
    assert shown["history"][0]["reason"] == "because I say so"


def test_gate_set_tells_the_old_and_the_new_value(iu: Iu) -> None:
    done = iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "test")
    assert (done.code, done.out) == (0, "iu_core.route_worker_enabled: 'true' -> 'false'\n")


def test_routes_are_added_listed_and_switched(iu: Iu) -> None:
    assert iu("route", "add", "iu.second", "version_applied").out == "iu.second: disabled\n"
    assert iu("route", "enable", "iu.second").out == "iu.second: enabled, dry run\n"
    assert iu("route", "disable", "iu.second", "--json").json["enabled"] is False
    assert iu("route", "enable", "iu_sql.iu_sql_link.insert").code == 0
    listed = iu("route", "list", "--json").json
    assert [route["route_code"] for route in listed["outbound"]][-1] == "iu.version_applied.workflow"
    assert listed["inbound"][0]["enabled"] is True
    assert "iu.second" in iu("route", "list").out


def test_an_inbound_route_captures_and_then_emits(iu: Iu, gateway: Gateway) -> None:
    code = "iu_sql.iu_sql_link.insert"
    insert = "insert into public.iu_sql_link (sql_object_ref, actor_ref) values ('a', 't')"
    assert iu("route", "enable", code).out == f"{code}: enabled, dry run\n"
    gateway.execute(insert)
    assert iu("route", "enable", code, "--emit").out == f"{code}: enabled, emits\n"
    gateway.execute(insert)
    assert iu("route", "enable", code).out == f"{code}: enabled, emits\n"
    assert iu("route", "enable", code, "--capture-only").out == f"{code}: enabled, dry run\n"
    assert [capture.decision for capture in inbound.captures(gateway)] == ["emitted", "dry_run"]


def test_an_outbound_route_cannot_be_told_to_emit(iu: Iu) -> None:
    done = iu("route", "enable", "iu.version_applied.workflow", "--emit")
    assert done.code == 1
    assert "no such inbound route: 'iu.version_applied.workflow'" in done.err
    assert "always a dry run" in done.err


def test_types_lists_what_may_be_emitted(iu: Iu) -> None:
    assert "structure_piece_split" in iu("types").out
    assert len(iu("types", "--json").json) == 3


def test_audit_shows_decisions_attempts_and_letters(iu: Iu, database: str) -> None:
    event_id = emit(iu)
    iu("run")
    letter = add_letter(database, "iu.unknown")
    done = iu("audit")
    for words in ("dry_run", event_id, letter, "Open dead letters (1)"):
        assert words in done.out
    audit = iu("audit", "--json").json
    assert audit["attempts_by_decision"] == {"dry_run": 1}
    assert audit["dead_letters"][0]["dead_letter_id"] == letter
    assert [
        attempt["event_id"] for attempt in iu("audit", "--event", event_id, "--json").json["attempts"]
    ] == [event_id]


def test_audit_of_a_fresh_install_says_that_there_is_nothing(iu: Iu) -> None:
    assert iu("audit").out.splitlines() == [
        "Attempts by decision: none yet",
        "Newest attempts: none yet",
        "Open dead letters (0): none",
    ]


def test_replay_of_one_letter_and_of_those_due(iu: Iu, database: str) -> None:
    first, second = add_letter(database, "iu.version_applied.workflow"), add_letter(database, "iu.unknown")
    assert iu("replay", first, "--json").json[0]["resolved"] is True
    (result,) = iu("replay", "--due", "--json").json
    assert (result["dead_letter_id"], result["decision"], result["resolved"]) == (second, "skipped", False)
    assert iu("replay", "--due").out == "Replay: no letter is due\n"


def test_discard_closes_a_letter(iu: Iu, database: str) -> None:
    letter = add_letter(database, "iu.unknown")
    assert iu("discard", letter, "--reason", "test").code == 0
    assert iu("audit", "--json").json["dead_letter_open"] == 0


def test_batches_are_listed_and_shown_with_their_attempts(iu: Iu) -> None:
    emit(iu)
    iu("run")
    (batch,) = iu("batch", "list", "--json").json
    shown = iu("batch", "show", str(batch["batch_id"]), "--json").json
    assert shown["batch"] == batch
    assert [attempt["decision"] for attempt in shown["attempts"]] == ["dry_run"]
    assert "Attempts of batch" in iu("batch", "show", str(batch["batch_id"])).out
    assert "iu_outbound_default" in iu("batch", "list").out


def test_verify_passes_after_a_full_install(iu: Iu) -> None:
    done = iu("verify")
    assert done.code == 0
    assert done.out.rstrip().endswith("0 failed")
    assert "FAIL" not in done.out
    one = iu("verify", "040", "--json").json
    assert (one["passed"], [proof["step"] for proof in one["proofs"]]) == (True, ["040_routes"])


def test_verify_exits_with_1_and_shows_the_line_that_failed(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    done = iu("verify")
    assert done.code == 1
    assert "FAIL" in done.out
    assert iu("verify", "--json").json["passed"] is False


def test_probe_prints_the_lines_of_both_seeds(iu: Iu) -> None:
    done = iu("probe")
    assert (done.code, done.err) == (0, "")
    for line in ("P0", "P9", "POST-ROLLBACK", "E.3", "E.9"):
        assert line in done.out


def test_rollback_goes_back_to_the_step_named(iu: Iu) -> None:
    done = iu("rollback", "080", "--json")
    assert [step["name"] for step in done.json] == NAMES[: NAMES.index("080_route_worker_disable") : -1]
    assert iu("rollback", "080").out == "Steps: no step after 080 is applied\n"
    assert iu("status").code == 1
    assert iu("migrate").code == 0


def test_rollback_that_would_lose_events_is_refused_whole(iu: Iu) -> None:
    emit(iu)
    done = iu("rollback", "020")
    assert done.code == 1
    assert "so every step stays as it was" in done.err
    assert "hint:" in done.err
    assert iu("status").code == 0


def test_steps_are_listed_and_their_stamps_checked(iu: Iu) -> None:
    assert [step["status"] for step in iu("steps", "list", "--json").json] == ["applied"] * len(NAMES)
    assert NAMES[0] in iu("steps", "list").out
    done = iu("steps", "stamp", "--check")
    assert (done.code, done.out) == (0, "every stamp is right\n")
    assert iu("steps", "stamp", "--check", "--json").json == {"stale": [], "written": False}


def test_stop_without_an_embedded_server_says_so(
    command: Iu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    done = command("stop")
    assert (done.code, done.out.split(":")[0]) == (0, "not running")
    assert command("stop", "--json").json["stopped"] is False


def test_retention_is_off_until_it_is_set_and_says_how(iu: Iu) -> None:
    done = iu("retention", "run")
    assert done.code == 0
    assert "retention_off: 0 events" in done.out
    assert "iu gate set iu_core.retention_days" in done.out


def test_retention_drops_what_was_read_and_shows_its_rounds(iu: Iu, gateway: Gateway) -> None:
    gateway.execute(
        """insert into public.event_outbox (emitted_xid, created_at, event_domain, event_type)
           select '3', now() - interval '30 days', 'iu', 'version_applied' from generate_series(1, 6)"""
    )
    iu("seek", "beginning", "--reason", "test")
    iu("run", "--once")
    iu("gate", "set", "iu_core.retention_days", "7", "--reason", "test")
    assert iu("retention", "run", "--reason", "test", "--json").json["events"] == 5
    shown = iu("retention", "show", "--json").json
    assert shown["history"][0]["events"] == 5
    assert shown["domains"][0]["retention_days"] == 7
    assert "test" in iu("retention", "show").out
