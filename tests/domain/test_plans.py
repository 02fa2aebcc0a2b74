"""Plans and their application: the difference to a database, one transaction, history, rights and races."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.test_outbox_file import SHOP
from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.domain import configuration, outbox, routes, worker
from iu_pipelines.domain.outbox_file import reading, writing
from iu_pipelines.domain.outbox_file.model import OutboxFile
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans import applying, planning, state
from iu_pipelines.domain.plans.planning import Plan
from iu_pipelines.errors import (
    ArgumentInvalid,
    ConnectionFailed,
    OutboxFileInvalid,
    PlanOutdated,
    Refusal,
    TargetNotSafe,
)
from waiting import eventually

ORDERS: Final = """
create table public.orders (
    id bigint primary key, status text, total_cents int, item_count int, password text, paid_at timestamptz
);
insert into public.orders select n, 'new', 100, 1 from generate_series(1, 20) as n
"""
EMITTING: Final = SHOP.replace(b"mode: dry_run", b"mode: emit")
ADDED: Final = [
    ("add", "event_type", "order_paid"),
    ("add", "worker", "shop_outbound"),
    ("add", "route", "shop.order_paid.billing"),
    ("add", "capture", "shop.orders.paid"),
]


@pytest.fixture
def shop(gateway: Gateway) -> Gateway:
    """A database with a table of orders."""
    gateway.execute(ORDERS)
    return gateway


@pytest.fixture
def admin(shop: Gateway, database: str) -> Iterator[Gateway]:
    """A gateway of workflow_admin, which does not own the table of orders."""
    with Gateway(database, role="workflow_admin") as gateway:
        yield gateway


def source(text: str | bytes = SHOP) -> Source:
    return reading.read(text if isinstance(text, bytes) else text.encode(), "outbox.yaml")


def plan(gateway: Gateway, text: str | bytes = SHOP, *, prune: bool = False) -> Plan:
    return planning.make(gateway, source(text), prune=prune)


def apply(gateway: Gateway, text: str | bytes = SHOP, *, prune: bool = False) -> applying.Applied:
    return applying.apply(gateway, source(text), plan(gateway, text, prune=prune), "a test")


def exported(gateway: Gateway) -> str:
    return writing.write(state.read(gateway).file)


def brief(changes: Any) -> list[tuple[str, str, str]]:
    return [(change.action, change.noun, change.name) for change in changes]


def changed_rows(gateway: Gateway) -> int:
    count: int = gateway.fetch_value("select count(*) from public.iu_config_history")
    return count


def pay(gateway: Gateway) -> None:
    gateway.execute("update public.orders set status = 'paid' where status = 'new'")


def emitted(gateway: Gateway) -> int:
    count: int = gateway.fetch_value(
        "select count(*) from public.event_outbox where event_type = 'order_paid'"
    )
    return count


def test_the_shop_is_applied_captures_orders_and_is_attempted_on_its_route(shop: Gateway) -> None:
    done = apply(shop, EMITTING)
    assert brief(done.changes) == ADDED
    assert done.owner_statements == ()
    pay(shop)
    assert emitted(shop) == 20
    worker.run_once(shop, "shop_outbound", 100)
    assert shop.fetch_all("select distinct route_code, decision from public.iu_route_attempt") == [
        {"route_code": "shop.order_paid.billing", "decision": "dry_run"}
    ]


def test_applying_twice_changes_nothing(shop: Gateway) -> None:
    apply(shop)
    before = changed_rows(shop)
    assert plan(shop).changes == ()
    assert apply(shop).changes == ()
    assert changed_rows(shop) == before


def test_every_change_is_in_the_history_with_the_reason(shop: Gateway) -> None:
    apply(shop)
    for _, noun, name in ADDED:
        (change,) = configuration.history(shop, noun, name)
        assert (change.old_value, change.reason) == (None, "a test"), noun
    apply(shop, SHOP.replace(b"ref: billing", b"ref: ledger"))
    newest = configuration.history(shop, "route", "shop.order_paid.billing")[0]
    assert newest.old_value is not None
    assert newest.new_value is not None
    assert (newest.old_value["target_ref"], newest.new_value["target_ref"]) == ("billing", "ledger")


def test_a_change_has_its_old_and_new_fields_and_their_meaning(shop: Gateway) -> None:
    apply(shop)
    for _ in range(3):
        outbox.emit(shop, "order_paid", "orders/1", uuid4(), "t", {"total_cents": 1})
    text = SHOP.replace(b"{kind: webhook, ref: billing}", b"{kind: workflow, ref: x}\n    enabled: false")
    (change,) = plan(shop, text).changes
    assert [(one.field, one.old, one.new) for one in change.fields] == [
        ("target.kind", "webhook", "workflow"),
        ("target.ref", "billing", "x"),
        ("enabled", True, False),
    ]
    assert change.means == ("3 events wait for order_paid and will not be attempted on this route.",)
    (change,) = plan(shop, SHOP.replace(b"total_cents, item_count]", b"total_cents, item_count, x]")).changes
    assert change.means == ("3 events wait for this type.",)


def test_what_the_file_does_not_name_is_left_alone_unless_it_is_pruned(shop: Gateway) -> None:
    apply(shop, EMITTING)
    routes.add(shop, routes.NewRoute("shop.other", "order_paid"))
    text = "workers: {shop_outbound: {}}"
    assert plan(shop, text).changes == ()
    assert brief(plan(shop, text, prune=True).changes) == [
        ("remove", "capture", "shop.orders.paid"),
        ("remove", "route", "shop.order_paid.billing"),
        ("remove", "route", "shop.other"),
        ("remove", "event_type", "order_paid"),
    ]
    apply(shop, text, prune=True)
    pay(shop)
    assert emitted(shop) == 0
    assert plan(shop, text, prune=True).changes == ()


def test_pruning_keeps_what_the_steps_installed_and_types_that_the_file_uses(shop: Gateway) -> None:
    fresh = state.read(shop)
    for section, names in state.INSTALLED.items():
        assert set(getattr(fresh.file, section)) == names
    assert plan(shop, "event_types: {}", prune=True).changes == ()
    apply(shop)
    kept = "routes: {r: {event_type: order_paid, target: {kind: workflow, ref: a}}}"
    removed = brief(plan(shop, kept, prune=True).changes)
    assert ("remove", "route", "shop.order_paid.billing") in removed
    assert ("remove", "event_type", "order_paid") not in removed


def test_pruning_retires_a_worker_and_the_file_resumes_it(shop: Gateway) -> None:
    apply(shop)
    apply(shop, "event_types: {}", prune=True)
    assert state.read(shop).retired == {"shop_outbound": "iu"}
    (change,) = [change for change in plan(shop).changes if change.noun == "worker"]
    assert change.means == ("It is retired, and resumes where it stopped.",)
    apply(shop)
    assert state.read(shop).retired == {}


def test_the_export_of_a_fresh_database_has_no_difference(gateway: Gateway) -> None:
    text = exported(gateway)
    assert plan(gateway, text, prune=True).changes == ()
    assert "mode: off" in text


def test_the_export_of_the_shop_has_no_difference(shop: Gateway) -> None:
    apply(shop, EMITTING)
    text = exported(shop)
    assert plan(shop, text, prune=True).changes == ()
    assert reading.read(text.encode(), "f").file.captures == {
        **state.read(shop).file.captures,
    }
    assert "subject: id\n" in text
    assert "payload: [item_count, total_cents]\n" in text


def test_rows_that_a_file_cannot_express_are_left_out_and_named(gateway: Gateway) -> None:
    gateway.execute("alter table public.event_type_registry disable trigger user")
    gateway.execute(
        "insert into public.event_type_registry (event_type, event_stream, delivery_lane, payload_keys) "
        "values ('odd', 'update', 'immediate', '{größe}')"
    )
    found = state.read(gateway)
    assert [(one.section, one.name) for one in found.unfit] == [("event_types", "odd")]
    assert "'größe' is not a payload key" in found.unfit[0].reason
    assert plan(gateway, writing.write(found.file, ("left out",))).changes == ()


def test_a_row_that_does_not_fit_is_changed_by_a_file_that_names_it(gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route disable trigger trg_iu_route_check")
    gateway.execute("update public.iu_outbound_route set target_ref = 'a b' where route_code ~ 'version'")
    gateway.execute("alter table public.iu_outbound_route enable trigger trg_iu_route_check")
    code = "iu.version_applied.workflow"
    assert code not in state.read(gateway).file.routes
    text = f"routes: {{{code}: {{event_type: version_applied, target: {{kind: workflow, ref: a}}}}}}"
    assert brief(apply(gateway, text).changes) == [("change", "route", code)]
    assert plan(gateway, text).changes == ()


def test_values_of_conditions_that_plain_sql_wrote_as_numbers_are_exported_as_text(shop: Gateway) -> None:
    apply(shop)
    shop.execute("""update public.iu_inbound_route set condition = '{"equals": {"total_cents": 100}}'
                    where route_code = 'shop.orders.paid'""")
    text = exported(shop)
    assert "when: {equals: {total_cents: '100'}}" in text
    assert plan(shop, text).changes == ()


NAMES = st.sampled_from(["a", "b.c", "no", "x1"])
COLUMNS = st.sampled_from(["status", "total_cents", "item_count"])


@st.composite
def files(draw: st.DrawFn) -> OutboxFile:
    """Return a file that fits itself and the table of orders."""
    types = draw(
        st.dictionaries(
            NAMES,
            st.fixed_dictionaries(
                {
                    "subject_table": st.just("orders"),
                    "payload_keys": st.just("any") | st.just(["status", "total_cents", "item_count"]),
                    "domain": st.sampled_from(["iu", "shop"]),
                    "lane": st.sampled_from(["immediate", "later"]),
                }
            ),
            min_size=1,
            max_size=3,
        )
    )
    of_a_type = st.sampled_from(sorted(types))
    route = st.fixed_dictionaries(
        {
            "event_type": of_a_type,
            "target": st.fixed_dictionaries({"kind": st.just("workflow"), "ref": NAMES}),
            "enabled": st.booleans(),
        }
    )
    capture = st.fixed_dictionaries(
        {
            "table": st.just("public.orders"),
            "on": st.sampled_from(["insert", "update", "delete"]),
            "event_type": of_a_type,
            "subject": st.just("id"),
            "address": st.sampled_from(["orders/{id}", "o/{id}/{status}"]),
            "payload": st.dictionaries(COLUMNS, COLUMNS, max_size=2),
            "when": st.fixed_dictionaries(
                {}, optional={"equals": st.just({"status": "on"}), "is_null": st.just({"paid_at": False})}
            ),
            "mode": st.sampled_from(["off", "dry_run", "emit"]),
            "on_error": st.sampled_from(["refuse", "skip_and_count"]),
        }
    )
    return OutboxFile.model_validate(
        {
            "event_types": types,
            "routes": draw(st.dictionaries(NAMES, route, max_size=3)),
            "captures": draw(st.dictionaries(NAMES, capture, max_size=2)),
        }
    )


def test_any_file_is_applied_exported_and_planned_again_without_a_difference(shop: Gateway) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(files())
    def check(wanted: OutboxFile) -> None:
        text = writing.write(wanted)
        apply(shop, text, prune=True)
        assert plan(shop, text, prune=True).changes == ()
        assert plan(shop, exported(shop), prune=True).changes == ()
        found = state.read(shop).file
        for section in ("event_types", "routes", "captures"):
            ours = {k: v for k, v in getattr(found, section).items() if k not in state.INSTALLED[section]}
            assert ours == getattr(wanted, section)

    check()


MISFITS: Final = {
    "an unknown type of a route": (
        "event_type: order_paid\n    target",
        "event_type: order_payd\n    target",
        "line 7, column 5: routes.'shop.order_paid.billing'.event_type: no such event type: 'order_payd'",
        "Did you mean order_paid?",
    ),
    "an unknown type of a capture": (
        "event_type: order_paid\n    subject",
        "event_type: nope\n    subject",
        "line 14, column 5: captures.'shop.orders.paid'.event_type: no such event type: 'nope'",
        "iu type list",
    ),
    "an unknown kind of target": (
        "kind: webhook",
        "kind: carrierpigeon",
        "line 8, column 14: routes.'shop.order_paid.billing'.target.kind: no such kind of target: 'carr",
        "webhook",
    ),
    "an unknown table": (
        "public.orders",
        "public.order",
        "line 11, column 5: captures.'shop.orders.paid'.table: table 'public.order' does not exist",
        "schema.table",
    ),
    "a table without a schema": (
        "table: public.orders",
        "table: orders",
        "'orders' has no schema",
        "public.orders",
    ),
    "an unknown column": (
        "item_count: item_count",
        "item_count: items",
        "payload.item_count: public.orders has no column 'items'",
        "Columns: id, status, total_cents, item_count, password, paid_at.",
    ),
    "an unknown column of the address": (
        "orders/{id}",
        "orders/{order_no}",
        "address: public.orders has no column 'order_no'",
        "Columns: id, status",
    ),
    "an unknown column of a condition": (
        "becomes: {status: paid}",
        "becomes: {state: paid}",
        "when.becomes.state: public.orders has no column 'state'",
        "status",
    ),
    "an unknown column of the subject": (
        "subject: id",
        "subject: [id, x]",
        "subject: public.orders has no column 'x'",
        "Columns",
    ),
    "a payload key that is not allowed": (
        "payload: {",
        "payload: {other: status, ",
        "payload.other: the payload key 'other' is not allowed for order_paid",
        "Allowed: total_cents, item_count.",
    ),
    "a column with a secret": (
        "total_cents: total_cents",
        "total_cents: password",
        "'password' means content or a secret",
        "references and counts",
    ),
    "a condition that needs an update": (
        "on: update",
        "on: insert",
        "when.becomes: becomes needs on: update",
        "Use equals",
    ),
    "an empty condition": (
        "{becomes: {status: paid}}",
        "{}",
        "captures.'shop.orders.paid'.when: there is no condition",
        "Leave when out",
    ),
    "a capture without an address": (
        "    address: orders/{id}\n",
        "",
        "address is missing",
        "address: orders/{id}",
    ),
    "a capture without subject and address": (
        "    subject: id\n    address: orders/{id}\n",
        "",
        "subject and address are missing",
        "subject: id",
    ),
    "a disabled type": (
        "payload_keys:",
        "enabled: false\n    payload_keys:",
        "event type order_paid is disabled",
        "enabled: true",
    ),
}


def test_what_does_not_fit_is_refused_with_its_line(shop: Gateway) -> None:
    for name, (old, new, message, advice) in MISFITS.items():
        text = SHOP.decode()
        assert text.count(old) >= 1, name
        with pytest.raises(OutboxFileInvalid) as caught:
            plan(shop, text.replace(old, new))
        assert message in caught.value.message, name
        assert advice in str(caught.value.hint), name
    assert plan(shop).changes


def test_a_table_without_a_primary_key_is_refused(shop: Gateway) -> None:
    shop.execute("alter table public.orders drop constraint orders_pkey")
    with pytest.raises(OutboxFileInvalid, match=r"public.orders has no primary key"):
        plan(shop)


def test_a_worker_keeps_its_domain(shop: Gateway) -> None:
    apply(shop)
    with pytest.raises(OutboxFileInvalid, match=r"worker shop_outbound reads the domain iu, and keeps it"):
        plan(shop, "workers: {shop_outbound: {domain: shop}}")


def test_the_domain_of_a_type_does_not_change_while_its_events_wait(shop: Gateway) -> None:
    apply(shop)
    outbox.emit(shop, "order_paid", "orders/1", uuid4(), "t", {})
    moved = SHOP.replace(b"    subject_table", b"    domain: shop\n    subject_table")
    with pytest.raises(OutboxFileInvalid, match="cannot change to shop while 1 events wait in iu"):
        plan(shop, moved)


def test_a_key_that_a_capture_of_the_database_needs_is_not_removed_from_its_type(shop: Gateway) -> None:
    apply(shop)
    text = "event_types: {order_paid: {subject_table: orders, payload_keys: [total_cents]}}"
    with pytest.raises(OutboxFileInvalid, match=r"capture shop.orders.paid has the payload key 'item_count'"):
        plan(shop, text)


def test_the_installed_capture_changes_only_its_mode(gateway: Gateway) -> None:
    text = exported(gateway)
    apply(gateway, text.replace("mode: off", "mode: emit"))
    with pytest.raises(OutboxFileInvalid, match="the installation made this capture"):
        plan(gateway, text.replace("on: insert", "on: update"))


def test_warnings_name_unread_domains_missing_modules_and_disabled_types(shop: Gateway) -> None:
    text = """
