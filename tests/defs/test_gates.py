"""The checks of the gates: delivery stays closed, and the worker may run."""

from __future__ import annotations

import pytest

from defs.code_location import Location, checks
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates


@pytest.mark.parametrize(
    ("gate", "value", "check", "severity"),
    [
        (gates.WORKER, "false", "gates_open", "WARN"),
        (gates.DELIVERY, "true", "delivery_stays_closed", "ERROR"),
    ],
)
def test_a_gate_with_a_wrong_value_fails_its_check(
    location: Location, gateway: Gateway, gate: str, value: str, check: str, severity: str
) -> None:
    gates.set_gate(gateway, gate, value, "test")
    found = checks(location.run("health_audit_job"))[check]
    assert not found.passed
    assert found.severity.value == severity
    assert gate in str([value.value for value in found.metadata.values()])


def test_with_a_module_that_sends_the_gates_may_be_open_and_every_send_needs_a_promotion(
    location: Location, gateway: Gateway
) -> None:
    gateway.execute("create table public.shop_tally as select 7::bigint as sent, 0::bigint as unpromoted")
    gateway.execute("grant select on public.shop_tally to iu_owner")
    gateway.execute(
        "create function public.fn_iu_shop_sent_tally() returns table (sent bigint, unpromoted bigint) "
        "language sql stable as 'select t.sent, t.unpromoted from public.shop_tally as t'"
    )
    gates.set_gate(gateway, gates.DELIVERY, "true", "test")
    for declared, unpromoted, passes in ((False, 0, False), (True, 0, True), (True, 1, False)):
        if declared:
            gateway.execute(
                "select public.fn_iu_object_declare('iu-shop', 'function', "
                "'public.fn_iu_shop_sent_tally()', 'internal')"
            )
        gateway.execute("update public.shop_tally set unpromoted = %s", (unpromoted,))
        found = checks(location.run("health_audit_job"))["delivery_stays_closed"]
        assert found.passed is passes
