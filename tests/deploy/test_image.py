"""What the image contains, started as its user: the code location, the web server, pods of runs, the sender.

The build stage of the Dockerfile is executed without Docker. The commands are those of the Dockerfile, of the
manifests, and of the Jobs that Dagster's run launcher sends to the API server of a cluster.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml

import iu_pipelines
from databases import Server
from delivery.receiver import Behaviour, Receiver, receiving
from delivery.world import PASSWORD, World, make_login, url_of
from deploy import image as dockerfile
from deploy.image import Image
from deploy.kubernetes_files import (
    NAMESPACE,
    VERSIONS,
    container_context,
    faults,
    launcher_configuration,
    read,
    values,
)
from dev_server import free_port
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox
from iu_pipelines.evidence.chain import BEGINNING, Manifest
from process_groups import ProcessGroup
from programs import PROJECT
from waiting import eventually

pytestmark = pytest.mark.timeout(1800)  # the installation takes a minute, and many on a busy machine

SECRET: Final = "SHOP"
UNRECORDED: Final = """
    select count(*) from public.iu_delivery_claim as c
    where not exists (select 1 from public.iu_delivery_outcome as o where o.claim_id = c.claim_id)
"""


@pytest.fixture(scope="module")
def image(shared: Path) -> Iterator[Image]:
    """Yield what the build stage of the Dockerfile makes."""
    interpreter = dockerfile.python()
    if interpreter is None:
        pytest.skip("no Python with venv can be executed by another user")
    if not index_answers():
        pytest.skip("no package index can be reached")
    shared.chmod(0o711)  # another user must reach the directory
    root = shared / f"image_{os.getpid()}"
    yield dockerfile.build(root, interpreter)
    shutil.rmtree(root)


def index_answers() -> bool:
    """Return whether pip finds a package that every environment has."""
    asked = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "typer"]
    return subprocess.run(asked, capture_output=True, check=False, timeout=300).returncode == 0


@dataclass
class Cluster:
    """The databases of an installation, its logins, and the values of its Secrets."""

    url: str
    owner: Gateway
    logins: dict[str, str]
    storage: str
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)

    def environment(self, container: Mapping[str, Any], **places: str) -> dict[str, str]:
        """Return the variables of a container, with other directories for those that `places` maps."""
        found: dict[str, str] = {}
        for one in container.get("env") or []:
            if "value" in one:
                found[one["name"]] = places.get(one["value"], one["value"])
            else:
                wanted = one["valueFrom"]["secretKeyRef"]
                found[one["name"]] = self.secrets[wanted["name"], wanted["key"]]
        return found


@pytest.fixture
def cluster(server: Server, delivery_template: str) -> Iterator[Cluster]:
    """Yield a database with delivery, one for Dagster, and a login for each Secret."""
    name = f"iu_cluster_{uuid4().hex[:8]}"
    url = server.create(name, delivery_template)
    storage = server.create(f"{name}_dagster")
    logins = {part: f"iu_test_{part}_{os.getpid()}" for part in ("dagster", "sender", "storage")}
    with Gateway(url) as owner:
        make_login(owner, logins["dagster"], "workflow_admin")
        make_login(owner, logins["sender"], "iu_sender")
        make_login(owner, logins["storage"])
        owner.execute(f"alter database {name}_dagster owner to {logins['storage']}")
        with Gateway(storage) as gateway:
            gateway.execute(f"grant all on schema public to {logins['storage']}")
        secrets = {
            ("iu-dagster", "database-url"): url_of(url, logins["dagster"]),
            ("iu-sender", "database-url"): url_of(url, logins["sender"]),
            ("dagster-postgresql", "postgresql-password"): PASSWORD,
        }
        yield Cluster(url, owner, logins, storage, secrets)
    server.drop(name)
    server.drop(f"{name}_dagster")


def emit(owner: Gateway, events: int) -> None:
    found = [
        outbox.NewEvent("version_applied", f"test/{place}", uuid4(), "test", {"n": place})
        for place in range(events)
    ]
    outbox.emit_many(owner, found)


@contextmanager
def serving(image: Image, port: int, **given: str) -> Iterator[ProcessGroup]:
    """Run the command of the image on a port of loopback, until the health check of the image succeeds."""
    command = [
        {"0.0.0.0": "127.0.0.1", "4000": str(port)}.get(word, word) for word in image.last("CMD").words
    ]
    check = [{"4000": str(port)}.get(word, word) for word in image.last("HEALTHCHECK").words]
    group = image.start(f"code_{port}", *command, **given)
    try:
        eventually(lambda: image.run(*check).returncode == 0, group.output(), pause=0.5)
        yield group
    finally:
        group.kill()


def test_the_command_of_the_image_serves_the_code_location_to_the_web_server(
    image: Image, cluster: Cluster
) -> None:
    """Its user may write to no file of it; the configurations are those of the compose file."""
    home = image.writable(f"home_{uuid4().hex}")
    shutil.copy(PROJECT / "deploy" / "compose" / "dagster.yaml", home)
    code, web = free_port(), free_port()
    given = {
        "DAGSTER_HOME": str(home),
        "IU_DATABASE_URL": cluster.secrets["iu-dagster", "database-url"],
        "IU_DAGSTER_DATABASE_URL": storage_url(cluster),
    }
    workspace = home / "workspace.yaml"
    text = (PROJECT / "deploy" / "compose" / "workspace.yaml").read_text(encoding="utf-8")
    workspace.write_text(
        text.replace("host: code", "host: 127.0.0.1").replace("port: 4000", f"port: {code}"), encoding="utf-8"
    )
    compose = yaml.safe_load((PROJECT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    replaced = {"0.0.0.0": "127.0.0.1", "3000": str(web), "/etc/iu/workspace.yaml": str(workspace)}
    command = [replaced.get(word, word) for word in compose["services"]["web"]["command"]]
    with serving(image, code, **given):
        group = image.start(f"web_{web}", *command, **given)
        try:
            eventually(lambda: job_names(web), group.output(), pause=0.5)
            assert {"route_worker_job", "delivery_job", "evidence_job"} <= job_names(web)
        finally:
            group.kill()


def storage_url(cluster: Cluster) -> str:
    return url_of(cluster.storage, cluster.logins["storage"]).replace(
        "postgresql://", "postgresql+psycopg2://", 1
    )


def job_names(port: int) -> set[str]:
    """Return the jobs that a web server knows; none if it does not answer yet."""
    query = "{repositoriesOrError {... on RepositoryConnection {nodes {jobs {name}}}}}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.loads(answer.read())
    except OSError:
        return set()
    nodes = said["data"]["repositoriesOrError"].get("nodes", [])
    return {job["name"] for node in nodes for job in node["jobs"]}


class ApiServer(BaseHTTPRequestHandler):
    """The part of the API server of a cluster that creates Jobs: it records what it is asked to create."""

    created: list[tuple[str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).created.append((self.path.split("?")[0], json.loads(body)))
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def api_server(directory: Path) -> Iterator[tuple[Path, list[tuple[str, dict[str, Any]]]]]:
    """Yield a kubeconfig for a recording API server on loopback, and what was created."""
    handler = type("Recording", (ApiServer,), {"created": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kubeconfig = directory / "kubeconfig"
    names = {"cluster": "test", "user": "test"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": names}],
    }
    kubeconfig.write_text(yaml.safe_dump(content), encoding="utf-8")
    kubeconfig.chmod(0o644)
    try:
        yield kubeconfig, handler.created  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def instance(cluster: Cluster, kubeconfig: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dagster.yaml that the chart makes of the values, for the server of the tests."""
    parts = urlsplit(cluster.storage)
    url = {
        "postgres_db": {
            "username": cluster.logins["storage"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": parts.hostname,
            "db_name": parts.path.lstrip("/"),
            "port": parts.port,
            "params": {"sslmode": "disable"},
            "scheme": given["postgresql"]["postgresqlScheme"],
        }
    }
    storage = {
        key: {"module": f"dagster_postgres.{module}", "class": name, "config": url}
        for key, module, name in (
            ("schedule_storage", "schedule_storage", "PostgresScheduleStorage"),
            ("run_storage", "run_storage", "PostgresRunStorage"),
            ("event_log_storage", "event_log", "PostgresEventLogStorage"),
        )
    }
    outside = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    return storage | {
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": launcher_configuration(given) | outside,
        },
        "run_coordinator": {
            "module": "dagster._core.run_coordinator.sync_in_memory_run_coordinator",
            "class": "SyncInMemoryRunCoordinator",
        },
        "compute_logs": {
            "module": "dagster.core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "telemetry": {"enabled": False},
    }


@dataclass
class Launcher:
    """A code location with the container context of the chart, and a launcher that creates Jobs."""

    image: Image
    cluster: Cluster
    home: Path
    created: list[tuple[str, dict[str, Any]]]
    environment: dict[str, str]
    evidence: Path

    def launch(self, job: str, **configuration: Any) -> dict[str, Any]:
        """Launch a run, and return the manifest that the API server gets."""
        before = len(self.created)
        options = ("--config-json", json.dumps(configuration)) if configuration else ()
        workspace = str(self.home / "workspace.yaml")
        words = ("dagster", "job", "launch", "--workspace", workspace, "--job", job, *options)
        done = self.image.run(*words, **self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        ((path, manifest),) = self.created[before:]
        assert path == f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
        return manifest

    def execute(self, manifest: Mapping[str, Any], **changed: str) -> subprocess.CompletedProcess[str]:
        """Execute the container of a Job as a process, with the values of its Secrets."""
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        places = {
            "/var/lib/iu/evidence": str(self.evidence),
            "/opt/dagster/dagster_home": str(self.home),
        }
        given = {
            name: value
            for name, value in {**self.cluster.environment(container, **places), **changed}.items()
            if value
        }
        return self.image.run(*container["args"], **given)

    def status(self, manifest: Mapping[str, Any]) -> str:
        """Return the status of the run of a Job in Dagster's database."""
        with Gateway(self.cluster.storage) as gateway:
            run_id = manifest["metadata"]["labels"]["dagster/run-id"]
            return str(gateway.fetch_value("select status from runs where run_id = %s", (run_id,)))


@pytest.fixture
def launcher(image: Image, cluster: Cluster, tmp_path: Path) -> Iterator[Launcher]:
    """Yield a code location and a run launcher with the configuration that the chart makes of the values."""
    given = values()
    home = image.writable(f"home_{uuid4().hex}")
    port = free_port()
    (deployment,) = given["dagster-user-deployments"]["deployments"]
    with api_server(home) as (kubeconfig, created):
        (home / "dagster.yaml").write_text(
            yaml.safe_dump(instance(cluster, kubeconfig, given)), encoding="utf-8"
        )
        server = {"host": "127.0.0.1", "port": port, "location_name": deployment["name"]}
        (home / "workspace.yaml").write_text(
            yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8"
        )
        environment = {
            **cluster.environment({"env": deployment["env"]}),
            "DAGSTER_HOME": str(home),
            "DAGSTER_PG_PASSWORD": PASSWORD,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        code = environment | {
            "DAGSTER_CURRENT_IMAGE": f"{deployment['image']['repository']}:{deployment['image']['tag']}",
            "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT": json.dumps(container_context(given)),
        }
        with serving(image, port, **code):
            evidence = image.writable(f"evidence_{uuid4().hex}")
            yield Launcher(image, cluster, home, created, environment, evidence)


def test_the_job_of_a_run_is_valid_and_safe_and_has_no_secret(launcher: Launcher) -> None:
    manifest = launcher.launch("route_worker_job")
    for version in VERSIONS:
        assert faults(manifest, version) == []
    assert PASSWORD not in json.dumps(manifest)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    named = {
        one["name"]: (one["valueFrom"]["secretKeyRef"]["name"], one["valueFrom"]["secretKeyRef"]["key"])
        for one in container["env"]
        if "valueFrom" in one
    }
    assert named == {
        "DAGSTER_PG_PASSWORD": ("dagster-postgresql", "postgresql-password"),
        "IU_DATABASE_URL": ("iu-dagster", "database-url"),
        "IU_SENDER_DATABASE_URL": ("iu-sender", "database-url"),
    }
    plain = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    assert plain["IU_DEPLOYMENT"] == "production"
    assert plain["IU_EVIDENCE_STORE"] == "/var/lib/iu/evidence"
    assert plain["IU_SECRETS_DIR"] == "/etc/iu/secrets"
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    assert mounts == {
        "/tmp": "tmp",
        "/opt/dagster/dagster_home": "dagster-home",
        "/etc/iu/secrets": "target-secrets",
        "/var/lib/iu/evidence": "evidence",
    }
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes["target-secrets"]["secret"]["secretName"] == "iu-target-secrets"
    assert volumes["evidence"]["persistentVolumeClaim"]["claimName"] == "iu-evidence"
    assert pod["serviceAccountName"] == "dagster-dagster-user-deployments-user-deployments"
    assert pod["terminationGracePeriodSeconds"] == 120
    assert container["image"] == f"registry.example/iu-pipelines:{iu_pipelines.__version__}"
    assert manifest["spec"]["backoffLimit"] == 0
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    assert labels["dagster/job"] == "route_worker_job"
    assert labels["dagster/code-location"] == "iu-pipelines"
    assert (labels["iu-part"], labels["iu-sends"]) == ("dagster", "true")


def test_the_command_of_the_job_routes_the_events_and_ends_the_run(
    launcher: Launcher, cluster: Cluster
) -> None:
    World(cluster.owner, cluster.url, cluster.logins["sender"]).open_gates()
    emit(cluster.owner, 30)
    manifest = launcher.launch("route_worker_job")
    done = launcher.execute(manifest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert launcher.status(manifest) == "SUCCESS"
    run_id = manifest["metadata"]["labels"]["dagster/run-id"]
    run_refs = cluster.owner.fetch_value("select array_agg(distinct run_ref) from public.iu_route_batch")
    assert run_refs == [run_id]


def test_the_chain_of_evidence_continues_in_the_pod_of_the_next_run(launcher: Launcher) -> None:
    for _ in range(2):
        manifest = launcher.launch("evidence_job", probes=False)
        done = launcher.execute(manifest)
        assert launcher.status(manifest) == "SUCCESS", done.stdout + done.stderr
    found = sorted(launcher.evidence.glob("*/*/manifest.json"))
    first, second = (json.loads(path.read_text(encoding="utf-8")) for path in found)
    assert first["previous_hash"] == BEGINNING
    assert second["previous_hash"] == Manifest(1, BEGINNING, first["files"]).hash


@pytest.mark.parametrize(
    "store", ["", "/var/lib/iu-evidence-that-is-not-mounted"], ids=["no store", "no volume"]
)
def test_a_run_without_a_store_of_evidence_fails_and_names_the_directory(
    launcher: Launcher, store: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the directories belong to the user of the tests")
    manifest = launcher.launch("evidence_job", probes=False)
    done = launcher.execute(manifest, IU_EVIDENCE_STORE=store)
    assert launcher.status(manifest) == "FAILURE"
    assert done.returncode != 0  # fail_pod_on_run_failure
    directory = store or f"{launcher.image.workdir}/.iu/evidence"
    assert f"cannot write to {directory}" in done.stdout + done.stderr


def test_the_job_that_migrates_installs_the_schema_and_can_be_repeated(image: Image, server: Server) -> None:
    name = f"iu_installed_{uuid4().hex[:8]}"
    url = server.create(name)
    (job,) = read("migrate-job.yaml")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    try:
        with Gateway(url) as owner:
            installed = Cluster(url, owner, {}, "", {("iu-installer", "database-url"): url})
            given = installed.environment(container)
        for _ in range(2):  # a Job is retried
            done = image.run(*container["args"], **given)
            assert done.returncode == 0, done.stdout + done.stderr
        verified = image.run("iu", "verify", **given)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        server.drop(name)


@dataclass
class Sending:
    """A live route to a receiver, and the command of the sender's Deployment."""

    image: Image
    cluster: Cluster
    world: World
    receiver: Receiver
    secrets: Path

    @property
    def container(self) -> dict[str, Any]:
        (found,) = read("sender-deployment.yaml")[0]["spec"]["template"]["spec"]["containers"]
        return dict(found)

    @property
    def grace(self) -> int:
        spec = read("sender-deployment.yaml")[0]["spec"]["template"]["spec"]
        return int(spec["terminationGracePeriodSeconds"])

    def start(self, arguments: list[str] | None = None, **changed: str) -> ProcessGroup:
        given = self.cluster.environment(self.container, **{"/etc/iu/secrets": str(self.secrets)})
        words = arguments or self.container["args"]
        return self.image.start(f"sender_{uuid4().hex}", *words, **(given | changed))

    def keys(self) -> set[str]:
        return {one.key for one in self.receiver.requests() if one.status == 200}

    def unrecorded(self) -> int:
        return int(self.cluster.owner.fetch_value(UNRECORDED))

    def sent(self) -> int:
        return int(
            self.cluster.owner.fetch_value(
                "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
            )
        )


@pytest.fixture
def sending(image: Image, cluster: Cluster, tmp_path: Path) -> Iterator[Sending]:
    """Yield a target whose secret is a file, a live route to it, and open gates."""
    world = World(cluster.owner, cluster.url, cluster.logins["sender"])
    secrets = image.writable(f"secrets_{uuid4().hex}")
    value = base64.b64encode(b"of a test" * 4).decode()
    (secrets / SECRET).write_text(f"host=127.0.0.1 whsec_{value}", encoding="utf-8")
    (secrets / SECRET).chmod(0o444)
    with receiving(tmp_path / "receiver") as receiver:
        world.add_private_target("hook", receiver.url("/hook"), secret_name=SECRET)
        world.add_route("shop.paid", "version_applied", "hook", deployment="production")
        world.open_gates()
        yield Sending(image, cluster, world, receiver, secrets)
        world.close()


def child(group: ProcessGroup) -> int:
    """Return the process that a group runs: in a container, process 1 sends it the signals."""
    children = Path(f"/proc/{group.id}/task/{group.id}/children")
    return int(eventually(lambda: children.read_text(encoding="utf-8").split())[0])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].startswith("Z")


def test_sigterm_to_the_sender_ends_it_in_its_grace_period_with_every_outcome_recorded(
    sending: Sending,
) -> None:
    sending.receiver.behave(Behaviour(delay=0.5))
    emit(sending.cluster.owner, 400)
    group = sending.start()
    try:
        eventually(lambda: sending.sent() > 20, group.output())
        pid = child(group)
        os.kill(pid, signal.SIGTERM)
        began = time.monotonic()
        eventually(lambda: not is_running(pid), group.output())
        assert time.monotonic() - began < sending.grace
    finally:
        group.kill()
    assert 20 < sending.sent() < 400
    assert sending.unrecorded() == 0
    assert sending.sent() == len(sending.keys())


def test_a_sender_that_does_not_get_the_signal_leaves_deliveries_in_doubt(sending: Sending) -> None:
    """A shell in front of it does not pass the signal on, and the container kills what it started."""
    words = shlex.join(sending.container["args"])
    sending.receiver.behave(Behaviour(delay=0.5))
    emit(sending.cluster.owner, 400)
    group = sending.start(["/bin/sh", "-c", f"{words}; exit $?"])
    try:
        eventually(lambda: sending.sent() > 20, group.output())
        pid = child(group)
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not is_running(pid))
    finally:
        group.kill()
    assert sending.unrecorded() > 0


def test_two_senders_share_the_work_and_each_event_arrives_once(sending: Sending) -> None:
    groups = [sending.start(), sending.start()]
    try:
        emit(sending.cluster.owner, 300)
        eventually(lambda: sending.sent() == 300, groups[0].output(), pause=0.2)
    finally:
        for group in groups:
            group.kill()
    assert len(sending.keys()) == len(sending.receiver.requests()) == 300


def test_the_sender_waits_in_its_pod_while_a_gate_is_closed(sending: Sending) -> None:
    sending.world.set_gate("delivery", "false")
    emit(sending.cluster.owner, 5)
    group = sending.start()
    try:
        group.wait_for("waits: delivery_gate_closed")
        pid = child(group)
        assert sending.sent() == 0
        sending.world.set_gate("delivery", "true")
        eventually(lambda: sending.sent() == 5, group.output(), pause=0.2)
        assert child(group) == pid
    finally:
        group.kill()


def test_a_sender_that_is_refused_ends_its_pod(sending: Sending) -> None:
    wrong = sending.cluster.secrets["iu-sender", "database-url"].replace(PASSWORD, "wrong")
    group = sending.start(IU_SENDER_DATABASE_URL=wrong)
    try:
        pid = child(group)
        group.wait_for("the server rejected the user or the password")
        eventually(lambda: not is_running(pid), group.output())
    finally:
        group.kill()
