"""`iu target`."""

from __future__ import annotations

import pytest

from cli.offices import OfficeIu
from cli.running import Iu, refused
from delivery.office import ROUTE
from iu_pipelines.db.gateway import Gateway

WEBHOOK = ("--kind", "webhook", "--secret", "SHOP", "--address")
ADD = ("target", "add", "second", *WEBHOOK, "https://second.example/in")


def test_a_target_is_added_changed_shown_and_removed_with_reasons(office_iu: OfficeIu) -> None:
    added = office_iu(
        "admin", *ADD, "--timeout-seconds", "45", "--max-per-minute", "600",
        "--retry-seconds", "5,300", "--option", 'headers={"X-Shop": "a"}', "--reason", "first",
    )  # fmt: skip
    assert added.code == 0, added.err
    assert added.out.startswith("second: added, version ")
    assert "iu target grant second LOGIN" in added.out
    changed = office_iu("admin", "target", "set", "second", "--max-per-minute", "0", "--option", "headers=")
    assert changed.code == 0, changed.err
    shown = office_iu("auditor", "target", "show", "second", "--json").json
    assert shown["secret_name"] == "SHOP"
    assert (shown["timeout_seconds"], shown["lease_seconds"]) == (45, 90)
    assert (shown["max_per_minute"], shown["retry_seconds"]) == (None, [5, 300])
    assert shown["options"] == {}
    assert shown["versions"][1]["definition"]["options"] == {"headers": {"X-Shop": "a"}}
    assert shown["versions"][0]["target_version"] == shown["target_version"]
    assert [change["change"] for change in shown["history"]] == ["changed", "added"]
    assert [change["reason"] for change in shown["history"]] == [None, "first"]
    printed = " ".join(office_iu("auditor", "target", "show", "second").out.split())
    assert "max_per_minute: 600 -> null" in printed
    assert 'options: {"headers": {"X-Shop": "a"}} -> {}' in printed
    removed = office_iu("admin", "target", "remove", "second", "--reason", "closed")
    assert (removed.code, removed.out) == (0, "second: removed\n")
    assert "no such target: 'second'" in office_iu("admin", "target", "show", "second").err


def test_each_option_of_a_target_is_a_column_of_it(office_iu: OfficeIu) -> None:
    given = ("--max-in-doubt", "3", "--on-dead-letter", "skip", "--lease-seconds", "77")
    columns = ("max_in_doubt", "on_dead_letter", "lease_seconds", "at_most_once", "after_failover")
    office_iu("admin", *ADD, *given, "--at-most-once", "--after-failover", "resume")
    shown = office_iu("auditor", "target", "show", "second", "--json").json
    assert [shown[name] for name in columns] == [3, "skip", 77, True, "resume"]
    later = ("--max-in-doubt", "4", "--on-dead-letter", "park", "--lease-seconds", "78", "--secret", "OTHER")
    done = office_iu(
        "admin", "target", "set", "second", *later, "--at-least-once", "--after-failover", "hold",
        "--address", "https://third.example/in", "--retry-seconds", "7", "--reason", "a change",
    )  # fmt: skip
    assert done.code == 0, done.err
    shown = office_iu("auditor", "target", "show", "second", "--json").json
    assert [shown[name] for name in columns] == [4, "park", 78, False, "hold"]
    assert (shown["address"], shown["secret_name"]) == ("https://third.example/in", "OTHER")
    assert (shown["retry_seconds"], shown["history"][0]["reason"]) == ([7], "a change")


def test_a_change_without_an_effect_makes_no_version(office_iu: OfficeIu) -> None:
    office_iu("admin", "target", "set", "hook", "--secret", "SHOP")
    before = office_iu("admin", "target", "show", "hook", "--json").json["target_version"]
    done = office_iu("admin", "target", "set", "hook", "--timeout-seconds", "10", "--json")
    assert done.json["target_version"] == before
    changed = office_iu("admin", "target", "set", "hook", "--timeout-seconds", "11")
    assert f"version {before + 1}" in changed.out
    assert changed.err == "", "no route was promoted"


