"""`iu dev` with a user's dagster.yaml and workspace.yaml, and the one code server of each location."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from packaging.version import Version

from dev_server import LAUNCH, REPOSITORY, TICKS, Dev, running
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.worker import run_config
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.hosting.instance_configuration import configuration
from iu_pipelines.hosting.run_in_process import execute
from iu_pipelines.settings import load
from metrics_endpoint import UP
from waiting import eventually

DAGSTER_YAML = "# This is the file of a user.\n" + json.dumps(configuration()).replace(
    '"max_concurrent_runs": 10', '"max_concurrent_runs": 3'
)
WORKSPACE = """
load_from:
  - python_module: {module_name: iu_pipelines.definitions, location_name: iu_pipelines}
  - python_file: {relative_path: my code/theirs.py, location_name: the shop}
  - grpc_server: {socket: /nowhere/code.sock, location_name: elsewhere}
"""
CODE = """
from pathlib import Path
import dagster as dg

@dg.asset
def NAME(): ...

defs = dg.Definitions(assets=[NAME], jobs=[dg.define_asset_job("the_job")])
"""
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError {
    __typename ... on RepositoryLocation { repositories { assetNodes { assetKey { path } } } }
  } } } } }"""
RELOAD = """mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) {
  __typename ... on WorkspaceLocationEntry { loadStatus locationOrLoadError { __typename } }
} }"""
RUNS = """query ($selector: PipelineSelector!) {
  pipelineOrError(params: $selector) { ... on Pipeline { runs { runId } } }
}"""
TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
AGAIN = """mutation ($parent: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $parent, strategy: ALL_STEPS}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""


DEQUEUE_SECONDS = configuration()["run_queue"]["dequeue_interval_seconds"]


@dataclass(frozen=True)
class Place:
    """A running `iu dev`, and the file with the code of the location `the shop`."""

    dev: Dev
    code: Path

    def assets(self, location: str) -> list[str] | str:
        """Return the assets of a code location, or the type of its error."""
        entries = self.dev.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        (found,) = [entry["locationOrLoadError"] for entry in entries if entry["name"] == location]
        if found["__typename"] != "RepositoryLocation":
            return str(found["__typename"])
        return ["/".join(node["assetKey"]["path"]) for node in found["repositories"][0]["assetNodes"]]

    def reload(self, location: str) -> None:
        """Press *Reload* of a code location."""
        answer = self.dev.ask(RELOAD, name=location)["reloadRepositoryLocation"]
        assert answer["__typename"] == "WorkspaceLocationEntry"

    def processes(self, words: str) -> list[int]:
        """Return the processes of Dagster whose command line contains `words`."""
        found = []
        for pid in self.dev.processes():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            if words.encode() in command:
                found.append(pid)
        return found


def emitted(dev: Dev) -> int:
    """Return the number of events in the metrics."""
    (found,) = re.findall(r"^iu_events_emitted_total (\S+)$", dev.metrics(), re.MULTILINE)
    return int(float(found))


@pytest.fixture(scope="module")
def place(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One running `iu dev` with a user's files for the tests of this module."""
    folder = tmp_path_factory.mktemp("a user's folder")
    code = folder / "my code" / "theirs.py"
    code.parent.mkdir()
    code.write_text(CODE.replace("NAME", "first"), encoding="utf-8")
    (folder / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    with running(shared, "--workspace", str(folder / "workspace.yaml"), dagster_yaml=DAGSTER_YAML) as dev:
        yield Place(dev, code)


def test_a_users_dagster_yaml_is_used_and_kept_byte_for_byte(place: Place) -> None:
    limit = "{ instance { runQueueConfig { maxConcurrentRuns } } }"
    assert place.dev.ask(limit)["instance"]["runQueueConfig"] == {"maxConcurrentRuns": 3}
    assert (place.dev.home / "dagster" / "dagster.yaml").read_text(encoding="utf-8") == DAGSTER_YAML


def test_each_location_of_a_users_workspace_is_loaded_by_one_process(place: Place) -> None:
    assert "iu_route_attempt" in place.assets("iu_pipelines")
    assert "first" in place.assets("the shop")
    assert place.assets("elsewhere") == "PythonError"
    assert len(place.processes("code-server start")) == 2
    assert len(place.processes(" api grpc ")) == 2


def test_reload_in_the_web_ui_loads_changed_code_and_recovers_from_an_error(place: Place) -> None:
    for name, expected in (("second", ["second"]), ("broken(", "PythonError"), ("third", ["third"])):
        place.code.write_text(CODE.replace("NAME", name), encoding="utf-8")
        place.reload("the shop")
        assert place.assets("the shop") == expected
    eventually(lambda: len(place.processes(" api grpc ")) == 2, "the old code is no longer loaded", pause=0.2)


def test_a_run_of_a_users_location_succeeds_in_its_code_server(place: Place) -> None:
    selector = {**REPOSITORY, "repositoryLocationName": "the shop", "jobName": "the_job"}
    answer = place.dev.ask(
        "mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {"
        " __typename ... on LaunchRunSuccess { run { runId } } } }",
        params={"selector": selector, "runConfigData": {}},
    )["launchRun"]
    assert place.dev.wait_for(answer["run"]["runId"]) == "SUCCESS"


def test_a_run_in_another_process_is_shown_under_its_job(place: Place) -> None:
    made = execute("health_audit_job", settings=load(home=place.dev.home))
    assert made.success
    selector = {**REPOSITORY, "pipelineName": "health_audit_job"}
    shown = place.dev.ask(RUNS, selector=selector)["pipelineOrError"]["runs"]
    assert made.run_id in [run["runId"] for run in shown]


@pytest.mark.skipif(
    Version(dg.__version__) < Version("1.13.21"),
    reason="before 1.13.21 the web server does not answer a request to execute this job again",
)
def test_a_run_in_another_process_is_executed_again_from_the_web_ui(place: Place) -> None:
    made = execute("health_audit_job", settings=load(home=place.dev.home))
    answer = place.dev.ask(AGAIN, parent=made.run_id)["launchRunReexecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    assert place.dev.wait_for(answer["run"]["runId"]) == "SUCCESS"


def test_a_worker_is_materialized_by_one_run_at_a_time(place: Place) -> None:
    config = run_config(Mount(), {"linger_seconds": 60})
    selector = {**REPOSITORY, "jobName": "__ASSET_JOB", "assetSelection": [{"path": ["iu_route_attempt"]}]}
    partition = [{"key": "dagster/partition", "value": DEFAULT_WORKER}]
    params = {"selector": selector, "runConfigData": config, "executionMetadata": {"tags": partition}}
    answers = [place.dev.ask(LAUNCH, params={**params, "mode": "default"})["launchRun"] for _ in range(2)]
    first, second = [answer["run"]["runId"] for answer in answers]
    eventually(lambda: place.dev.status(first) == "STARTED", "the first run is started", pause=0.2)
    time.sleep(3 * DEQUEUE_SECONDS)
    assert place.dev.status(second) == "QUEUED"
    for run_id in (second, first):
        place.dev.ask(TERMINATE, id=run_id)
        assert place.dev.wait_for(run_id) == "CANCELED"


def test_the_daemon_logs_no_tick_that_skips_and_no_run_that_it_launches(place: Place) -> None:
    place.dev.switch_on("backlog_sensor")
    eventually(lambda: place.dev.ticks("backlog_sensor"), "a tick", pause=0.2)
    place.dev.switch_off("backlog_sensor")
    daemon = (place.dev.home / "dagster" / "daemon.log").read_text(encoding="utf-8")
    assert [line for line in daemon.splitlines() if " - INFO - " in line] == []


def test_iu_dev_serves_the_metrics_of_its_database(place: Place) -> None:
    assert UP in place.dev.metrics()
    before = emitted(place.dev)
    place.dev.emit(3)
    eventually(lambda: emitted(place.dev) == before + 3, "the events are counted", pause=0.2)


def test_a_killed_code_server_ends_iu_dev_with_the_reason_and_a_restart_continues(place: Place) -> None:
    place.dev.switch_on("backlog_sensor")
    killed = place.processes("code-server start")[0]
    os.kill(killed, signal.SIGKILL)
    assert place.dev.process
    said, _ = place.dev.process.communicate(timeout=60)
    assert place.dev.process.returncode == 1
    assert "code-server-" in said
    assert "exited with code -9" in said
    eventually(lambda: not place.dev.processes(), "no process of Dagster is left")
    place.dev.start()
    sensor = place.dev.ask(TICKS, selector={**REPOSITORY, "name": "backlog_sensor"})
    assert sensor["instigationStateOrError"]["status"] == "RUNNING"
