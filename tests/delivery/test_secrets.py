"""Secrets: only from their variables and their directory, only for their host, and rotated under load."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.kind_parts import VALUE, granted, message, secrets
from delivery.receiver import Behaviour, Receiver
from iu_pipelines import settings
from iu_pipelines.delivery import secrets as store
from iu_pipelines.delivery.kind import Answer
from iu_pipelines.delivery.secrets import ED25519, Secrets, new_value
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.errors import ArgumentInvalid, IuError, UsageError
from waiting import eventually

HOST: Final = "https://hooks.example.com/x"
CANARY: Final = "postgresql://ann:s3cret@db.example/iu"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "secrets"
    found.mkdir()
    return found


def test_a_variable_comes_before_a_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = secrets(directory, HOOK=f"host=hooks.example.com {VALUE}\n")
    assert found.find("HOOK", HOST).values == (VALUE,)
    monkeypatch.setenv("IU_SECRET_HOOK", "host=hooks.example.com a b")
    assert found.find("HOOK", HOST).values == ("a", "b")
    monkeypatch.delenv("IU_SECRET_HOOK")
    assert found.find("HOOK", HOST).values == (VALUE,)


@pytest.mark.parametrize(
    ("bound", "address"),
    [("hooks.example.com", HOST), ("HOOKS.example.com", HOST), ("hooks.example.com:443", HOST),
     ("hooks.example.com:8443", "https://hooks.example.com:8443/"), ("[::1]", "http://[::1]:80/"),
     ("[::1]:8080", "http://[::1]:8080/"), ("db.example:5432", "postgresql://u@db.example/d")],
)  # fmt: skip
def test_a_secret_is_for_its_host(directory: Path, bound: str, address: str) -> None:
    assert secrets(directory, HOOK=f"host={bound} x").find("HOOK", address).values == ("x",)


@pytest.mark.parametrize(
    ("bound", "address"),
    [("hooks.example.com", "https://example.com/"), ("example.com", HOST), ("hooks.example.com:8443", HOST),
     ("hooks.example.com", "https://hooks.example.com.evil.example/"), ("hooks.example.co", HOST),
     ("hooks.example.com:80", HOST), ("*", HOST), ("*.example.com", HOST), ("hooks.example.com", ""),
     ("::1:8080", "http://[::1]:8080/"), ("hooks.example.com", "https://evil.example/?hooks.example.com"),
     ("hooks.example.com", "https://hooks.example.com@evil.example/")],
)  # fmt: skip
def test_a_secret_is_for_no_other_host(directory: Path, bound: str, address: str) -> None:
    with pytest.raises(UsageError, match="bound to another host"):
        secrets(directory, HOOK=f"host={bound} x").find("HOOK", address)


@pytest.mark.parametrize("text", ["", " ", VALUE, f"{VALUE} host=hooks.example.com", "host=hooks.example.com",
                                  "host= x", "host", "HOST=hooks.example.com x", "host=\nx"])  # fmt: skip
def test_a_secret_must_name_its_host(directory: Path, text: str) -> None:
    with pytest.raises(UsageError, match="HOOK") as refused:
        secrets(directory, HOOK=text).find("HOOK", HOST)
    assert VALUE not in f"{refused.value} {refused.value.hint}"


_NAMES: Final = st.one_of(
    st.text(max_size=80),
    st.from_regex(r"[A-Za-z0-9_./\\~$%{}=\0-]{0,40}", fullmatch=True),
    st.sampled_from(["DATABASE_URL", "IU_DATABASE_URL", "../IU_DATABASE_URL", "_DATABASE_URL", "S_DIR", "\0",
                     "/proc/self/environ", ".", "..", "outside", "database_url", "$IU_DATABASE_URL"]),
)  # fmt: skip


@given(_NAMES)
@example("../outside")
@example("../OUTSIDE")
@example("sub/inner")
@example("lower")
@example(".hidden")
@example("BASE/outside")
def test_no_name_leads_to_another_variable_or_file(name: str) -> None:
    text = f"host=hooks.example.com {CANARY}"
    with TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        (Path(base) / "secrets" / "sub").mkdir(parents=True)
        for path in ("outside", "OUTSIDE", "secrets/sub/inner", "secrets/lower", "secrets/.hidden"):
            (Path(base) / path).write_text(text, encoding="utf-8")
        for variable in ("IU_DATABASE_URL", "IU_SECRETDATABASE_URL", "IU_SECRET", "DATABASE_URL"):
            patch.setenv(variable, text)
        patch.setenv("IU_SECRETS_DIR", f"{base}/secrets")
        with pytest.raises(IuError) as refused:
            Secrets(settings.load()).find(name.replace("BASE", base), HOST)
        assert CANARY not in f"{refused.value} {refused.value.hint}"


def test_a_name_that_could_reach_the_database_url_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken variant: a prefix that leaves a way."""
    monkeypatch.setattr(settings, "_SECRET_PREFIX", "IU_")
    monkeypatch.setenv("IU_DATABASE_URL", f"host=hooks.example.com {CANARY}")
    assert Secrets(settings.load()).find("DATABASE_URL", HOST).text == CANARY


