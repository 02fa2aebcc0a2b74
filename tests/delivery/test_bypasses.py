"""Every way around a promotion is refused by the database, and by the guard that is named here.

Each bypass is tried by the real login. Then its guard is removed, and the same attempt must give another
answer: so no test passes because of something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from delivery.office import PACK, ROUTE, Office
from iu_pipelines.db.gateway import Gateway

EVIDENCE: Final = "fn_iu_promotion_evidence_require(jsonb, interval)"
CHANGE: Final = (
    "fn_iu_promotion_change_refuse(public.iu_route_promotion, public.iu_outbound_route, "
    "public.iu_delivery_target, jsonb)"
)
LOGIN: Final = "fn_iu_login_require(text, text)"
DECISION: Final = "fn_iu_decision_require(text, text, text)"
TARGET: Final = "fn_iu_delivery_target_check()"
REFUSAL: Final = (
    "fn_iu_promotion_misfit(public.iu_delivery_route, public.iu_route_promotion, int, int, bytea, text, "
    "text, timestamptz)"
)


def edited(owner: Gateway, function: str, right: str, wrong: str) -> str:
    """Return the definition of a function of the schema public with `wrong` in the place of `right`."""
    definition = str(
        owner.fetch_value("select pg_get_functiondef(%s::regprocedure)", (f"public.{function}",))
    )
    assert right in definition
    return definition.replace(right, wrong)


def answer(office: Office, act: Callable[[Office], Any]) -> str:
    """Return the SQLSTATE and message of the refusal, or what was returned."""
    try:
        return f"allowed: {act(office)}"
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_primary}"


def nothing(office: Office) -> None:
    pass


def steps(*acts: Callable[[Office], Any]) -> Callable[[Office], None]:
    """Return an arrangement that does one act after the other."""

    def arrange(office: Office) -> None:
        for act in acts:
            act(office)

    return arrange


@dataclass(frozen=True)
class Bypass:
    """What is tried after `arrange`, what the database says, and the edits that remove the guard."""

    says: str
    act: Callable[[Office], Any]
    edits: tuple[tuple[str, str, str], ...] = ()
    statement: str = ""
    arrange: Callable[[Office], Any] = nothing


def owner_changes(office: Office, table: str, statement: str) -> None:
    """Change an append-only table, as only an owner can, to arrange what takes hours otherwise."""
    office.owner.execute(f"alter table public.{table} disable trigger trg_iu_append_only")
    office.owner.execute(statement)
    office.owner.execute(f"alter table public.{table} enable trigger trg_iu_append_only")


def fail_once(office: Office) -> None:
    office.call("admin", "fn_iu_gate_set", "iu_core.route_worker_enabled", "false", "a test")
    office.call(
        "admin",
        "fn_iu_emit_event",
        "version_applied",
        "doc/x",
        UUID(int=1),
        "test",
        psycopg.types.json.Jsonb({"n": 1}),
    )
    office.owner.execute(
        """insert into public.iu_route_attempt_log
               (event_id, worker_no, route_no, route_version, decision, error_code)
           select o.event_id, c.worker_no, r.route_no, r.route_version, 'failed', 'worker_process_error'
           from (select * from public.event_outbox order by event_seq desc limit 1) as o
           cross join public.iu_route_worker_cursor as c
           cross join public.iu_outbound_route as r
           where c.worker_name = 'iu_outbound_default' and r.route_code = 'shop.paid'"""
    )  # fmt: skip


def emit_a_thousand(office: Office) -> None:
    """Let the proposer emit 1,000 events of 100 subjects, under the thresholds of an installation."""
    for threshold, value in (("events", 1000), ("subjects", 100), ("hours", 24)):
        office.set_threshold(threshold, value)
    office.run(
        "admin",
        """select public.fn_iu_emit_events(jsonb_agg(jsonb_build_object(
               'event_type', 'version_applied', 'canonical_address', 'doc/' || n,
               'subject_ref', lpad(to_hex(mod(n, 100)), 32, '0')::uuid, 'actor_ref', 'test',
               'safe_payload', jsonb_build_object('n', n)))) from generate_series(1, 1000) as n""",
    )
    office.attempt()


def know_another_subject(office: Office) -> None:
    office.set_threshold("subjects", 5)
    office.run(
        "admin",
        "select public.fn_iu_emit_event('version_applied', 'doc/9', gen_random_uuid(), 't', '{\"n\": 1}')",
    )


def edit_target(office: Office) -> None:
    office.run("admin", "update public.iu_delivery_target set address = 'https://other.example/'")


def proposal(office: Office, name: str = "admin", **terms: Any) -> int:
    return int(office.propose(name, **terms)["promotion_no"])


def propose_and(change: Callable[[Office], Any], **terms: Any) -> Callable[[Office], Any]:
    """Return the arrangement of a proposal after which `change` happens."""

    def arrange(office: Office) -> None:
        proposal(office, **terms)
        change(office)

    return arrange


def approve_first(office: Office) -> Any:
    return office.decide(1)


def own_threshold(office: Office) -> Any:
    said = office.call("both", "fn_iu_promotion_threshold_propose", "events", 1, "a test")
    return office.call("both", "fn_iu_promotion_threshold_decide", said["change_no"], "approve", "a test")


def take_session(office: Office) -> Any:
    session = office.session("root")
    session.execute(f"set session authorization {office.login('approver')}")
    try:
        return office.decide(1, name="root")
    finally:
        session.execute("reset session authorization")


def promote_first(office: Office) -> None:
    office.promote()


def replace(right: str, wrong: str, function: str = EVIDENCE) -> tuple[tuple[str, str, str], ...]:
    return ((function, right, wrong),)


SUPERUSER: Final = (
    (LOGIN, "r.rolsuper", "false"),
    (LOGIN, "pg_has_role(session_user, 'iu_owner', 'member')", "false"),
)
"""A superuser is a member of every role, so two conditions refuse it."""

BYPASSES: Final = {
    "one failure among the attempts": Bypass(
        "IU205 rule failures", Office.propose, replace("(evidence ->> 'failures')::bigint = 0", "true"),
        arrange=fail_once,
    ),
    "one event too few": Bypass(
        "IU205 rule events", Office.propose, replace("(evidence ->> 'events')::bigint >=", "true or 0 <"),
        arrange=lambda office: office.set_threshold("events", 13),
    ),
    "one subject too few of those that the type has": Bypass(
        "IU205 rule subjects", Office.propose,
        replace("(evidence ->> 'subjects')::bigint >=", "true or 0 <"), arrange=know_another_subject,
    ),
    "a thousand events that the proposer emitted in a minute": Bypass(
        "IU205 rule hours", Office.propose, replace("(evidence ->> 'seconds')::numeric >=", "true or 0 <"),
        arrange=emit_a_thousand,
    ),
    "a hundred days": Bypass(
        "IU205 rule days", lambda office: office.propose(valid_for="100 days"),
        replace("extract(epoch from valid_for) <=", "true or 0 <"),
    ),
    "a second more than thirty days": Bypass(
        "IU205 rule days", lambda office: office.propose(valid_for="30 days 1 second"),
        replace("extract(epoch from valid_for) <=", "true or 0 <"),
    ),
    "a kind of event that was not rehearsed": Bypass(
        "IU205 rule rehearsal", Office.propose,
        replace("jsonb_array_length(evidence -> 'kinds_not_rehearsed') = 0", "true"),
        arrange=lambda office: office.emit(1, other=1),
    ),
    "a rehearsal of another body": Bypass(
        "IU205 rule rehearsal", Office.propose,
        replace(
            "filter (where r.passed)", "",
            "fn_iu_promotion_evidence(public.iu_outbound_route, public.iu_delivery_target)",
        ),
        arrange=lambda office: office.run(
            "sender",
            "select public.fn_iu_delivery_rehearsal_record(%s, r.event_id, %s, 'v1,x') "
            "from public.fn_iu_delivery_rehearse(%s) as r",
            ROUTE, PACK, ROUTE,
        ),
    ),
    "a target that changed after its test": Bypass(
        "IU205 rule rehearsal", Office.propose,
        replace(
            "and h.target_version = target.target_version", "",
            "fn_iu_promotion_evidence(public.iu_outbound_route, public.iu_delivery_target)",
        ),
        arrange=edit_target,
    ),
    "a target that changed and was rehearsed, without a test": Bypass(
        "IU205 rule test", Office.propose, replace("(evidence ->> 'test_passed')::boolean is true", "true"),
        arrange=steps(edit_target, Office.rehearse),
    ),
    "a test that failed": Bypass(
        "IU205 rule test", Office.propose, replace("(evidence ->> 'test_passed')::boolean is true", "true"),
        arrange=lambda office: office.test_target(False),
    ),
    "the newest pack is red": Bypass(
        "IU205 rule pack", Office.propose, replace("(evidence ->> 'pack_passed')::boolean is true", "true"),
        arrange=lambda office: office.record_pack(False),
    ),
    "a pack of yesterday": Bypass(
        "IU205 rule pack_hours", Office.propose,
        replace("(evidence ->> 'pack_seconds')::numeric <=", "true or 0 <"),
        arrange=lambda office: owner_changes(
            office, "iu_evidence_pack",
            "update public.iu_evidence_pack set recorded_at = recorded_at - interval '24 hours 1 second'",
        ),
    ),
    "a proposal of a superuser": Bypass(
        "IU205 login", lambda office: office.propose("root"), SUPERUSER
    ),
    "a proposal of a member of the owner role": Bypass(
        "IU205 login", lambda office: office.propose("owner"),
        replace("pg_has_role(session_user, 'iu_owner', 'member')", "false", LOGIN),
    ),
    "an approval of one's own proposal with both roles": Bypass(
        "IU205 rule two_people", lambda office: office.decide(1, name="both"),
        replace("proposed_by = session_user", "false", DECISION),
        arrange=lambda office: proposal(office, "both"),
    ),
    "an approval of one's own proposal without the function's guard": Bypass(
        "23514", lambda office: office.decide(1, name="both"), (),
        "alter table public.iu_route_promotion_decision drop constraint two_people",
        arrange=lambda office: (
            proposal(office, "both"),
            office.owner.execute(edited(office.owner, DECISION, "proposed_by = session_user", "false")),
        ),
    ),
    "an approval by an administrator": Bypass(
        "42501", lambda office: office.decide(1, name="colleague"), (),
        "grant execute on function public.fn_iu_route_promotion_decide(int, text, text) to workflow_admin",
        arrange=proposal,
    ),
    "an approval by an administrator who was granted the function": Bypass(
        "IU204", lambda office: office.decide(1, name="colleague"),
        replace("not pg_has_role(session_user, role_name, 'member')", "false", LOGIN),
        arrange=lambda office: (
            proposal(office),
            office.owner.execute(
                "grant execute on function public.fn_iu_route_promotion_decide(int, text, text) "
                "to workflow_admin"
            ),
        ),
    ),
    "an approval by a superuser": Bypass(
        "IU204", lambda office: office.decide(1, name="root"), SUPERUSER, arrange=proposal,
    ),
    "an approval by a member of the owner role": Bypass(
        "IU204", lambda office: office.decide(1, name="owner"),
        replace("pg_has_role(session_user, 'iu_owner', 'member')", "false", LOGIN), arrange=proposal,
    ),
    "a superuser who takes the session of an approver": Bypass(
        "IU204", take_session, replace("is distinct from", "is null and null =", LOGIN), arrange=proposal
    ),
    "a threshold that one login lowers": Bypass(
        "IU205 rule two_people", own_threshold, replace("proposed_by = session_user", "false", DECISION)
    ),
    "a threshold that is written directly": Bypass(
        "42501", lambda office: office.run("admin", "update public.iu_promotion_threshold set value = 1"), (),
        "grant update on public.iu_promotion_threshold to workflow_admin",
    ),
    "a decision that is inserted": Bypass(
        "42501",
        lambda office: office.run(
            "approver",
            "insert into public.iu_route_promotion_decision "
            "(promotion_no, decision, reason, proposed_by, previous_hash, row_hash) "
            "values (1, 'approve', 'x', 'x', '', '')",
        ), (),
        "grant select, insert on public.iu_route_promotion_decision to iu_approver",
        arrange=proposal,
    ),
    "a demotion that the owner deletes": Bypass(
        "IU203", lambda office: office.run("owner", "delete from public.iu_route_promotion_decision"), (),
        "drop trigger trg_iu_append_only on public.iu_route_promotion_decision",
        arrange=lambda office: (office.promote(), office.demote()),
    ),
    "a route that is not dry": Bypass(
        "23514",
        lambda office: office.run("admin", "update public.iu_outbound_route set dry_run = false"), (),
        "alter table public.iu_outbound_route drop constraint dry_run_is_enforced",
    ),
    "a check that an administrator drops": Bypass(
        "42501",
        lambda office: office.run(
            "admin", "alter table public.iu_outbound_route drop constraint dry_run_is_enforced"
        ), (),
        "alter table public.iu_outbound_route owner to workflow_admin",
    ),
    "a route that changed after the proposal": Bypass(
        "IU206 promotion 1 cannot be approved: the route", approve_first,
        replace("route.route_version <> given.route_version", "false", CHANGE),
        arrange=propose_and(lambda office: office.run(
            "admin",
            "update public.iu_outbound_route set target_ref = target_ref where route_code = %s", ROUTE,
        )),
    ),
    "a target that changed after the proposal": Bypass(
        "IU206 promotion 1 cannot be approved: the target", approve_first,
        replace("target.target_version <> given.target_version", "false", CHANGE),
        arrange=propose_and(edit_target),
    ),
    "payload keys that are widened after the proposal": Bypass(
        "IU206 promotion 1 cannot be approved: the event type", approve_first,
        replace("<> given.configuration_hash", "= '\\x00'", CHANGE),
        arrange=propose_and(lambda office: office.run(
            "admin", "update public.event_type_registry set payload_keys = '{n,name}'"
        )),
    ),
    "a pack that is red since the proposal": Bypass(
        "IU206 promotion 1 cannot be approved: the evidence pack", approve_first,
        replace("<> given.evidence ->> 'pack_no'", "= 'x'", CHANGE),
        arrange=propose_and(lambda office: office.record_pack(False)),
    ),
    "a proposal from before a demotion": Bypass(
        "IU206 promotion 2 cannot be approved: the promotion that was in force",
        lambda office: office.decide(2),
        replace("<> given.evidence -> 'last_decision_no'", "= '\"x\"'", CHANGE),
        arrange=lambda office: (office.promote(), proposal(office), office.demote()),
    ),
    "a failure since the proposal": Bypass(
        "IU205 rule failures", approve_first, replace("(evidence ->> 'failures')::bigint = 0", "true"),
        arrange=propose_and(fail_once),
    ),
    "a queue that is another than was to be discarded": Bypass(
        "IU206 promotion 2 cannot be approved: the queue", lambda office: office.decide(2),
        replace("given.queued = 'discard' or", "false and", CHANGE),
        arrange=steps(
            lambda office: office.promote(), lambda office: office.emit(2), Office.enqueue,
            lambda office: office.propose(queued="discard"), lambda office: office.emit(1), Office.enqueue,
        ),
    ),
    "deliveries in flight that are to be discarded": Bypass(
        "IU205 rule in_flight", lambda office: office.decide(2),
        replace("v_valid.in_flight > 0", "false", "fn_iu_promotion_queue_lock(public.iu_route_promotion)"),
        arrange=steps(
            lambda office: office.promote(), lambda office: office.emit(2), Office.enqueue, Office.claim,
            lambda office: office.propose(queued="discard"),
        ),
    ),
    "another event type for a route with a cursor": Bypass(
        "IU205 rule event_type", Office.propose,
        replace("v_live.event_type <> route.event_type", "false", "fn_iu_promotion_route(text)"),
        arrange=lambda office: (
            office.promote(),
            office.run(
                "admin",
                "update public.iu_outbound_route set event_type = 'sql_link_created' where route_code = %s",
                ROUTE,
            ),
        ),
    ),
    "a start position for a route with a cursor": Bypass(
        "IU205 rule start_position", lambda office: office.propose(start_position="beginning"),
        replace(
            "given.start_position <> 'latest'", "false",
            "fn_iu_promotion_terms_require(public.iu_route_promotion, numeric, numeric)",
        ),
        arrange=promote_first,
    ),
    "a private address that an administrator allows": Bypass(
        "IU204",
        lambda office: office.run("admin", "update public.iu_delivery_target set allow_private = true"),
        replace("if new.allow_private and", "if false and", TARGET),
    ),
    "another address under the permission of an approver": Bypass(
        "IU204", edit_target, replace("(new.kind, new.address) <> (old.kind, old.address)", "false", TARGET),
        arrange=lambda office: office.call(
            "approver", "fn_iu_delivery_target_allow_private", "hook", True, "a test"
        ),
    ),
    "a rehearsal by a login without the target": Bypass(
        "IU201",
        lambda office: office.run("stranger", "select * from public.fn_iu_delivery_rehearse(%s)", ROUTE),
        replace(
            "s.login = session_user", "true",
            "fn_iu_target_sender_require(public.iu_delivery_target)",
        ),
    ),
    "a pack that an emitter records": Bypass(
        "42501", lambda office: office.call("emitter", "fn_iu_evidence_pack_record", PACK, True), (),
        "grant execute on function public.fn_iu_evidence_pack_record(text, boolean) to iu_emitter",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BYPASSES)
def test_a_bypass_is_refused_and_by_the_guard_that_is_named(office: Office, name: str) -> None:
    bypass = BYPASSES[name]
    bypass.arrange(office)
    assert answer(office, bypass.act).startswith(bypass.says)
    assert bypass.edits or bypass.statement
    for function, right, wrong in bypass.edits:
        office.owner.execute(edited(office.owner, function, right, wrong))
    if bypass.statement:
        office.owner.execute(bypass.statement)
    assert not answer(office, bypass.act).startswith(bypass.says)


def widen_keys(office: Office) -> None:
    office.run("admin", "update public.event_type_registry set payload_keys = '{n,name}'")


def begin_elsewhere(office: Office) -> None:
    office.session("sender").execute("select set_config('iu.deployment', 'staging', false)")


HELD: Final = {
    "payload keys that are widened after the approval": (
        widen_keys, "event_type_changed",
        "configuration IS DISTINCT FROM (promotion).configuration_hash", "false",
    ),
    "a copy of the disk in another deployment": (
        begin_elsewhere, "other_deployment", "deployment IS DISTINCT FROM (promotion).deployment", "false",
    ),
    "a target that is edited after the approval": (
        edit_target, "target_changed", "target_version IS DISTINCT FROM (promotion).target_version", "false",
    ),
    "a promotion that has expired": (
        lambda office: office.owner.execute(
            "update public.iu_delivery_route set expires_at = clock_timestamp()"
        ),
        "promotion_expired", "(given).expires_at <= now_at", "false",
    ),
    "a route that was demoted": (
        lambda office: office.demote("approver"), "demoted", "(given).held_reason IS NOT NULL", "false",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_a_promotion_ends_when_what_it_was_about_changes(office: Office, name: str) -> None:
    change, reason, right, wrong = HELD[name]
    office.promote()
    office.emit(1)
    assert office.enqueue()["queued"] == 1
    change(office)
    said = office.enqueue()
    assert (said["status"], said["reason"]) == ("held", reason)
    assert office.claim() == []
    if reason != "demoted":  # a claim keeps the reason that it saw
        office.owner.execute("update public.iu_delivery_route set held_reason = null, held_since = null")
    office.owner.execute(edited(office.owner, REFUSAL, right, wrong))
    assert office.enqueue()["reason"] != reason
