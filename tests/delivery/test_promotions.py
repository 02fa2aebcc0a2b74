"""Promotions: what the database counts, what an approval does, and what a renewal continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from delivery.office import EVENTS, PACK, ROUTE, SUBJECTS, Office
from delivery.test_bypasses import answer, edited, owner_changes
from delivery.world import url_of
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration, verification
from iu_pipelines.errors import IuError
from proven import failed_lines

VERIFY = "select ledger, misfit_no, fault from public.fn_iu_promotion_chains_verify() where fault is not null"


def emit_one(session: psycopg.Connection[dict[str, Any]], subject: int = 1) -> UUID:
    row = session.execute(
        "select public.fn_iu_emit_event('version_applied', 'doc/1', %s, 'test', %s) as id",
        (UUID(int=subject), Jsonb({"n": 1})),
    ).fetchone()
    assert row is not None
    return UUID(str(row["id"]))


def test_a_column_that_a_later_step_adds_ends_no_promotion_and_breaks_no_chain(office: Office) -> None:
    office.promote()
    for table in ("event_type_registry", "iu_route_promotion", "iu_route_promotion_decision"):
        office.owner.execute(f"alter table public.{table} add column added_later text")
    assert [found["state"] for found in office.promotions()] == ["live"]
    assert office.owner.fetch_all(VERIFY) == []


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize(
    ("name", "function", "values"),
    [
        ("approver", "fn_iu_route_promotion_decide", (1, "approve", "x")),
        ("admin", "fn_iu_route_demote", (ROUTE, "x")),
        ("admin", "fn_iu_promotion_threshold_propose", ("events", 20, "x")),
        ("approver", "fn_iu_promotion_threshold_decide", (1, "reject", "x")),
        ("admin", "fn_iu_delivery_heads_repair", ("x",)),
        ("admin", "fn_iu_delivery_retention_run", ("x",)),
    ],
)
def test_an_old_snapshot_is_refused(
    office: Office, name: str, function: str, values: tuple[Any, ...], level: str
) -> None:
    office.session(name).execute(f"set default_transaction_isolation = '{level}'")
    assert "IU303 " in answer(office, lambda office: office.call(name, function, *values))


def test_a_proposal_with_an_old_snapshot_is_refused(office: Office) -> None:
    office.session("admin").execute("set default_transaction_isolation = 'repeatable read'")
    assert "IU303 " in answer(office, Office.propose)


def test_a_promotion_that_two_logins_made_is_in_force(office: Office) -> None:
    proposed = office.propose()
    assert proposed["evidence"]["events"] == EVENTS
    assert [row["state"] for row in office.promotions()] == ["proposed"]
    decided = office.decide(proposed["promotion_no"])
    assert (decided["status"], decided["passed_over"]) == ("approved", EVENTS)
    assert [row["state"] for row in office.promotions()] == ["live"]
    office.emit(2)
    assert office.enqueue()["queued"] == 2
    assert len(office.claim()) == 2


def test_each_threshold_is_met_at_its_border(office: Office) -> None:
    office.set_threshold("subjects", SUBJECTS)
    office.set_threshold("hours", 24)
    office.set_threshold("days", 30)
    assert "IU205 rule hours" in answer(office, Office.propose)
    owner_changes(
        office, "iu_route_attempt_log",
        "update public.iu_route_attempt_log set created_at = l.last_at - interval '24 hours' "
        "from (select max(created_at) as last_at, min(attempt_id) as attempt_id "
        "from public.iu_route_attempt_log as a join public.iu_outbound_route as r using (route_no) "
        "where r.route_code = 'shop.paid') as l "
        "where iu_route_attempt_log.attempt_id = l.attempt_id",
    )  # fmt: skip
    owner_changes(
        office, "iu_evidence_pack",
        "update public.iu_evidence_pack set recorded_at = clock_timestamp() - interval '23 hours 55 minutes'",
    )  # fmt: skip
    assert office.propose(valid_for="30 days")["status"] == "proposed"


def test_all_subjects_of_a_type_are_enough_if_it_has_fewer_than_the_threshold(office: Office) -> None:
    office.set_threshold("subjects", SUBJECTS + 1)
    assert office.propose()["evidence"]["type_subjects"] == SUBJECTS


def test_a_month_is_thirty_days(office: Office) -> None:
    office.promote(valid_for="1 month")
    assert office.owner.fetch_value("select valid_for::text from public.iu_route_promotion") == "720:00:00"
    assert office.owner.fetch_value(
        """select extract(epoch from r.expires_at - d.decided_at) / 86400 = 30
           from public.iu_delivery_route as r
           join public.iu_route_promotion_decision as d on d.promotion_no = r.promotion_no"""
    )


@pytest.mark.parametrize(
    "terms",
    [
        {"share": 0}, {"share": 1.1}, {"share": None}, {"max_per_minute": 0}, {"max_failure_share": -0.1},
        {"max_failure_share": None}, {"valid_for": "0"}, {"valid_for": "-1 day"}, {"valid_for": None},
        {"deployment": ""}, {"queued": "x"}, {"reason": " "}, {"route_code": "x"},
        {"share": 10}, {"share": "Infinity"}, {"share": "0.000001"}, {"valid_for": "178000000 years"},
    ],
)  # fmt: skip
def test_a_malformed_term_is_refused(office: Office, terms: dict[str, Any]) -> None:
    assert "IU104 " in answer(office, lambda office: office.propose(**terms))


def test_an_infinite_period_is_refused(office: Office) -> None:
    if office.owner.server_version() < 170000:
        pytest.skip("intervals can be infinite since PostgreSQL 17")
    assert "IU104 " in answer(office, lambda office: office.propose(valid_for="infinity"))


def test_a_first_promotion_may_begin_at_the_beginning(office: Office) -> None:
    assert office.promote(start_position="beginning")["passed_over"] == 0
    assert office.enqueue()["queued"] == EVENTS


def test_a_first_promotion_passes_over_events_of_its_type_only(office: Office) -> None:
    office.call(
        "admin", "fn_iu_emit_event", "sql_link_created", "doc/1", UUID(int=1), "test", Jsonb({"n": 1})
    )
    assert office.promote()["passed_over"] == EVENTS


def test_a_first_promotion_may_begin_after_an_event(office: Office) -> None:
    third = office.owner.fetch_value(
        "select event_id from public.event_outbox order by event_seq offset 2 limit 1"
    )
    assert office.promote(start_position=str(third))["passed_over"] == 3
    assert office.enqueue()["queued"] == EVENTS - 3


def test_a_rejected_proposal_is_not_in_force_and_cannot_be_approved(office: Office) -> None:
    number = office.propose()["promotion_no"]
    assert office.decide(number, "reject")["status"] == "rejected"
    assert office.decide(number)["status"] == "already_decided"
    assert office.enqueue()["reason"] == "not_promoted"


def test_a_renewal_continues_where_the_cursor_stood(office: Office) -> None:
    office.promote()
    office.emit(2)
    assert office.enqueue()["queued"] == 2
    assert office.demote()["status"] == "demoted"
    assert office.demote("approver")["status"] == "already_demoted"
    office.emit(3)
    assert office.enqueue()["reason"] == "demoted"
    assert office.promote()["discarded"] == 0
    assert office.enqueue()["queued"] == 3
    assert len(office.claim()) == 3, "the heads of three subjects"


def test_a_demotion_names_what_is_in_flight(office: Office) -> None:
    office.promote()
    office.emit(2)
    office.enqueue()
    assert len(office.claim()) == 2
    said = office.demote()
    assert (said["queued"], said["in_flight"]) == (2, 2)
    assert said["until"] == office.owner.fetch_value(
        "select to_jsonb(max(due_at)) #>> '{}' from public.iu_delivery"
    )
    assert [row["state"] for row in office.promotions()] == ["demoted"]


def test_a_renewal_that_discards_the_queue_records_each_delivery(office: Office) -> None:
    office.promote()
    office.emit(6)
    assert office.enqueue()["queued"] == 6
    office.demote()
    assert office.promote(queued="discard")["discarded"] == 6
    assert office.queued() == 0
    rows = office.run("auditor", "select decision, ledger_no from public.iu_delivery_decision")
    assert [row["decision"] for row in rows] == ["discarded"] * 6
    entries = "select entries from public.iu_delivery_ledger where ledger_no = %s"
    assert office.run("auditor", entries, rows[0]["ledger_no"]) == [{"entries": 6}]
    office.emit(1)
    assert office.enqueue()["queued"] == 1


def test_a_live_queue_that_moves_does_not_stop_a_renewal_that_delivers_it(office: Office) -> None:
    office.promote()
    number = office.propose()["promotion_no"]
    office.emit(1)
    office.enqueue()
    assert office.decide(number)["status"] == "approved"


def test_an_approval_does_not_wait_for_a_queue_that_is_being_written(office: Office) -> None:
    office.promote()
    number = office.propose()["promotion_no"]
    with psycopg.connect(url_of(office.url, office.login("owner"))) as session:
        session.execute("set default_transaction_isolation = 'read committed'")
        session.execute("select from public.iu_route_worker_cursor where cursor_kind = 'delivery' for update")
        assert office.decide(number)["status"] == "busy"
        session.rollback()
    assert office.decide(number)["status"] == "approved"


def restore(office: Office) -> None:
    """Make the outbox look restored from another cluster, and seek its worker as the hint says."""
    office.owner.execute("update public.event_outbox_cluster set system_identifier = 1")
    last = office.owner.fetch_value(
        "select cursor_event_id::text from public.iu_route_worker_cursor "
        "where worker_name = 'iu_outbound_default'"
    )
    office.call("admin", "fn_iu_route_worker_seek", "iu_outbound_default", last, "restored")
    office.attempt()


def read_an_event_before_an_older_one_commits(office: Office) -> UUID:
    """Read and queue an event, and commit one with a lower event_seq afterwards. Return that one."""
    with psycopg.connect(
        url_of(office.url, office.login("admin")), row_factory=psycopg.rows.dict_row
    ) as late:
        late.execute("set transaction isolation level read committed")
        event = emit_one(late)
        emit_one(office.session("admin"), 2)
        assert office.enqueue()["queued"] == 1
    return event


def test_a_promotion_after_a_restore_resumes_at_the_first_unread_event(office: Office) -> None:
    office.promote()
    late = read_an_event_before_an_older_one_commits(office)
    restore(office)
    assert office.enqueue()["reason"] == "cluster_changed"
    office.promote()
    assert office.enqueue()["queued"] == 1
    queue = office.owner.fetch_all("select event_id from public.iu_delivery order by subject_no desc")
    assert queue[0]["event_id"] == late
    assert len(queue) == 2


def test_an_event_that_is_read_twice_after_a_restore_would_be_noticed(office: Office) -> None:
    office.promote()
    read_an_event_before_an_older_one_commits(office)
    restore(office)
    office.promote()
    office.owner.execute(
        edited(
            office.owner,
            "fn_iu_delivery_is_known(public.iu_delivery_route, public.event_outbox)",
            "return exists (", "return false and exists (",
        )
    )  # fmt: skip
    assert answer(office, Office.enqueue).startswith("23505")


def test_a_cursor_that_forgets_what_it_read_would_be_noticed(office: Office) -> None:
    office.promote()
    read_an_event_before_an_older_one_commits(office)
    restore(office)
    office.owner.execute(
        edited(
            office.owner,
            "fn_iu_cursor_unread_seq(public.iu_route_worker_cursor)",
            "select min(o.event_seq)", "select max(o.event_seq) + 1",
        )
    )  # fmt: skip
    office.promote()
    assert office.enqueue()["queued"] == 0


CHAINED = {
    "iu_evidence_pack": "set passed = not passed where pack_no = 1",
    "iu_promotion_threshold_change": "set new_value = 2 where change_no = 1",
    "iu_promotion_threshold_decision": "set decided_by = 'x' where decision_no = 2",
    "iu_route_promotion": "set share = 0.5 where promotion_no = 1",
    "iu_route_promotion_decision": "set reason = 'x' where decision_no = 1",
}


@pytest.mark.parametrize("table", CHAINED)
def test_a_row_of_a_chain_that_the_owner_changes_is_named(office: Office, table: str) -> None:
    office.promote()
    office.demote()
    assert office.run("auditor", VERIFY) == []
    owner_changes(office, table, f"update public.{table} {CHAINED[table]}")
    (misfit,) = [row for row in office.run("auditor", VERIFY) if row["misfit_no"] is not None]
    assert misfit["ledger"] == table


def test_a_decision_that_the_owner_removes_is_noticed(office: Office) -> None:
    office.promote()
    office.demote()
    office.promote()
    owner_changes(
        office, "iu_route_promotion_decision",
        "delete from public.iu_route_promotion_decision where decision_no = 2",
    )  # fmt: skip
    (misfit,) = office.run("auditor", VERIFY)
    assert (misfit["ledger"], misfit["misfit_no"]) == ("iu_route_promotion_decision", 3)


def test_the_hashes_do_not_depend_on_the_settings_of_a_session(office: Office) -> None:
    for setting in ("timezone = 'Asia/Tokyo'", "intervalstyle = 'iso_8601'", "bytea_output = 'escape'"):
        office.session("admin").execute(f"set {setting}")
    office.promote()
    for setting in ("timezone = 'America/Lima'", "intervalstyle = 'iso_8601'", "bytea_output = 'escape'"):
        office.session("auditor").execute(f"set {setting}")
    assert office.run("auditor", VERIFY) == []


def test_a_threshold_that_the_owner_lowers_is_named(office: Office) -> None:
    office.owner.execute("update public.iu_promotion_threshold set value = 2 where threshold = 'events'")
    (misfit,) = office.run("auditor", VERIFY)
    assert misfit["fault"] == f"events is 2, but {EVENTS} was decided"


def test_a_change_of_a_threshold_that_was_rejected_is_not_in_force(office: Office) -> None:
    number = office.call("admin", "fn_iu_promotion_threshold_propose", "events", 20, "x")["change_no"]
    said = office.call("approver", "fn_iu_promotion_threshold_decide", number, "reject", "x")
    assert (said["status"], said["value"]) == ("rejected", EVENTS)
    assert office.run("auditor", VERIFY) == []
    assert office.propose()["evidence"]["thresholds"]["events"] == EVENTS


def test_a_change_of_a_threshold_is_not_lost_by_a_rollback(office: Office) -> None:
    with Gateway(office.url) as owner:
        with pytest.raises(IuError, match="rollback of 020_promotions would lose changes of thresholds"):
            migration.rollback(owner, "010", "delivery")
        assert owner.fetch_value("select count(*) from public.iu_promotion_threshold_decision") == 3


@pytest.mark.parametrize(
    ("threshold", "value", "message"),
    [("hour", 0, "there is no threshold 'hour'"), ("events", 0, "threshold events cannot be 0")],
)
def test_a_threshold_that_is_not_known_and_a_value_out_of_range_are_told_apart(
    office: Office, threshold: str, value: int, message: str
) -> None:
    said = answer(
        office,
        lambda office: office.call("admin", "fn_iu_promotion_threshold_propose", threshold, value, "x"),
    )
    assert said == f"IU104 {message}"


def test_a_change_of_a_threshold_that_has_another_value_by_now_is_refused(office: Office) -> None:
    numbers = [
        office.call("admin", "fn_iu_promotion_threshold_propose", "events", value, "x")["change_no"]
        for value in (20, 30)
    ]
    decide = "fn_iu_promotion_threshold_decide"
    assert office.call("approver", decide, numbers[0], "approve", "x")["value"] == 20
    assert office.call("approver", decide, numbers[0], "reject", "x")["status"] == "already_decided"
    assert "IU206 " in answer(
        office, lambda office: office.call("approver", decide, numbers[1], "approve", "x")
    )


def test_a_pack_is_numbered_and_a_malformed_hash_is_refused(office: Office) -> None:
    assert office.record_pack() == office.record_pack(False) - 1
    assert "IU104 " in answer(office, lambda office: office.record_pack(pack=PACK[1:]))


def test_a_target_that_was_promoted_to_cannot_be_removed(office: Office) -> None:
    remove = "delete from public.iu_delivery_target"
    office.promote()
    assert "IU607 " in answer(office, lambda office: office.run("admin", remove))
    office.run("admin", "insert into public.iu_delivery_target (target_name, kind) values ('other', 'pull')")
    assert office.run("admin", f"{remove} where target_name = 'other' returning target_name")
    newest = office.run(
        "auditor",
        "select target_name, definition from public.iu_delivery_target_version "
        "order by target_version desc limit 1",
    )
    assert newest == [{"target_name": "other", "definition": {"removed": True}}]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ("'a', 'fax', ''", "IU601"),
        ("'a', 'workflow', ''", "IU601"),
        ("'a', 'acme.', ''", "IU601"),
        ("'a', 'acme.sqs.x', ''", "IU601"),
        ("'a', 'Acme.sqs', ''", "IU601"),
        ("'a', 'webhook', 'https://user:pw@a.example/'", "IU602"),
        ("'a', 'webhook', 'https://a.example/?token=x1'", "IU602"),
        ("'A b', 'webhook', 'https://a.example/'", "23514"),
    ],
)
def test_a_target_that_is_not_fit_is_refused(office: Office, columns: str, code: str) -> None:
    statement = f"insert into public.iu_delivery_target (target_name, kind, address) values ({columns})"
    assert answer(office, lambda office: office.run("admin", statement)).startswith(code)


def test_every_change_of_a_target_but_enabling_makes_a_version(office: Office) -> None:
    count = "select count(*) as versions from public.iu_delivery_target_version"
    assert office.run("auditor", count) == [{"versions": 1}]
    office.run("admin", "update public.iu_delivery_target set enabled = false")
    office.run("admin", "update public.iu_delivery_target set target_version = 77")
    assert office.run("auditor", count) == [{"versions": 1}]
    office.run("admin", "update public.iu_delivery_target set at_most_once = true, after_failover = null")
    assert office.run("auditor", count) == [{"versions": 2}]
    assert office.run("auditor", "select after_failover from public.iu_delivery_target") == [
        {"after_failover": "hold"}
    ]
    change = "update public.iu_delivery_target set target_no = default"
    assert "IU607 " in answer(office, lambda office: office.run("admin", change))


def test_a_target_is_granted_to_logins_that_exist(office: Office) -> None:
    grant = "insert into public.iu_delivery_target_sender (target_no, login) values (1, %s)"
    assert "IU104 " in answer(office, lambda office: office.run("admin", grant, "nobody_at_all"))
    assert "IU104 " in answer(office, lambda office: office.run("admin", grant, "iu_sender"))
    refused = answer(office, lambda office: office.run("admin", grant, office.login("auditor")))
    assert f"IU104 login {office.login('auditor')} is not a member of iu_sender" in refused
    office.run("admin", grant, office.login("stranger"))
    (given,) = office.run(
        "auditor", "select granted_by from public.iu_delivery_target_sender where login = %s",
        office.login("stranger"),
    )  # fmt: skip
    assert given["granted_by"] == office.login("admin")


@pytest.mark.parametrize(
    "position", ["garbage", "Latest", "00000000-0000-7000-8000-000000000001", "of another domain"]
)
def test_a_proposal_with_an_unknown_start_position_is_refused(office: Office, position: str) -> None:
    if position == "of another domain":
        office.owner.execute("alter table public.event_outbox disable trigger user")
        position = str(
            office.owner.fetch_value(
                """insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane,
                       canonical_address, event_subject_table, actor_ref, safe_payload)
                   select 'other', event_type, event_stream, delivery_lane, canonical_address,
                       event_subject_table, actor_ref, safe_payload from public.event_outbox limit 1
                   returning event_id"""
            )
        )
    refused = answer(office, lambda office: office.propose(start_position=position))
    assert f"IU104 argument start_position is '{position}'" in refused


def test_a_proposal_begins_after_an_event_of_its_domain(office: Office) -> None:
    event = office.owner.fetch_value("select event_id::text from public.event_outbox limit 1")
    for position in ("beginning", event, event.upper()):
        assert office.propose(start_position=position)["status"] == "proposed"


CHANGES = {
    "route": "update public.iu_outbound_route set event_type = 'sql_link_created' where target_ref = 'hook'",
    "target": "update public.iu_delivery_target set timeout_seconds = 7",
    "event type": "update public.event_type_registry set payload_keys = '{n,name}'",
}


@pytest.mark.parametrize("change", [*CHANGES, "promotion"])
def test_a_proposal_that_can_no_longer_be_approved_is_outdated(office: Office, change: str) -> None:
    office.propose()
    office.propose()
    assert [row["state"] for row in office.promotions()] == ["proposed", "proposed"]
    if change == "promotion":
        office.decide(2)
    else:
        office.owner.execute(CHANGES[change])
    assert office.promotions()[0]["state"] == "outdated"
    assert "IU206 " in answer(office, lambda office: office.decide(1))


def test_a_demotion_is_listed_with_who_made_it(office: Office) -> None:
    office.promote()
    names = ("state", "demoted_by", "demotion_reason", "demoted_automatically")
    (row,) = office.promotions()
    assert [row[name] for name in (*names, "demoted_at")] == ["live", None, None, None, None]
    office.demote("colleague")
    (row,) = office.promotions()
    assert [row[name] for name in names] == ["demoted", office.login("colleague"), "a test", False]
    assert row["demoted_at"] > row["decided_at"]


def test_the_proofs_of_the_module_hold_after_promotions(office: Office) -> None:
    office.promote()
    office.demote()
    office.promote()
    assert ROUTE in [row["route_code"] for row in office.promotions()]
    proofs = [proof for proof in verification.verify(office.owner) if proof.step.startswith("iu-delivery")]
    assert len(proofs) == 5
    assert failed_lines(proofs) == []


def test_a_pack_that_an_auditor_writes_is_added_to_the_ledger(office: Office, tmp_path: Path) -> None:
    url = url_of(office.url, office.login("auditor"))
    iu(["--database-url", url, "evidence", "--no-probes", "--out", str(tmp_path)])
    (pack,) = tmp_path.glob("000001/manifest.json")
    recorded = office.run(
        "auditor",
        "select encode(pack_hash, 'hex') as hash from public.iu_evidence_pack order by pack_no desc",
    )
    assert recorded[0]["hash"] == json.loads(pack.read_text(encoding="utf-8"))["hash"]


def test_a_promotion_after_ten_failures_of_the_breaker_is_not_demoted_by_the_next_one(office: Office) -> None:
    office.promote()
    office.demote()
    office.owner.execute("update public.iu_delivery_target_state set half_open_failures = 10")
    office.promote()
    assert office.owner.fetch_value("select half_open_failures from public.iu_delivery_target_state") == 0
