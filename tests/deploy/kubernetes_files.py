"""The files of deploy/kubernetes, what is wrong with a manifest, and what Dagster's chart makes of values.

Helm is not installed with the tests. `container_context` and `launcher_configuration` do what two templates
of the chart do: dagsterUserDeployments.k8sContainerContext and dagsterYaml.runLauncher.k8s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import kubernetes_validate
import yaml

from programs import PROJECT

FOLDER: Final = PROJECT / "deploy" / "kubernetes"
VERSIONS: Final = ("1.29", "1.37")
NAMESPACE: Final = "iu"
USER: Final = 10001
PLACEHOLDER: Final = "CHANGE-ME"

_SECRET_NAME: Final = re.compile(
    r"password|secret|token|credential|api_?key|pgpass|database_url", re.IGNORECASE
)


def read(name: str) -> list[dict[str, Any]]:
    """Return the documents of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def manifests() -> dict[str, list[dict[str, Any]]]:
    """Return the documents of every file with manifests of Kubernetes, by the name of the file."""
    found = {path.name: read(path.name) for path in sorted(FOLDER.glob("*.yaml"))}
    return {name: found[name] for name in found if name not in {"values.yaml", "kustomization.yaml"}}


def values() -> dict[str, Any]:
    """Return the values for Dagster's chart."""
    (found,) = read("values.yaml")
    return found


