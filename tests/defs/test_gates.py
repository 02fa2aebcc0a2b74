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
