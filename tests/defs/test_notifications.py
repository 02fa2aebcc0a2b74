"""Notifications: each failure is reported once, and letters that appear turn a check without a run."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest
import requests
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

import pages
from defs.code_location import Location
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import notifications
from iu_pipelines.defs.dead_letters import DEAD_LETTERS_OPEN
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.gates import GATES_OPEN
from iu_pipelines.defs.health import BACKLOG_MOVING
from iu_pipelines.defs.kit import notice_channels, notice_cursor
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.notice_channels import NotDelivered, clean
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import dead_letters, gates, worker
from iu_pipelines.errors import UsageError
from iu_pipelines.settings import load

Emit = Callable[[int], list[Any]]
Live = Callable[[bool], None]

STALLED = """
    alter table public.event_outbox disable trigger user;
    update public.event_outbox set created_at = created_at - interval '1 day';
    alter table public.dot_config disable trigger user;
    update public.dot_config set updated_at = updated_at - interval '1 day';
    update public.iu_route_worker_cursor
    set last_progress_at = now() - interval '1 day', last_run_at = now() - interval '1 day',
        added_at = added_at - interval '1 day';
"""


class Watch:
    """The sensor of one mount. It keeps the cursor as Dagster does, and stores what a tick returns."""

    def __init__(self, instance: dg.DagsterInstance, mount: Mount, url: str) -> None:
        gateway = GatewayResource(database_url=url)
        self.mount = mount
        self.location = Location(build_defs(mount, resources={mount.resource_key: gateway}), instance)
        self.cursor: str | None = None

    def tick(self) -> Any:
        """Evaluate a tick. One that raises leaves the cursor as it was."""
        made = self.location.tick(self.mount.named("notification_sensor"), self.cursor)
        self.cursor = made.cursor
        for event in made.asset_events:
            self.location.instance.report_runless_asset_event(event)
        return made

    def evaluate(self, gateway: Gateway, check: Check) -> None:
        """Record an evaluation of `check`, as a run or a sensor does."""
        self.location.instance.report_runless_asset_event(check.evaluation(gateway, self.mount))

    def fail(self, gateway: Gateway) -> dg.ExecuteInProcessResult:
        """Execute a run of the worker that fails with IU501."""
        gateway.execute("update public.iu_route_worker_cursor set anchor_no = 0")
        result = self.location.run(self.mount.named("route_worker_job"))
        assert not result.success
        return result


class Receiver:
    """A function for `Mount.notify`. It raises `fault` if there is one."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.fault: Exception | None = None

    def __call__(self, notice: Notice) -> None:
        if self.fault:
            raise self.fault
        self.notices.append(notice)

    def taken(self) -> list[tuple[str, str]]:
        """Return the kind and subject of each notice since the last call."""
        found: list[tuple[str, str]] = [(notice.kind, notice.subject) for notice in self.notices]
        self.notices.clear()
        return found


class Webhook:
    """An HTTP server that records the bodies posted to it, and answers with `status`."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 204
        self.answers = threading.Event()
        self.answers.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.answers.wait(10)
                status = hook.status
                if status < 300:
                    hook.bodies.append(body)
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def received() -> Receiver:
    """The function that a mount notifies."""
    return Receiver()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Yield a running webhook."""
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    hook.answers.set()
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


@pytest.fixture
def watch(instance: dg.DagsterInstance, database: str, received: Receiver) -> Watch:
    """The sensor of a mount with a function, after its first tick."""
    made = Watch(instance, Mount(notify=received, replay_attempts=2), database)
    made.tick()
    return made