def faults(manifest: Mapping[str, Any], version: str = VERSIONS[-1]) -> list[str]:
    """Return what the schema of Kubernetes, or this project, refuses in a manifest."""
    try:
        kubernetes_validate.validate(dict(manifest), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"]
    template = manifest.get("spec", {}).get("template")
    return [*pod_faults(template["spec"])] if template else []


def pod_faults(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is unsafe in the specification of a pod."""
    context = pod.get("securityContext") or {}
    if not (context.get("runAsNonRoot") and context.get("runAsUser") == USER):
        yield "the pod may run as root"
    if (context.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile"
    if pod.get("hostNetwork") or pod.get("hostPID"):
        yield "the pod uses a namespace of its host"
    volumes = {volume["name"] for volume in pod.get("volumes") or []}
    for container in pod["containers"]:
        yield from container_faults(container, volumes)


def container_faults(container: Mapping[str, Any], volumes: set[str]) -> Iterator[str]:
    """Yield what is unsafe in a container of a pod with these volumes."""
    yield from context_faults(container.get("securityContext") or {})
    resources = container.get("resources") or {}
    if not all("memory" in (resources.get(kind) or {}) for kind in ("requests", "limits")):
        yield "the memory has no request or no limit"
    if container["image"].endswith(":latest") or ":" not in container["image"]:
        yield f"the image {container['image']} has no version"
    for mount in container.get("volumeMounts") or []:
        if mount["name"] not in volumes:
            yield f"the volume {mount['name']} does not exist"
    for variable in container.get("env") or []:
        yield from variable_faults(variable)


def context_faults(context: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is unsafe in the security context of a container."""
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "privileges may be gained"
    if not context.get("readOnlyRootFilesystem"):
        yield "the root filesystem is writable"
    if (context.get("capabilities") or {}).get("drop") != ["ALL"]:
        yield "capabilities are kept"


def variable_faults(variable: Mapping[str, Any]) -> Iterator[str]:
    """Yield a fault if an environment variable has its secret value in the manifest."""
    value = str(variable.get("value") or "")
    if urlsplit(value).password or (
        value and _SECRET_NAME.search(variable["name"]) and not value.startswith("/")
    ):
        yield f"the value of {variable['name']} is in the manifest"


def container_context(given: Mapping[str, Any], release: str = "dagster") -> dict[str, Any]:
    """Return the container context that the chart gives to the server of our code location."""
    (deployment,) = given["dagster-user-deployments"]["deployments"]
    part = f"{release}-dagster-user-deployments"
    passed = {
        "volume_mounts": deployment["volumeMounts"],
        "volumes": deployment["volumes"],
        "labels": deployment["labels"],
        "resources": deployment["resources"],
        "env": deployment["env"],
    }
    return {
        "k8s": {
            "image_pull_policy": deployment["image"]["pullPolicy"],
            "env_config_maps": [f"{part}-{deployment['name']}-user-env"],
            **passed,
            "namespace": NAMESPACE,
            "service_account_name": f"{part}-user-deployments",
            "run_k8s_config": {
                "pod_spec_config": {
                    "automount_service_account_token": True,
                    "security_context": deployment["podSecurityContext"],
                }
            },
        }
    }


def launcher_configuration(given: Mapping[str, Any], release: str = "dagster") -> dict[str, Any]:
    """Return the configuration of the run launcher that the chart writes to dagster.yaml."""
    launcher = given["runLauncher"]["config"]["k8sRunLauncher"]
    run = launcher["runK8sConfig"]
    return {
        "load_incluster_config": True,
        "job_namespace": NAMESPACE,
        "image_pull_policy": launcher["imagePullPolicy"],
        "service_account_name": release,
        "dagster_home": given["global"]["dagsterHome"],
        "instance_config_map": f"{release}-instance",
        "postgres_password_secret": given["global"]["postgresqlSecretName"],
        "fail_pod_on_run_failure": launcher["failPodOnRunFailure"],
        "security_context": launcher["securityContext"],
        "run_k8s_config": {
            "pod_spec_config": run["podSpecConfig"],
            "job_spec_config": run["jobSpecConfig"],
        },
    }


def instance_configuration(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of dagster.yaml that the chart writes from the values, but for storage and launcher."""
    daemon, limits = given["dagsterDaemon"], given["concurrency"]
    monitoring = daemon["runMonitoring"]
    return {
        "run_queue": {
            "dequeue_interval_seconds": daemon["runCoordinator"]["config"]["queuedRunCoordinator"][
                "dequeueIntervalSeconds"
            ]
        },
        "concurrency": {
            "runs": {
                "max_concurrent_runs": limits["runs"]["maxConcurrentRuns"],
                "tag_concurrency_limits": limits["runs"]["tagConcurrencyLimits"],
            },
            "pools": limits["pools"],
        },
        "run_monitoring": {
            "enabled": monitoring["enabled"],
            "start_timeout_seconds": monitoring["startTimeoutSeconds"],
            "cancel_timeout_seconds": monitoring["cancelTimeoutSeconds"],
            "max_runtime_seconds": monitoring["maxRuntimeSeconds"],
            "poll_interval_seconds": monitoring["pollIntervalSeconds"],
            "free_slots_after_run_end_seconds": monitoring["freeSlotsAfterRunEndSeconds"],
        },
        "python_logs": {"python_log_level": given["pythonLogs"]["pythonLogLevel"]},
        "retention": {
            name: {"purge_after_days": given["retention"][name]["purgeAfterDays"]}
            for name in ("schedule", "sensor")
        },
        **{
            name: {"use_threads": daemon[name]["useThreads"], "num_workers": daemon[name]["numWorkers"]}
            for name in ("sensors", "schedules")
        },
        "telemetry": given["telemetry"],
        **given["additionalInstanceConfig"],
    }


def names_of_secrets(value: Any) -> Iterator[tuple[str, str | None]]:
    """Yield the Secrets that a manifest or the values name, each with the key, if one is named."""
    if isinstance(value, list):
        for one in value:
            yield from names_of_secrets(one)
    if not isinstance(value, dict):
        return
    for name, one in value.items():
        if name == "secretKeyRef":
            yield one["name"], one["key"]
        elif name == "secretName":
            yield one, None
        elif name == "postgresqlSecretName":
            yield one, "postgresql-password"
        else:
            yield from names_of_secrets(one)
