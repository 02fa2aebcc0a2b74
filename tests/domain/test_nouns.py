"""Gates, events, routes, letters, attempts and health as the rest of the package calls them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import (
    attempts,
    dead_letters,
    event_types,
    gates,
    health,
    inbound,
    outbox,
    routes,
    worker,
)
from iu_pipelines.errors import (
    ArgumentInvalid,
    IuError,
    PayloadInvalid,
    PayloadNotRefsOnly,
    StatementFailed,
    UnknownDeadLetter,
    UnknownEventType,
    UnknownGate,
)

ROUTE = "iu.version_applied.workflow"


def emit(gateway: Gateway, payload: Any = None, event_type: str | None = "version_applied") -> UUID:
    return outbox.emit(gateway, event_type, "docs/a", uuid4(), "test", {} if payload is None else payload)


def add_letter(gateway: Gateway, route_code: str | None = ROUTE, key: str = "test:1") -> UUID:
    """Set an event aside as the seed does: by a row of its own."""
    letter: UUID = gateway.fetch_value(
        """insert into public.iu_route_dead_letter (event_id, route_code, idempotency_key, event_snapshot)
           values (%s, %s, %s, '{"event_type": "version_applied"}') returning dead_letter_id""",
        (emit(gateway), route_code, key),
    )
    return letter


def test_gates_are_listed_with_their_state_after_a_full_install(gateway: Gateway) -> None:
    assert {gate.key: (gate.value, gate.is_open) for gate in gates.list_gates(gateway)} == {
        gates.MASTER: ("true", True),
        gates.WORKER: ("true", True),
        gates.DELIVERY: ("false", False),
        gates.LIVE_ROUTES: ("", False),
        gates.JOBS: ("false", False),
    }


def test_a_gate_whose_row_is_missing_is_closed(gateway: Gateway) -> None:
    gateway.execute("delete from public.dot_config where key = %s", (gates.WORKER,))
    gate = next(gate for gate in gates.list_gates(gateway) if gate.key == gates.WORKER)
    assert (gate.value, gate.is_open) == (None, False)


def test_settings_that_are_no_gates_are_listed_apart(gateway: Gateway) -> None:
    keys = {setting.key for setting in gates.list_settings(gateway)}
    assert "iu_core.stall_seconds" in keys
    assert keys.isdisjoint(gate.key for gate in gates.list_gates(gateway))


def test_the_keys_of_the_gates_are_those_that_the_database_lists(gateway: Gateway) -> None:
    named = [gates.MASTER, gates.WORKER, gates.DELIVERY, gates.LIVE_ROUTES, gates.JOBS]
    assert [gate.key for gate in gates.list_gates(gateway)] == named


def test_setting_a_gate_is_in_the_history_with_its_reason(gateway: Gateway) -> None:
    gates.set_gate(gateway, gates.WORKER, "false", "maintenance")
    (change,) = gates.history(gateway, gates.WORKER, limit=1)
    assert (change.old_value, change.new_value, change.reason) == ("true", "false", "maintenance")


@pytest.mark.parametrize(
    ("key", "value", "reason", "refusal", "named"),
    [
        ("no.such.gate", "true", "test", UnknownGate, "no.such.gate"),
        (gates.WORKER, "yes", "test", UnknownGate, "yes"),
        (gates.WORKER, None, "test", UnknownGate, "null"),
        (gates.WORKER, "true", "", ArgumentInvalid, "reason"),
        (None, "true", "test", ArgumentInvalid, "key"),
    ],
)
def test_a_gate_is_not_set_to_nonsense(
    gateway: Gateway, key: Any, value: Any, reason: str, refusal: type[IuError], named: str
) -> None:
    with pytest.raises(refusal, match=named) as refused:
        gates.set_gate(gateway, key, value, reason)
    assert refused.value.hint


def test_emitting_returns_the_id_of_the_event_in_the_outbox(gateway: Gateway) -> None:
    event_id = emit(gateway, {"child_count": 2})
    row = gateway.fetch_one("select * from public.event_outbox where event_id = %s", (event_id,))
    assert row is not None
    assert (row["event_stream"], row["delivery_lane"], row["safe_payload"]) == (
        "update",
        "immediate",
        {"child_count": 2},
    )


def test_emitting_many_returns_their_ids_in_order(gateway: Gateway) -> None:
    events = [outbox.NewEvent("version_applied", f"docs/{n}", uuid4(), "test", {"n": n}) for n in range(5)]
    ids = outbox.emit_many(gateway, events)
    rows = gateway.fetch_all("select event_id, safe_payload from public.event_outbox order by event_seq")
    assert [row["event_id"] for row in rows] == ids
    assert [row["safe_payload"]["n"] for row in rows] == list(range(5))


def test_emitting_many_with_one_bad_event_emits_none(gateway: Gateway) -> None:
    good = outbox.NewEvent("version_applied", "docs/a", uuid4(), "test", {})
    bad = outbox.NewEvent("nope", "docs/a", uuid4(), "test", {})
    with pytest.raises(UnknownEventType, match="nope"):
        outbox.emit_many(gateway, [good, bad])
    assert outbox.overview(gateway).events == 0


@pytest.mark.parametrize(
    ("payload", "refusal", "named"),
    [
        ([], PayloadInvalid, "array"),
        ("text", PayloadInvalid, "string"),
        (7, PayloadInvalid, "number"),
        ({"n": "x" * 9000}, PayloadInvalid, "8192"),
        ({"body": "x"}, PayloadNotRefsOnly, "body"),
        ({"a": [{"deep": {"PassWord": "x"}}]}, PayloadNotRefsOnly, "PassWord"),
        ({"a": list(range(17))}, PayloadNotRefsOnly, "17|numbers"),
    ],
)
def test_a_payload_that_is_not_references_is_refused_with_what_is_wrong(
    gateway: Gateway, payload: Any, refusal: type[IuError], named: str
) -> None:
    with pytest.raises(refusal, match=named) as refused:
        emit(gateway, payload)
    assert refused.value.hint
    assert outbox.overview(gateway).events == 0


def test_arguments_that_are_missing_or_empty_are_refused_by_name(gateway: Gateway) -> None:
    with pytest.raises(IuError, match=r"event_type|unknown event type"):
        outbox.emit(gateway, None, "docs/a", uuid4(), "test", {})
    with pytest.raises(ArgumentInvalid, match="canonical_address"):
        outbox.emit(gateway, "version_applied", "", uuid4(), "test", {})
    with pytest.raises(ArgumentInvalid, match="subject_ref"):
        outbox.emit(gateway, "version_applied", "docs/a", None, "test", {})
    with pytest.raises(ArgumentInvalid, match="actor_ref"):
        outbox.emit(gateway, "version_applied", "docs/a", uuid4(), None, {})


@pytest.mark.parametrize("text", ["docs/\x00", "docs/\ud800", "\udc80"])
def test_a_text_that_postgresql_cannot_hold_is_a_malformed_argument(gateway: Gateway, text: str) -> None:
    for call in (
        lambda: outbox.emit(gateway, "version_applied", text, uuid4(), "test", {}),
        lambda: outbox.emit(gateway, text, "docs", uuid4(), "test", {}),
        lambda: worker.run_once(gateway, text, 1),
        lambda: worker.seek(gateway, "w", text, "test"),
    ):
        with pytest.raises(ArgumentInvalid) as refused:
            call()
        assert refused.value.message.isprintable()
        assert refused.value.hint


@pytest.mark.parametrize(
    "payload",
    [{"name": "\x00"}, {"\x00": 1}, {"name": "\ud800"}, {"n": float("nan")}, {"n": float("inf")}],
    ids=ascii,
)
def test_a_payload_that_is_json_to_python_alone_is_a_bad_payload(
    gateway: Gateway, payload: dict[str, Any]
) -> None:
    with pytest.raises(PayloadInvalid):
        emit(gateway, payload)
    with pytest.raises(PayloadInvalid):
        outbox.emit_many(gateway, [outbox.NewEvent("version_applied", "docs", uuid4(), "test", payload)])


@pytest.mark.parametrize("depth", [900, 30_000])
def test_a_payload_too_deep_for_python_or_postgresql_is_a_bad_payload(gateway: Gateway, depth: int) -> None:
    payload: dict[str, Any] = {}
    for _ in range(depth):
        payload = {"a": payload}
    with pytest.raises(PayloadInvalid):
        emit(gateway, payload)


def test_events_are_counted_by_type_and_other_domains_left_out(gateway: Gateway) -> None:
    emit(gateway)
    emit(gateway)
    emit(gateway, event_type="sql_link_created")
    gateway.execute(
        """insert into public.event_outbox (event_id, event_domain, event_type)
           values (gen_random_uuid(), 'other', 'something')"""
    )
    overview = outbox.overview(gateway)
    assert [(count.event_type, count.events) for count in overview.by_type] == [
        ("version_applied", 2),
        ("sql_link_created", 1),
    ]
    assert (overview.events, overview.capped) == (3, False)


def test_the_registered_types_are_listed(gateway: Gateway) -> None:
    assert [
        (item.event_type, item.event_stream, item.enabled) for item in event_types.list_types(gateway)
    ] == [
        ("sql_link_created", "update", True),
        ("structure_piece_split", "update", True),
        ("version_applied", "update", True),
    ]


def test_a_route_is_added_dry_and_disabled_unless_asked(gateway: Gateway) -> None:
    route = routes.add(gateway, "iu.second", "version_applied", "workflow", "event_outbox")
    assert route is not None
    assert (route.enabled, route.dry_run) == (False, True)
    assert routes.add(gateway, "iu.second", "version_applied", "workflow", "event_outbox") is None
    assert route in routes.list_routes(gateway)


def test_an_event_with_two_enabled_routes_gives_two_attempts(gateway: Gateway) -> None:
    routes.add(gateway, "iu.second", "version_applied", "workflow", "event_outbox", enabled=True)
    event_id = emit(gateway)
    worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
    assert {attempt.route_code for attempt in attempts.for_event(gateway, event_id)} == {ROUTE, "iu.second"}


def test_a_disabled_route_is_skipped(gateway: Gateway) -> None:
    switched = routes.set_enabled(gateway, ROUTE, False)
    assert switched is not None
    assert not switched.enabled
    event_id = emit(gateway)
    worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
    (attempt,) = attempts.for_event(gateway, event_id)
    assert (attempt.decision, attempt.route_code) == ("skipped", None)


def test_an_unknown_route_cannot_be_switched(gateway: Gateway) -> None:
    assert routes.set_enabled(gateway, "nope", True) is None
    assert inbound.set_enabled(gateway, "nope", True) is None


def test_a_route_of_an_unknown_type_is_refused_with_its_name(gateway: Gateway) -> None:
    with pytest.raises(StatementFailed, match="nope"):
        routes.add(gateway, "iu.second", "nope", "workflow", "event_outbox")


def test_an_enabled_inbound_route_captures_a_change(gateway: Gateway) -> None:
    gateway.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.a')")
    assert inbound.captures(gateway) == []
    route = inbound.set_enabled(gateway, "iu_sql.iu_sql_link.insert", True)
    assert route is not None
    assert route in inbound.list_routes(gateway)
    gateway.execute("insert into public.iu_sql_link (sql_object_ref) values ('public.b')")
    (capture,) = inbound.captures(gateway)
    assert (capture.route_code, capture.decision, capture.event_id) == (route.route_code, "dry_run", None)


def test_a_letter_is_replayed_once_its_route_is_dry(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    assert dead_letters.count_open(gateway) == 1
    result = dead_letters.replay(gateway, letter_id, "run-9")
    assert (result.status, result.decision, result.resolved, result.attempt_no) == (
        "replayed",
        "dry_run",
        True,
        2,
    )
    assert dead_letters.count_open(gateway) == 0
    (letter,) = dead_letters.list_letters(gateway, resolution="replayed")
    assert (letter.dead_letter_id, letter.attempts) == (letter_id, 2)
    assert dead_letters.replay(gateway, letter_id).status == "already_resolved"


def test_a_letter_without_a_route_stays_open_and_is_due_later(gateway: Gateway) -> None:
    letter_id = add_letter(gateway, "iu.unknown")
    result = dead_letters.replay(gateway, letter_id)
    assert (result.decision, result.resolved) == ("skipped", False)
    assert dead_letters.list_letters(gateway, due_only=True) == []
    (letter,) = dead_letters.list_letters(gateway)
    assert letter.attempts == 2


def test_a_closed_master_gate_holds_a_replay(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    result = dead_letters.replay(gateway, letter_id)
    assert (result.status, result.resolved) == ("master_gate_closed", False)
    assert dead_letters.count_open(gateway) == 1


def test_a_discarded_letter_keeps_its_reason(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    dead_letters.discard(gateway, letter_id, "a duplicate")
    (letter,) = dead_letters.list_letters(gateway, resolution="discarded")
    assert (letter.dead_letter_id, letter.resolution_reason) == (letter_id, "a duplicate")
    assert dead_letters.list_letters(gateway) == []


def test_letters_are_filtered_by_what_is_asked(gateway: Gateway) -> None:
    first, second = add_letter(gateway, key="test:1"), add_letter(gateway, "iu.other", key="test:2")
    gateway.execute(
        """update public.iu_route_dead_letter set created_at = now() - interval '2 hours'
            where dead_letter_id = %s""",
        (second,),
    )

    def ids(**filters: Any) -> set[UUID]:
        return {letter.dead_letter_id for letter in dead_letters.list_letters(gateway, **filters)}

    assert ids() == ids(resolution=None) == {first, second}
    assert ids(route_code="iu.other") == {second}
    assert ids(failure_code="other") == set()
    assert ids(older_than=timedelta(hours=1)) == {second}
    assert ids(due_only=True) == {first, second}
    assert len(ids(limit=1)) == 1


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_an_unknown_letter_is_refused_with_its_id(gateway: Gateway, verb: str) -> None:
    unknown = uuid4()
    with pytest.raises(UnknownDeadLetter, match=str(unknown)) as refused:
        if verb == "replay":
            dead_letters.replay(gateway, unknown)
        else:
            dead_letters.discard(gateway, unknown, "test")
    assert refused.value.hint


def test_counts_by_decision_agree_with_the_audit_row_by_row(gateway: Gateway) -> None:
    for _ in range(3):
        emit(gateway)
    emit(gateway, event_type="sql_link_created")
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(batch_limit=2)))
    list(worker.drain(gateway, "second", worker.RunLimits()))
    worker.seek(gateway, "second", "beginning", "test")
    list(worker.drain(gateway, "second", worker.RunLimits()))
    dead_letters.replay(gateway, add_letter(gateway))
    dead_letters.replay(gateway, add_letter(gateway, "iu.unknown", "test:2"))
    counted = gateway.fetch_all(
        "select decision, count(*) as n from public.iu_route_attempt group by decision"
    )
    found = {count.decision: count.attempts for count in attempts.counts_by_decision(gateway)}
    assert found == {row["decision"]: row["n"] for row in counted}
    assert found == {"dry_run": 7, "skipped": 3}


def test_health_is_the_report_of_the_contract(gateway: Gateway) -> None:
    emit(gateway)
    emit(gateway)
    report = health.read(gateway)
    assert (report.healthy, report.backlog, report.attempts_in_audit) == (True, 2, 0)
    list(worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits()))
    report = health.read(gateway)
    assert (report.healthy, report.backlog, report.attempts_in_audit) == (True, 0, 2)
    assert report.worker_gate_open
    assert report.master_gate_open
    assert not report.delivery_gate_open
    assert report.live_routes == ()
    assert report.last_run_at is not None
    assert isinstance(report.cursor_event_id, UUID)


def test_a_closed_gate_is_a_reason_and_not_a_fault(gateway: Gateway) -> None:
    emit(gateway)
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    report = health.read(gateway)
    assert report.healthy
    assert any("1" in reason for reason in report.reasons)
