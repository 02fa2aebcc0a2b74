"""Targets in the outbox file: their plan, what it means for live routes, and how it is applied."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.office import ROUTE, Office
from delivery.world import World, url_of
from domain.test_plans import Hooked, apply, brief, exported, plan, source
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import targets
from iu_pipelines.domain.outbox_file import reading, writing
from iu_pipelines.domain.outbox_file.model import DeliveryTarget, OutboxFile
from iu_pipelines.domain.plans import applying, planning, state
from iu_pipelines.errors import (
    ArgumentInvalid,
    NotAnApprover,
    OutboxFileInvalid,
    PlanOutdated,
    TargetInUse,
    TargetNotSafe,
)
from waiting import eventually

HOOK: Final = """\
targets:
  shop-hook:
    kind: webhook
    address: https://hooks.example.com/orders
    secret: SHOP
    timeout_seconds: 20
    lease_seconds: 90
    max_per_minute: 600
    retry_seconds: [5, 300, 1800]
    max_in_doubt: 7
    on_dead_letter: skip
    at_most_once: true
    after_failover: resume
    options: {headers: {x-shop: 'one'}, tries: 1.5}
    senders: [LOGIN]
    enabled: false
"""
ROUTED: Final = """\
routes:
  shop.hook: {event_type: version_applied, target: {kind: webhook, ref: shop-hook}}
