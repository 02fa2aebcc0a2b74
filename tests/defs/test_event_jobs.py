"""Jobs that handle events: their declaration, what a run does, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

import dagster as dg
import pytest

from defs.code_location import Location, failure, materializations
from defs.delivering import all_metadata, materialized_one
from defs.handling import ROUTE, TARGET, Handling, keys_of
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit import tags
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.event_jobs import Event, EventJob, event_asset_job, event_job
from iu_pipelines.domain import deliveries
from iu_pipelines.errors import UsageError

TO: Final = ["iu_delivery", "to_search"]
SECRET: Final = "the card 4111 1111 1111 1111"


@event_job(target="imported", name="imported_job")
def imported(event: Event) -> None:
    """A job that a test names by its path."""


def handled(event: Event) -> None:
    """A handler."""


def described(_context: Any, _event: Event) -> None:
    """A handler whose first parameter has another name than `context`."""


def keywords(*, event: Event) -> None:
    """A handler that cannot be called."""


def spread(*events: Event) -> None:
    """A handler with no fixed number of parameters."""


async def waits(event: Event) -> None:
    """A coroutine, which does nothing when it is called."""


def generates(event: Event) -> Iterator[None]:
    """A generator, which does nothing when it is called."""
    yield


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (lambda: None, "parameters"),
        (described, "parameters"),
        (keywords, "parameters"),
        (spread, "parameters"),
        (waits, "a coroutine or a generator"),
        (generates, "a coroutine or a generator"),
        (lambda event: None, "name = '<lambda>' is refused"),
    ],
)
def test_a_function_that_cannot_be_called_with_an_event_is_refused(
    handler: Callable[..., None], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        event_job(target=TARGET)(handler)


@pytest.mark.parametrize("target", ["", "Search", "a b", "x" * 101])
def test_a_name_that_no_target_has_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match="target = "):
        event_job(target=target)(handled)
    with pytest.raises(UsageError, match="target = "):
        event_asset_job(target=target, assets=["made"])


def test_a_declaration_without_its_parentheses_is_told_the_right_form() -> None:
    bare: Any = event_job
    for declare in (lambda: bare(handled), lambda: bare(TARGET), bare):
        with pytest.raises(UsageError) as refused:
            declare()
        assert refused.value.message == "event_job without the name of a target: target = ''"
        assert '@event_job(target="NAME")' in str(refused.value.hint)


def test_a_job_of_assets_needs_some() -> None:
    with pytest.raises(UsageError, match="has no asset"):
        event_asset_job(target=TARGET, assets=[])
    with pytest.raises(TypeError, match="has no handler"):
        event_asset_job(target=TARGET, assets=["made"])(None)


def of(target: str, name: str) -> EventJob:
    return event_job(target=target, name=name)(handled)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"event_jobs": [handled]}, "Not a job of events: declare it with event_job"),
        ({"event_jobs": "defs.test_event_jobs.imported"}, "Not a list of jobs"),
        ({"event_jobs": ["defs.test_event_jobs.nothing"]}, "nothing"),
        (
            {"event_jobs": [of("a", "one"), of("a", "two")]},
            "event_jobs = [<job one of target a>, <job two of target a>] is refused "
            "Two jobs of events are for the target a. ",
        ),
        (
            {"event_jobs": [of("a.b", "one"), of("a-b", "two")]},
            "Two jobs of events are for the target a.b or a-b. ",
        ),
        ({"event_jobs": [of("a", "one"), of("b", "one")]}, "Two jobs of events have the name one. "),
        (
            {"event_jobs": [of("a", "one")], "targets": ["a"]},
            "Two places, targets and event_jobs, have the target a. ",
        ),
    ],
)
def test_jobs_that_a_mount_cannot_have_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        Mount(**fields)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_a_mount_takes_the_path_of_a_job() -> None:
    assert Mount.model_validate({"event_jobs": ["defs.test_event_jobs.imported"]}).event_jobs == (imported,)


def test_a_handler_is_called_as_it_is() -> None:
    seen: list[Any] = []

    def both(context: Any, event: Any) -> None:
        seen.append((context, event))

    event_job(target=TARGET)(both)("context", "event")
    assert seen == [("context", "event")]


def test_the_handler_gets_each_event(handling: Handling) -> None:
    handling.add()
    (first,) = handling.world.emit(7)
    location = handling.location()
    assert location.tick("reindex_sensor").skip_message is None
    (result,) = handling.run_all(location)
    assert result.success
    (event,) = handling.events
    (row,) = handling.world.owner.fetch_all("select * from public.event_outbox")
    assert (event.event_id, event.type, event.canonical_address) == (first, "version_applied", "doc/7")
    assert (event.domain, event.stream) == (row["event_domain"], row["event_stream"])
    assert (event.subject_ref, event.route_code, event.attempt_no) == (UUID(int=7), ROUTE, 1)
    assert event.time == row["created_at"]
    assert event.time.tzinfo is not None
    assert not event.replayed
    assert event.data == {"version_seq": 1}
    assert (
        event.key
        == f"evt_{first.hex}_{handling.world.owner.fetch_value('select route_no from iu_delivery_route')}"
    )
    assert handling.decisions() == ["sent"]
    (summary,) = materializations(result, TO)
    assert (summary["claimed"], summary["sent"], summary["retry"], summary["failed"]) == (1, 1, 0, 0)
    (why,) = [one for one in deliveries.why(handling.world.owner, first) if one.attempts]
    assert why.run_ref == result.run_id


def test_a_handler_gets_the_context_and_resources_of_its_run(handling: Handling) -> None:
    seen: list[tuple[str, Any]] = []

    def index(context: dg.OpExecutionContext, event: Event) -> None:
        seen.append((context.run.run_id, context.resources.index))

    job = event_job(target=TARGET, required_resource_keys={"index"})(index)
    handling.add()
    handling.world.emit(1)
    location = handling.location(job, resources={"index": dg.ResourceDefinition.hardcoded_resource("open")})
    (result,) = handling.run_all(location, "index")
    assert seen == [(result.run_id, "open")]


def test_events_of_a_subject_are_handled_in_their_order_one_after_the_other(handling: Handling) -> None:
    handling.add('{"events_per_run": 10}')
    events = handling.world.emit(1, 3)
    location = handling.location()
    for place in range(3):
        (request,) = handling.requests(location)
        assert len(keys_of(request)) == 1
        assert handling.run(location, request).success
        assert handling.handled() == events[: place + 1]
    assert location.tick("reindex_sensor").skip_message == "nothing is due"
    sequences = [one.sequence for one in handling.events]
    assert sequences == sorted(sequences)


def test_a_run_gets_events_of_several_subjects_up_to_events_per_run(handling: Handling) -> None:
    handling.add('{"events_per_run": 3, "max_runs": 2}')
    for number in range(8):
        handling.world.emit(number)
    location = handling.location()
    requests = handling.requests(location)
    assert [len(keys_of(one)) for one in requests] == [3, 3]
    assert len({key for one in requests for key in keys_of(one)}) == 6
    for one in requests:
        assert dg.MAX_RUNTIME_SECONDS_TAG in one.tags
        assert handling.run(location, one).success
    assert len(handling.events) == 6
    assert [len(keys_of(one)) for one in handling.requests(location)] == [2]


def test_no_more_runs_than_max_runs_are_unfinished(handling: Handling) -> None:
    handling.add('{"max_runs": 2}')
    for number in range(3):
        handling.world.emit(number)
    location = handling.location()
    first, second = handling.requests(location)
    handling.add_run(first, dg.DagsterRunStatus.STARTING)
    (left,) = handling.requests(location)
    assert keys_of(left) not in (keys_of(first), [])
    handling.add_run(second, dg.DagsterRunStatus.STARTED)
    assert "2 runs are queued or running" in location.tick("reindex_sensor").skip_message


def test_one_tick_requests_fifty_runs_at_most(handling: Handling) -> None:
    handling.add('{"max_runs": 1000}')
    for number in range(52):
        handling.world.emit(number)
    assert len(handling.requests(handling.location())) == 50


@pytest.mark.parametrize(
    ("max_runs", "said"),
    [
        (2, "nothing is due besides what run {run} is for"),
        (1, "1 run is queued or running, as many as max_runs of the target allows"),
    ],
)
def test_a_tick_that_requests_nothing_says_which_run_is_unfinished(
    handling: Handling, max_runs: int, said: str
) -> None:
    handling.add(f'{{"max_runs": {max_runs}}}')
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    run = handling.add_run(request, dg.DagsterRunStatus.STARTED)
    assert location.tick("reindex_sensor").skip_message == said.format(run=run)


def test_a_repeated_tick_requests_the_same_runs(handling: Handling) -> None:
    handling.add('{"events_per_run": 2}')
    for number in range(3):
        handling.world.emit(number)
    location = handling.location()
    several, one = first = handling.requests(location)
    assert [request.run_key for request in first] == [
        request.run_key for request in handling.requests(location)
    ]
    assert one.run_key == f"{keys_of(one)[0]}:1"
    assert several.run_key
    assert several.run_key.endswith(":1")
    assert set(several.run_config) == {"deliveries"}
    assert several.tags[tags.TARGET] == TARGET
    assert (several.tags[tags.EVENTS], several.tags[tags.ROUTE]) == ("2", ROUTE)
    assert one.tags[tags.EVENT].replace("-", "") == keys_of(one)[0].split("_")[1]
    assert one.tags[tags.SUBJECT] == str(UUID(int=2))
    assert tags.EVENT not in several.tags


def test_a_run_that_ended_before_it_claimed_is_launched_again_after_a_pause(
    handling: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    handling.add_run(request, dg.DagsterRunStatus.FAILURE)
    said = location.tick("reindex_sensor").skip_message
    assert said == "1 delivery waits, because a run for it ended a moment ago without a claim"
    pauses = "iu_pipelines.defs.event_requests._FIRST_PAUSE"
    monkeypatch.setattr(pauses, 0.0)
    (again,) = handling.requests(location)
    assert again.run_key == f"{keys_of(request)[0]}:2"
    run_id = handling.add_run(again, dg.DagsterRunStatus.FAILURE)
    assert handling.requests(location)[0].run_key == f"{keys_of(request)[0]}:3"
    handling.instance.delete_run(run_id)
    (pruned,) = handling.requests(location)
    assert pruned.run_key == f"{keys_of(request)[0]}:2"
    assert handling.run(location, pruned).success
    assert len(handling.events) == 1


def test_the_pauses_grow(handling: Handling, monkeypatch: pytest.MonkeyPatch) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    for number in range(1, 12):
        again = request._replace(tags={**request.tags, tags.LAUNCH_NO: str(number)})
        handling.add_run(again, dg.DagsterRunStatus.FAILURE)
    monkeypatch.setattr("iu_pipelines.defs.event_requests._LONGEST_PAUSE", 0.0)
    assert handling.requests(location)[0].run_key == f"{keys_of(request)[0]}:12"
    monkeypatch.setattr("iu_pipelines.defs.event_requests._LONGEST_PAUSE", 300.0)
    monkeypatch.setattr("iu_pipelines.defs.event_requests._FIRST_PAUSE", 1.0)
    assert not handling.requests(location), "2 ** 10 times as long as the first"


def test_a_retry_that_is_due_does_not_wait_longer(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    handling.answer = refuse
    handling.run_all(location)
    handling.world.pass_time(5)
    (again,) = handling.requests(location)
    assert again.tags[tags.LAUNCH_NO] == "2"


def refuse(_event: Event) -> None:
    raise ValueError(SECRET)


def test_a_run_that_was_never_launched_is_requested_under_its_run_key(handling: Handling) -> None:
    """The daemon was killed between the run's creation and its launch: it launches a run that it finds."""
    handling.add('{"max_runs": 1}')
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    handling.add_run(request, dg.DagsterRunStatus.NOT_STARTED)
    assert [one.run_key for one in handling.requests(location)] == [request.run_key]