@pytest.fixture
def hooked(
    instance: dg.DagsterInstance, database: str, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> Watch:
    """The sensor of a mount without a function, with a webhook, after its first tick."""
    monkeypatch.setenv("IU_NOTIFY_URL", f"http://ann:s3cret@{webhook.host}/hooks/t0ken?key=k3y")
    made = Watch(instance, Mount(), database)
    made.tick()
    return made


@pytest.fixture
def letters(gateway: Gateway, emit: Emit, live_route: Live) -> Callable[[int], list[UUID]]:
    """Make open dead letters, outside Dagster."""

    def make(count: int) -> list[UUID]:
        known = {letter.dead_letter_id for letter in dead_letters.list_letters(gateway)}
        live_route(True)
        emit(count)
        for _ in worker.drain(gateway, worker.DEFAULT_WORKER, worker.RunLimits(100, 10, 60.0, 0.0)):
            pass
        found = [letter.dead_letter_id for letter in dead_letters.list_letters(gateway)]
        return [letter for letter in found if letter not in known]

    return make


def stranger() -> dg.Definitions:
    """Return the definitions of another project: a job and an asset that fail."""

    @dg.op
    def broken() -> None:
        raise ValueError("not ours")

    @dg.job
    def strange_job() -> None:
        broken()

    @dg.asset
    def strange_asset() -> None:
        raise ValueError("not ours")

    return dg.Definitions(jobs=[strange_job], assets=[strange_asset])


def test_a_failed_run_is_reported_once_with_its_error(
    watch: Watch, gateway: Gateway, emit: Emit, received: Receiver
) -> None:
    emit(1)
    watch.location.run("route_worker_job")
    run = watch.fail(gateway)
    watch.tick()
    (notice,) = [one for one in received.notices if one.kind == "run_failed"]
    assert (notice.outbox, notice.subject, notice.run_id) == ("", "route_worker_job", run.run_id)
    assert "IU501" in notice.message
    assert "\n" not in notice.message
    assert abs(notice.happened_at - datetime.now(UTC)) < timedelta(minutes=1)
    received.taken()
    watch.tick()
    assert received.taken() == []


def test_a_failed_run_of_materialize_is_reported_with_its_assets(
    watch: Watch, gateway: Gateway, emit: Emit, received: Receiver
) -> None:
    emit(1)
    watch.location.run("route_worker_job")
    gateway.execute("update public.iu_route_worker_cursor set anchor_no = 0")
    watch.location.materialize("iu_route_attempt", partition_key=watch.mount.workers[0])
    watch.tick()
    assert ("run_failed", "iu_route_attempt") in received.taken()


def test_a_failed_run_that_selects_only_a_check_is_reported(watch: Watch, received: Receiver) -> None:
    check = dg.AssetCheckKey(dg.AssetKey("iu_health_audit"), "gates_open")
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        run_id=str(uuid4()),
        asset_check_selection=frozenset({check}),
        status=dg.DagsterRunStatus.STARTED,
    )
    watch.location.instance.add_run(run)
    watch.location.instance.report_run_failed(run)
    watch.tick()
    assert received.taken() == [("run_failed", "iu_health_audit")]


@pytest.mark.parametrize("job", sorted(job.name for job in build_defs().jobs or ()))
def test_the_sensor_watches_every_job_of_the_mount(watch: Watch, received: Receiver, job: str) -> None:
    run = watch.location.add_started_run(job, {})
    watch.location.instance.report_run_failed(_run(watch, run))
    watch.tick()
    assert received.taken() == [("run_failed", job)]


def _run(watch: Watch, run_id: str) -> dg.DagsterRun:
    run = watch.location.instance.get_run_by_id(run_id)
    assert run
    return run


def test_failed_runs_of_a_stranger_and_of_another_outbox_are_not_reported(
    watch: Watch, gateway: Gateway, emit: Emit, received: Receiver, second_database: str
) -> None:
    instance, told = watch.location.instance, Receiver()
    other = Watch(instance, Mount(name="other", notify=told), second_database)
    other.tick()
    strange = Location(stranger(), instance)
    assert not strange.run("strange_job").success
    assert not strange.materialize("strange_asset").success
    emit(1)
    watch.location.run("route_worker_job")
    watch.fail(gateway)
    with Gateway(second_database) as second:
        gates.set_gate(second, gates.WORKER, "false", "test")
        other.evaluate(second, GATES_OPEN)
    watch.tick()
    other.tick()
    assert {subject for kind, subject in received.taken() if kind == "run_failed"} == {"route_worker_job"}
    assert told.taken() == [("check_failed", "gates_open")]


