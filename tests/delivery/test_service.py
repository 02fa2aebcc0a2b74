"""The sender as a service: what it waits for, what it notices, what it endures, and how it ends.

Each test runs the real process. Deliberately broken variants of it are noticed by the same steps.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

import servers
from delivery.receiver import Behaviour
from delivery.sending import Ground, disorder, emit
from delivery.world import DEPLOYMENT, PASSWORD, World, make_login, url_of
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import targets
from waiting import PATIENCE, eventually

QUICK: Final = "from iu_pipelines.delivery import service; service.LOOK_SECONDS = 0.2"
UNLOOKED: Final = """
look, looked = service._Service._look, []
async def once(self):
    if not looked:
        looked.append(await look(self))
    return True
service._Service._look = once
"""
ENDING: Final = """
from iu_pipelines.delivery import drain
service.stay = lambda *given, on_notice, **named: drain.drain(*given, **named)
"""
IMPATIENT: Final = "service._is_final = lambda error: True"
DEAF: Final = "import contextlib; service.on_signal = lambda stop: contextlib.nullcontext()"
FORGETFUL: Final = "service.Backoff.pause = lambda self: 1e6"

_SENT: Final = "select count(*) from public.iu_delivery_outcome where decision = 'sent'"
_UNKNOWN: Final = (
    "select count(*) from public.iu_delivery_claim c "
    "where not exists (select from public.iu_delivery_outcome o where o.claim_id = c.claim_id)"
)
_OWNERS: Final = "select count(distinct owner) from public.iu_delivery_shard"
_FEW: Final = 3.0
"""Seconds in which a correct service does many times what a broken one must not do."""


class Service:
    """The process of `iu deliver --stay`, and the lines that it prints."""

    def __init__(self, url: str, *words: str, variant: str = "") -> None:
        main = "from iu_pipelines.__main__ import main; main()"
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", f"{QUICK}\n{variant}\n{main}", "deliver", "--stay",
                "--database-url", url, *words,
            ],
            env={**os.environ, "IU_DEPLOYMENT": DEPLOYMENT},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip())

    def says(self, text: str) -> None:
        """Wait until a line contains `text`."""
        eventually(lambda: any(text in line for line in self.lines), f"{text!r} in {self.lines}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.ended()


Start = Callable[..., Service]


@pytest.fixture
def starts() -> Iterator[Start]:
    """Yield a function that starts the service for a ground."""
    with ExitStack() as stack:

        def start(ground: Ground, *words: str, variant: str = "", login: str | None = None) -> Service:
            url = url_of(ground.world.url, login or ground.world.login)
            service = Service(url, *words, variant=variant)
            stack.callback(service.kill)
            return service

        yield start


def sent(ground: Ground) -> int:
    return int(ground.world.owner.fetch_value(_SENT))


def is_soon(condition: Callable[[], object]) -> bool:
    """Return whether something comes true in a few seconds, for what a broken variant does not do."""
    deadline = time.monotonic() + _FEW
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("variant", ["", ENDING], ids=["stays", "ends like a drain"])
def test_it_waits_while_a_gate_is_closed_and_delivers_when_it_is_opened(
    ground: Ground, starts: Start, variant: str
) -> None:
    ground.add("hook")
    ground.world.set_gate("delivery", "false")
    emit(ground.world, 5)
    service = starts(ground, variant=variant)
    if variant:
        assert service.ended() == 0
        return
    service.says("hook: waits: delivery_gate_closed")
    assert not is_soon(lambda: service.process.poll() is not None or sent(ground))
    ground.world.set_gate("delivery", "true")
    eventually(lambda: sent(ground) == 5)
    service.says("hook: goes on")
    assert service.end() == 0
    assert service.lines[-1].startswith("ended: 5 sent to 1 target")


@pytest.mark.parametrize("variant", ["", UNLOOKED], ids=["re-reads", "does not re-read"])
def test_it_notices_a_route_that_is_promoted_and_a_target_that_is_granted_later(
    ground: Ground, starts: Start, variant: str
) -> None:
    url = ground.receiver.url("/hook")
    ground.add("first")
    service = starts(ground, variant=variant)
    service.says("first: is served")
    emit(ground.world, 2)
    eventually(lambda: len(ground.received("first")) == 2)
    ground.world.add_private_target("hook", url, secret_name="HOOK")
    ground.world.add_route("hook.one", "structure_piece_split", "hook")
    ground.world.open_gates()
    if variant:
        assert not is_soon(lambda: len(service.lines) > 1)
        return
    service.says("hook: is served")
    emit(ground.world, 3, event_type="structure_piece_split")
    eventually(lambda: len(ground.received("hook")) == 3)
    ground.world.add_route("hook.two", "version_applied", "hook")
    ground.world.open_gates()
    eventually(lambda: len(ground.received("hook")) == 5)
    ground.world.owner.execute("delete from public.iu_delivery_target_sender")
    service.says("hook: is not granted to this login any more")
    assert service.end(signal.SIGINT) == 0


def test_it_sends_nothing_to_an_address_that_was_replaced_while_it_was_idle(
    ground: Ground, starts: Start
) -> None:
    code = ground.add("old")
    service = starts(ground)
    emit(ground.world, 3)
    eventually(lambda: sent(ground) == 3)
    with Gateway(url_of(ground.world.url, ground.world.approver)) as approver:
        targets.allow_private(approver, "old", False, "test")
        ground.world.owner.execute(
            "update public.iu_delivery_target set address = %s where target_name = 'old'",
            (ground.receiver.url("/new"),),
        )
        targets.allow_private(approver, "old", True, "test")
    ground.world.promote(code)
    emit(ground.world, 4)
    eventually(lambda: len(ground.received("new")) == 4)
    assert len(ground.received("old")) == 3
    assert service.end() == 0


def test_it_waits_for_a_paused_target_and_is_quiet_when_idle(ground: Ground, starts: Start) -> None:
    ground.add("hook")
    targets.set_paused(ground.world.owner, "hook", True, "test")
    emit(ground.world, 3)
    service = starts(ground, "--json")
    service.says('"hook"')
    assert not is_soon(lambda: sent(ground))
    targets.set_paused(ground.world.owner, "hook", False, "test")
    eventually(lambda: sent(ground) == 3)
    assert service.end() == 0
    said = [json.loads(line) for line in service.lines]
    assert [one["kind"] for one in said] == ["served", "ended"]
    assert said[-1]["targets"][0]["sent"] == 3


@pytest.mark.parametrize("variant", ["", FORGETFUL], ids=["tries again", "does not try again"])
def test_a_missing_secret_is_told_once_and_does_not_stop_other_targets(
    ground: Ground, starts: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    monkeypatch.setenv("IU_SECRETS_DIR", str(tmp_path))
    ground.add("hook")
    ground.add("lost", event_type="structure_piece_split", secret_name="LATER")
    emit(ground.world, 3)
    emit(ground.world, 2, event_type="structure_piece_split")
    service = starts(ground, variant=variant)
    service.says("lost: ")
    eventually(lambda: len(ground.received("hook")) == 3)
    value = base64.b64encode(b"of a test" * 4).decode()
    (tmp_path / "LATER").write_text(f"host=127.0.0.1 whsec_{value}", encoding="utf-8")
    if variant:
        assert not is_soon(lambda: ground.received("lost"))
        return
    eventually(lambda: len(ground.received("lost")) == 2)
    service.says("lost: is served again")
    assert service.end() == 0
    assert len([line for line in service.lines if "LATER" in line]) == 1
    assert value not in "".join(service.lines)


@pytest.mark.parametrize("variant", ["", DEAF], ids=["hears the signal", "does not hear it"])
def test_sigterm_among_the_sends_ends_it_with_every_outcome_recorded(
    ground: Ground, starts: Start, variant: str
) -> None:
    ground.add("hook", timeout_seconds=60, lease_seconds=200)
    ground.receiver.behave(Behaviour(delay=0.5))
    emit(ground.world, 400)
    service = starts(ground, variant=variant)
    eventually(lambda: len(ground.received()) > 20)
    code = service.end()
    unknown = ground.world.owner.fetch_value(_UNKNOWN)
    assert (code == 0, unknown == 0) == ((not variant,) * 2)
    if not variant:
        assert 20 < sent(ground) == len(ground.received()) < 400


def test_two_of_them_share_the_shards_and_deliver_everything_once(ground: Ground, starts: Start) -> None:
    ground.add("hook")
    ground.receiver.behave(Behaviour(delay=0.02))
    both = [starts(ground), starts(ground)]
    for service in both:
        service.says("hook: is served")
    emit(ground.world, 300, each=3)
    eventually(lambda: ground.world.owner.fetch_value(_OWNERS) == 2, "both own shards")
    eventually(lambda: sent(ground) == 900, pause=0.2)
    assert [service.end() for service in both] == [0, 0]
    found = ground.received()
    assert len({one.key for one in found}) == len(found) == 900
    assert disorder(found) == 0
    assert ground.world.owner.fetch_value(_OWNERS) == 0


def test_it_goes_on_while_a_migration_applies_the_functions_again(ground: Ground, starts: Start) -> None:
    ground.add("hook")
    ground.receiver.behave(Behaviour(delay=0.1))
    emit(ground.world, 100, each=40)
    service = starts(ground)
    eventually(lambda: sent(ground) > 5)
    ground.world.owner.execute(
        "update public.iu_schema_step set checksum = repeat('0', 64) where step_name like '%_functions'"
    )
    with Gateway(ground.world.url) as installer:
        steps = migration.apply(installer)
    assert [step.action for step in steps] == ["reapplied", "reapplied"]
    before = sent(ground)
    eventually(lambda: sent(ground) > before + 50)
    assert service.end() == 0
    assert not [line for line in service.lines if "error" in line]
    assert ground.world.owner.fetch_value(_UNKNOWN) == 0
    found = ground.received()
    assert len({one.key for one in found}) == len(found) == sent(ground)


@pytest.mark.parametrize("variant", ["", IMPATIENT], ids=["endures", "does not endure"])
def test_it_endures_that_the_server_is_away_at_its_start_and_later(
    own_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: Start, variant: str
) -> None:
    server = servers.make(own_server.home, {})
    url = server.ensure_running()
    with Gateway(url) as owner:
        migration.apply(owner, ["delivery"])
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        ground = Ground(world, tmp_path, monkeypatch)
        try:
            ground.add("hook")
            emit(world, 10, each=2)
            server.stop()
            service = starts(ground, variant=variant)
            service.says("cannot connect")
            if variant:
                assert service.ended() == 1
                return
            server.ensure_running()
            service.says("the database answers again")
            eventually(lambda: len(ground.received()) == 20)
            server.stop()
            eventually(lambda: sum("warning: " in line for line in service.lines) == 2, str(service.lines))
            server.ensure_running()
            emit(world, 10, each=2)
            eventually(lambda: sent(ground) == 40)
            assert service.end() == 0
            assert disorder(ground.received()) == 0
        finally:
            ground.close()
            world.close()
            server.stop()


@pytest.mark.parametrize("fault", ["no sender", "wrong password", "no database"])
def test_it_ends_with_1_for_what_waiting_does_not_help(ground: Ground, starts: Start, fault: str) -> None:
    login = f"iu_test_nobody_{os.getpid()}"
    make_login(ground.world.owner, login)
    url = {
        "no sender": url_of(ground.world.url, login),
        "wrong password": url_of(ground.world.url, ground.world.login).replace(PASSWORD, "wrong"),
        "no database": url_of(ground.world.url, ground.world.login).replace("?", "_gone?"),
    }[fault]
    service = Service(url)
    try:
        assert service.ended() == 1, service.lines
    finally:
        service.kill()
    assert any(line.startswith("error: ") for line in service.lines), service.lines


def test_it_waits_for_the_module_to_be_installed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: Start
) -> None:
    with Gateway(database) as owner:
        login = f"iu_test_sender_{os.getpid()}"
        make_login(owner, login)
        service = Service(url_of(database, login))
        try:
            service.says("the module iu-delivery is not installed")
            assert service.end() == 0
        finally:
            service.kill()


@pytest.mark.parametrize("option", ["--max-seconds", "--linger-seconds"])
def test_it_takes_no_option_that_ends_it(ground: Ground, starts: Start, option: str) -> None:
    service = starts(ground, option, "5")
    assert service.ended() == 2
    assert any("--stay has no end" in line for line in service.lines), service.lines
