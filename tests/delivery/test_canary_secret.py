"""A secret that is sent with is found nowhere: no log, error, process list or table has it."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import subprocess
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from delivery.kind_parts import granted, message
from delivery.receiver import Receiver
from delivery.world import World
from iu_pipelines import settings
from iu_pipelines.delivery import secrets as store
from iu_pipelines.delivery.kind import TargetKind
from iu_pipelines.delivery.postgres import PostgresTarget
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import IuError

CANARY: Final = "Canary0Secret1Value2That3Is4Never5Printed6x7"
SIGNING: Final = f"whsec_{CANARY}"
FORMS: Final = (CANARY, base64.b64decode(CANARY).hex(), repr(base64.b64decode(CANARY))[2:-1])
MODES: Final = ("answer", "close", "drop", "reset", "garbage", "hang", "huge", "endless_headers")


@contextmanager
def _everything_logged() -> Iterator[io.StringIO]:
    """Collect what every logger writes at level DEBUG, with tracebacks."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = ["", "asyncio", "psycopg", "psycopg.pool", "stamina", "concurrent.futures", "charset_normalizer"]
    names += [f"aiohttp.{part}" for part in ("client", "internal", "access", "server", "web", "websocket")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    try:
        yield stream
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def _use(kind: type[TargetKind], target: GrantedTarget, of: Secrets) -> list[str]:
    """Open, sign and send, and return what a program could print of it."""
    opened = kind(target, of)
    seen = [repr(target)]
    try:
        await opened.open()
        answers = await asyncio.gather(
            *(opened.send(message(n)) for n in range(3)), opened.send(message(4, body="x" * 70_000))
        )
        seen += [repr(answers), repr(opened), repr(vars(opened)), str(of), repr(of), repr(vars(of).keys())]
    except IuError as error:
        seen += ["".join(traceback.format_exception(error)), str(error.hint), repr(error)]
    finally:
        await opened.close()
    return seen


def _processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


_FILES: Final = {
    "HOOK": f"host=127.0.0.1 {SIGNING}", "AUTH": f"host=127.0.0.1 Bearer {CANARY}",
    "LINES": f"host=127.0.0.1 {CANARY}\n{CANARY}", "UNBOUND": f"host=other.example {SIGNING}",
    "SHORT": f"host=127.0.0.1 whsec_{CANARY}{CANARY}{CANARY}", "ODD": f"host=127.0.0.1 {CANARY}",
    "KEY": f"host=127.0.0.1 whsk_{CANARY}", "HOSTLESS": SIGNING,
    "BROKEN": f"host=127.0.0.1 whsec_!{CANARY}", "THREE": f"host=127.0.0.1 {SIGNING} {SIGNING} {SIGNING}",
}  # fmt: skip
_WRONG: Final = ("UNBOUND", "SHORT", "ODD", "KEY", "HOSTLESS", "BROKEN", "THREE", "ABSENT")


def _hooks(receiver: Receiver) -> Iterator[GrantedTarget]:
    """Yield targets whose sends and secrets fail in every way."""
    good = {"timeout_seconds": 1, "options": {"authorization_secret": "AUTH"}}
    for mode in MODES:
        yield granted(receiver.url(mode=mode), **good)
    for status in (302, 401, 410, 429, 500):
        yield granted(receiver.url(status=status), **good)
    for scheme in ("http", "https"):
        yield granted(f"{scheme}://127.0.0.1:9/", **good)
    for name in _WRONG:
        yield granted(receiver.url(), secret_name=name)
        for option in ("authorization_secret", "client_certificate_secret"):
            yield granted(receiver.url(), options={option: name})
    for option in ("authorization_secret", "client_certificate_secret"):
        yield granted(receiver.url(), options={option: "LINES"})


def _inboxes(receiver: Receiver) -> Iterator[GrantedTarget]:
    for port in (9, receiver.port):
        address = f"postgresql://u@127.0.0.1:{port}/d"
        yield granted(address, kind="postgres", secret_name="ODD", timeout_seconds=1)


def _rotations(directory: Path) -> Iterator[str]:
    for name in _FILES:
        for change in (store.rotate, store.finish):
            try:
                yield repr(change(settings.load(secrets_dir=directory), name))
            except IuError as error:
                yield f"{error} {error.hint}"


def test_the_canary_is_printed_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name, text in _FILES.items():
        (directory / name).write_text(text, encoding="utf-8")
    of = Secrets(settings.load(secrets_dir=directory))
    seen: list[str] = []
    with _everything_logged() as log, Receiver(tmp_path / "receiver") as receiver, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for target in _hooks(receiver):
            seen += asyncio.run(_use(WebhookTarget, target, of), debug=True)
        for target in _inboxes(receiver):
            seen += asyncio.run(_use(PostgresTarget, target, of), debug=True)
        seen.append(_processes())
        sent = [one.headers for one in receiver.requests()]
    seen += [*_rotations(directory), log.getvalue(), *capfd.readouterr()]
    assert any(CANARY in headers.get("authorization", "") for headers in sent), "it was sent"
    assert "Using selector" in log.getvalue(), "logs were collected"
    for text in seen:
        assert not any(form in text for form in FORMS), text[:2000]


def test_the_canary_is_in_no_table(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries that are accepted, refused and impossible are recorded, and the whole database is dumped."""
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {SIGNING}")
    of = Secrets(settings.load())
    world.emit(7, 1)
    world.emit(8, 1)
    world.enqueue()
    sender = world.sender()
    with Receiver(tmp_path) as receiver:
        for claim, address in zip(
            sender.claim(), (receiver.url(status=500), "http://127.0.0.2:9/"), strict=True
        ):
            target = granted(address, timeout_seconds=1)
            found = asyncio.run(_use(WebhookTarget, target, of))
            sender.record([claim], "retry", error="".join(found)[:500])
    dump = subprocess.run(
        ["pg_dump", "--data-only", world.url], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    assert "version_applied" in dump
    assert not any(form in dump for form in FORMS)


def test_a_canary_that_is_logged_is_found(tmp_path: Path) -> None:
    """The broken variant: the collector sees what a kind would log."""
    with _everything_logged() as log:
        logging.getLogger("aiohttp.client").debug("signing with %s", SIGNING)
    assert CANARY in log.getvalue()
