"""Deliveries in Dagster: runs to a real receiver, what they show, and how they end."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, Final

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from defs.code_location import Location, checks, failure, materializations, observations, records
from defs.delivering import (
    CHECKS,
    KEY,
    ONE,
    SECRET,
    Delivering,
    all_metadata,
    materialized_one,
    summary_of,
)
from defs.test_events import cells, explained
from delivery.receiver import Behaviour, Receiver
from delivery.world import url_of
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain import deliveries, targets
from iu_pipelines.domain.delivery_reasons import REFUSALS
from iu_pipelines.domain.times import in_utc
from iu_pipelines.errors import UsageError

EVALUATED: Final = (AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED)


def test_a_run_delivers_and_is_named_by_every_claim(delivering: Delivering) -> None:
    events = [*delivering.world.emit(1, 3), *delivering.world.emit(2, 2)]
    result = delivering.location.run("delivery_job")
    assert result.success
    summary = summary_of(result)
    assert (summary["run_enqueued"], summary["run_claimed"], summary["run_sent"]) == (5, 5, 5)
    assert (summary["stopped_reason"], summary["problems"]) == ("drained", "none")
    assert (summary["queued"], summary["in_doubt"], summary["parked"]) == (0, 0, 0)
    delivering.assert_all_delivered_in_order(events)
    claimed = [one.run_ref for one in deliveries.why(delivering.world.owner, events[0]) if one.attempts]
    assert claimed == [result.run_id]
    assert delivering.world.owner.fetch_all(summary["claims_of_this_run"])
    assert set(checks(result)) == CHECKS
    assert all(check.passed for check in checks(result).values())
    for secret in (KEY, KEY.removeprefix("whsec_"), "of-a-test"):
        assert secret not in all_metadata(delivering.instance)


def test_no_number_that_the_web_ui_plots_is_an_id(delivering: Delivering) -> None:
    delivering.world.emit(1, 3)
    result = delivering.location.run("delivery_job")
    (made,) = [one.step_materialization_data.materialization for one in materialized(result)]
    numbers = {
        name
        for name, value in made.metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    }
    assert {"run_sent", "run_sent_per_second", "in_doubt", "parked", "held"} <= numbers
    assert not {name for name in numbers if name.endswith(("_id", "_no", "_seq"))}


def materialized(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [one for one in result.all_events if one.is_step_materialization]


def test_each_target_of_the_mount_has_an_asset_and_lineage_goes_on_to_it(delivering: Delivering) -> None:
    graph = delivering.mount("hook", "other").definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(ONE).parent_keys} == {
        *("event_outbox", "dot_config", "iu_outbound_route")
    }
    outside = dg.AssetKey(["iu_delivery_target", "hook"])
    assert graph.get(outside).parent_keys == {ONE}
    assert outside in graph.external_asset_keys
    assert {key.asset_key.path[-1] for key in graph.asset_check_keys if key.name in CHECKS} == {
        *("to_hook", "to_other")
    }


def test_names_of_targets_that_are_one_in_dagster_are_refused() -> None:
    with pytest.raises(UsageError, match=r"targets = \('eu.hook', 'eu-hook'\) is refused"):
        Mount(targets=("eu.hook", "eu-hook"))


def test_a_run_of_one_target_leaves_the_others(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    events = delivering.world.emit(1, 3)
    location = delivering.mount("hook", "other")
    result = materialized_one(location, ONE)
    assert [one["run_sent"] for one in materializations(result, ["iu_delivery", "to_hook"])] == [3]
    assert not materializations(result, ["iu_delivery", "to_other"])
    assert set(checks(result)) == CHECKS
    assert not delivering.received_at("other")
    both = location.run("delivery_job")
    assert [one["run_sent"] for one in materializations(both, ["iu_delivery", "to_other"])] == [3]
    delivering.assert_all_delivered_in_order(events)
    delivering.assert_all_delivered_in_order(events, "other")


def test_a_target_that_cannot_be_served_fails_the_run_with_one_line_and_the_others_are_served(
    delivering: Delivering,
) -> None:
    delivering.world.add_target("other", address="http://127.0.0.1:9/", secret_name=SECRET)
    delivering.world.add_route("shop.other", "version_applied", "other")
    delivering.world.open_gates()
    events = delivering.world.emit(1, 2)
    result = delivering.location.run("delivery_job")
    assert failure(result).startswith("other: ")
    summary = summary_of(result)
    assert summary["problems"].startswith(failure(result))
    delivering.assert_all_delivered_in_order(events)
    for name in CHECKS:
        key = dg.AssetCheckKey(dg.AssetKey("iu_delivery"), name)
        record = delivering.instance.get_latest_asset_check_evaluation_record(key)
        assert record, "the checks have a result although the step failed"
        assert record.run_id == result.run_id
        assert record.status in EVALUATED, "planned is no result"


def test_a_run_that_hangs_is_ended_by_the_daemon_after_its_limit(delivering: Delivering) -> None:
    result = delivering.location.run("delivery_job", {"max_seconds": 20.5})
    run = delivering.instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags[dg.MAX_RUNTIME_SECONDS_TAG] == "201"


def test_a_missing_secret_is_shown_with_what_to_set(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"IU_SECRET_{SECRET}")
    delivering.world.emit(1, 1)
    result = delivering.location.run("delivery_job")
    assert failure(result) == f"hook: there is no secret {SECRET}"
    summary = summary_of(result)
    assert (summary["run_claimed"], summary["stopped_reason"]) == (0, "failed")
    assert f"there is no secret {SECRET}. Set IU_SECRET_{SECRET}, or IU_SECRETS_DIR" in summary["problems"]


def test_without_the_module_the_job_fails_and_the_sensor_skips_with_the_command(location: Location) -> None:
    assert failure(location.run("delivery_job")).startswith(
        "the module iu-delivery is not installed: iu migrate --with delivery installs it"
    )
    assert "iu migrate --with delivery" in location.tick("delivery_sensor").skip_message
    found = checks(location.run("health_audit_job"))
    assert all(found[name].passed for name in CHECKS)


def test_a_login_that_is_no_sender_is_refused_with_one_line(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a login that delivers, that of the outbox is used, and the database refuses it."""
    delivering.world.emit(1, 1)
    url = url_of(delivering.world.url, delivering.admin)
    monkeypatch.setenv("IU_DATABASE_URL", url)
    location = Location(build_defs(), delivering.instance)
    result = location.run("delivery_job")
    assert not result.success
    assert "permission denied" in failure(result).lower()
    assert not delivering.received()
    monkeypatch.setenv("IU_SENDER_DATABASE_URL", url_of(delivering.world.url, delivering.world.login))
    assert summary_of(location.run("delivery_job"))["run_sent"] == 1