def test_a_change_names_the_promotion_that_it_ends(office_iu: OfficeIu) -> None:
    office_iu.office.promote()
    changed = office_iu("admin", "target", "set", "hook", "--secret", "SHOP")
    assert f"promotion 1 of {ROUTE} ends (target_changed), and 0 deliveries are held" in changed.err


def test_a_lease_that_becomes_longer_with_the_timeout_is_said(office_iu: OfficeIu) -> None:
    said = "the lease is 100 s instead of 60 s: it is at least two timeouts of 50 s"
    assert said in office_iu("admin", *ADD, "--timeout-seconds", "50").err
    assert (
        said in office_iu("admin", "target", "set", "hook", "--secret", "SHOP", "--timeout-seconds", "50").err
    )
    longer = office_iu("admin", "target", "set", "hook", "--timeout-seconds", "60", "--lease-seconds", "120")
    assert (longer.code, longer.err) == (0, "")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://example.com/x", "nothing is sent to a public host, and to a private one not before"),
        ("https://10.0.0.1/x", "the host '10.0.0.1' is private, so nothing is sent before"),
    ],
)
def test_what_an_approver_must_allow_is_said_with_a_command_that_can_be_run(
    office_iu: OfficeIu, address: str, said: str
) -> None:
    add = (*ADD[:-1], address)
    warned = office_iu("admin", *add).err
    assert said in warned
    command = warned.partition("an approver runs: iu ")[2].split()
    assert command == ["target", "set", "second", "--allow-private", "--reason", "WHY"]
    assert office_iu("approver", *command).code == 0


def test_a_route_whose_target_does_not_exist_is_a_warning_only(office_iu: OfficeIu) -> None:
    def warned(code: str, kind: str, ref: str) -> str:
        add = ("route", "add", code, "version_applied", "--target-kind", kind, "--target-ref", ref)
        done = office_iu("admin", *add, "--enabled")
        assert (done.code, done.out) == (0, f"{code}: enabled, dry run\n")
        return done.err

    add = "so the route cannot be promoted; add one with: iu target add"
    assert f"no target 'other' yet, {add} other --kind webhook" in warned("shop.a", "webhook", "other")
    assert f"no target 'x' yet, {add} x --kind acme.sqs" in warned("shop.b", "acme.sqs", "x")
    assert f"{add} NAME --kind webhook" in warned("shop.c", "webhook", "https://a.example/in")
    assert "target 'hook' is of kind webhook, not postgres, so" in warned("shop.d", "postgres", "hook")
    assert warned("shop.e", "webhook", "hook") == ""
    assert warned("shop.f", "workflow", "other") == ""
    assert "no target 'other' yet" in office_iu("auditor", "route", "show", "shop.a").err


def test_an_address_that_nobody_may_allow_is_refused(office_iu: OfficeIu) -> None:
    refused(office_iu("admin", *ADD[:-1], "http://8.8.8.8/x"), 1, "sends in clear text")


def test_targets_are_listed_with_their_logins_and_routes(office_iu: OfficeIu) -> None:
    (target,) = office_iu("auditor", "target", "list", "--json").json
    assert (target["target_name"], target["routes"]) == ("hook", [ROUTE])
    assert target["senders"] == [office_iu.office.login("sender")]
    assert ROUTE in office_iu("auditor", "target", "list").out