"""
SMALL: Final = "targets: {hook: {kind: webhook, address: 'https://hook.example/', after_failover: resume%s}}"


@pytest.fixture
def login(world: World) -> str:
    """Return a login that is a member of iu_sender."""
    return world.login


@pytest.fixture
def hook(login: str) -> str:
    """Return a file with one target, whose sender exists."""
    return HOOK.replace("LOGIN", login)


def small(login: str, more: str = "") -> str:
    """Return the file of the target of `world`, as the database has it, with more keys."""
    return SMALL % f", senders: [{login}]{more}"


def means(gateway: Gateway, text: str) -> tuple[str, ...]:
    (change,) = plan(gateway, text).changes
    return change.means


def test_a_target_is_added_as_the_file_says_and_a_second_apply_changes_nothing(
    owner: Gateway, hook: str, login: str
) -> None:
    assert brief(apply(owner, hook).changes) == [("add", "target", "shop-hook")]
    found = targets.get(owner, "shop-hook")
    assert {name: getattr(found, name) for name in (*targets.DEFAULTS, "enabled", "senders")} == {
        "kind": "webhook",
        "address": "https://hooks.example.com/orders",
        "secret_name": "SHOP",
        "timeout_seconds": 20,
        "lease_seconds": 90,
        "max_per_minute": 600,
        "retry_seconds": [5, 300, 1800],
        "max_in_doubt": 7,
        "on_dead_letter": "skip",
        "at_most_once": True,
        "after_failover": "resume",
        "options": {"headers": {"x-shop": "one"}, "tries": 1.5},
        "enabled": False,
        "senders": [login],
    }
    before = owner.fetch_all("select * from public.iu_delivery_target_version")
    assert plan(owner, hook).changes == ()
    assert apply(owner, hook).changes == ()
    assert owner.fetch_all("select * from public.iu_delivery_target_version") == before


def test_the_export_of_targets_has_no_difference(owner: Gateway, hook: str) -> None:
    apply(owner, hook + "  other: {kind: pull, at_most_once: true, retry_seconds: []}\n")
    text = exported(owner)
    assert plan(owner, text, prune=True).changes == ()
    assert reading.read(text.encode(), "f").file.targets == state.read(owner).file.targets
    assert set(state.read(owner).file.targets) == {"hook", "other", "shop-hook"}
    assert targets.get(owner, "other").after_failover == "hold"


ENTRIES: Final = st.builds(
    DeliveryTarget,
    kind=st.sampled_from(["webhook", "pull", "kafka"]),
    address=st.from_regex(r"[a-z]{1,3}://[a-z.]{1,9}(:[0-9]{2,4})?/[A-Za-z0-9_.~-]{0,9}", fullmatch=True),
    secret=st.none() | st.sampled_from(["SHOP", "N", "NULL"]),
    timeout_seconds=st.integers(1, 300),
    lease_seconds=st.integers(600, 3600),
    max_per_minute=st.none() | st.integers(1, 10_000_000),
    retry_seconds=st.lists(st.integers(1, 604_800), max_size=4),
    max_in_doubt=st.integers(1, 1000),
    on_dead_letter=st.sampled_from(["park", "skip"]),
    at_most_once=st.booleans(),
    after_failover=st.sampled_from([None, "resume", "hold"]),
    options=st.dictionaries(
        st.sampled_from(["a", "on", "1", "null"]),
        st.sampled_from(
            [None, True, 7, -3, 1.5, 1e14, -1e-9, 0.1, "no", "12", "0x1F", "", [], {}, [1, ["x"]], {"b": 1}]
        ),
        max_size=3,
    ),
    enabled=st.booleans(),
)


def test_any_targets_are_applied_exported_and_planned_again_without_a_difference(owner: Gateway) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.dictionaries(st.sampled_from(["a", "b.c", "no", "1"]), ENTRIES, min_size=1, max_size=3))
    def check_one(wanted: dict[str, DeliveryTarget]) -> None:
        text = writing.write(OutboxFile(targets=wanted))
        apply(owner, text, prune=True)
        assert plan(owner, text, prune=True).changes == ()
        assert plan(owner, exported(owner), prune=True).changes == ()
        assert state.read(owner).file.targets == wanted

    check_one()


def test_a_target_is_added_before_its_route_and_removed_after_it(
    owner: Gateway, hook: str, login: str
) -> None:
    both = hook + ROUTED
    assert brief(apply(owner, both).changes) == [
        ("add", "target", "shop-hook"),
        ("add", "route", "shop.hook"),
    ]
    text = small(login)
    text += "\nroutes: {shop.paid: {event_type: version_applied, target: {kind: webhook, ref: hook}}}"
    assert plan(owner, text).changes == ()
    assert brief(plan(owner, text, prune=True).changes) == [
        ("remove", "route", "shop.hook"),
        ("remove", "target", "shop-hook"),
    ]
    apply(owner, text, prune=True)
    assert set(state.read(owner).file.targets) == {"hook"}


def test_pruning_keeps_a_target_to_which_a_route_of_the_file_refers(owner: Gateway, hook: str) -> None:
    apply(owner, hook)
    kept = "routes: {a: {event_type: version_applied, target: {kind: webhook, ref: %s}}}"
    kept += "\ntargets: {hook: {kind: webhook, address: 'https://hook.example/'}}"
    removals = brief(plan(owner, kept % "shop-hook", prune=True).changes)
    assert ("remove", "target", "shop-hook") not in removals
    assert ("remove", "target", "shop-hook") in brief(plan(owner, kept % "hook", prune=True).changes)


def test_a_target_to_which_a_route_was_promoted_is_not_removed(world: World) -> None:
    world.emit(1, 3)
    world.enqueue()
    with pytest.raises(TargetInUse) as caught:
        plan(world.owner, "workers: {}", prune=True)
    assert caught.value.message == "target hook is in use by shop.paid, with 3 deliveries in the queue"
    assert caught.value.code == "IU607"
    assert "enabled: false" in str(caught.value.hint)
    with pytest.raises(TargetInUse) as refused:
        world.owner.execute("delete from public.iu_delivery_target where target_name = 'hook'")
    assert refused.value.message == caught.value.message


def test_a_change_of_anything_but_enabled_and_senders_ends_promotions(world: World, login: str) -> None:
    version = "It becomes a new version, so promotions to it end."
    held = "1 live route will be held until rehearsed and promoted again: shop.paid."
    for more in (
        ", secret: SHOP",
        ", timeout_seconds: 9",
        ", lease_seconds: 61",
        ", max_per_minute: 5",
        ", retry_seconds: [1]",
        ", max_in_doubt: 2",
        ", on_dead_letter: skip",
        ", at_most_once: true",
        ", options: {a: 1}",
    ):
        assert means(world.owner, small(login, more)) == (version, held), more
    assert means(world.owner, small(login).replace("//hook.", "//other.")) == (version, held)
    assert means(world.owner, small(login).replace("r: resume", "r: hold")) == (version, held)
    assert means(world.owner, small(login, ", enabled: false")) == ()
    apply(world.owner, small(login, ", enabled: false"))
    assert refusal(world) == "target_disabled"
    apply(world.owner, small(login, ", secret: SHOP"))
    assert refusal(world) == "target_changed"


def refusal(world: World) -> str:
    """Return why the route is held, as the database says."""
    (word,) = world.owner.fetch_value("select held_reasons from public.fn_iu_delivery_status()")
    return str(word)


def test_a_route_that_is_not_live_is_not_named(world: World, login: str) -> None:
    world.add_route("shop.other", "structure_piece_split", "hook")
    text = small(login, ", secret: SHOP")
    assert means(world.owner, text)[1] == (
        "2 live routes will be held until rehearsed and promoted again: shop.other, shop.paid."
    )
    world.pass_time(2 * 86400)
    assert means(world.owner, text) == ("It becomes a new version, so promotions to it end.",)


def test_disabling_a_target_says_what_is_queued_and_in_flight(world: World, login: str) -> None:
    for subject in range(3):
        world.emit(subject, 1)
    world.enqueue()
    disabled = small(login, ", enabled: false")
    assert means(world.owner, disabled) == (
        "3 deliveries are queued, and none is claimed until it is enabled.",
    )
    claims = world.sender().claim(limit=2)
    assert means(world.owner, disabled) == (
        "3 deliveries are queued, and none is claimed until it is enabled.",
        "2 deliveries in flight may still be sent.",
    )
    world.pass_time(120)
    assert len(means(world.owner, disabled)) == 1  # in doubt, and no longer in flight
    world.sender().record(claims)
    apply(world.owner, disabled)
    assert world.sender().claim() == []
    assert means(world.owner, small(login)) == ("1 delivery is queued.",)


def test_a_long_queue_is_counted_up_to_a_limit(world: World, login: str) -> None:
    world.emit(1, 1200)
    world.enqueue(limit=2000)
    assert means(world.owner, small(login, ", enabled: false")) == (
        "1,000 or more deliveries are queued, and none is claimed until it is enabled.",
    )


def test_senders_are_granted_and_revoked(world: World, login: str, office_login: str) -> None:
    world.emit(1, 1)
    world.enqueue()
    world.sender().claim()
    two = small(login).replace(f"[{login}]", f"[{office_login}, {login}]")
    assert means(world.owner, two) == (f"{office_login} may deliver to it.",)
    apply(world.owner, two)
    assert targets.get(world.owner, "hook").senders == sorted([login, office_login])
    assert (
        plan(world.owner, two.replace(f"{office_login}, {login}", f"{login}, {office_login}")).changes == ()
    )
    assert means(world.owner, small(office_login)) == (
        f"{login} may no longer deliver to it.",
        f"{login} has 1 delivery in flight, which may still be sent.",
    )
    assert means(world.owner, small(login)) == (f"{office_login} may no longer deliver to it.",)
    apply(world.owner, small(office_login))
    assert targets.get(world.owner, "hook").senders == [office_login]


@pytest.fixture
def office_login(office: Office) -> str:
    """Return another login that is a member of iu_sender."""
    return office.login("sender")


CHANGES_OF_A_LIVE_ROUTE: Final = {
    "disabled": "target: {kind: webhook, ref: hook}, enabled: false",
    "another target": "target: {kind: webhook, ref: other}",
}


@pytest.mark.parametrize("change", CHANGES_OF_A_LIVE_ROUTE.values(), ids=CHANGES_OF_A_LIVE_ROUTE)
def test_a_change_of_a_live_route_ends_its_promotion(world: World, change: str) -> None:
    text = f"routes: {{shop.paid: {{event_type: version_applied, {change}}}}}"
    world.emit(1, 2)
    world.emit(2)
    world.enqueue()
    ends = "It is live: its promotion ends, and 3 deliveries are held."
    assert ends in means(world.owner, text)
    apply(world.owner, text)
    assert refusal(world) == "route_changed"
    back = text.replace(change, "target: {kind: webhook, ref: hook}")
    assert ends not in means(world.owner, back)


def test_a_removed_live_route_and_a_changed_type_or_capture_end_promotions(world: World) -> None:
    kept = "targets: {hook: {kind: webhook, address: 'https://hook.example/'}}"
    removal = next(one for one in plan(world.owner, kept, prune=True).changes if one.name == "shop.paid")
    assert removal.means == ("It is live: its promotion ends, and 0 deliveries are held.",)
    world.emit(1)
    world.enqueue()
    sender = world.sender()
    sender.record(sender.claim(), "retry", status_code=500)
    removal = next(one for one in plan(world.owner, kept, prune=True).changes if one.name == "shop.paid")
    assert [part for part in removal.means if "wait" not in part] == [
        "It is live: its promotion ends, and 1 delivery is held.",
        "To lose none, deliver them before it is removed: iu deliver, and for retries iu deliver retry "
        "--route shop.paid --reason WHY.",
    ]
    world.emit(1)
    removal = next(one for one in plan(world.owner, kept, prune=True).changes if one.name == "shop.paid")
    assert any(part.startswith("Events that it has not read wait too, the oldest") for part in removal.means)
    held = "1 live route will be held until rehearsed and promoted again: shop.paid."
    types = "event_types: {version_applied: {subject_table: %s, payload_keys: any, enabled: %s}}"
    changed = types % ("other", "true")
    assert held in means(world.owner, changed)
    world.owner.execute("create table public.docs (id uuid primary key)")
    capture = (
        "captures: {c: {table: public.docs, on: insert, event_type: %s, subject: id, address: 'd/{id}'}}"
    )
    assert held in means(world.owner, capture % "version_applied")
    assert held not in means(world.owner, capture % "structure_piece_split")
    apply(world.owner, capture % "version_applied")
    assert refusal(world) == "event_type_changed"


CHECKED: Final = "targets:\n  t:\n    kind: webhook\n    secret: SHOP\n    address: %s\n"


def check(
    kind: str, address: str, options: Mapping[str, Any], secret_name: str | None, private: bool
) -> None:
    """Check as a kind does: one address is private, one is never accepted, and options are refused."""
    if "never" in address or ("127." in address and not private):
        raise TargetNotSafe(f"address {address} is not allowed", hint="Write https.")
    if options:
        raise ArgumentInvalid("unknown option", hint="Leave it out.")
    if address.startswith("http:") and not private:
        raise ArgumentInvalid("the address is not encrypted")
    if secret_name is None:
        raise ArgumentInvalid("a target of this kind needs a secret")
    if ":" not in address:
        raise ArgumentInvalid("the address is no URL", hint="Write https://.")


REFUSED_BY_THE_KIND: Final = {
    "an address": (
        CHECKED % "http://never",
        "line 5, column 5: targets.t.address: address http://never is not allowed",
        "Write https.",
    ),
    "an address that is no URL": (
        CHECKED % "x",
        "line 5, column 5: targets.t.address: the address is no URL",
        "Write https://.",
    ),
    "an option": (
        CHECKED % "https://a.example/\n    options: {a: 1}",
        "line 6, column 5: targets.t.options: unknown option",
        "Leave it out.",
    ),
    "no secret": (
        (CHECKED % "https://a.example/").replace("    secret: SHOP\n", ""),
        "line 2, column 3: targets.t.secret: a target of this kind needs a secret",
        "Compare it with: iu schema",
    ),
}


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED_BY_THE_KIND.values(), ids=REFUSED_BY_THE_KIND)
def test_what_the_kind_refuses_is_refused_with_its_line(
    owner: Gateway, text: str, message: str, hint: str
) -> None:
    with pytest.raises(OutboxFileInvalid) as caught:
        planning.make(owner, source(text), check=check)
    assert caught.value.message == f"outbox.yaml, {message}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://127.0.0.1/", "address https://127.0.0.1/ is not allowed, so nothing is sent before"),
        (
            "http://a.example/",
            "the address is not encrypted, so nothing is sent to a public host, and to a private one not "
            "before",
        ),
    ],
)
def test_an_address_that_only_an_approver_may_allow_is_named(
    owner: Gateway, address: str, reason: str
) -> None:
    def checked(text: str) -> planning.Plan:
        return planning.make(owner, source(text), check=check)

    private = CHECKED % address
    (warning,) = checked(private).warnings
    assert warning == (f"target t: {reason} an approver runs: iu target set t --allow-private --reason WHY")
    apply(owner, private)
    assert checked(private).warnings == (warning,)
    owner.execute("alter table public.iu_delivery_target disable trigger trg_iu_delivery_target")
    owner.execute("update public.iu_delivery_target set allow_private = true")
    owner.execute("alter table public.iu_delivery_target enable trigger trg_iu_delivery_target")
    assert checked(private).warnings == ()
    moved = CHECKED % "http://127.0.0.2/"
    assert means(owner, moved)[1] == (
        "Its address may be private, so an approver runs before: iu target set t --no-allow-private "
        "--reason WHY; and after: iu target set t --allow-private --reason WHY"
    )
    with pytest.raises(NotAnApprover) as refused:
        apply(owner, moved)
    assert refused.value.__notes__ == ["change target t (outbox.yaml, line 2). Nothing was changed."]


MISFITS: Final = {
    "an unknown kind": (
        "{kind: carrierpigeon}",
        "line 2, column 7: targets.t.kind: nothing is delivered to targets of kind 'carrierpigeon'",
        "Write one of amqp, dagster_asset, dagster_job, kafka, nats, postgres, pull, redis, webhook, "
        "or a kind of your own, such as acme.sqs.",
    ),
    "the built-in kind": ("{kind: workflow}", "to targets of kind 'workflow'", "webhook"),
    "an unknown login": (
        "{kind: pull, senders: [nobody-here]}",
        "targets.t.senders.[0]: no such login: 'nobody-here'",
        "iu_sender",
    ),
    "a group role": ("{kind: pull, senders: [iu_sender]}", "no such login: 'iu_sender'", "may log in"),
    "a password in the address": (
        "{kind: webhook, address: 'https://ann:s3cret@example.org/'}",
        "targets.t.address: it contains a password before @",
        "secret: NAME",
    ),
    "a token in the address": (
        "{kind: webhook, address: 'https://example.org/?token=s3cret'}",
        "targets.t.address: it contains a value for the parameter 'token'",
        "IU_SECRET_<NAME>",
    ),
    "a password in an option": (
        "{kind: webhook, options: {a: {password: s3cret}}}",
        "targets.t.options: it contains a value for the parameter 'pass'",
        "IU_SECRETS_DIR",
    ),
}


@pytest.mark.parametrize(("entry", "message", "advice"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_with_its_line(
    owner: Gateway, entry: str, message: str, advice: str
) -> None:
    with pytest.raises(OutboxFileInvalid) as caught:
        plan(owner, f"targets:\n  t: {entry}\n")
    assert message in caught.value.message
    assert advice in str(caught.value.hint)
    assert "s3cret" not in caught.value.message + str(caught.value.hint)
    assert state.read(owner).file.targets == {}


def test_a_login_that_was_dropped_does_not_stop_other_changes(world: World, office_login: str) -> None:
    world.owner.execute("alter table public.iu_delivery_target_sender disable trigger user")
    world.owner.execute("update public.iu_delivery_target_sender set login = 'iu_test_gone'")
    text = small("iu_test_gone", ", secret: SHOP")
    assert "target hook: iu_test_gone is not a role that may log in, so it cannot deliver" in (
        plan(world.owner, text).warnings
    )
    apply(world.owner, text)
    assert plan(world.owner, exported(world.owner)).changes == ()


def test_warnings_name_logins_that_cannot_deliver_and_routes_without_a_target(
    owner: Gateway, office: Office
) -> None:
    auditor, root = office.login("auditor"), office.login("root")
    owner.execute(f"grant iu_sender to {auditor}")
    apply(owner, f"targets: {{t: {{kind: pull, senders: [{auditor}]}}}}")
    owner.execute(f"revoke iu_sender from {auditor}")
    text = f"""