def test_progress_is_observed_while_the_run_lasts(delivering: Delivering, receiver: Receiver) -> None:
    receiver.behave(Behaviour(delay=0.4))
    delivering.world.emit(1, 8)
    result = delivering.location.run("delivery_job", {"linger_seconds": 1})
    seen = [one for one in observations(result, "iu_delivery") if "sent_per_second" in one]
    assert len(seen) >= 2
    assert sum(one["sent"] for one in seen) <= summary_of(result)["run_sent"] == 8


def test_a_cancelled_run_records_its_sends_and_the_next_one_goes_on(
    delivering: Delivering, receiver: Receiver
) -> None:
    receiver.behave(Behaviour(delay=0.3))
    events = delivering.world.emit(1, 12)
    threading.Thread(target=_terminate_after_a_send, args=(delivering,)).start()
    assert not delivering.location.run("delivery_job").success
    (run,) = delivering.instance.get_runs()
    assert run.status == dg.DagsterRunStatus.CANCELED
    records_ = delivering.instance.fetch_materializations(dg.AssetKey("iu_delivery"), limit=1).records
    made = records_[0].asset_materialization
    assert made
    assert made.metadata["stopped_reason"].value == "cancelled"
    assert made.metadata["in_doubt"].value == made.metadata["in_flight"].value == 0
    assert 0 < len(delivering.received()) < 12
    receiver.behave()
    assert delivering.location.run("delivery_job").success
    delivering.assert_all_delivered_in_order(events)
    assert len(delivering.received()) == 12, "nothing was sent twice"


