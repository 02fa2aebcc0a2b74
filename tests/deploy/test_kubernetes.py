"""The manifests and the values for Dagster's chart: valid, safe, without secrets, and alike to each other.

Nothing here needs a cluster, and nothing here was run in one.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import iu_pipelines
from deploy.kubernetes_files import (
    FOLDER,
    PLACEHOLDER,
    VERSIONS,
    faults,
    instance_configuration,
    manifests,
    names_of_secrets,
    pod_faults,
    read,
    values,
)
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery.secrets import parsed
from iu_pipelines.domain.targets import DEFAULTS
from iu_pipelines.errors import IuError
from iu_pipelines.hosting import instance_configuration as of_iu_dev
from programs import PROJECT

KUBECTL = shutil.which("kubectl")
RECORDING_SECONDS = 30
PARTS = ("dagsterWebserver", "dagsterDaemon")

Change = Callable[[dict[str, Any]], object]


def documents() -> list[Any]:
    """Return each manifest as a parameter of a test."""
    return [
        pytest.param(manifest, id=f"{name}-{manifest['kind']}-{manifest['metadata']['name']}")
        for name, found in manifests().items()
        for manifest in found
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", documents())
def test_a_manifest_is_valid_and_safe(manifest: dict[str, Any], version: str) -> None:
    assert faults(manifest, version) == []


def container(manifest: dict[str, Any]) -> Any:
    return manifest["spec"]["template"]["spec"]["containers"][0]


def pod(manifest: dict[str, Any]) -> Any:
    return manifest["spec"]["template"]["spec"]


BROKEN: dict[str, tuple[str, str, Change]] = {
    "a misspelled field of a pod": (
        "sender-deployment.yaml",
        "Additional properties are not allowed",
        lambda one: pod(one).update(terminationGracePeriodSecond=60),
    ),
    "a misspelled field of a container": (
        "sender-deployment.yaml",
        "Additional properties are not allowed",
        lambda one: container(one).update(volumeMount=[]),
    ),
    "a number where a text is needed": (
        "sender-deployment.yaml",
        "is not of type",
        lambda one: container(one)["env"].append({"name": "A", "value": 1}),
    ),
    "a missing selector": (
        "sender-deployment.yaml",
        "'selector' is a required property",
        lambda one: one["spec"].pop("selector"),
    ),
    "a password in a URL": (
        "migrate-job.yaml",
        "the value of IU_DATABASE_URL is in the manifest",
        lambda one: container(one)["env"].append(
            {"name": "IU_DATABASE_URL", "value": "postgresql://a:b@db.example/app"}
        ),
    ),
    "a secret of a target in the environment": (
        "sender-deployment.yaml",
        "the value of IU_SECRET_SHOP is in the manifest",
        lambda one: container(one)["env"].append({"name": "IU_SECRET_SHOP", "value": "host=a whsec_b"}),
    ),
    "a user that may be root": (
        "sender-deployment.yaml",
        "the pod may run as root",
        lambda one: pod(one)["securityContext"].update(runAsNonRoot=False),
    ),
    "the user root": (
        "migrate-job.yaml",
        "the pod may run as root",
        lambda one: pod(one)["securityContext"].update(runAsUser=0),
    ),
    "a privileged container": (
        "sender-deployment.yaml",
        "privileges may be gained",
        lambda one: container(one)["securityContext"].update(privileged=True),
    ),
    "a writable root filesystem": (
        "sender-deployment.yaml",
        "the root filesystem is writable",
        lambda one: container(one)["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    "capabilities": (
        "sender-deployment.yaml",
        "capabilities are kept",
        lambda one: container(one)["securityContext"].pop("capabilities"),
    ),
    "no limit of memory": (
        "migrate-job.yaml",
        "the memory has no request or no limit",
        lambda one: container(one)["resources"].pop("limits"),
    ),
    "the newest image": (
        "migrate-job.yaml",
        "has no version",
        lambda one: container(one).update(image="registry.example/iu-pipelines:latest"),
    ),
    "the network of the host": (
        "sender-deployment.yaml",
        "uses a namespace of its host",
        lambda one: pod(one).update(hostNetwork=True),
    ),
    "a mount of no volume": (
        "sender-deployment.yaml",
        "the volume target-secrets does not exist",
        lambda one: pod(one)["volumes"].pop(0),
    ),
    "a misspelled field of a claim": (
        "evidence-pvc.yaml",
        "Additional properties are not allowed",
        lambda one: one["spec"].update(accessMode=["ReadWriteMany"]),
    ),
    "a misspelled field of a network policy": (
        "networkpolicy.yaml",
        "Additional properties are not allowed",
        lambda one: one["spec"].update(policyType=["Egress"]),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_manifest_that_is_broken_is_noticed(name: str) -> None:
    file, said, change = BROKEN[name]
    manifest = read(file)[0]
    change(manifest)
    assert any(said in fault for fault in faults(manifest)), faults(manifest)


def pods_of_the_chart(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the pods that the chart starts, with what the values give to them."""
    (code,) = given["dagster-user-deployments"]["deployments"]
    return {
        name: {
            "securityContext": part["podSecurityContext"],
            "volumes": part["volumes"],
            "containers": [
                {
                    "image": f"{part['image']['repository']}:{part['image']['tag']}",
                    "env": part.get("env", []),
                    **{key: part[key] for key in ("securityContext", "resources", "volumeMounts")},
                }
            ],
        }
        for name, part in {"code": code, **{name: given[name] for name in PARTS}}.items()
    }


