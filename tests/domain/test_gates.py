"""The domain functions of gates."""

from __future__ import annotations

from typing import Any

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates
from iu_pipelines.errors import ArgumentInvalid, IuError, UnknownGate


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


def test_settings_that_are_not_gates_are_listed_separately(gateway: Gateway) -> None:
    keys = {setting.key for setting in gates.list_settings(gateway)}
    assert "iu_core.stall_seconds" in keys
    assert keys.isdisjoint(gate.key for gate in gates.list_gates(gateway))


def test_the_keys_of_the_gates_are_those_that_the_database_lists(gateway: Gateway) -> None:
    assert tuple(gate.key for gate in gates.list_gates(gateway)) == gates.KEYS


def test_a_change_of_a_gate_is_recorded_with_its_reason(gateway: Gateway) -> None:
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
def test_an_invalid_change_of_a_gate_is_refused(
    gateway: Gateway, key: Any, value: Any, reason: str, refusal: type[IuError], named: str
) -> None:
    with pytest.raises(refusal, match=named) as refused:
        gates.set_gate(gateway, key, value, reason)
    assert refused.value.hint
