"""Deliveries in Dagster: runs to a real receiver, requests of the sensor, checks, and no way to approve."""

from __future__ import annotations

import ast
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg
import pytest

from databases import Server
from defs.code_location import Location, checks, failure, materializations, observations, records
from defs.delivering import ENVIRONMENT, KEY, SECRET, Delivering
from defs.test_events import cells, explained
from delivery.receiver import Behaviour, Receiver
from delivery.world import World, make_login, url_of
from iu_pipelines import defs as package
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.delivery_tables import REFUSALS
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import deliveries, promotions, targets
from iu_pipelines.errors import NotAnApprover, PermissionDenied, UsageError
from iu_pipelines.settings import sql_root

CHECKS: Final = {
    "no_deliveries_in_doubt",
    "no_parked_subjects",
    "promotions_do_not_expire_soon",
    "delivered_as_rehearsed",
}
EXPIRING: Final = "promotions_do_not_expire_soon"
ONE: Final = dg.AssetKey(["iu_delivery", "hook"])


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Yield a receiver on loopback."""
    with Receiver(tmp_path / "receiver") as receiver:
        yield receiver


@pytest.fixture
def delivering(
    new_database: Callable[[str], str],
    delivery_template: str,
    server: Server,
    receiver: Receiver,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Delivering]:
    """Yield a live route to a receiver, and the code location with one asset for all targets."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    url = new_database(delivery_template)
    with Gateway(url) as owner:
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        yield Delivering(world, receiver, instance)
        world.close()


def summary_of(result: dg.ExecuteInProcessResult, asset: str | list[str] = "iu_delivery") -> dict[str, Any]:
    (summary,) = materializations(result, asset)
    return summary


def all_metadata(instance: dg.DagsterInstance) -> str:
    """Return everything that the runs of an instance have stored, as text."""
    return "\n".join(
        repr(entry) for run in instance.get_runs() for entry in instance.all_logs(run.run_id)
    ) + repr(instance.get_runs())


# Runs


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
        *("hook", "other")
    }


def test_names_of_targets_that_are_one_in_dagster_are_refused() -> None:
    with pytest.raises(UsageError, match=r"targets = \('eu.hook', 'eu-hook'\) is refused"):
        Mount(targets=("eu.hook", "eu-hook"))