def faults_of_values(given: dict[str, Any]) -> list[str]:
    """Return what is unsafe in the values for the chart."""
    found = [
        f"{name}: {fault}" for name, one in pods_of_the_chart(given).items() for fault in pod_faults(one)
    ]
    expected = {
        "the web UI is published": (given["dagsterWebserver"]["service"]["type"], "ClusterIP"),
        "there is an ingress": (given["ingress"]["enabled"], False),
        "the chart starts a PostgreSQL": (given["postgresql"]["enabled"], False),
        "a password is in the values": (given["postgresql"]["postgresqlPassword"], ""),
        "the chart makes the Secret of the password": (given["generatePostgresqlPasswordSecret"], False),
        "telemetry is sent": (given["telemetry"]["enabled"], False),
        "a lost run stays started": (given["dagsterDaemon"]["runMonitoring"]["enabled"], True),
        "the driver of the storage is another": (given["postgresql"]["postgresqlScheme"], of_iu_dev.DRIVER),
        "the evidence is on the disk of a pod": (evidence_outlives_a_pod(given), True),
    }
    return found + [name for name, (seen, wanted) in expected.items() if seen != wanted]


def evidence_outlives_a_pod(given: dict[str, Any]) -> bool:
    """Return whether the store of evidence is a URL, or a directory on a volume that is claimed."""
    (code,) = given["dagster-user-deployments"]["deployments"]
    store = {one["name"]: one.get("value") for one in code["env"]}.get("IU_EVIDENCE_STORE")
    claims = {one["name"] for one in code["volumes"] if "persistentVolumeClaim" in one}
    on_claims = {one["mountPath"] for one in code["volumeMounts"] if one["name"] in claims}
    return bool(store) and ("://" in str(store) or store in on_claims)


def test_the_values_are_safe() -> None:
    assert faults_of_values(values()) == []


def code_location(given: dict[str, Any]) -> Any:
    return given["dagster-user-deployments"]["deployments"][0]