def _terminate_after_a_send(delivering: Delivering) -> None:
    """Cancel the run after its first send, as Dagster does for Terminate."""
    while not delivering.received():
        time.sleep(0.05)
    (run,) = delivering.instance.get_runs()
    delivering.instance.report_run_canceling(run)
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"batch_limit": 0}, "batch_limit"),
        ({"concurrency": 1001}, "concurrency"),
        ({"max_seconds": 0}, "max_"),
    ],
)
def test_a_limit_out_of_its_range_is_refused_before_a_run_is_made(
    delivering: Delivering, config: dict[str, Any], named: str
) -> None:
    definition = delivering.location.definitions.resolve_job_def("delivery_job")
    with pytest.raises(dg.DagsterInvalidConfigError, match=f"The config is refused: {named}"):
        delivering.instance.create_run_for_job(definition, run_config=config)
    implicit = delivering.location.definitions.resolve_implicit_global_asset_job_def()
    with pytest.raises(dg.DagsterInvalidConfigError, match=named):
        delivering.instance.create_run_for_job(
            implicit, run_config={"ops": {"iu_delivery": {"config": config}}}
        )


def test_the_health_job_observes_the_deliveries_and_the_target_without_a_delivery_run(
    delivering: Delivering,
) -> None:
    delivering.world.emit(1, 2)
    delivering.world.enqueue()
    targets.set_paused(delivering.world.owner, "hook", True, "test")
    result = delivering.mount("hook").run("health_audit_job")
    (seen,) = observations(result, ["iu_delivery", "to_hook"])
    assert (seen["held"], seen["held_because"]) == (2, f"target_paused: {REFUSALS['target_paused']}")
    (promoted,) = records(seen["promotions"])
    assert (promoted["route"], promoted["state"], promoted["a person must"]) == (
        *("shop.paid", "live", "do nothing"),
    )
    (outside,) = observations(result, ["iu_delivery_target", "hook"])
    assert (outside["state"], outside["kind"]) == ("paused by a person", "webhook")
    assert not materializations(result, ["iu_delivery", "to_hook"]), "its checks stay"


def test_why_shows_the_delivery_with_its_state_and_a_link_to_its_run(delivering: Delivering) -> None:
    sent, waiting = delivering.world.emit(1, 1), delivering.world.emit(2, 1)
    run = delivering.location.run("delivery_job")
    late = delivering.world.emit(3, 1)
    delivering.world.enqueue()
    targets.set_paused(delivering.world.owner, "hook", True, "test")
    found = explained(delivering.location, sent[0])
    by_route = {row["route"]: row for row in cells(found, "deliveries")}
    assert (by_route["shop.paid"]["state"], by_route["shop.paid"]["run"]) == ("sent", run.run_id)
    assert found["run of the delivery on shop.paid"] == run.run_id
    held = {row["route"]: row for row in cells(explained(delivering.location, late[0]), "deliveries")}
    assert held["shop.paid"]["why"].startswith("held: target_paused: a person paused the target")
    assert waiting


def test_why_says_when_a_retry_is_due(delivering: Delivering) -> None:
    delivering.world.emit(1, 1)
    delivering.world.enqueue()
    sender = delivering.world.sender()
    (claim,) = sender.claim()
    sender.record([claim], "retry", status_code=500)
    (row,) = delivering.world.queue()
    held = {row["route"]: row for row in cells(explained(delivering.location, row["event_id"]), "deliveries")}
    due = in_utc(row["due_at"])
    assert held["shop.paid"]["why"].startswith(f"retry: not_due: it is due at {due}; it goes on by itself")
