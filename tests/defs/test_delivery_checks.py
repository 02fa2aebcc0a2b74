"""The checks of deliveries: in doubt, parked, promotions that end, and their notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
import pytest

from defs.code_location import Location, checks, records
from defs.delivering import (
    CHECKS,
    EXPIRING,
    Delivering,
    summary_of,
)
from delivery.receiver import Behaviour, Receiver
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.domain import promotions
from iu_pipelines.domain.delivery_reasons import REFUSALS
from iu_pipelines.settings import sql_root


def evaluated(location: Location) -> dict[str, dg.AssetCheckEvaluation]:
    """Run the health job, and return the checks of deliveries."""
    return {name: found for name, found in checks(location.run("health_audit_job")).items() if name in CHECKS}


def failed(location: Location) -> dict[str, dg.AssetCheckEvaluation]:
    return {name: found for name, found in evaluated(location).items() if not found.passed}


def test_a_delivery_in_doubt_is_a_warning_with_its_event_and_run(delivering: Delivering) -> None:
    (event,) = delivering.world.emit(1, 1)
    delivering.world.enqueue()
    delivering.world.sender("lost-1").claim(run_ref="a lost run")
    assert not failed(delivering.location), "in flight is no doubt"
    delivering.world.pass_time(120)
    (found,) = failed(delivering.location).values()
    assert (found.check_name, found.severity) == ("no_deliveries_in_doubt", dg.AssetCheckSeverity.WARN)
    (row,) = records(found.metadata["deliveries"].value)
    assert (row["event"], row["run"], row["sender"], row["claims"]) == (str(event), "a lost run", "lost-1", 1)
    assert summary_of(delivering.location.run("delivery_job"))["run_sent"] == 1
    assert not failed(delivering.location)


def test_a_parked_subject_is_a_warning_with_its_dead_letter_and_the_command(
    delivering: Delivering, receiver: Receiver
) -> None:
    receiver.behave(Behaviour(status=410))
    first, _ = delivering.world.emit(1, 2)
    summary = summary_of(delivering.location.run("delivery_job"))
    assert (summary["run_failed"], summary["dead_letters"], summary["parked"]) == (1, 1, 1)
    found = failed(delivering.location)["no_parked_subjects"]
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert (found.metadata["dead_letters"].value, found.metadata["parked"].value) == (1, 1)
    (row,) = records(found.metadata["letters"].value)
    assert row["event"] == str(first)
    assert "iu deliver plan --kind replay" in str(found.metadata["what_a_person_must_do"].value)


def test_the_checks_of_one_target_see_no_other_one(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    delivering.world.emit(1, 1)
    delivering.world.enqueue("shop.other")
    delivering.world.sender("lost-1").claim(target="other")
    delivering.world.pass_time(120)
    found = delivering.location.run("health_audit_job")
    assert not checks(found)["no_deliveries_in_doubt"].passed
    result = delivering.mount("hook", "other").run("health_audit_job")
    passed = {
        event.asset_key.path[-1]: event.passed
        for event in result.get_asset_check_evaluations()
        if event.check_name == "no_deliveries_in_doubt"
    }
    assert passed == {"to_hook": True, "to_other": False}


def test_what_was_sent_against_its_rehearsal_is_an_error_and_other_deliveries_are_none(
    delivering: Delivering,
) -> None:
    delivering.world.emit(1, 2)
    delivering.world.owner.execute(
        "update public.event_type_registry set enabled = true where event_type = 'version_applied'"
    )
    assert delivering.location.run("delivery_job").success
    assert delivering.location.run("route_worker_job").success
    assert not failed(delivering.location)
    delivering.world.owner.run_script(
        "set session_replication_role = replica; "
        "update public.iu_route_attempt_log set decision = 'skipped', error_detail = 'test';"
    )
    found = failed(delivering.location)["delivered_as_rehearsed"]
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert found.metadata["differing"].value == 2


def _expires_in(delivering: Delivering, days: float) -> None:
    at = datetime.now(UTC) + timedelta(days=days)
    delivering.world.owner.execute("update public.iu_delivery_route set expires_at = %s", (at,))


def _route_changed(delivering: Delivering) -> None:
    delivering.world.owner.execute(
        "update public.iu_outbound_route set enabled = false where route_code = 'shop.paid'"
    )


def _demoted(delivering: Delivering) -> None:
    promotions.demote(delivering.world.owner, "shop.paid", "test")


ENDS: Final[dict[str, tuple[Callable[[Delivering], None], str]]] = {
    "soon": (lambda it: _expires_in(it, 2), "expires at 20"),
    "expired": (lambda it: _expires_in(it, -1), "promotion_expired: "),
    "changed": (_route_changed, "route_changed: "),
    "demoted": (_demoted, "demoted: "),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_promotion_that_ends_is_a_warning_with_the_command_that_a_person_must_run(
    delivering: Delivering, how: str
) -> None:
    assert not failed(delivering.location)
    end, word = ENDS[how]
    end(delivering)
    found = failed(delivering.location)[EXPIRING]
    reasons = str(found.metadata["reasons"].value)
    assert reasons.startswith(f"shop.paid: {word}")
    assert reasons.endswith("iu promote propose shop.paid")
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "Nothing can be approved in this web UI" in str(found.metadata["who_decides"].value)
    (row,) = records(found.metadata["table"].value)
    assert "iu promote propose shop.paid" in row["a person must"]


def test_a_route_that_was_demoted_and_taken_from_the_list_is_no_warning(delivering: Delivering) -> None:
    _demoted(delivering)
    delivering.world.set_gate("live_routes", "")
    assert EXPIRING not in failed(delivering.location)


def test_another_deployment_is_a_warning(delivering: Delivering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DEPLOYMENT", "staging")
    reasons = failed(delivering.location)[EXPIRING].metadata["reasons"].value
    assert reasons == (
        "shop.paid: the promotion is for the deployment test, and IU_DEPLOYMENT is staging here"
    )


_ENDINGS: Final = ("_closed", "_changed", "_removed", "_expired", "_limit")


def test_every_word_of_a_refusal_is_explained() -> None:
    """The words stand in the SQL functions that decide: each has a sentence here."""
    directory = sql_root() / "iu-delivery" / "objects"
    said = "\n".join(
        path.read_text(encoding="utf-8")
        for path in directory.rglob("*.sql")
        if path.stem
        in (
            "fn_iu_delivery_refusal",
            "fn_iu_promotion_misfit",
            "fn_iu_promotion_refusal",
            "fn_iu_target_refusal",
        )
    )
    words = {word for word in _quoted(said) if word.endswith(_ENDINGS)}
    words |= {"not_listed", "not_promoted", "other_deployment", "target_disabled", "target_paused"}
    assert words | {"failover_hold", "breaker_open", "demoted"} <= set(REFUSALS)


def _quoted(text: str) -> set[str]:
    return set(text.split("'")[1::2])


def test_a_promotion_that_ends_is_reported_once_with_its_route(delivering: Delivering) -> None:
    notices: list[Notice] = []
    location = delivering.mount("hook", notify=notices.append)
    cursor = location.tick("notification_sensor").cursor
    _expires_in(delivering, 2)
    assert location.run("health_audit_job").success
    cursor = location.tick("notification_sensor", cursor).cursor
    (notice,) = notices
    assert (notice.kind, notice.subject) == ("promotion_ends", "shop.paid")
    assert "iu promote propose shop.paid" in notice.message
    location.tick("notification_sensor", cursor)
    assert len(notices) == 1