BROKEN_VALUES: dict[str, tuple[str, Change]] = {
    "a published web UI": (
        "the web UI is published",
        lambda given: given["dagsterWebserver"]["service"].update(type="LoadBalancer"),
    ),
    "an ingress": ("there is an ingress", lambda given: given["ingress"].update(enabled=True)),
    "a password": (
        "a password is in the values",
        lambda given: given["postgresql"].update(postgresqlPassword="test"),
    ),
    "a URL with a password": (
        "code: the value of IU_DATABASE_URL is in the manifest",
        lambda given: code_location(given)["env"].append(
            {"name": "IU_DATABASE_URL", "value": "postgresql://a:b@db.example/app"}
        ),
    ),
    "root": (
        "dagsterDaemon: the pod may run as root",
        lambda given: given["dagsterDaemon"].update(podSecurityContext={}),
    ),
    "telemetry": ("telemetry is sent", lambda given: given["telemetry"].update(enabled=True)),
    "no run monitoring": (
        "a lost run stays started",
        lambda given: given["dagsterDaemon"]["runMonitoring"].update(enabled=False),
    ),
    "another driver": (
        "the driver of the storage is another",
        lambda given: given["postgresql"].update(postgresqlScheme="postgresql"),
    ),
    "evidence on an emptyDir": (
        "the evidence is on the disk of a pod",
        lambda given: code_location(given)["volumes"][-1].update(
            emptyDir={}, persistentVolumeClaim=None
        ) or code_location(given)["volumes"][-1].pop("persistentVolumeClaim"),
    ),
    "no store of evidence": (
        "the evidence is on the disk of a pod",
        lambda given: code_location(given)["env"].pop(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_VALUES)
def test_values_that_are_unsafe_are_noticed(name: str) -> None:
    said, change = BROKEN_VALUES[name]
    given = copy.deepcopy(values())
    change(given)
    assert said in faults_of_values(given)


def test_the_instance_of_the_chart_is_that_of_iu_dev_but_for_storage_and_launcher() -> None:
    expected = of_iu_dev.configuration()
    del expected["storage"]
    assert instance_configuration(values()) == expected


def test_a_lost_run_is_neither_resumed_nor_retried() -> None:
    daemon = values()["dagsterDaemon"]
    assert daemon["runMonitoring"]["maxResumeRunAttempts"] == 0
    assert daemon["runRetries"] == {"enabled": False}


def test_each_secret_that_is_named_is_in_the_example_and_the_other_way_round() -> None:
    example = {one["metadata"]["name"]: set(one["stringData"]) for one in read("secrets.example.yaml")}
    everything = [values(), *(one for found in manifests().values() for one in found)]
    named = list(names_of_secrets(everything))
    assert {name for name, _ in named} == set(example)
    assert [(name, key) for name, key in named if key and key not in example[name]] == []


@pytest.mark.parametrize(
    "value",
    [value for one in read("secrets.example.yaml") for value in one["stringData"].values() if " " in value],
)
def test_a_placeholder_is_refused(value: str) -> None:
    assert value.startswith(PLACEHOLDER)
    if "postgresql://" in value:
        with pytest.raises(IuError) as refused, Gateway(value) as gateway:
            gateway.fetch_value("select 1")
    else:
        with pytest.raises(IuError) as refused:
            parsed("SHOP", value)
    assert "PASSWORD" not in str(refused.value)


def test_every_file_names_one_image_with_the_version_of_the_package() -> None:
    page = PROJECT / "docs/operate/kubernetes.md"
    tree = (PROJECT / "deploy").rglob("*")
    files = [page, *(path for path in tree if path.is_file() and path.suffix != ".pyc")]
    found = re.findall(
        r"(?:registry\.example/iu-pipelines:|ARG VERSION=)([^\s}]+)",
        "\n".join(path.read_text(encoding="utf-8") for path in files),
    )
    tags = {code_location(values())["image"]["tag"], *found}
    assert tags == {iu_pipelines.__version__}


def test_the_chart_has_the_version_of_dagster_in_the_lock_file() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    (locked,) = re.findall(r"^dagster==(\S+)", lock, re.MULTILINE)
    text = (FOLDER / "values.yaml").read_text(encoding="utf-8")
    assert re.findall(r"dagster/dagster --version (\S+)", text) == [locked]


def test_every_pod_has_the_labels_that_the_network_policies_select() -> None:
    given = values()
    labels = {
        "sender": read("sender-deployment.yaml")[0]["spec"]["template"]["metadata"]["labels"],
        "migrate": read("migrate-job.yaml")[0]["spec"]["template"]["metadata"]["labels"],
        "code": code_location(given)["labels"],
        **{name: given[name]["labels"] for name in PARTS},
    }
    assert {name: one["iu-part"] for name, one in labels.items()} == {
        "sender": "sender",
        "migrate": "migrate",
        "code": "dagster",
        **dict.fromkeys(PARTS, "dagster"),
    }
    sending = {name for name, one in labels.items() if one.get("iu-sends") == "true"}
    assert sending == {"sender", "code"}


def test_nobody_may_connect_to_a_pod_but_dagster_to_the_code_location() -> None:
    policies = read("networkpolicy.yaml")
    deny = policies[0]["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    (allowed,) = [rule for one in policies for rule in one["spec"].get("ingress", [])]
    assert allowed["from"] == [{"podSelector": {"matchLabels": {"iu-part": "dagster"}}}]
    assert [one["port"] for one in allowed["ports"]] == [code_location(values())["port"]]


def test_a_sender_has_time_to_record_what_it_sent() -> None:
    spec = read("sender-deployment.yaml")[0]["spec"]
    grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= DEFAULTS["timeout_seconds"] + RECORDING_SECONDS
    assert "livenessProbe" not in container({"spec": spec})


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kubectl_builds_the_kustomization(tmp_path: Path) -> None:
    assert KUBECTL
    built = subprocess.run(
        [KUBECTL, "kustomize", str(FOLDER)],
        env={**os.environ, "HOME": str(tmp_path), "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    kinds = sorted(one["kind"] for one in yaml.safe_load_all(built.stdout))
    assert kinds == ["Deployment", *["NetworkPolicy"] * 4, "PersistentVolumeClaim", "PodDisruptionBudget"]
