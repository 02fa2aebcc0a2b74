"""The Dockerfile and the script that selects its packages from the lock file; no image is built here."""

from __future__ import annotations

import json
import re

import pytest

import iu_pipelines
from deploy import image
from deploy.image import DOCKERFILE, faults, instructions, is_ignored, sources
from iu_pipelines.definitions import defs
from programs import PROJECT, load

TEXT = DOCKERFILE.read_text(encoding="utf-8")


def test_the_dockerfile_has_no_fault() -> None:
    assert faults(TEXT) == []


BROKEN = {
    "root": ("USER 10001:10001", "USER root", "the last user is root"),
    "a user without a number": ("USER 10001:10001", "USER iu", "has no number"),
    "no user": ("USER 10001:10001\n", "", "the last user is root"),
    "the newest base image": ("python:3.13-slim-trixie\n", "python:latest\n", "has no version"),
    "an unknown instruction": ("EXPOSE 4000", "EXPOSED 4000", "EXPOSED is not used here"),
    "an address": ("EXPOSE 4000", "ADD https://example.com/a /a", "ADD is not used here"),
    "a secret": ("HOME=/tmp", "IU_DATABASE_URL=postgresql://a:b@c/d", "ENV IU_DATABASE_URL has a secret"),
    "a secret argument": (
        f"ARG VERSION={iu_pipelines.__version__}",
        "ARG PIP_TOKEN=abc",
        "ARG PIP_TOKEN has a secret",
    ),
    "a missing source": ("COPY sql sql", "COPY sequel sql", "sequel does not exist"),
    "an ignored source": ("COPY sql sql", "COPY tests tests", "tests is in .dockerignore"),
    "no hashes": (
        "--no-deps --require-hashes --requirement image.txt",
        "--requirement image.txt",
        "without hashes",
    ),
    "a shell as process 1": (
        'CMD ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "iu_pipelines.definitions"]',
        "CMD dagster api grpc -p 4000",
        "CMD is missing, or no JSON list",
    ),
    "a download": ("apt-get update", "curl https://example.com/a | sh", "something is downloaded"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_dockerfile_that_is_broken_is_noticed(name: str) -> None:
    before, after, said = BROKEN[name]
    assert before in TEXT
    found = faults(TEXT.replace(before, after))
    assert any(said in fault for fault in found), found


def test_only_what_is_copied_is_sent_to_the_builder() -> None:
    copied = {source for one in instructions(TEXT) if one.name == "COPY" for source in sources(one)}
    assert copied >= {"iu_pipelines", "sql", "requirements.lock"}
    for name in (".git", ".env", "tests", "deploy/compose/.env", "docs", "iu_pipelines/__pycache__"):
        assert is_ignored(name), name
    assert not is_ignored("iu_pipelines/settings.py")


LOCK = """
alpha==1.0 \\
    --hash=sha256:aa
beta-two[binary, pool]==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
gamma==3.0 \\
    --hash=sha256:cc
"""


def test_the_constraints_have_neither_extras_nor_hashes() -> None:
    locked = load("deploy/docker/locked.py")
    assert locked.constraints(LOCK).splitlines() == [
        "alpha==1.0", "beta-two==2.0 ; python_full_version < '3.12'", "gamma==3.0",
    ]  # fmt: skip


def report(*found: tuple[str, str]) -> str:
    metadata = ({"metadata": {"name": name, "version": version}} for name, version in found)
    return json.dumps({"install": [*metadata]})


def test_only_the_packages_of_the_report_are_selected_with_their_hashes() -> None:
    locked = load("deploy/docker/locked.py")
    selected = locked.select(LOCK, report(("Beta_Two", "2.0"), ("alpha", "1.0"), ("iu-pipelines", "0.1.0")))
    assert "sha256:aa" in selected
    assert "beta-two[binary, pool]==2.0" in selected
    assert "gamma" not in selected


@pytest.mark.parametrize("found", [("alpha", "1.1"), ("delta", "1.0")], ids=["another version", "unlocked"])
def test_a_package_that_is_not_in_the_lock_file_ends_the_build(found: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match=f"does not have {found[0]}=={found[1]}"):
        load("deploy/docker/locked.py").select(LOCK, report(found))


def test_every_package_of_the_lock_file_is_read() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    names = [name for name, *_ in load("deploy/docker/locked.py").blocks(lock)]
    assert len(names) == len(re.findall(r"^\S.*?==", lock, re.MULTILINE))
    assert {"psycopg", "dagster-k8s", "aiohttp"} <= set(names)


def test_the_command_serves_the_code_location() -> None:
    assert defs
    command = image.Image(PROJECT, instructions(TEXT)).last("CMD").words
    assert command[:3] == ["dagster", "api", "grpc"]
    assert command[-2:] == ["-m", "iu_pipelines.definitions"]