def test_a_link_out_of_the_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    outside = tmp_path / "OUTSIDE"
    outside.write_text(f"host=hooks.example.com {VALUE}", encoding="utf-8")
    (directory / "HOOK").symlink_to(outside)
    with pytest.raises(UsageError, match="a link to a place outside"):
        secrets(directory).find("HOOK", HOST)
    (directory / "ENVIRON").symlink_to("/proc/self/environ")
    with pytest.raises(UsageError, match="a link to a place outside"):
        secrets(directory).find("ENVIRON", HOST)


def test_the_links_of_kubernetes_are_followed_and_their_change_is_seen(directory: Path) -> None:
    for version in ("..1", "..2"):
        (directory / version).mkdir()
        (directory / version / "HOOK").write_text(f"host=hooks.example.com {version}", encoding="utf-8")
    (directory / "..data").symlink_to("..1")
    (directory / "HOOK").symlink_to("..data/HOOK")
    found = secrets(directory)
    assert found.find("HOOK", HOST).values == ("..1",)
    (directory / "..new").symlink_to("..2")
    (directory / "..new").rename(directory / "..data")
    assert found.find("HOOK", HOST).values == ("..2",)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_is_no_secret_is_refused(directory: Path, content: bytes) -> None:
    (directory / "HOOK").write_bytes(content)
    with pytest.raises(UsageError, match="the file of secret HOOK"):
        secrets(directory).find("HOOK", HOST)


def test_a_directory_or_a_pipe_is_no_secret(directory: Path) -> None:
    (directory / "HOOK").mkdir()
    os.mkfifo(directory / "PIPE")
    for name in ("HOOK", "PIPE", "ABSENT"):
        with pytest.raises(UsageError, match=f"there is no secret {name}") as missing:
            secrets(directory).find(name, HOST)
        assert missing.value.hint == f"Set IU_SECRET_{name}, or write the file {directory / name}."


def test_an_unchanged_secret_is_not_read_again(directory: Path) -> None:
    found = secrets(directory, HOOK=f"host=hooks.example.com {VALUE}")
    assert found.find("HOOK", HOST) is found.find("HOOK", HOST)


def test_a_secret_is_not_printed(directory: Path) -> None:
    found = secrets(directory, HOOK=f"host=hooks.example.com {VALUE}")
    text = f"{found.find('HOOK', HOST)!r} {found!r} {found.find('HOOK', HOST)}"
    assert VALUE not in text
    assert "hooks" not in text


# Rotation.


def _chosen(directory: Path | None) -> Any:
    return settings.load(secrets_dir=directory)


def test_a_rotation_keeps_the_previous_value_until_it_is_finished(directory: Path) -> None:
    found = secrets(directory, HOOK=f"host=hooks.example.com {VALUE}")
    (directory / "HOOK").chmod(0o644)
    said = store.rotate(_chosen(directory), "HOOK")
    assert (said.values, said.form, said.path) == (2, "whsec_", directory / "HOOK")
    new, old = found.find("HOOK", HOST).values
    assert old == VALUE
    assert (directory / "HOOK").stat().st_mode & 0o777 == 0o600
    assert new not in repr(said)
    with pytest.raises(UsageError, match="not finished"):
        store.rotate(_chosen(directory), "HOOK")
    assert store.finish(_chosen(directory), "HOOK").values == 1
    assert found.find("HOOK", HOST).values == (new,)
    assert store.finish(_chosen(directory), "HOOK").values == 1
    assert [path.name for path in directory.iterdir()] == ["HOOK"]


def test_a_private_key_is_followed_by_a_private_key(directory: Path) -> None:
    secrets(directory, HOOK=f"host=hooks.example.com {new_value(ED25519)}")
    assert store.rotate(_chosen(directory), "HOOK").form == ED25519