def test_a_login_is_granted_a_target_and_loses_it(office_iu: OfficeIu) -> None:
    stranger = office_iu.office.login("stranger")
    for status in ("granted", "unchanged"):
        done = office_iu("admin", "target", "grant", "hook", stranger, "--reason", "a second one", "--json")
        assert done.json["status"] == status
    assert stranger in office_iu("admin", "target", "show", "hook", "--json").json["senders"]
    for status in ("revoked", "unchanged"):
        assert office_iu("admin", "target", "revoke", "hook", stranger, "--json").json["status"] == status
    nobody = office_iu("admin", "target", "grant", "hook", "nobody-at-all")
    refused(nobody, 1, "unknown login 'nobody-at-all'")
    assert "no such target: 'hok'" in office_iu("admin", "target", "grant", "hok", stranger).err


@pytest.mark.parametrize(
    ("verb", "opposite", "states"),
    [("pause", "resume", ("paused", "resumed")), ("disable", "enable", ("disabled", "enabled"))],
)
def test_a_target_stops_and_goes_on(
    office_iu: OfficeIu, verb: str, opposite: str, states: tuple[str, str]
) -> None:
    done = office_iu("admin", "target", verb, "hook", "--reason", "maintenance")
    assert (done.code, done.out) == (0, f"hook: {states[0]}; nothing is in flight\n")
    assert office_iu("admin", "target", verb, "hook", "--reason", "again").out.startswith("hook: unchanged")
    assert states[0] in office_iu("auditor", "target", "list").out
    shown = office_iu("auditor", "target", "show", "hook", "--json").json
    assert shown["history"][0]["reason"] == "maintenance"
    assert office_iu("admin", "target", opposite, "hook", "--reason", "done").out.startswith(
        f"hook: {states[1]}"
    )


def test_what_is_in_flight_is_said_when_a_target_stops(office_iu: OfficeIu) -> None:
    office = office_iu.office
    office.promote()
    office.emit(2, 2)
    office.enqueue()
    assert len(office.claim()) == 2
    done = office_iu("admin", "target", "pause", "hook", "--reason", "maintenance")
    assert done.out.startswith("hook: paused; 2 deliveries in flight may still be sent until 20")
    assert "2 in flight" in office_iu("auditor", "target", "show", "hook").out


def test_only_an_approver_allows_private_addresses_and_only_that(office_iu: OfficeIu) -> None:
    allow = ("target", "set", "hook", "--allow-private")
    done = office_iu("admin", *allow, "--reason", "on this machine")
    refused(done, 1, "permission denied")
    refused(office_iu("approver", *allow), 2, "--allow-private needs --reason")
    refused(
        office_iu("approver", *allow, "--timeout-seconds", "5", "--reason", "x"), 2, "in a call of its own"
    )
    assert "may be private" in office_iu("approver", *allow, "--reason", "on this machine").out
    assert office_iu("auditor", "target", "show", "hook", "--json").json["allow_private"] is True
    forbid = ("target", "set", "hook", "--no-allow-private", "--reason", "moved")
    assert "must not be private" in office_iu("approver", *forbid).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Big", "--kind", "webhook"), "'Big' is not a name of a target"),
        (("add", "a", "--kind", "webhook", "--secret", "hunter2"), "--secret is not a name of a secret"),
        (("add", "a", "--kind", "webhook", "--retry-seconds", "5,x"), "'5,x' is not a list of seconds"),
        (("add", "a", "--kind", "webhook", "--retry-seconds", "0"), "'0' is not a list of seconds"),
        (("add", "a", "--kind", "webhook", "--lease-seconds", "19"), "shorter than two timeouts of 10 s"),
        (("add", "a", "--kind", "webhook", "--option", "x"), "--option is not KEY=VALUE"),
        (("set", "a"), "nothing to change"),
    ],
)
def test_malformed_options_are_refused_before_a_connection(
    no_iu: Iu, words: tuple[str, ...], said: str
) -> None:
    done = no_iu("target", *words)
    refused(done, 2, said)
    assert "hunter2" not in done.err


