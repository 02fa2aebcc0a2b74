"""The compose file: valid, safe, without passwords, and with the configuration of `iu dev`.

compose-spec reads it as Docker would; no container was started.
"""

from __future__ import annotations

import re
import stat
from typing import Any, Final

import pytest
import yaml
from compose_spec import PyCompose

from deploy.image import DOCKERFILE, instructions
from iu_pipelines import settings
from iu_pipelines.delivery.secrets import check_name
from iu_pipelines.hosting import instance_configuration
from programs import PROJECT

FOLDER: Final = PROJECT / "deploy" / "compose"
TEXT: Final = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
WITHOUT_PORT: Final = {"code", "daemon", "migrate", "sender", "storage"}

_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+)(?P<how>:[?-])?(?P<text>[^}]*)\}")
_SECRET: Final = re.compile(r"password|secret|token|pgpass", re.IGNORECASE)


def example() -> dict[str, str]:
    """Return the variables of example.env."""
    lines = (FOLDER / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def interpolated(text: str, given: dict[str, str]) -> str:
    """Return a compose file with its variables replaced, as Docker replaces them."""

    def value(found: re.Match[str]) -> str:
        if found["how"] == ":-":
            return given.get(found["name"]) or found["text"]
        assert given.get(found["name"]), f"{found['name']}: {found['text']}"
        return given[found["name"]]

    return _VARIABLE.sub(value, text)


def services(text: str) -> dict[str, dict[str, Any]]:
    """Return the services of a compose file with merged keys."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(interpolated(text, example()))["services"]
    return found


def faults(text: str) -> list[str]:
    """Return what compose-spec, or this project, refuses in a compose file."""
    content = yaml.safe_load(interpolated(text, example()))
    try:
        PyCompose.from_yaml(yaml.safe_dump(content)).validate()
    except ValueError as error:
        return [str(error)]
    volumes = content["volumes"]
    return [
        f"{name}: {fault}"
        for name, one in content["services"].items()
        for fault in [*_faults(one), *_undefined(one, volumes)]
    ]


def _undefined(service: dict[str, Any], volumes: dict[str, Any]) -> list[str]:
    """Return the volumes of a service that are not defined; compose-spec misses those of one service."""
    named = [str(one).split(":", maxsplit=1)[0] for one in service.get("volumes", []) if isinstance(one, str)]
    return [f"the volume {name} is not defined" for name in named if name not in volumes]


def _faults(service: dict[str, Any]) -> list[str]:
    checks = {
        "the root filesystem is writable": service.get("read_only") is True,
        "capabilities are kept": service.get("cap_drop") == ["ALL"],
        "privileges may be gained": service.get("security_opt") == ["no-new-privileges:true"],
        "it is privileged": not service.get("privileged"),
        "it uses a namespace of its host": not {"network_mode", "pid", "ipc"} & set(service),
        "it runs as another user": "user" not in service,
        "its image has no version": bool(re.search(r":[\w.-]*\d", service["image"])),
        "its logs grow without limit": "max-size" in service.get("logging", {}).get("options", {}),
        "it is published beyond this host": all(
            str(port).startswith("127.0.0.1:") for port in service.get("ports", [])
        ),
        "it has a password in its environment": not any(map(_is_password, service["environment"].items())),
        "it has no health check": "healthcheck" in service or service.get("command") is None,
        "a directory of the host is made": all(
            one.get("bind", {}).get("create_host_path") is False
            for one in service.get("volumes", [])
            if isinstance(one, dict)
        ),
    }
    return [name for name, is_met in checks.items() if not is_met]


def _is_password(variable: tuple[str, Any]) -> bool:
    name, value = variable
    in_url = re.search(r"://[^/@\s]*:[^/@\s]+@", str(value))
    return bool(in_url) or (bool(_SECRET.search(name)) and not str(value).startswith("/"))


def test_the_compose_file_is_valid_and_safe() -> None:
    assert faults(TEXT) == []


BROKEN = {
    "a misspelled key": ("restart: unless-stopped", "restrat: unless-stopped", "restrat"),
    "a misspelled condition": ("condition: service_healthy", "condition: service_helthy", "service_helthy"),
    "an undefined secret": ("secrets: [sender_pgpass]", "secrets: [sender]", "is not defined"),
    "an undefined volume": ("      - storage:/var", "      - storages:/var", "the volume storages is not"),
    "a port for every host": (
        '"127.0.0.1:${IU_WEB_PORT',
        '"0.0.0.0:${IU_WEB_PORT',
        "published beyond this host",
    ),
    "a port without an address": ('"127.0.0.1:${IU_WEB_PORT', '"${IU_WEB_PORT', "published beyond this host"),
    "a password in a URL": ("dagster@storage", "dagster:dagster@storage", "a password in its environment"),
    "a password": (
        "POSTGRES_PASSWORD_FILE: /run/secrets/storage_password",
        "POSTGRES_PASSWORD: dagster",
        "storage: it has a password in its environment",
    ),
    "a secret of a target": (
        "IU_SECRETS_DIR: /etc/iu/secrets\n      PGPASSFILE",
        "IU_SECRET_SHOP: host=a whsec_b\n      PGPASSFILE",
        "sender: it has a password in its environment",
    ),
    "root": ("  read_only: true", "  read_only: true\n  user: root", "it runs as another user"),
    "privileges": ("  read_only: true", "  read_only: true\n  privileged: true", "it is privileged"),
    "a writable root filesystem": ("  read_only: true\n", "", "the root filesystem is writable"),
    "capabilities": ("  cap_drop: [ALL]\n", "", "capabilities are kept"),
    "new privileges": ('  security_opt: ["no-new-privileges:true"]\n', "", "privileges may be gained"),
    "the newest image": ("postgres:17-alpine", "postgres:latest", "storage: its image has no version"),
    "the network of the host": (
        "  read_only: true",
        "  read_only: true\n  network_mode: host",
        "a namespace of its host",
    ),
    "a directory that Docker makes": (
        "create_host_path: false",
        "create_host_path: true",
        "a directory of the host",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_compose_file_that_is_broken_is_noticed(name: str) -> None:
    before, after, said = BROKEN[name]
    assert before in TEXT
    found = faults(TEXT.replace(before, after, 1))
    assert any(said in fault for fault in found), found


def test_every_variable_is_in_the_example_and_without_it_nothing_starts() -> None:
    needed = {found["name"] for found in _VARIABLE.finditer(TEXT) if found["how"] == ":?"}
    assert needed == set(example())
    assert all(found["text"] for found in _VARIABLE.finditer(TEXT))
    for name in needed:
        with pytest.raises(AssertionError, match=name):
            interpolated(TEXT, {key: value for key, value in example().items() if key != name})


def test_the_example_has_no_password() -> None:
    assert not any(map(_is_password, example().items()))


def test_every_variable_of_a_container_is_a_setting() -> None:
    known = {f"IU_{name.upper()}" for name in settings.Settings.model_fields}
    given = {name for one in services(TEXT).values() for name in one["environment"] if name.startswith("IU_")}
    assert given <= known


def test_the_instance_is_that_of_iu_dev() -> None:
    content = yaml.safe_load((FOLDER / "dagster.yaml").read_text(encoding="utf-8"))
    assert content == instance_configuration.configuration()


def test_only_the_web_server_has_a_port() -> None:
    found = services(TEXT)
    assert {name for name, one in found.items() if "ports" not in one} == WITHOUT_PORT
    assert "3000" in found["web"]["command"]


def test_the_code_location_is_where_the_workspace_looks_for_it() -> None:
    workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text(encoding="utf-8"))
    server = workspace["load_from"][0]["grpc_server"]
    assert server["host"] in services(TEXT)
    (exposed,) = [
        one.text for one in instructions(DOCKERFILE.read_text(encoding="utf-8")) if one.name == "EXPOSE"
    ]
    assert server["port"] == int(exposed)


def test_only_the_parts_that_deliver_or_run_can_read_the_secrets_of_targets() -> None:
    def reads(service: dict[str, Any]) -> bool:
        return any(
            one["target"] == "/etc/iu/secrets" for one in service.get("volumes", []) if isinstance(one, dict)
        )

    assert {name for name, one in services(TEXT).items() if reads(one)} == {"code", "sender"}
    check_name("SHOP")


def test_nothing_that_belongs_to_an_installation_is_committed() -> None:
    assert {"/.env", "/secrets/"} <= set((FOLDER / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert stat.S_ISREG((FOLDER / "example.env").stat().st_mode)