def test_a_run_whose_time_is_over_holds_nothing(handling: Handling) -> None:
    """Without run monitoring, the run of a host that is gone stays STARTED for ever."""
    handling.add('{"max_runs": 1, "max_run_seconds": 1}')
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    long_ago = request._replace(tags={**request.tags, dg.MAX_RUNTIME_SECONDS_TAG: "-60"})
    run_id = handling.add_run(long_ago, dg.DagsterRunStatus.STARTED)
    assert handling.claim_as(run_id, keys_of(request))
    handling.world.pass_time(3_600)
    (again,) = handling.requests(location)
    assert handling.run(location, again).success
    assert [one.attempt_no for one in handling.events] == [2]


def test_a_second_run_for_the_same_events_does_nothing(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1, 2)
    location = handling.location()
    (request,) = handling.requests(location)
    first = handling.run(location, request)
    second = handling.run(location, request)
    assert (first.success, second.success, len(handling.events)) == (True, True, 1)
    assert not materializations(second, TO)
    assert handling.decisions() == ["sent"]


def test_a_run_whose_delivery_was_claimed_again_does_not_say_that_it_sent_it(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)

    def be_slow(_event: Event) -> None:
        handling.world.pass_time(3_600)
        assert handling.claim_as("8f2a9b52-0000-4000-8000-000000000002", keys_of(request))

    handling.answer = be_slow
    result = handling.run(location, request)
    (summary,) = materializations(result, TO)
    assert (summary["sent"], summary["late"]) == (0, 1)
    (left,) = handling.world.queue()
    assert left["claim_id"] is not None, "the other claim decides"
    assert f"{keys_of(request)[0]}: the outcome came too late" in all_metadata(handling.instance)