def test_the_database_refuses_kinds_and_secrets(office_iu: OfficeIu) -> None:
    unknown = office_iu("admin", "target", "add", "a", "--kind", "pigeon")
    assert "unknown target kind 'pigeon'" in unknown.err
    secret = office_iu("admin", "target", "add", "a", *WEBHOOK, "https://u:hunter2@a.example/")
    assert secret.code == 1
    assert "hunter2" not in secret.err + secret.out
    again = office_iu("admin", *ADD)
    assert again.code == 0
    assert "target 'second' already exists" in office_iu("admin", *ADD).err


CANARY = "supersecret3"


@pytest.mark.parametrize(
    "words",
    [
        (*ADD, "--option", f"authorization_secret=Bearer {CANARY}"),
        (*ADD, "--option", f"authorization_secret={CANARY}"),
        (*ADD, "--option", f"client_certificate_secret=[{CANARY}"),
        (*ADD, "--option", f'authorization_secret={{"a": "{CANARY}"}}'),
        (*ADD, "--option", f"Bearer {CANARY}==x"),
        (*ADD, "--option", f"whsec_{CANARY}=x"),
        (*ADD, "--option", f'headers={{"Bearer {CANARY}": "x"}}'),
        (*ADD, "--option", f'headers={{"X-A": "{CANARY}\\n"}}'),
        (*ADD, "--option", f'headers={{"X-Api-Key": "{CANARY}"}}'),
        (*ADD, "--option", f"headers=Bearer {CANARY}"),
        (*ADD, "--option", f"authorization_secret={CANARY}", "--bogus"),
        (*ADD, f"--option=authorization_secret={CANARY}", "--bogus"),
        (*ADD, "--secret", CANARY, "--bogus"),
        (*ADD, "--secret", CANARY),
        ("target", "add", "a", "--kind", "postgres", "--secret", "SHOP", "--option", f"password={CANARY}x=",
         "--address", "postgresql://u@db.example/d"),
        ("target", "add", "a", "--kind", "postgres", "--secret", "SHOP", "--address",
         f"postgresql://u@db.example/d?sslmode={CANARY}"),
        ("target", "add", "a", "--kind", "postgres", "--secret", "SHOP", "--address",
         f"postgresql://u@db.example/d?{CANARY}"),
        ("target", "add", "a", "--kind", "pull", "--option", f"{CANARY}=1"),
    ],
)  # fmt: skip
def test_no_error_shows_what_may_be_a_secret(office_iu: OfficeIu, words: tuple[str, ...]) -> None:
    done = office_iu("admin", *words)
    assert done.code in (1, 2), done.out
    assert CANARY not in done.out + done.err
    assert "hint: " in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--option", "authorization_secret=Bearer x"),
            "option 'authorization_secret' of length 8 is not a name",
        ),
        (("--option", "autorization_secret=AUTH"), "unknown option 'autorization_secret'"),
        (("--option", 'headers={"X-Api-Key": "x"}'), "--option authorization_secret=NAME"),
        (("--option", 'headers={"Authorization": "x"}'), "authorization_secret"),
    ],
)
def test_a_hint_says_where_a_secret_belongs(office_iu: OfficeIu, words: tuple[str, ...], said: str) -> None:
    done = office_iu("admin", *ADD, *words)
    refused(done, 1, said)
    assert "out of the address" not in done.err


def test_a_target_in_use_is_not_removed(office_iu: OfficeIu) -> None:
    office_iu.office.promote()
    done = office_iu("admin", "target", "remove", "hook", "--reason", "closed")
    refused(done, 1, "target hook is in use by shop.paid", "iu target disable hook")


def test_without_the_module_each_command_says_so(iu: Iu, gateway: Gateway) -> None:
    for words in (
        ("target", "list"),
        ("target", "add", "a", *WEBHOOK, "https://a.example/"),
        ("promote", "list"),
        ("promote", "rehearse", "a"),
        ("promote", "threshold", "list"),
        ("demote", "a", "--reason", "x"),
    ):
        done = iu(*words)
        refused(done, 1, "the module iu-delivery is not installed", "iu migrate --with delivery")
