"""Targets of kind pull: the SQL functions are the interface, here for psql."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

import pages
from delivery.kind_parts import granted, message, secrets, send
from delivery.world import DEPLOYMENT, World, url_of
from iu_pipelines.delivery.pull import PullTarget
from iu_pipelines.errors import ArgumentInvalid


def _psql(world: World, sql: str, **variables: str) -> str:
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url_of(world.url, world.login)]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    ran = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_psql_claims_and_records_as_the_page_shows(world: World) -> None:
    world.add_target("desk", "pull", address="")
    world.add_route("shop.pulled", "version_applied", "desk")
    world.open_gates()
    world.emit(7, 2)
    text, queue, claim, record = pages.code("docs/operate/targets.md", "pull", "sql")
    setting = text.replace("production", DEPLOYMENT)
    assert _psql(world, setting + claim) == "", "a claim queues nothing"
    assert json.loads(_psql(world, setting + queue))["queued"] == 2
    for other in ("", "set iu.deployment = 'other';\n"):
        assert _psql(world, other + claim) == "", "the deployment is that of the promotion"
    (line,) = _psql(world, setting + claim).splitlines()
    claimed: dict[str, Any] = json.loads(line)
    assert json.loads(claimed["body"])["sequence"] == claimed["subject_no"]
    outcome = {"claim_id": str(claimed["claim_id"]), "fence": str(claimed["fence"])}
    said = json.loads(_psql(world, setting + record, **outcome))
    assert (said["recorded"], said["sent"]) == (1, 1)
    assert json.loads(_psql(world, setting + claim))["subject_no"] > claimed["subject_no"]


@pytest.mark.parametrize(
    ("address", "options", "secret_name", "error"),
    [("https://hooks.example.com/", {}, None, "no address"), ("", {}, "HOOK", "no secret"),
     ("", {"a": 1}, None, "'a'")],
)  # fmt: skip
def test_a_target_that_is_pulled_has_no_more_than_a_name(
    address: str, options: dict[str, Any], secret_name: str | None, error: str
) -> None:
    with pytest.raises(ArgumentInvalid, match=error):
        PullTarget.check(address, options, secret_name, private=False)


def test_this_package_sends_nothing_for_it() -> None:
    target = granted("", kind="pull", secret_name=None)
    (answer,) = send(PullTarget, target, message(1), of=secrets())
    assert (answer.decision, answer.local_fault, PullTarget.sends) == ("retry", True, False)