def test_a_run_leaves_what_another_run_is_working_on(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    busy = handling.add_run(request, dg.DagsterRunStatus.STARTED)
    assert handling.claim_as(busy, keys_of(request))
    handling.world.pass_time(3_600)
    result = handling.run(location, request)
    assert result.success
    assert not handling.events
    assert f"is delivered by the run {busy}" in all_metadata(handling.instance)


def test_a_step_that_is_tried_again_takes_up_what_it_claimed(handling: Handling) -> None:
    """The connection ended after the claim was committed, so the step did not get its answer."""
    handling.add('{"events_per_run": 2}')
    handling.world.emit(1)
    handling.world.emit(2)
    location = handling.location()
    (request,) = handling.requests(location)
    run_id = "8f2a9b52-0000-4000-8000-000000000001"
    assert len(handling.claim_as(run_id, keys_of(request))) == 2
    result = location.definitions.resolve_job_def("reindex").execute_in_process(
        run_config=dict(request.run_config), instance=handling.instance, run_id=run_id, raise_on_error=False
    )
    assert result.success
    assert [one.attempt_no for one in handling.events] == [1, 1]
    assert handling.decisions() == ["sent", "sent"]


@pytest.mark.parametrize(
    ("gate", "value", "word"),
    [
        ("master", "false", "master_gate_closed"),
        ("delivery", "false", "delivery_gate_closed"),
        ("live_routes", "", "not_listed"),
        ("jobs", "false", "jobs_gate_closed"),
    ],
)
def test_a_closed_gate_holds_and_a_run_that_was_queued_claims_nothing(
    handling: Handling, gate: str, value: str, word: str
) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    handling.world.set_gate(gate, value)
    said = location.tick("reindex_sensor").skip_message
    assert said.startswith("everything is held: ")
    assert word in said
    assert handling.run(location, request).success
    assert not handling.events
    handling.open_gates()
    assert handling.run(location, request).success
    assert len(handling.events) == 1


def test_a_demotion_holds_and_the_sensor_names_it(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    (request,) = handling.requests(location)
    handling.world.owner.fetch_value("select public.fn_iu_route_demote(%s, 'test')", (ROUTE,))
    assert "everything is held" in location.tick("reindex_sensor").skip_message
    assert handling.run(location, request).success
    assert not handling.events


@pytest.mark.parametrize(
    ("answer", "decision", "wait"),
    [
        (dg.RetryRequested(seconds_to_wait=7.2), "retry", 8),
        (dg.RetryRequested(), "retry", None),
        (dg.RetryRequested(seconds_to_wait=-5), "retry", None),
        (dg.RetryRequested(seconds_to_wait=float("inf")), "retry", 86_400),
        (dg.RetryRequested(seconds_to_wait=float("nan")), "retry", None),
        (dg.Failure(SECRET, allow_retries=False), "failed", None),
        (dg.Failure(SECRET), "retry", None),
        (ValueError(SECRET), "retry", None),
        (type("Long" * 1000, (Exception,), {})(SECRET), "retry", None),
        (asyncio.CancelledError(), "retry", None),
        (SystemExit(1), "retry", None),
    ],
)
def test_what_a_handler_raises_decides(
    handling: Handling, answer: BaseException, decision: str, wait: int | None
) -> None:
    def raises(_event: Event) -> None:
        raise answer

    handling.add()
    handling.world.emit(1)
    handling.answer = raises
    location = handling.location()
    (request,) = handling.requests(location)
    handling.run_to_its_end(location, request)
    (outcome,) = handling.outcomes()
    assert (outcome["decision"], outcome["retry_after_seconds"]) == (decision, wait)
    assert SECRET not in str(handling.outcomes())
    assert handling.failures() == [1]
    (left,) = handling.world.queue()
    assert (left["dead_at"] is not None) == (decision == "failed")
    assert left["claim_id"] is None


def test_a_handler_that_returns_before_it_began_is_not_taken_for_one_that_succeeded(
    handling: Handling,
) -> None:
    def lazy(event: Event) -> Any:
        return waits(event)

    job = event_job(target=TARGET)(lazy)
    handling.add()
    handling.world.emit(1)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        (result,) = handling.run_all(handling.location(job), "lazy")
    assert not result.success
    assert handling.decisions() == ["retry"]


def test_the_text_of_an_exception_is_in_the_log_of_the_run_only(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    handling.answer = refuse
    (result,) = handling.run_all(handling.location())
    assert failure(result).endswith("the handler raised ValueError")
    assert SECRET in all_metadata(handling.instance)
    tables = handling.world.owner.fetch_all(
        "select table_name from information_schema.tables where table_schema = 'public'"
    )
    for row in tables:
        text = handling.world.owner.fetch_value(
            f"select coalesce(string_agg(t::text, ' '), '') from public.{row['table_name']} as t"
        )
        assert SECRET not in text, row["table_name"]


def test_one_event_that_fails_leaves_the_others(handling: Handling) -> None:
    handling.add('{"events_per_run": 3}')
    events = [handling.world.emit(number)[0] for number in (1, 2, 3)]

    def refuses_the_second(event: Event) -> None:
        if event.event_id == events[1]:
            raise ValueError

    handling.answer = refuses_the_second
    (result,) = handling.run_all(handling.location())
    assert not result.success
    assert failure(result).startswith("1 of 3 events were not sent; evt_")
    assert handling.handled() == events
    assert handling.decisions() == ["sent", "retry", "sent"]


@pytest.mark.parametrize("at_most_once", [False, True])
@pytest.mark.parametrize(
    "cancellation", [dg.DagsterExecutionInterruptedError, KeyboardInterrupt, asyncio.CancelledError]
)
def test_a_cancelled_run_gives_back_what_it_did_not_begin(
    handling: Handling, cancellation: type[BaseException], at_most_once: bool
) -> None:
    handling.add('{"events_per_run": 4}', at_most_once=at_most_once)
    events = [handling.world.emit(number)[0] for number in range(4)]

    def cancels_the_second(event: Event) -> None:
        if event.event_id == events[1]:
            raise cancellation

    handling.answer = cancels_the_second
    location = handling.location()
    (request,) = handling.requests(location)
    handling.run_to_its_end(location, request)
    assert handling.handled() == events[:2]
    assert handling.decisions() == ["sent", "failed" if at_most_once else "retry", "retry", "retry"]
    assert handling.failures() == [1, 0, 0]
    assert [one["dead_at"] is not None for one in handling.world.queue()] == [at_most_once, False, False]


def test_nothing_is_approved_in_dagster_and_without_a_config_nothing_is_done(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location = handling.location()
    result = materialized_one(location, dg.AssetKey(TO))
    assert result.success
    assert not materializations(result, TO)
    assert handling.world.queue() == []
    assert not handling.events
    location.tick("reindex_sensor")
    assert materialized_one(location, dg.AssetKey(TO)).success
    assert not handling.events
    jobs = [one.name for one in location.definitions.resolve_all_job_defs()]
    assert not [name for name in jobs if "promot" in name or "approv" in name]


@pytest.mark.parametrize("keys", [["evt_1"], ["'; drop table"], [f"evt_{'0' * 32}_1"] * 1001])
def test_a_config_that_names_no_deliveries_is_refused(handling: Handling, keys: list[str]) -> None:
    handling.add()
    with pytest.raises(dg.DagsterInvalidConfigError, match="deliveries"):
        handling.location().run("reindex", {"deliveries": keys})


def test_a_job_of_another_kind_than_its_target_fails_with_one_line(handling: Handling) -> None:
    handling.add(kind="pull")
    location = handling.location()
    said = "the target search is of kind pull, and the job reindex is for dagster_job"
    assert said in location.tick("reindex_sensor").skip_message
    assert said in failure(location.run("reindex"))


def test_a_target_that_is_not_granted_is_named_with_what_to_do(handling: Handling) -> None:
    location = handling.location()
    said = "no such target is granted to this login: 'search'"
    assert said in location.tick("reindex_sensor").skip_message
    assert "iu target add search --kind dagster_job" in location.tick("reindex_sensor").skip_message
    assert said in failure(location.run("reindex"))


def test_a_target_without_a_route_is_named(handling: Handling) -> None:
    handling.world.add_target(TARGET, kind="dagster_job", address="")
    said = handling.location().tick("reindex_sensor").skip_message
    assert said == "no route was ever promoted to the target"


def test_a_route_of_the_seeds_is_promoted_to_a_job(handling: Handling) -> None:
    """The seeds' kind of target, `workflow`, is an alias of both kinds."""
    handling.world.add_target("event_outbox", kind="dagster_job", address="")
    handling.world.promote("iu.version_applied.workflow", valid_for="20 days")
    handling.open_gates()
    (event,) = handling.world.emit(1)
    got: list[UUID] = []

    def workflow(event: Event) -> None:
        got.append(event.event_id)

    job = event_job(target="event_outbox")(workflow)
    (result,) = handling.run_all(handling.location(job), "workflow")
    assert result.success
    assert got == [event]


def test_an_outbox_with_a_name_has_jobs_of_its_own(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    url_resources = handling.location().definitions.resources or {}
    location = handling.location(
        name="orders",
        database_url_variable="ORDERS",
        resources={f"orders_{key}": value for key, value in url_resources.items()},
    )
    (request,) = handling.requests(location, "orders_reindex")
    assert request.tags[tags.TARGET] == "orders/search"
    assert handling.run(location, request, "orders_reindex").success
    assert len(handling.events) == 1


def test_the_asset_of_a_target_is_downstream_of_the_outbox(handling: Handling) -> None:
    graph = handling.location().definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(dg.AssetKey(TO)).parent_keys} == {
        *("event_outbox", "dot_config", "iu_outbound_route")
    }


def test_the_drains_leave_such_a_target(handling: Handling) -> None:
    handling.add()
    handling.world.emit(1)
    location: Location = handling.location(targets=["other"])
    assert not location.tick("delivery_sensor").run_requests


def test_a_target_may_have_every_character_of_a_name_in_it() -> None:
    @event_job(target="eu.search-1")
    def reindex(_event: Event) -> None:
        """A job whose target has no name of Python."""

    assert event_asset_job(target="de.pages-2", assets=["pages"]).name == "de_pages_2_event_job"
    repository = build_defs(Mount(event_jobs=(reindex,), targets=("a.b",))).get_repository_def()
    assert "reindex" in {one.name for one in repository.get_all_jobs()}
