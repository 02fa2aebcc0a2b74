"""Jobs that materialize assets for events: the lineage, what the assets get, and how a run ends."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob

from defs import event_asset_location
from defs.code_location import Location, failure, materializations
from defs.handling import TARGET, Handling, keys_of
from delivery.world import url_of
from iu_pipelines import Mount, target_key
from iu_pipelines.defs import event_jobs
from iu_pipelines.defs.kit.event_jobs import Event, event_asset_job
from iu_pipelines.domain import deliveries
from iu_pipelines.errors import ConnectionFailed, UsageError

JOB: Final = "search_event_job"
TO: Final = ["iu_delivery", "to_search"]
RECORDED: Final = ["iu_delivery", "recorded_search"]
FIRST: Final = dg.AssetKey("documents")
SECOND: Final = dg.AssetKey("index")


class Assets:
    """A code location with two assets, one downstream of the other, for the events of a target."""

    def __init__(self, handling: Handling) -> None:
        self.read: list[list[Event]] = []
        self.made: list[str] = []
        self.first: Callable[[], None] = lambda: None
        self.second: Callable[[], None] = lambda: None
        self.passes = True
        self.handling = handling

        @dg.asset(key=FIRST, deps=[target_key(TARGET)], required_resource_keys={"events"})
        def documents(context: dg.AssetExecutionContext) -> None:
            self.read.append(context.resources.events.read(context))
            self.first()
            self.made.append("documents")

        @dg.asset(key=SECOND, deps=[documents], required_resource_keys={"events"})
        def index(context: dg.AssetExecutionContext) -> None:
            self.read.append(context.resources.events.read(context))
            self.second()
            self.made.append("index")

        @dg.asset_check(asset=documents, blocking=True)
        def complete() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=self.passes)

        @dg.asset
        def elsewhere() -> None:
            self.made.append("elsewhere")

        self.documents, self.index, self.elsewhere = documents, index, elsewhere
        self.extra = dg.Definitions(assets=[documents, index, elsewhere], asset_checks=[complete])
        self.location = self.mount(documents, index)

    def mount(self, *assets: dg.AssetsDefinition) -> Location:
        job = event_asset_job(target=TARGET, assets=assets)
        return self.handling.location(job, extra=self.extra)

    def run(self, location: Location | None = None) -> dg.ExecuteInProcessResult:
        """Execute what a tick requests, which is one run."""
        chosen = location or self.location
        (request,) = self.handling.requests(chosen, JOB)
        return self.handling.run(chosen, request, JOB)

    def tick(self) -> None:
        self.location.tick(f"{JOB}_sensor")


@pytest.fixture
def assets(handling: Handling) -> Assets:
    return two_events(handling)


def two_events(handling: Handling) -> Assets:
    """Return assets for whose target two events wait."""
    handling.add('{"events_per_run": 2}', kind="dagster_asset")
    for number in (1, 2):
        handling.world.emit(number)
    return Assets(handling)


def raises() -> None:
    raise ValueError


def test_assets_lie_between_the_delivery_and_its_record(assets: Assets) -> None:
    graph = assets.location.definitions.resolve_asset_graph()
    to, recorded = dg.AssetKey(TO), dg.AssetKey(RECORDED)
    assert dg.AssetKey("event_outbox") in graph.get(to).parent_keys
    assert graph.get(FIRST).parent_keys == {to}
    assert graph.get(SECOND).parent_keys == {FIRST}
    assert graph.get(recorded).parent_keys == {FIRST, SECOND}


def test_a_run_claims_makes_each_asset_and_records(assets: Assets) -> None:
    result = assets.run()
    assert result.success
    assert assets.made == ["documents", "index"]
    assert [[one.subject_ref for one in events] for events in assets.read] == [[UUID(int=1), UUID(int=2)]] * 2
    assert assets.handling.decisions() == ["sent", "sent"]
    assert [one["claimed"] for one in materializations(result, TO)] == [2]
    assert [(one["sent"], one["late"]) for one in materializations(result, RECORDED)] == [(2, 0)]


def test_a_second_run_makes_nothing(assets: Assets) -> None:
    (request,) = assets.handling.requests(assets.location, JOB)
    assert assets.handling.run(assets.location, request, JOB).success
    again = assets.handling.run(assets.location, request, JOB)
    assert again.success
    assert not again.get_asset_materialization_events()
    assert assets.made == ["documents", "index"]


def test_an_asset_that_is_materialized_alone_reads_no_event(assets: Assets) -> None:
    assert assets.location.materialize("documents").success
    assert assets.read == [[]]


def test_the_key_of_a_target_is_found_by_the_mount_or_its_name() -> None:
    shop, parts = Mount(name="shop"), Mount(name="shop", key_prefix=("one", "two"))
    assert target_key(TARGET).path == TO
    assert target_key(TARGET, "shop") == target_key(TARGET, shop) == dg.AssetKey(["shop", *TO])
    assert target_key(TARGET, parts).path == ["one", "two", *TO]
    assert [event_jobs._target_key(mount, TARGET) for mount in (Mount(), shop, parts)] == [
        'target_key("search")',
        'target_key("search", "shop")',
        f"dg.AssetKey({target_key(TARGET, parts).path})",
    ]
    with pytest.raises(UsageError, match="name = 'Shop' is refused"):
        target_key(TARGET, "Shop")


@pytest.mark.parametrize("which", ["elsewhere", "first"])
def test_an_asset_that_is_not_downstream_is_named_before_anything_is_claimed(
    assets: Assets, which: str
) -> None:
    chosen = (assets.elsewhere,) if which == "elsewhere" else (assets.index,)
    result = assets.run(assets.mount(*chosen))
    name = "elsewhere" if which == "elsewhere" else "index"
    assert f"the asset {name} of the job {JOB} is not downstream of iu_delivery/to_search" in failure(result)
    assert 'Add deps=[target_key("search")] to it.' in failure(result)
    assert assets.handling.decisions() == []
    assert [one["claims"] for one in assets.handling.world.queue()] == [0, 0]


@pytest.mark.parametrize("which", ["first", "second"])
def test_an_asset_that_fails_leaves_the_events_for_the_next_run(assets: Assets, which: str) -> None:
    setattr(assets, which, raises)
    assert not assets.run().success
    assert assets.handling.decisions() == []
    assets.tick()
    assert assets.handling.decisions() == ["retry", "retry"]
    assert assets.handling.failures() == [1, 1]
    setattr(assets, which, lambda: None)
    assets.handling.world.pass_time(5)
    assert assets.run().success
    assert assets.handling.decisions()[2:] == ["sent", "sent"]
    assert [one.attempt_no for one in assets.read[-1]] == [2, 2]


def test_a_blocking_check_that_fails_leaves_the_events_for_the_next_run(assets: Assets) -> None:
    assets.passes = False
    assert not assets.run().success
    assert "index" not in assets.made
    assets.tick()
    assert assets.handling.decisions() == ["retry", "retry"]


def test_events_whose_assets_were_all_made_are_sent_though_they_could_not_be_recorded(
    assets: Assets, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = deliveries.record

    def away(*_arguments: Any) -> Any:
        raise ConnectionFailed("the server is away")

    monkeypatch.setattr("iu_pipelines.defs.event_runs._RECORD_SECONDS", 0)
    monkeypatch.setattr(deliveries, "record", away)
    assert not assets.run().success
    assert assets.made == ["documents", "index"]
    monkeypatch.setattr(deliveries, "record", record)
    assets.tick()
    assert assets.handling.decisions() == ["sent", "sent"]
    assert assets.location.tick(f"{JOB}_sensor").skip_message == "nothing is due"


def test_a_run_that_ended_before_the_first_asset_counts_no_failure(assets: Assets) -> None:
    (request,) = assets.handling.requests(assets.location, JOB)
    run_id = assets.handling.add_run(request, dg.DagsterRunStatus.FAILURE, JOB)
    assert len(assets.handling.claim_as(run_id, keys_of(request))) == 2
    assets.tick()
    assert assets.handling.decisions() == ["retry", "retry"]
    assert assets.handling.failures() == [0, 0]


def test_a_run_that_was_killed_between_two_assets_leaves_the_events_for_the_next_run(assets: Assets) -> None:
    """The process was killed, so that no step has failed; one of the assets was made."""
    (request,) = assets.handling.requests(assets.location, JOB)
    run_id = assets.handling.add_run(request, dg.DagsterRunStatus.FAILURE, JOB)
    assert len(assets.handling.claim_as(run_id, keys_of(request))) == 2
    for key in (dg.AssetKey(TO), FIRST, SECOND):
        planned = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
            job_name=JOB,
            event_specific_data=dg._core.events.AssetMaterializationPlannedData(key),
        )
        assets.handling.instance.report_dagster_event(planned, run_id)
    for key in (dg.AssetKey(TO), FIRST):
        made = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            job_name=JOB,
            event_specific_data=dg._core.events.StepMaterializationData(dg.AssetMaterialization(key), []),
        )
        assets.handling.instance.report_dagster_event(made, run_id)
    assets.tick()
    assert assets.handling.decisions() == ["retry", "retry"]


def test_a_run_that_is_cancelled_in_an_asset_leaves_the_events_for_the_next_run(assets: Assets) -> None:
    def cancelled() -> None:
        raise dg.DagsterExecutionInterruptedError

    assets.first = cancelled
    (request,) = assets.handling.requests(assets.location, JOB)
    assets.handling.run_to_its_end(assets.location, request, JOB)
    assets.tick()
    assert assets.handling.decisions() == ["retry", "retry"]
    assert assets.handling.failures() == [1, 1]


@pytest.mark.parametrize("gate", ["master", "delivery", "jobs"])
def test_a_closed_gate_makes_no_asset(assets: Assets, gate: str) -> None:
    (request,) = assets.handling.requests(assets.location, JOB)
    assets.handling.world.set_gate(gate, "false")
    result = assets.handling.run(assets.location, request, JOB)
    assert result.success
    assert not result.get_asset_materialization_events()
    assert assets.made == []


@pytest.mark.stored
def test_each_step_in_its_own_process_reads_what_the_first_has_claimed(
    handling: Handling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handling.add('{"events_per_run": 2}', kind="dagster_asset", target="pages", route="shop.pages")
    for number in (1, 2):
        handling.world.emit(number)
    file = tmp_path / "handled"
    # Dagster takes the first entry of sys.path away in each process, and looks in the working directory.
    monkeypatch.chdir(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("HANDLED_FILE", str(file))
    monkeypatch.setenv("OUTBOX_URL", url_of(handling.world.url, handling.admin))
    monkeypatch.setenv("OUTBOX_SENDER_URL", url_of(handling.world.url, handling.world.login))
    location = Location(event_asset_location.definitions(), handling.instance)
    (request,) = handling.requests(location, "pages_event_job")
    with dg.execute_job(
        ReconstructableJob.for_file(str(event_asset_location.__file__), "job"),
        instance=handling.instance,
        run_config=dict(request.run_config),
        tags=dict(request.tags),
    ) as result:
        assert result.success
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    assert [word for word, *_ in lines] == ["drafts", "pages"]
    assert len({pid for _, pid, *_ in lines}) == 2
    assert [sorted(keys) for _, _, *keys in lines] == [sorted(keys_of(request))] * 2
    assert handling.decisions() == ["sent", "sent"]
