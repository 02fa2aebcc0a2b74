"""Runs and sensors of one target leave what another target is for alone, and so do two routes of a target."""

from typing import Any, Final

import dagster as dg
import pytest

from defs.handling import ROUTE, TARGET, Handling, keys_of
from iu_pipelines import target_key
from iu_pipelines.defs.kit.event_jobs import Event, event_asset_job, event_job
from iu_pipelines.errors import UsageError

OTHER: Final = "mail"


def other_job(handling: Handling) -> Any:
    """Return a job of another target, which keeps what it gets with that of the first."""

    @event_job(target=OTHER)
    def send(event: Event) -> None:
        handling.events.append(event)

    return send


def add_other(handling: Handling, **columns: Any) -> None:
    handling.add('{"events_per_run": 5}', target=OTHER, route="shop.mail", **columns)


def materialized(handling: Handling, run_id: str, target: str, job: str) -> None:
    """Store that a run has materialized the asset of a target."""
    made = dg.AssetMaterialization(target_key(target))
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=job,
        event_specific_data=dg._core.events.StepMaterializationData(made, []),
    )
    handling.instance.report_dagster_event(event, run_id)


def test_no_drain_is_requested_for_a_target_whose_runs_an_event_job_requests(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    assert not location.tick("delivery_sensor").run_requests
    assert handling.requests(location)


def test_no_drain_is_requested_for_what_is_due_to_a_program_that_pulls(handling: Handling) -> None:
    handling.add(kind="pull")
    handling.world.emit(1)
    handling.world.enqueue(ROUTE)
    said = handling.location().tick("delivery_sensor").skip_message
    assert said == "all targets: nothing is due"


def test_the_events_of_a_run_are_of_different_subjects_though_a_subject_has_several_routes(
    handling: Handling,
) -> None:
    handling.add('{"events_per_run": 5, "max_runs": 10}')
    handling.world.add_route("shop.again", "version_applied", TARGET, valid_for="20 days")
    handling.open_gates()
    for number in range(4):
        handling.world.emit(number)
    location = handling.location()
    requests = handling.requests(location)
    for request in requests:
        del handling.events[:]
        assert handling.run(location, request).success
        subjects = [one.subject_ref for one in handling.events]
        assert len(subjects) == len(set(subjects)) == len(keys_of(request))
    assert sorted(key for one in requests for key in keys_of(one)) == sorted(
        {key for one in requests for key in keys_of(one)}
    )
    assert len(handling.decisions()) == 8, "one tick requests runs for all of them"


def test_keys_of_another_target_in_a_config_change_nothing(handling: Handling) -> None:
    """The other run was successful and its server forgot the outcome: only its own sensor may judge it."""
    handling.add('{"events_per_run": 5}')
    add_other(handling, at_most_once=True)
    handling.world.emit(1)
    location = handling.location(handling.job, other_job(handling))
    (request,) = handling.requests(location, "send")
    run_id = handling.add_run(request, dg.DagsterRunStatus.SUCCESS, "send")
    assert handling.claim_as(run_id, keys_of(request), OTHER)
    materialized(handling, run_id, OTHER, "send")
    assert location.run("reindex", {"deliveries": keys_of(request)}).success
    assert handling.decisions() == []
    location.tick("send_sensor")
    assert handling.decisions() == ["sent"]
    assert not handling.events


def test_a_route_that_has_another_target_now_holds_up_neither(handling: Handling) -> None:
    """A run of the former target was killed, and so was one of the present target."""
    handling.add('{"events_per_run": 5}')
    add_other(handling)
    handling.world.emit(1)
    location = handling.location(handling.job, other_job(handling))
    (first,) = handling.requests(location)
    (second,) = handling.requests(location, "send")
    killed = handling.add_run(first, dg.DagsterRunStatus.FAILURE)
    assert handling.claim_as(killed, keys_of(first))
    killed = handling.add_run(second, dg.DagsterRunStatus.FAILURE, "send")
    assert handling.claim_as(killed, keys_of(second), OTHER)
    handling.world.owner.execute(
        "update public.iu_outbound_route set target_ref = %s where route_code = %s", (OTHER, ROUTE)
    )
    handling.world.promote(ROUTE, valid_for="20 days")
    handling.world.owner.execute(
        """update public.iu_delivery_route as r set target_no = t.target_no
           from public.iu_delivery_target as t where t.target_name = %s and r.route_code = %s""",
        (OTHER, ROUTE),
    )
    assert "refused" not in (location.tick("send_sensor").skip_message or "")
    assert handling.decisions() == ["retry"], "that of its own run"
    handling.world.pass_time(120)
    for one in handling.run_all(location, "send"):
        assert one.success
    assert sorted(handling.decisions()) == ["retry", "sent", "sent"]
    assert sorted(one.key for one in handling.events) == sorted([*keys_of(first), *keys_of(second)])


def test_one_run_of_two_targets_records_each_with_its_own_assets(handling: Handling) -> None:
    read: dict[str, list[str]] = {}

    def asset(name: str, target: str) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=[target_key(target)], required_resource_keys={"events"})
        def made(context: dg.AssetExecutionContext) -> None:
            read[name] = [one.key for one in context.resources.events.read(context, target)]
            with pytest.raises(UsageError, match=r"several targets: mail, search"):
                context.resources.events.read(context)
            if name == "index":
                raise ValueError

        return made

    handling.add('{"events_per_run": 5}', kind="dagster_asset")
    add_other(handling, kind="dagster_asset")
    handling.world.emit(1)
    index, letters = asset("index", TARGET), asset("letters", OTHER)
    jobs = [event_asset_job(target=TARGET, assets=[index]), event_asset_job(target=OTHER, assets=[letters])]
    location = handling.location(*jobs, extra=dg.Definitions(assets=[index, letters]))
    keys = {
        target: keys_of(handling.requests(location, f"{target}_event_job")[0]) for target in (TARGET, OTHER)
    }
    selection = [
        *(target_key(one) for one in keys),
        *(dg.AssetKey(["iu_delivery", f"recorded_{one}"]) for one in keys),
        index.key,
        letters.key,
    ]
    location.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=selection,
        instance=handling.instance,
        raise_on_error=False,
        run_config={
            "ops": {
                target_key(one).to_python_identifier(): {"config": {"deliveries": keys[one]}} for one in keys
            }
        },
    )
    assert read == {"index": keys[TARGET], "letters": keys[OTHER]}
    assert handling.decisions() == ["sent"]
    assert [one["route_code"] for one in handling.world.owner.fetch_all(
        """select r.route_code from public.iu_delivery as d
           inner join public.iu_delivery_route as r on r.route_no = d.route_no"""
    )] == [ROUTE]  # fmt: skip