def test_two_mounts_in_one_code_location_report_their_own_failures(
    instance: dg.DagsterInstance, database: str, second_database: str
) -> None:
    told = {"first": Receiver(), "second": Receiver()}
    urls = {"first": database, "second": second_database}
    mounts = {name: Mount(name=name, notify=told[name]) for name in told}
    both = dg.Definitions.merge(
        *(
            build_defs(mount, resources={mount.resource_key: GatewayResource(database_url=urls[name])})
            for name, mount in mounts.items()
        ),
        stranger(),
    )
    watches = {name: Watch(instance, mounts[name], urls[name]) for name in mounts}
    for made in watches.values():
        made.location = Location(both, instance)
        made.tick()
    run = watches["second"].location.add_started_run("second_evidence_job", {})
    instance.report_run_failed(_run(watches["second"], run))
    assert not watches["first"].location.run("strange_job").success
    for made in watches.values():
        made.tick()
    assert told["first"].taken() == []
    (notice,) = told["second"].notices
    assert (notice.outbox, notice.subject) == ("second", "second_evidence_job")


def _without_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (notifications, notice_cursor):
        monkeypatch.setattr(module, "OVERLAP", timedelta())


def test_a_run_that_gets_a_tag_after_it_was_reported_is_not_reported_again(
    watch: Watch, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_overlap(monkeypatch)
    run = watch.location.add_started_run("prune_job", {})
    watch.location.instance.report_run_failed(_run(watch, run))
    watch.tick()
    assert received.taken() == [("run_failed", "prune_job")]
    watch.tick()
    watch.location.instance.add_run_tags(run, {"seen": "yes"})
    watch.tick()
    assert received.taken() == []


def test_more_failed_runs_than_one_tick_looks_at_are_each_reported_once(
    watch: Watch, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_MOST", 3)
    monkeypatch.setattr(notifications, "_MOST_RUNS", 5)
    runs = [watch.location.add_started_run("prune_job", {}) for _ in range(11)]
    for run in runs:
        watch.location.instance.report_run_failed(_run(watch, run))
    sizes = []
    for _ in range(8):
        watch.tick()
        sizes.append(len(watch.cursor or ""))
    assert [notice.run_id for notice in received.notices] == runs
    assert max(sizes) < 1_000


def test_failed_runs_of_strangers_do_not_keep_a_tick_from_those_of_the_mount(
    watch: Watch, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_MOST_RUNS", 2)
    for job in ["strange_job"] * 5 + ["prune_job"]:
        run = watch.location.add_started_run(job, {})
        watch.location.instance.report_run_failed(_run(watch, run))
    for _ in range(4):
        watch.tick()
    assert received.taken() == [("run_failed", "prune_job")]


def test_a_failed_check_is_reported_once_and_again_after_it_passed(
    watch: Watch, gateway: Gateway, received: Receiver
) -> None:
    for _ in range(2):
        gates.set_gate(gateway, gates.WORKER, "false", "test")
        watch.evaluate(gateway, GATES_OPEN)
        watch.tick()
        (notice,) = received.notices
        assert (notice.kind, notice.subject, notice.run_id) == ("check_failed", "gates_open", None)
        assert "severity WARN" in notice.message
        received.taken()
        watch.evaluate(gateway, GATES_OPEN)
        watch.tick()
        assert received.taken() == []
        gates.set_gate(gateway, gates.WORKER, "true", "test")
        watch.evaluate(gateway, GATES_OPEN)
        watch.tick()
        assert received.taken() == []


def test_an_unhealthy_worker_is_reported_with_its_name_and_its_reasons(
    watch: Watch, gateway: Gateway, emit: Emit, received: Receiver
) -> None:
    emit(1)
    gateway.run_script(STALLED)
    watch.evaluate(gateway, BACKLOG_MOVING)
    watch.tick()
    (notice,) = received.notices
    assert (notice.kind, notice.subject) == ("worker_unhealthy", "iu_outbound_default")
    assert "has not moved" in notice.message
    assert "severity ERROR" in notice.message
    watch.tick()
    assert len(received.notices) == 1


def test_checks_that_a_failed_run_did_not_evaluate_are_reported_together_and_once(
    watch: Watch, gateway: Gateway, received: Receiver
) -> None:
    gateway.execute("alter function public.fn_iu_route_worker_health(text) rename to gone")
    run = watch.location.run("health_audit_job")
    assert not run.success
    watch.tick()
    (notice,) = [one for one in received.notices if one.kind == "check_failed"]
    assert notice.subject.startswith("backlog_moving, delivery_stays_closed, gates_open, verify_010")
    assert (notice.message, notice.run_id) == (f"not evaluated: run {run.run_id} failed", run.run_id)
    received.taken()
    watch.tick()
    assert received.taken() == []


def test_a_check_of_an_unfinished_run_keeps_its_last_result(
    watch: Watch, gateway: Gateway, received: Receiver
) -> None:
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    watch.evaluate(gateway, GATES_OPEN)
    job = watch.location.definitions.resolve_job_def("health_audit_job")
    watch.location.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    watch.tick()
    watch.tick()
    assert received.taken() == [("check_failed", "gates_open")]


def test_the_states_of_all_checks_are_read_by_one_query(
    watch: Watch, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.evaluate(gateway, GATES_OPEN)
    watch.evaluate(gateway, DEAD_LETTERS_OPEN)
    calls: list[int] = []
    storage = watch.location.instance.event_log_storage
    read = storage.get_latest_asset_check_execution_by_key

    def counted(keys: Any) -> Any:
        calls.append(len(keys))
        return read(keys)

    monkeypatch.setattr(storage, "get_latest_asset_check_execution_by_key", counted)
    watch.tick()
    assert len(calls) == 1
    assert calls[0] > 10


def test_a_letter_that_gives_up_is_reported_once(
    watch: Watch,
    gateway: Gateway,
    letters: Callable[[int], list[UUID]],
    received: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _without_overlap(monkeypatch)
    (first, second) = letters(2)
    watch.tick()
    assert "dead_letter_gave_up" not in {kind for kind, _ in received.taken()}
    dead_letters.replay(gateway, first)
    watch.tick()
    (notice,) = [one for one in received.notices if one.kind == "dead_letter_gave_up"]
    assert notice.subject == str(first)
    assert "2 attempts" in notice.message
    received.taken()
    dead_letters.replay(gateway, first)
    watch.tick()
    watch.tick()
    assert "dead_letter_gave_up" not in {kind for kind, _ in received.taken()}
    dead_letters.replay(gateway, second)
    watch.tick()
    assert ("dead_letter_gave_up", str(second)) in received.taken()


def test_a_closed_letter_is_not_reported(
    watch: Watch, gateway: Gateway, letters: Callable[[int], list[UUID]], received: Receiver
) -> None:
    (letter,) = letters(1)
    dead_letters.replay(gateway, letter)
    dead_letters.discard(gateway, letter, "test")
    watch.tick()
    assert received.taken() == []


def test_more_letters_than_one_tick_looks_at_are_each_reported_once(
    watch: Watch,
    gateway: Gateway,
    letters: Callable[[int], list[UUID]],
    received: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifications, "_MOST", 2)
    found = letters(5)
    for letter in found:
        dead_letters.replay(gateway, letter)
    for _ in range(5):
        watch.tick()
    told = [one.subject for one in received.notices if one.kind == "dead_letter_gave_up"]
    assert told == [str(letter) for letter in found]


def _status(watch: Watch) -> str:
    """Return the status of the check as Dagster resolves it, or MISSING if a materialization is newer."""
    key = dg.AssetCheckKey(dg.AssetKey("iu_route_dead_letter"), "dead_letters_open")
    record = watch.location.instance.get_latest_asset_check_evaluation_record(key)
    if record is None:
        return "MISSING"
    return asyncio.run(_resolved(watch, record))


async def _resolved(watch: Watch, record: AssetCheckExecutionRecord) -> str:
    context = LoadingContextForTest(watch.location.instance)
    if not await record.targets_latest_materialization(context):
        return "MISSING"
    status = (await record.resolve_status(context)).value
    failed = record.evaluation and status == "FAILED"
    return record.evaluation.severity.value if failed and record.evaluation else status


def test_letters_that_appear_and_go_outside_dagster_turn_the_check_within_a_tick(
    watch: Watch,
    gateway: Gateway,
    letters: Callable[[int], list[UUID]],
    live_route: Live,
    received: Receiver,
) -> None:
    assert watch.tick().asset_events == []
    assert _status(watch) == "MISSING"
    (letter,) = letters(1)
    assert len(watch.tick().asset_events) == 1
    assert _status(watch) == "WARN"
    assert watch.tick().asset_events == []
    assert received.taken() == [("check_failed", "dead_letters_open")]
    live_route(False)
    assert dead_letters.replay(gateway, letter).resolved
    assert len(watch.tick().asset_events) == 1
    assert _status(watch) == "SUCCEEDED"
    assert watch.tick().asset_events == []
    assert received.taken() == []


def test_a_check_that_a_run_is_about_to_evaluate_is_left_to_that_run(
    watch: Watch, letters: Callable[[int], list[UUID]]
) -> None:
    job = watch.location.definitions.resolve_job_def("dead_letter_replay_job")
    run = watch.location.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    letters(1)
    assert watch.tick().asset_events == []
    watch.location.instance.report_run_canceled(run)
    assert len(watch.tick().asset_events) == 1
    assert _status(watch) == "WARN"


def test_the_first_tick_reports_nothing_of_the_past(
    instance: dg.DagsterInstance,
    database: str,
    gateway: Gateway,
    letters: Callable[[int], list[UUID]],
    received: Receiver,
) -> None:
    (letter,) = letters(1)
    dead_letters.replay(gateway, letter)
    made = Watch(instance, Mount(notify=received, replay_attempts=2), database)
    made.fail(gateway)
    gates.set_gate(gateway, gates.WORKER, "false", "test")
    made.evaluate(gateway, GATES_OPEN)
    assert len(made.tick().asset_events) == 1
    made.tick()
    made.tick()
    assert received.taken() == []


def test_without_a_receiver_the_tick_says_so_and_keeps_the_check_true(
    instance: dg.DagsterInstance, database: str, letters: Callable[[int], list[UUID]]
) -> None:
    made = Watch(instance, Mount(), database)
    letters(1)
    tick = made.tick()
    assert "neither `notify` of the mount nor IU_NOTIFY_URL is set" in str(tick.skip_message)
    assert len(tick.asset_events) == 1
    assert _status(made) == "WARN"
    assert made.cursor is None


def test_failed_runs_are_reported_while_the_database_is_unavailable(
    watch: Watch, instance: dg.DagsterInstance, received: Receiver
) -> None:
    down = Watch(instance, watch.mount, "postgresql://nobody@127.0.0.1:1/none")
    down.cursor = watch.cursor
    run = down.location.add_started_run("prune_job", {})
    instance.report_run_failed(_run(down, run))
    tick = down.tick()
    assert "the dead letters cannot be read" in str(tick.skip_message)
    assert received.taken() == [("run_failed", "prune_job")]


def test_a_function_that_raises_fails_the_tick_and_is_called_again(watch: Watch, received: Receiver) -> None:
    _fail_prune_job(watch)
    received.fault = RuntimeError("POST https://hooks.example/t0ken: password=s3cret\nnext line")
    for _ in range(2):
        with pytest.raises(NotDelivered) as failed:
            watch.tick()
        assert "notify raised RuntimeError: POST https://…" in str(failed.value)
        _assert_no_secret(failed.value)
    received.fault = None
    watch.tick()
    assert received.taken() == [("run_failed", "prune_job")]


def _fail_prune_job(watch: Watch) -> str:
    run = watch.location.add_started_run("prune_job", {})
    watch.location.instance.report_run_failed(_run(watch, run))
    return run


def _assert_no_secret(error: BaseException) -> None:
    shown = "".join(traceback.format_exception(error))
    assert not [secret for secret in ("s3cret", "t0ken", "k3y") if secret in shown]
    assert "\n" not in str(error)


@pytest.mark.parametrize("status", [302, 404, 503])
def test_a_webhook_that_refuses_fails_the_tick_and_gets_the_notice_again(
    hooked: Watch, webhook: Webhook, status: int
) -> None:
    run = _fail_prune_job(hooked)
    webhook.status = status
    for _ in range(2):
        with pytest.raises(NotDelivered, match=f"^IU_NOTIFY_URL answered {status}; the next tick") as failed:
            hooked.tick()
        _assert_no_secret(failed.value)
    webhook.status = 204
    hooked.tick()
    hooked.tick()
    (body,) = webhook.bodies
    assert {name: body[name] for name in ("kind", "outbox", "subject", "run_id")} == {
        "kind": "run_failed",
        "outbox": "",
        "subject": "prune_job",
        "run_id": run,
    }
    assert datetime.fromisoformat(body["happened_at"]).tzinfo
    assert set(body) == {"kind", "outbox", "subject", "message", "run_id", "happened_at"}


def test_a_webhook_that_does_not_answer_fails_the_tick(
    hooked: Watch, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_channels, "TIMEOUT_SECONDS", 0.2)
    webhook.answers.clear()
    _fail_prune_job(hooked)
    with pytest.raises(NotDelivered, match="did not answer within") as failed:
        hooked.tick()
    _assert_no_secret(failed.value)


def test_a_webhook_that_cannot_be_reached_fails_the_tick(
    hooked: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_prune_job(hooked)
    monkeypatch.setenv("IU_NOTIFY_URL", "http://ann:s3cret@127.0.0.1:1/t0ken")
    with pytest.raises(NotDelivered, match="IU_NOTIFY_URL cannot be reached") as failed:
        hooked.tick()
    _assert_no_secret(failed.value)


def test_a_notice_that_the_webhook_refuses_is_not_sent_to_the_function_again(
    watch: Watch, webhook: Webhook, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_NOTIFY_URL", f"http://{webhook.host}/")
    _fail_prune_job(watch)
    webhook.status = 503
    tick = watch.tick()
    assert "IU_NOTIFY_URL answered 503" in str(tick.skip_message)
    for _ in range(2):
        with pytest.raises(NotDelivered):
            watch.tick()
    webhook.status = 200
    watch.tick()
    assert len(webhook.bodies) == 1
    assert received.taken() == [("run_failed", "prune_job")]
    assert '"partly":null' in str(watch.cursor)


def test_a_check_that_passed_while_the_webhook_refused_is_sent_to_both_when_it_fails_again(
    watch: Watch, gateway: Gateway, webhook: Webhook, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_NOTIFY_URL", f"http://{webhook.host}/")
    webhook.status = 503
    for value in ("false", "true", "false"):
        gates.set_gate(gateway, gates.WORKER, value, "test")
        watch.evaluate(gateway, GATES_OPEN)
        watch.tick()
    assert received.taken() == [("check_failed", "gates_open")] * 2


def test_what_was_delivered_before_a_failure_is_not_sent_again(hooked: Watch, webhook: Webhook) -> None:
    runs = [_fail_prune_job(hooked) for _ in range(3)]
    post = webhook.bodies.append

    def once(body: dict[str, Any]) -> None:
        post(body)
        webhook.status = 503

    webhook.bodies = _Bodies(once)
    tick = hooked.tick()
    assert "the next tick tries again with 2 notices" in str(tick.skip_message)
    webhook.bodies, sent = [], [body["run_id"] for body in webhook.bodies]
    webhook.status = 204
    hooked.tick()
    assert sent + [body["run_id"] for body in webhook.bodies] == runs


class _Bodies(list[dict[str, Any]]):
    """A list whose `append` also calls a function."""

    def __init__(self, then: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._then = then

    def append(self, body: dict[str, Any]) -> None:
        super().append(body)
        self._then(body)


def test_a_tick_begins_no_delivery_after_its_time_and_leaves_the_rest_to_the_next(
    watch: Watch, received: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [_fail_prune_job(watch) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(notifications, "SECONDS", -1)
        assert "2 are left for the next tick" in str(watch.tick().skip_message)
    watch.tick()
    assert [notice.run_id for notice in received.notices] == runs


@pytest.mark.stored
def test_the_daemon_keeps_the_cursor_of_a_tick_that_skips_and_discards_that_of_one_that_fails(
    instance: dg.DagsterInstance,
    database: str,
    letters: Callable[[int], list[UUID]],
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    monkeypatch.setenv("IU_NOTIFY_URL", f"http://ann:s3cret@{webhook.host}/hooks/t0ken?key=k3y")
    target = ModuleTarget("iu_pipelines.definitions", "defs", str(Path.cwd()), "here")
    with create_test_daemon_workspace_context(target, instance) as workspace:
        daemon = Daemon(workspace, instance)
        assert daemon.tick().status.value == "SKIPPED"
        for name in ("elsewhere", "here"):
            run = dg.DagsterRun(
                job_name="prune_job",
                run_id=str(uuid4()),
                status=dg.DagsterRunStatus.STARTED,
                remote_job_origin=_origin(name),
            )
            instance.add_run(run)
            instance.report_run_failed(run)
        webhook.status = 503
        failed = daemon.tick()
        assert failed.status.value == "FAILURE"
        assert "IU_NOTIFY_URL answered 503; the next tick tries again with 1 notices" in str(failed.error)
        assert not [secret for secret in ("s3cret", "t0ken", "k3y") if secret in str(failed.error)]
        letters(1)
        assert daemon.tick().status.value == "SKIPPED"
        webhook.status = 204
        assert daemon.tick().status.value == "SKIPPED"
        assert daemon.tick().status.value == "SKIPPED"
    subjects = [(body["subject"], body["run_id"]) for body in webhook.bodies]
    assert subjects == [("prune_job", run.run_id), ("dead_letters_open", None)]


class Daemon:
    """Dagster's own evaluation of the notification sensor, once a minute on a clock of its own."""

    def __init__(self, workspace: Any, instance: dg.DagsterInstance) -> None:
        self._workspace = workspace
        self._instance = instance
        self._now = datetime.now(UTC)

    def tick(self) -> Any:
        """Evaluate the sensor, and return the tick that Dagster has stored."""
        self._now += timedelta(minutes=1)
        with freeze_time(self._now):
            for _ in execute_sensor_iteration(self._workspace, logging.getLogger("daemon"), None, None):
                pass
        (state,) = [
            one
            for one in self._instance.all_instigator_state()
            if one.instigator_name == "notification_sensor"
        ]
        return self._instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)[0]


def _origin(location: str) -> RemoteJobOrigin:
    target = LoadableTargetOrigin(module_name="iu_pipelines.definitions")
    code = ManagedGrpcPythonEnvCodeLocationOrigin(target, location)
    return RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), "prune_job")


def test_an_invalid_webhook_url_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_NOTIFY_URL", "ftp://ann:s3cret@host/t0ken")
    with pytest.raises(UsageError, match="IU_NOTIFY_URL must be an http") as refused:
        load()
    assert "s3cret" not in f"{refused.value.message} {refused.value.hint}"
    monkeypatch.setenv("IU_NOTIFY_URL", "https://host/t0ken")
    assert "t0ken" not in repr(load())


def test_the_text_of_a_notice_is_one_short_line_without_urls_and_passwords() -> None:
    assert clean("a\n b https://ann:x@host/t0ken password=s3cret") == "a b https://… password=***"
    assert len(clean("x" * 2_000)) == 500


def test_every_tick_logs_what_it_looked_at(watch: Watch, capfd: pytest.CaptureFixture[str]) -> None:
    watch.tick()
    shown = capfd.readouterr().err
    assert "0 notices delivered; looked at 0 runs that failed recently" in shown
    assert "21 checks, of which 0 fail, and 0 dead letters that gave up recently" in shown


def test_the_sensor_starts_switched_on_and_runs_at_most_every_30_seconds() -> None:
    sensor = build_defs(Mount(name="orders")).resolve_sensor_def("orders_notification_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30


def test_the_function_of_the_documentation_posts_a_notice(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_URL", f"http://{webhook.host}/")
    names = pages.run("docs/operate/dagster.md", "slack")
    names["send"](Notice("run_failed", "orders", "prune_job", "run 1 failed: no", "1", datetime.now(UTC)))
    assert webhook.bodies == [{"text": "run_failed orders prune_job: run 1 failed: no"}]
    webhook.status = 500
    with pytest.raises(requests.HTTPError):
        names["send"](Notice("run_failed", "", "prune_job", "no", None, datetime.now(UTC)))


def test_the_json_of_the_documentation_has_the_fields_of_a_notice() -> None:
    (text,) = pages.code("docs/operate/dagster.md", "notice", "json")
    assert list(json.loads(text)) == [field.name for field in fields(Notice)]


@pytest.mark.parametrize("fails", [False, True])
def test_a_red_verify_file_fails_its_run_if_the_mount_says_so(
    instance: dg.DagsterInstance, database: str, gateway: Gateway, fails: bool
) -> None:
    gateway.execute("alter table public.event_outbox disable trigger user")
    made = Watch(instance, Mount(red_fails_run=fails), database)
    result = made.location.materialize("iu_health_audit")
    evaluations = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert not evaluations["verify_070_functions"]
    assert evaluations["verify_020_gates"]
    assert "verify_100_route_worker_live_verification" in evaluations
    assert result.success is not fails


@pytest.mark.parametrize("fails", [False, True])
def test_an_unhealthy_report_fails_its_run_if_the_mount_says_so(
    instance: dg.DagsterInstance, database: str, gateway: Gateway, emit: Emit, fails: bool
) -> None:
    emit(1)
    gateway.run_script(STALLED)
    made = Watch(instance, Mount(red_fails_run=fails), database)
    result = made.location.materialize("iu_health_audit")
    assert result.asset_materializations_for_node("iu_health_audit")
    assert result.success is not fails


@pytest.mark.parametrize("fails", [False, True])
def test_red_evidence_fails_its_run_after_it_was_recorded_if_the_mount_says_so(
    instance: dg.DagsterInstance, database: str, gateway: Gateway, fails: bool
) -> None:
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    made = Watch(instance, Mount(red_fails_run=fails), database)
    result = made.location.run("evidence_job", {"probes": False})
    (verdict,) = result.get_asset_check_evaluations()
    assert not verdict.passed
    assert result.asset_materializations_for_node("iu_evidence")
    assert result.success is not fails
