"""Each command about live delivery succeeds for the roles that docs/operate/roles.md names, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.delivery_commands import COMMANDS, LOGINS, REFUSED
from cli.offices import Shop
from delivery.office import ROUTE
from security.test_roles import documented


def prepared(shop: Shop) -> dict[str, str]:
    """Make what the commands name, each by the login that may, and return the names."""
    office = shop.office
    shop.done(
        "admin", "target", "add", "second", "--kind", "webhook", "--secret", "SHOP",
        "--address", "https://b.example/",
    )  # fmt: skip
    office.emit(5, 5)
    office.enqueue()
    claims = office.claim()
    failed: list[dict[str, Any]] = [
        {"claim_id": claim["claim_id"], "fence": claim["fence"], "decision": "failed", "error": "a test"}
        for claim in claims
    ]
    office.call(
        "sender", "fn_iu_delivery_record", json.dumps([*failed[:3], {**failed[4], "decision": "retry"}])
    )
    plan = shop.done(
        "admin", "deliver", "plan", "--kind", "replay", "--route", ROUTE, "--limit", "1",
        "--reason", "a test", "--json",
    ).json  # fmt: skip
    numbers = [str(office.propose(max_failure_share=1)["promotion_no"]) for _ in range(2)]
    changes = [
        str(office.call("admin", "fn_iu_promotion_threshold_propose", name, 1, "a test")["change_no"])
        for name in ("hours", "events")
    ]
    return {
        "stranger": office.login("stranger"),
        "proposed": numbers[0],
        "rejected": numbers[1],
        "change": changes[0],
        "other_change": changes[1],
        "plan": plan["plan_hash"],
        "dead": str(claims[1]["event_id"]),
        "other_dead": str(claims[2]["event_id"]),
        "retried": str(claims[4]["event_id"]),
    }


@pytest.mark.parametrize("role", LOGINS)
def test_a_login_can_do_the_work_of_its_role_and_nothing_else(shop: Shop, role: str) -> None:
    names, allowed, wrong = prepared(shop), documented(), []
    for command, words in COMMANDS.items():
        done = shop.iu(LOGINS[role], *(word.format(**names) for word in words), "--json")
        if role in allowed[command]:
            if done.code != 0:
                wrong.append(f"{command}: {done.err or done.out}")
        elif done.code != 1 or done.error["code"] not in REFUSED or not done.error["hint"]:
            wrong.append(f"{command}: {done.code} {done.err or done.out}")
    assert wrong == []