def test_what_cannot_be_rotated_is_said(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(directory, AUTH="host=hooks.example.com Bearer x", REAL=f"host=hooks.example.com {VALUE}")
    (directory / "LINK").symlink_to("REAL")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=hooks.example.com {VALUE}")
    for name, error in (
        ("AUTH", "other values"), ("LINK", "is a link"), ("HOOK", "IU_SECRET_HOOK, which cannot be rotated"),
        ("ABSENT", "there is no secret"),
    ):  # fmt: skip
        for change in (store.rotate, store.finish):
            with pytest.raises(UsageError, match=error):
                change(_chosen(directory), name)
    with pytest.raises(UsageError, match="there is no secret"):
        store.rotate(_chosen(None), "REAL")
    with pytest.raises(ArgumentInvalid):
        store.rotate(_chosen(directory), "../REAL")
    assert (directory / "REAL").read_text() == f"host=hooks.example.com {VALUE}"


def test_a_rotation_waits_for_another_one(directory: Path) -> None:
    secrets(directory, HOOK=f"host=hooks.example.com {VALUE}")
    said: list[str] = []

    def rotate() -> None:
        with pytest.raises(UsageError) as refused:
            store.rotate(_chosen(directory), "HOOK")
        said.append(refused.value.message)

    thread = threading.Thread(target=rotate)
    other = os.open(directory, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive(), "it did not wait"
    secrets(directory, HOOK=f"host=hooks.example.com {new_value()} {VALUE}")
    os.close(other)
    thread.join()
    assert "not finished" in said[0]


def test_two_rotations_at_once_make_one(directory: Path) -> None:
    secrets(directory, HOOK=f"host=hooks.example.com {VALUE}")
    said: list[str] = []

    def rotate() -> None:
        try:
            said.append(store.rotate(_chosen(directory), "HOOK").form)
        except UsageError as error:
            said.append(error.message)

    threads = [threading.Thread(target=rotate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one == "whsec_" for one in said) == 1
    assert sum("not finished" in one for one in said) == 7
    assert secrets(directory).find("HOOK", HOST).values[1] == VALUE


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "receiver") as found:
        yield found


def test_a_rotation_under_load_loses_nothing(receiver: Receiver, directory: Path) -> None:
    """The receiver verifies with the old value, later with the new one, and refuses all else with 401."""
    found = secrets(directory, HOOK=f"host=127.0.0.1 {VALUE}")
    receiver.behave(Behaviour(secrets=VALUE))
    answers: list[Answer] = []
    end = threading.Event()

    async def load() -> None:
        target = WebhookTarget(granted(receiver.url()), found)
        await target.open()
        number = 0
        while not end.is_set():
            some = [target.send(message(number + n)) for n in range(16)]
            answers.extend(await asyncio.gather(*some))
            number += 16
        await target.close()

    sender = threading.Thread(target=lambda: asyncio.run(load()))
    sender.start()
    try:
        _more(answers)
        store.rotate(_chosen(directory), "HOOK")
        _more(answers)
        new = secrets(directory).find("HOOK", "http://127.0.0.1/").values[0]
        receiver.behave(Behaviour(secrets=new))
        _more(answers)
        store.finish(_chosen(directory), "HOOK")
        _more(answers)
    finally:
        end.set()
        sender.join()
    assert {answer.decision for answer in answers} == {"sent"}
    signatures = [len(one.headers["webhook-signature"].split()) for one in receiver.requests()]
    assert (signatures[0], max(signatures), signatures[-1]) == (1, 2, 1)
    assert len(receiver.requests()) == len(answers)


def _more(answers: list[Answer]) -> None:
    """Wait until a hundred further messages were answered."""
    enough = len(answers) + 100
    eventually(lambda: len(answers) >= enough, "further messages")


def test_a_receiver_that_changes_too_early_refuses_messages(receiver: Receiver, directory: Path) -> None:
    """The broken order: it shows that the receiver of the test above verifies."""
    found = secrets(directory, HOOK=f"host=127.0.0.1 {VALUE}")
    receiver.behave(Behaviour(secrets=new_value()))

    async def run() -> Answer:
        target = WebhookTarget(granted(receiver.url()), found)
        await target.open()
        answer = await target.send(message(1))
        await target.close()
        return answer

    assert asyncio.run(run()).status_code == 401