targets:
  t: {{kind: pull, senders: [{auditor}, {root}]}}
routes:
  a: {{event_type: version_applied, target: {{kind: pull, ref: t}}}}
  b: {{event_type: version_applied, target: {{kind: webhook, ref: nowhere}}}}
  c: {{event_type: version_applied, target: {{kind: webhook, ref: t}}}}
  d: {{event_type: version_applied, target: {{kind: workflow, ref: nowhere}}}}
"""
    assert plan(owner, text).warnings == (
        f"target t: {auditor} is not a member of iu_sender, so it cannot deliver",
        f"target t: {root} is a superuser or a member of iu_owner, so it cannot deliver",
        "route b: there is no target nowhere, so it cannot be promoted; add nowhere to the section targets",
        "route c: target t is of kind pull, so it cannot be promoted",
    )


def test_a_target_without_senders_says_so(owner: Gateway) -> None:
    assert means(owner, "targets: {t: {kind: pull}}") == (
        "No login may deliver to it; name the logins in senders.",
    )


def test_every_change_of_a_target_is_in_its_history_with_the_reason(
    world: World, login: str, office_login: str
) -> None:
    apply(world.owner, small(office_login, ", secret: SHOP, enabled: false"))
    history = world.owner.fetch_all(
        """select change, old_value, new_value from public.iu_delivery_target_history
           where reason = 'a test' order by change_no"""
    )
    assert [row["change"] for row in history] == ["changed", "granted", "revoked"]
    assert history[0]["new_value"]["secret_name"] == "SHOP"
    assert history[0]["new_value"]["enabled"] is False
    assert history[1]["new_value"] == {"login": office_login}
    assert history[2]["old_value"] == {"login": login}


def test_rows_that_a_file_cannot_express_are_left_out_and_changed_by_a_file_that_names_them(
    world: World, login: str
) -> None:
    world.owner.execute("update public.iu_delivery_target set address = 'https://größe.example/'")
    (unfit,) = state.read(world.owner).unfit
    assert (unfit.section, unfit.name, unfit.reason) == (
        "targets",
        "hook",
        "address: an address has no character 'ö'",
    )
    assert brief(apply(world.owner, small(login)).changes) == [("change", "target", "hook")]
    assert plan(world.owner, small(login)).changes == ()


@pytest.fixture
def people(office: Office) -> Iterator[dict[str, Gateway]]:
    """Yield gateways of logins with one group role each."""
    with (
        Gateway(url_of(office.url, office.login("admin"))) as admin,
        Gateway(url_of(office.url, office.login("auditor"))) as auditor,
    ):
        yield {"admin": admin, "auditor": auditor}


def test_an_auditor_plans_and_an_administrator_applies(office: Office, people: dict[str, Gateway]) -> None:
    office.promote()
    text = small(office.login("sender"), ", secret: SHOP")
    expected = (
        "It becomes a new version, so promotions to it end.",
        f"1 live route will be held until rehearsed and promoted again: {ROUTE}.",
    )
    assert means(people["auditor"], text) == expected
    with pytest.raises(Exception, match="permission denied"):
        apply(people["auditor"], text)
    assert means(people["admin"], text) == expected
    apply(people["admin"], text)
    assert office.claim() == []
    assert plan(people["admin"], text).changes == ()
    with pytest.raises(TargetInUse):
        plan(people["auditor"], "workers: {}", prune=True)


def test_a_change_after_the_plan_was_shown_stops_the_apply(owner: Gateway, hook: str) -> None:
    shown = plan(owner, hook)
    owner.execute("insert into public.iu_delivery_target (target_name, kind) values ('shop-hook', 'pull')")
    with pytest.raises(PlanOutdated, match=r"after the plan was shown: target shop-hook"):
        applying.apply(owner, source(hook), shown, "a test")
    assert targets.get(owner, "shop-hook").kind == "pull"


def test_a_sender_that_is_granted_while_an_apply_runs_waits(
    world: World, delivery_database: str, office_login: str
) -> None:
    text = small(world.login, ", secret: SHOP")
    shown = plan(world.owner, text)
    waits = "select 1 from pg_stat_activity where application_name = 'second' and wait_event_type = 'Lock'"

    def grant() -> None:
        with Gateway(delivery_database, application_name="second") as other:
            targets.grant(other, "hook", office_login)  # type: ignore[arg-type]  # one statement

    thread = threading.Thread(target=grant)

    def begin(session: Any, number: int) -> None:
        if number == 6:
            thread.start()
            eventually(lambda: world.owner.fetch_value(waits))

    with Hooked(delivery_database) as first:
        first.hook = begin
        applying.apply(first, source(text), shown, "a test")
    thread.join(timeout=25)
    assert sorted(targets.get(world.owner, "hook").senders) == sorted([world.login, office_login])


def test_deliveries_go_on_while_an_apply_runs(world: World, delivery_database: str) -> None:
    world.emit(1, 1)
    world.enqueue()
    sent: list[int] = []

    def work(session: Any, number: int) -> None:
        if number == 8:
            sender = world.sender()
            claims = sender.claim()
            sender.record(claims)
            sent.append(len(claims))

    text = "targets: {other: {kind: pull}}"
    with Hooked(delivery_database) as busy:
        busy.hook = work
        applying.apply(busy, source(text), plan(world.owner, text), "a test")
    assert sent == [1]