def test_a_run_of_one_target_leaves_the_others(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    events = delivering.world.emit(1, 3)
    location = delivering.mount("hook", "other")
    result = _of_one(location, ONE)
    assert [one["run_sent"] for one in materializations(result, ["iu_delivery", "hook"])] == [3]
    assert not materializations(result, ["iu_delivery", "other"])
    assert set(checks(result)) == CHECKS
    assert not delivering.received_at("other")
    both = location.run("delivery_job")
    assert [one["run_sent"] for one in materializations(both, ["iu_delivery", "other"])] == [3]
    delivering.assert_all_delivered_in_order(events)
    delivering.assert_all_delivered_in_order(events, "other")


def _of_one(location: Location, key: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """Materialize one asset, as the sensor and the button do."""
    return location.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[key], instance=location.instance, raise_on_error=False
    )


def test_a_target_that_cannot_be_served_fails_the_run_with_one_line_and_the_others_are_served(
    delivering: Delivering,
) -> None:
    delivering.world.add_target("other", address="http://127.0.0.1:9/", secret_name=SECRET)
    delivering.world.add_route("shop.other", "version_applied", "other")
    delivering.world.open_gates()
    events = delivering.world.emit(1, 2)
    result = delivering.location.run("delivery_job")
    assert failure(result).startswith("other: ")
    assert "127.0.0.1" in failure(result)
    summary = summary_of(result)
    assert summary["problems"].startswith(failure(result))
    delivering.assert_all_delivered_in_order(events)


def test_a_missing_secret_is_shown_with_what_to_set(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"IU_SECRET_{SECRET}")
    (event,) = delivering.world.emit(1, 1)
    summary = summary_of(delivering.location.run("delivery_job"))
    assert (summary["run_sent"], summary["run_retry"]) == (0, 1)
    (row,) = records(summary["newest_failures"])
    assert (row["event"], row["error"]) == (str(event), f"there is no secret {SECRET}")


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


# The sensor


def test_the_sensor_requests_a_run_for_each_target_with_something_due(delivering: Delivering) -> None:
    delivering.add("other", "shop.other", "version_applied")
    delivering.world.open_gates()
    location = delivering.mount("hook", "other")
    assert location.tick("delivery_sensor").skip_message == "hook: nothing is due; other: nothing is due"
    delivering.world.emit(1, 1)
    requests = location.tick("delivery_sensor").run_requests
    assert [(one.asset_selection, one.tags[tags.TARGET], one.run_key) for one in requests] == [
        ([ONE], "hook", None),
        ([dg.AssetKey(["iu_delivery", "other"])], "other", None),
    ]
    assert _of_one(location, ONE).success
    (left,) = location.tick("delivery_sensor").run_requests
    assert left.tags[tags.TARGET] == "other"


def test_the_sensor_skips_while_a_run_of_the_target_is_queued_or_started(delivering: Delivering) -> None:
    delivering.world.emit(1, 1)
    location = delivering.mount("hook")
    run = location.add_started_run("delivery_job", {tags.TARGET: "hook"}, dg.DagsterRunStatus.NOT_STARTED)
    expected = f"hook: run {run} is already queued or running"
    assert location.tick("delivery_sensor").skip_message == expected
    delivering.instance.delete_run(run)
    manual = location.add_started_run("delivery_job", {})
    assert manual in location.tick("delivery_sensor").skip_message
    delivering.instance.delete_run(manual)
    of_another = dg.DagsterRun(
        job_name="delivery_job",
        run_id=str(uuid4()),
        asset_selection=frozenset({dg.AssetKey(["iu_delivery", "other"])}),
        status=dg.DagsterRunStatus.STARTED,
    )
    delivering.instance.add_run(of_another)
    assert location.tick("delivery_sensor").run_requests


@pytest.mark.parametrize("gate", ["master", "delivery", "live_routes"])
def test_the_sensor_names_the_gate_that_refuses(delivering: Delivering, gate: str) -> None:
    delivering.world.emit(1, 1)
    delivering.world.set_gate(gate, "" if gate == "live_routes" else "false")
    word = {"live_routes": "not_listed"}.get(gate, f"{gate}_gate_closed")
    assert f"{word}: {REFUSALS[word]}" in delivering.location.tick("delivery_sensor").skip_message


def test_the_sensor_names_why_everything_is_held_and_when_the_next_is_due(
    delivering: Delivering, receiver: Receiver
) -> None:
    receiver.behave(Behaviour(status=503))
    delivering.world.emit(1, 1)
    assert summary_of(delivering.location.run("delivery_job"))["run_retry"] == 1
    assert delivering.location.tick("delivery_sensor").skip_message.startswith(
        "all targets: nothing is due before 20"
    )
    targets.set_paused(delivering.world.owner, "hook", True, "test")
    assert delivering.location.tick("delivery_sensor").skip_message == (
        f"all targets: everything that waits is held: target_paused: {REFUSALS['target_paused']}"
    )
    targets.set_paused(delivering.world.owner, "hook", False, "test")
    delivering.world.pass_time(60)
    assert delivering.location.tick("delivery_sensor").run_requests


def test_the_sensor_and_the_checks_only_read(delivering: Delivering) -> None:
    delivering.world.emit(1, 2)
    reader = f"iu_test_reader_{os.getpid()}"
    make_login(delivering.world.owner, reader, "workflow_admin")
    delivering.world.owner.execute(f"alter role {reader} set default_transaction_read_only = on")
    url = url_of(delivering.world.url, reader)
    read_only = Location(
        build_defs(resources={"gateway": GatewayResource(database_url=url)}), delivering.instance
    )
    assert read_only.tick("delivery_sensor").run_requests
    found = checks(read_only.run("health_audit_job"))
    assert set(found) >= CHECKS
    with Gateway(url) as gateway, pytest.raises(Exception, match="read-only"):
        gateway.execute("delete from public.iu_outbound_route")


def test_the_sensor_skips_while_the_database_is_unavailable(delivering: Delivering) -> None:
    gone = Location(
        build_defs(resources={"gateway": GatewayResource(database_url="postgresql://u@127.0.0.1:1/x")}),
        delivering.instance,
    )
    assert gone.tick("delivery_sensor").skip_message.startswith("the database is unavailable")


# Checks


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
    assert "iu promote propose shop.paid" in str(found.metadata["table"].value)


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


def test_every_word_of_a_refusal_is_explained() -> None:
    """The words stand in the SQL functions that decide: each has a sentence here."""
    directory = sql_root() / "iu-delivery" / "objects"
    said = "\n".join(
        path.read_text(encoding="utf-8")
        for path in directory.rglob("*.sql")
        if path.stem in ("fn_iu_delivery_refusal", "fn_iu_promotion_misfit", "fn_iu_target_refusal")
    )
    words = {word for word in _quoted(said) if word.endswith(("_closed", "_changed", "_expired", "_limit"))}
    words |= {"not_listed", "not_promoted", "other_deployment", "target_disabled", "target_paused"}
    assert words | {"failover_hold", "breaker_open", "demoted"} <= set(REFUSALS)


def _quoted(text: str) -> set[str]:
    return set(text.split("'")[1::2])


# Observations and explanations


def test_the_health_job_observes_the_deliveries_and_the_target_without_a_delivery_run(
    delivering: Delivering,
) -> None:
    delivering.world.emit(1, 2)
    delivering.world.enqueue()
    targets.set_paused(delivering.world.owner, "hook", True, "test")
    result = delivering.mount("hook").run("health_audit_job")
    (seen,) = observations(result, ["iu_delivery", "hook"])
    assert (seen["held"], seen["held_because"]) == (2, f"target_paused: {REFUSALS['target_paused']}")
    assert (
        "| 1 | shop.paid | held |" in seen["promotions"] or "| 1 | shop.paid | live |" in seen["promotions"]
    )
    (outside,) = observations(result, ["iu_delivery_target", "hook"])
    assert (outside["state"], outside["kind"]) == ("paused by a person", "webhook")
    assert not materializations(result, ["iu_delivery", "hook"]), "the checks of the asset stay as they are"


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


# Nothing can be approved here

FORBIDDEN: Final = {
    *("propose", "decide", "approve", "demote", "propose_threshold", "decide_threshold"),
    *("allow_private", "record_rehearsal", "record_test", "grant", "revoke", "set_paused", "set_enabled"),
}
"""The functions of the domain that decide, propose, or change what may be delivered."""

GUARDED: Final = {"promotions", "targets"}


def test_no_module_of_the_definitions_uses_a_function_that_decides() -> None:
    for path in Path(package.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in GUARDED
        }
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in GUARDED
            for name in node.names
        }
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not (used | imported) & FORBIDDEN, path
        assert not [one for one in texts if isinstance(one, str) and "fn_iu_route_promotion_" in one], path


