"""Targets of kinds that are no webhooks: promoted by the commands alone, and delivered to."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.offices import OfficeIu
from cli.running import Done, refused
from delivery.world import DEPLOYMENT, GATES, PASSWORD, make_login
from iu_pipelines.db.gateway import Gateway

_WHY = ("--reason", "a test")


class Aim:
    """An office with a second target and a route to it, which are made by the commands."""

    def __init__(self, iu: OfficeIu, target: str) -> None:
        self.iu = iu
        self.office = iu.office
        self.target = target
        self.route = f"{target}.route"

    def done(self, login: str, *words: str) -> Done:
        done = self.iu(login, *words)
        assert done.code == 0, f"{words}: {done.err or done.out}"
        return done

    def add(self, kind: str, *words: str, route_kind: str = "") -> None:
        """Add the target, grant it to the sender, and add a route with the events that a proposal needs."""
        self.done("admin", "target", "add", self.target, "--kind", kind, *words)
        self.done("admin", "target", "grant", self.target, self.office.login("sender"))
        self.done(
            "admin", "route", "add", self.route, "version_applied", "--enabled",
            "--target-kind", route_kind or kind, "--target-ref", self.target,
        )  # fmt: skip
        self.done("admin", "gate", "set", GATES["live_routes"], f"shop.paid,{self.route}", *_WHY)
        self.office.emit()

    def promote(self) -> None:
        """Test the target, rehearse and promote the route, as three logins."""
        assert "passed" in self.done("sender", "target", "test", self.target).out
        self.done("sender", "promote", "rehearse", self.route)
        self.done("admin", "promote", "propose", self.route, "--max-failure-share", "1", *_WHY)
        number = str(self.done("auditor", "promote", "list", "--json").json[-1]["promotion_no"])
        self.done("approver", "promote", "approve", number, *_WHY)


@pytest.fixture(autouse=True)
def _deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DEPLOYMENT", DEPLOYMENT)


def test_a_postgres_target_is_promoted_and_delivered_to(
    office_iu: OfficeIu, empty_gateway: Gateway, secrets_dir: Path
) -> None:
    login = f"iu_test_inbox_{os.getpid()}"
    printed = office_iu.command("target", "inbox-sql")
    assert printed.code == 0
    assert office_iu.command("target", "inbox-sql", "--json").json["sql"] == printed.out.rstrip("\n") + "\n"
    empty_gateway.run_script(printed.out)
    make_login(empty_gateway, login)
    empty_gateway.execute(f"grant insert, select (delivery_key) on public.iu_inbox to {login}")
    (secrets_dir / "INBOX").write_text(f"host=127.0.0.1 {PASSWORD}", encoding="utf-8")
    place = urlsplit(empty_gateway.url)
    aim = Aim(office_iu, "orders")
    address = f"postgresql://{login}@127.0.0.1:{place.port}{place.path}"
    aim.add("postgres", "--address", address, "--secret", "INBOX")
    aim.done("approver", "target", "set", "orders", "--allow-private", *_WHY)
    aim.promote()
    assert empty_gateway.fetch_value("select count(*) from public.iu_inbox") == 0, "a test leaves a row"
    aim.office.emit(5, 5)
    assert aim.done("sender", "deliver", "--target", "orders").out.startswith("orders: 5 sent in ")
    assert empty_gateway.fetch_value("select count(*) from public.iu_inbox") == 5


def test_a_pulled_target_is_promoted_and_its_deliveries_are_claimed(office_iu: OfficeIu) -> None:
    aim = Aim(office_iu, "desk")
    aim.add("pull")
    aim.promote()
    aim.office.emit(3, 3)
    assert aim.office.run("sender", "select * from public.fn_iu_delivery_claim('desk', 9, 'desk-1')") == []
    queued = aim.done("sender", "deliver", "--target", "desk", "--json").json["targets"][0]
    assert (queued["enqueued"], queued["claimed"]) == (3, 0)
    claims = aim.office.run("sender", "select * from public.fn_iu_delivery_claim('desk', 9, 'desk-1')")
    assert len(claims) == 3
    for claim in claims:
        said = aim.office.run(
            "sender",
            "select public.fn_iu_delivery_record(jsonb_build_array(jsonb_build_object("
            "'claim_id', %s, 'fence', %s, 'decision', 'sent'))) as said",
            claim["claim_id"], claim["fence"],
        )  # fmt: skip
        assert said[0]["said"]["sent"] == 1


def test_the_test_of_a_pulled_target_shows_whether_the_login_may_claim(office_iu: OfficeIu) -> None:
    aim = Aim(office_iu, "desk")
    aim.add("pull")
    tested = aim.done("sender", "target", "test", "desk", "--json").json
    assert (tested["passed"], tested["status_class"]) == (True, "pull")
    refused(office_iu("stranger", "target", "test", "desk"), 1, "no target 'desk' is granted")
    aim.done("admin", "target", "disable", "desk", *_WHY)
    refused(office_iu("sender", "target", "test", "desk"), 1, "target_disabled")


@pytest.mark.parametrize(
    ("kind", "route_kind"),
    [("dagster_job", "dagster_job"), ("dagster_job", "workflow"), ("dagster_asset", "workflow")],
)
def test_a_target_of_dagster_is_promoted_and_a_drain_only_queues(
    office_iu: OfficeIu, kind: str, route_kind: str
) -> None:
    aim = Aim(office_iu, "search")
    aim.done("admin", "gate", "set", GATES["jobs"], "true", *_WHY)
    aim.add(kind, "--option", "events_per_run=10", "--option", "max_runs=5", route_kind=route_kind)
    aim.promote()
    aim.office.emit(3, 3)
    queued = aim.done("sender", "deliver", "--target", "search", "--json").json["targets"][0]
    assert (queued["enqueued"], queued["claimed"]) == (3, 0)
    heads = aim.office.run("sender", "select * from public.fn_iu_delivery_heads('search', 9)")
    assert len(heads) == 3


@pytest.mark.parametrize("kind", ["dagster_job", "dagster_asset"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--option", "events_per_run=0"), "option 'events_per_run' is not a whole number from 1 to 1000"),
        (("--option", "events_per_run=1001"), "option 'events_per_run' is not a whole number from 1 to 1000"),
        (("--option", "events_per_run=true"), "option 'events_per_run' is not a whole number"),
        (("--option", "events_per_run=1.5"), "option 'events_per_run' is not a whole number"),
        (("--option", "max_runs=0"), "option 'max_runs' is not a whole number from 1 to 1000"),
        (("--option", "max_run_seconds=604801"), "is not a whole number from 1 to 604800"),
        (("--option", "job=mine"), "unknown option 'job'"),
        (("--address", "https://example.com/"), "a target of kind {kind} has no address"),
        (("--secret", "HOOK"), "a target of kind {kind} has no secret"),
    ],
)
def test_an_option_that_a_target_of_dagster_cannot_have_is_refused(
    office_iu: OfficeIu, kind: str, words: tuple[str, ...], said: str
) -> None:
    done = office_iu("admin", "target", "add", "search", "--kind", kind, *words)
    refused(done, 1, said.replace("{kind}", kind))


def test_a_route_of_another_kind_is_not_promoted_to_a_target_of_dagster(office_iu: OfficeIu) -> None:
    aim = Aim(office_iu, "search")
    aim.add("dagster_job", route_kind="dagster_asset")
    done = office_iu("admin", "promote", "propose", aim.route, "--max-failure-share", "1", *_WHY)
    refused(done, 1, "needs kind dagster_asset, and found kind dagster_job")
