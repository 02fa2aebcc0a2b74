"""`iu gate`."""

from __future__ import annotations

from cli.running import Iu, refused


def test_gate_show_lists_gates_settings_and_changes(iu: Iu) -> None:
    iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "because I say so")
    done = iu("gate", "show")
    assert "because I say so" in done.out
    assert "iu_core.stall_seconds" in done.out
    shown = iu("gate", "show", "--json").json
    assert [gate["is_open"] for gate in shown["gates"]] == [True, False, False, False, False]
    assert shown["history"][0]["reason"] == "because I say so"


def test_gate_set_prints_the_old_and_the_new_value(iu: Iu) -> None:
    done = iu("gate", "set", "iu_core.route_worker_enabled", "false", "--reason", "test")
    assert (done.code, done.out) == (0, "iu_core.route_worker_enabled: 'true' -> 'false'\n")


def test_a_value_that_does_not_fit_is_refused_with_the_values_that_do(iu: Iu) -> None:
    done = iu("gate", "set", "iu_core.routes_enabled", "off", "--reason", "test")
    refused(done, 1, "value 'off' does not fit iu_core.routes_enabled", "The value must be true or false\n")
    done = iu("gate", "set", "iu_core.retention_days", "soon", "--reason", "test")
    refused(done, 1, "The value must match ^(0|[1-9][0-9]{0,4})$")


def test_a_gate_that_is_opened_without_effect_says_so(iu: Iu) -> None:
    words = ("gate", "set", "iu_core.delivery_enabled", "true", "--reason", "test")
    said = "no effect yet: no module that delivers is installed"
    assert iu(*words).out.splitlines() == ["iu_core.delivery_enabled: 'false' -> 'true'", f"note: {said}"]
    assert iu(*words, "--json").json["note"] == said