def test_no_op_or_config_of_any_job_can_approve() -> None:
    every = Mount(targets=("hook",), actions=frozenset({"gate_set", "worker_seek", "dead_letter_discard"}))
    jobs = build_defs(every).resolve_all_job_defs()
    nodes = [node for job in jobs for node in job.all_node_defs]
    names = {node.name for node in nodes} | {job.name for job in jobs}
    assert "deliver" in names
    fields = {
        field
        for node in nodes
        if node.has_config_field
        for field in (getattr(node.config_field.config_type, "fields", {}) or {})
    }
    assert "linger_seconds" in fields
    for word in ("approv", "propos", "promot", "decid", "demot", "threshold"):
        assert not [name for name in (*names, *fields) if word in name]


def test_the_logins_of_dagster_cannot_approve_in_the_database(delivering: Delivering) -> None:
    promotion = promotions.list_promotions(delivering.world.owner)[0]
    for login, refusal in (
        (delivering.admin, (NotAnApprover, PermissionDenied)),
        (delivering.world.login, (NotAnApprover, PermissionDenied)),
    ):
        with Gateway(url_of(delivering.world.url, login)) as gateway, pytest.raises(refusal):
            promotions.decide(gateway, promotion.promotion_no, "approve", "test")


def test_no_job_changes_promotions_or_targets(delivering: Delivering) -> None:
    delivering.world.emit(1, 2)
    before = _governed(delivering)
    for job in ("delivery_job", "health_audit_job", "route_worker_job", "dead_letter_replay_job"):
        assert delivering.location.run(job).success
    assert _governed(delivering) == before


def _governed(delivering: Delivering) -> dict[str, Any]:
    return {
        table: delivering.world.owner.fetch_all(f"select t::text as row from public.{table} as t order by 1")
        for table in (
            *("iu_route_promotion", "iu_route_promotion_decision", "iu_promotion_threshold"),
            *("iu_promotion_threshold_change", "iu_promotion_threshold_decision", "iu_delivery_target"),
            *("iu_delivery_target_sender", "iu_delivery_target_test", "iu_delivery_rehearsal"),
        )
    }
