"""The checks made from the verify files."""

from __future__ import annotations

import dagster as dg
import pytest

from defs.code_location import Location, checks
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.definitions import defs


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        ("alter table public.iu_outbound_route drop constraint dry_run_is_enforced", "verify_040_routes"),
        ("alter table public.event_outbox disable trigger user", "verify_070_functions"),
    ],
)
def test_a_broken_object_fails_the_check_of_its_step(
    location: Location, gateway: Gateway, broken: str, check: str
) -> None:
    gateway.run_script(broken)
    found = checks(location.run("health_audit_job"))[check]
    assert not found.passed
    assert found.severity.value == "ERROR"


def test_every_check_of_a_step_belongs_to_the_health_report() -> None:
    keys = {key for key in defs.resolve_asset_graph().asset_check_keys if key.name.startswith("verify_")}
    assert keys
    assert {key.asset_key for key in keys} == {dg.AssetKey("iu_health_audit")}