event_types:
  a: {domain: shop, subject_table: t, payload_keys: any, enabled: false}
routes:
  r: {event_type: a, target: {kind: webhook, ref: b}}
"""
    first, second, third = plan(shop, text).warnings
    assert first.startswith("event type a: no worker reads the domain shop")
    assert "target kind 'webhook' belongs to the module" in second
    assert third.startswith("route r: its event type a is disabled")
    assert plan(shop, text + "workers: {w: {domain: shop}}").warnings == (second, third)


def test_a_refusal_of_the_database_names_the_line_and_changes_nothing(shop: Gateway) -> None:
    text = SHOP.replace(b"ref: billing", b"ref: 'https://ann:s3cret@example.org/'")
    with pytest.raises(TargetNotSafe) as caught:
        apply(shop, text)
    assert caught.value.__notes__ == [
        "add route shop.order_paid.billing (outbox.yaml, line 6). Nothing was changed."
    ]
    assert brief(plan(shop).changes) == ADDED


def test_an_empty_reason_is_refused(shop: Gateway) -> None:
    with pytest.raises(ArgumentInvalid, match="the reason is empty"):
        applying.apply(shop, source(), plan(shop), "  ")


def test_a_capture_that_only_records_changes_says_so(shop: Gateway) -> None:
    says = "It records changes, and emits no event until its mode is emit."
    assert says in plan(shop).changes[-1].means
    assert says not in plan(shop, EMITTING).changes[-1].means
    apply(shop, EMITTING)
    (capture,) = plan(shop).changes
    assert says in capture.means


def test_workflow_admin_defines_captures_and_the_owner_attaches_them(shop: Gateway, admin: Gateway) -> None:
    (*_, capture) = plan(admin).changes
    assert capture.means[0].startswith("Defined, not attached: the owner of public.orders, ")
    done = apply(admin, EMITTING)
    assert brief(done.changes) == ADDED
    (statement,) = done.owner_statements
    assert statement.startswith("create trigger ")
    pay(shop)
    assert emitted(shop) == 0
    again = plan(admin, EMITTING)
    assert (again.changes, again.owner_statements) == ((), done.owner_statements)
    assert brief(plan(shop, EMITTING).changes) == [("attach", "capture", "shop.orders.paid")]
    shop.execute(statement)
    assert plan(admin, EMITTING).owner_statements == ()
    shop.execute("update public.orders set status = 'new'")
    pay(shop)
    assert emitted(shop) == 20


def test_an_owner_attaches_what_was_defined(shop: Gateway, admin: Gateway) -> None:
    apply(admin, EMITTING)
    apply(shop, EMITTING)
    pay(shop)
    assert emitted(shop) == 20


def test_workflow_admin_does_not_remove_an_attached_capture(shop: Gateway, admin: Gateway) -> None:
    apply(shop, EMITTING)
    shown = plan(admin, "workers: {}", prune=True)
    assert "runs first: drop trigger" in shown.changes[0].means[0]
    with pytest.raises(Refusal, match=r"it is attached to public.orders") as caught:
        apply(admin, "workers: {}", prune=True)
    assert caught.value.code == "IU703"
    assert "drop trigger" in str(caught.value.hint)
    assert plan(shop, EMITTING).changes == ()


def test_a_capture_moves_to_another_operation_with_its_triggers(shop: Gateway) -> None:
    apply(shop, EMITTING)
    moved = EMITTING.replace(b"on: update", b"on: insert").replace(b"becomes", b"equals")
    assert "The triggers on public.orders are dropped." in plan(shop, moved).changes[0].means
    apply(shop, moved)
    assert plan(shop, moved).changes == ()
    shop.execute("insert into public.orders (id, status) values (100, 'paid')")
    assert emitted(shop) == 1


def test_an_unchanged_capture_that_reads_a_missing_column_is_refused_and_the_right_file_repairs_it(
    shop: Gateway,
) -> None:
    apply(shop, EMITTING)
    shop.execute("alter table public.orders rename column status to state")
    with pytest.raises(OutboxFileInvalid, match=r"public\.orders has no column 'status'") as caught:
        plan(shop, EMITTING)
    assert caught.value.message.startswith("outbox.yaml, line 13, column ")
    assert "iu capture set shop.orders.paid --mode off" in (caught.value.hint or "")
    right = EMITTING.replace(b"status: paid", b"state: paid")
    assert brief(plan(shop, right).changes) == [("change", "capture", "shop.orders.paid")]
    apply(shop, right)
    shop.execute("update public.orders set state = 'paid'")
    assert emitted(shop) == 20


def test_a_capture_whose_columns_are_missing_is_left_alone_while_it_is_off(shop: Gateway) -> None:
    off = SHOP.replace(b"mode: dry_run", b"mode: off")
    apply(shop, off)
    shop.execute("alter table public.orders rename column status to state")
    assert plan(shop, off).changes == ()


def test_an_unchanged_capture_is_generated_again_if_its_table_changed(shop: Gateway) -> None:
    apply(shop, EMITTING)
    shop.execute("alter table public.orders alter column total_cents type bigint")
    shop.execute("alter table public.orders rename column id to order_id")
    text = EMITTING.replace(b"subject: id", b"subject: order_id").replace(b"{id}", b"{order_id}")
    apply(shop, text)
    shop.execute("alter table public.orders alter column total_cents type numeric")
    shown = plan(shop, text)
    assert brief(shown.changes) == [("generate again", "capture", "shop.orders.paid")]
    assert "another body" in shown.changes[0].means[0]
    before = changed_rows(shop)
    assert applying.apply(shop, source(text), shown, "a test").changes == shown.changes
    assert plan(shop, text).changes == ()
    assert changed_rows(shop) == before
    shop.execute("update public.orders set status = 'paid', total_cents = 30000000000 where order_id = 1")
    assert emitted(shop) == 1


def test_an_auditor_plans_and_does_not_apply(shop: Gateway, database: str) -> None:
    with Gateway(database, role="iu_auditor") as auditor:
        assert brief(plan(auditor).changes) == ADDED
        with pytest.raises(Exception, match="permission denied"):
            apply(auditor)
    assert brief(plan(shop).changes) == ADDED


def test_a_change_after_the_plan_was_shown_stops_the_apply(shop: Gateway) -> None:
    shown = plan(shop)
    routes.add(shop, routes.NewRoute("shop.order_paid.billing", "version_applied"))
    with pytest.raises(PlanOutdated, match=r"after the plan was shown: route shop.order_paid.billing"):
        applying.apply(shop, source(), shown, "a test")
    assert [change.noun for change in plan(shop).changes] == ["event_type", "worker", "route", "capture"]


def test_events_that_arrive_after_the_plan_was_shown_do_not_stop_the_apply(shop: Gateway) -> None:
    apply(shop)
    text = SHOP.replace(b"ref: billing}", b"ref: billing}\n    enabled: false")
    shown = plan(shop, text)
    outbox.emit(shop, "order_paid", "orders/1", uuid4(), "t", {})
    assert len(applying.apply(shop, source(text), shown, "a test").changes) == 1


class Hooked(Gateway):
    """A gateway that calls `hook(session, number)` before each statement of a transaction."""

    hook: Any = staticmethod(lambda session, number: None)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            run, numbers = session._run, iter(range(1, 10_000))

            def hooked(sql: str, params: Any) -> Any:
                self.hook(session, next(numbers))
                return run(sql, params)

            session._run = hooked  # type: ignore[method-assign]
            yield session


def snapshot(gateway: Gateway) -> tuple[Any, ...]:
    """Return everything that an apply could change."""
    return (
        state.read(gateway),
        changed_rows(gateway),
        gateway.fetch_value("select count(*) from pg_proc where proname like 'fn\\_iu\\_capture\\_%'"),
        gateway.fetch_value("select count(*) from pg_trigger"),
    )


def test_an_apply_that_is_killed_at_any_statement_leaves_nothing_half_done(
    shop: Gateway, database: str
) -> None:
    before = snapshot(shop)
    shown, reached = plan(shop, EMITTING), 0
    for place in range(1, 200):
        with Hooked(database) as killed:

            def kill(session: Session, number: int, place: int = place) -> None:
                if number == place:
                    pid = session._connection.info.backend_pid
                    shop.fetch_value("select pg_terminate_backend(%s, 10000)", (pid,))

            killed.hook = kill
            try:
                applying.apply(killed, source(EMITTING), shown, "a test")
            except ConnectionFailed:
                reached = place
            else:
                break
        assert snapshot(shop) == before, f"killed at statement {place}"
    assert reached > 15
    assert plan(shop, EMITTING).changes == ()


def test_of_two_applies_at_once_the_second_waits_and_stops(shop: Gateway, database: str) -> None:
    shown = plan(shop)
    seen: list[BaseException] = []

    def second() -> None:
        with Gateway(database, application_name="second") as other:
            try:
                applying.apply(other, source(), shown, "the second")
            except PlanOutdated as error:
                seen.append(error)

    thread = threading.Thread(target=second)
    waits = "select 1 from pg_stat_activity where application_name = 'second' and wait_event_type = 'Lock'"

    def begin_second(session: Session, number: int) -> None:
        if number == 5:
            thread.start()
            eventually(lambda: shop.fetch_value(waits))

    with Hooked(database) as first:
        first.hook = begin_second
        applying.apply(first, source(), shown, "the first")
    thread.join(timeout=25)
    (error,) = seen
    assert "the database changed after the plan was shown" in str(error)
    reasons = shop.fetch_all("select distinct reason from public.iu_config_history where reason is not null")
    assert [row["reason"] for row in reasons] == ["the first"]


def test_an_apply_does_not_wait_longer_than_its_limit(
    shop: Gateway, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "LOCK_SECONDS", 0.2)
    shown = plan(shop)
    with Gateway(database) as other, other.transaction() as session:
        session.execute("lock table public.iu_outbound_route in row exclusive mode")
        with pytest.raises(
            PlanOutdated, match="another session has been changing the configuration"
        ) as caught:
            applying.apply(shop, source(), shown, "a test")
    assert caught.value.code == "IU702"


def test_events_are_emitted_and_read_while_an_apply_runs(shop: Gateway, database: str) -> None:
    def work(session: Session, number: int) -> None:
        if number == 5:
            outbox.emit(shop, "version_applied", "a", uuid4(), "t", {})
            assert worker.run_once(shop, worker.DEFAULT_WORKER, 10).seen == 1

    with Hooked(database) as busy:
        busy.hook = work
        text = SHOP.replace(b"workers:\n  shop_outbound: {domain: iu}\n", b"")
        applying.apply(busy, source(text), plan(shop, text), "a test")
