"""What `iu deliver` and `iu target test` say about a broker that refuses the login, or is gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

import redis_server
from cli.offices import OfficeIu
from cli.running import refused, shell
from cli.test_target_kinds import Aim
from delivery.kafka_mock import Cluster
from delivery.nats_server import TOKEN, NatsServer
from delivery.rabbitmq import Rabbit
from delivery.world import DEPLOYMENT, url_of
from iu_pipelines.delivery import kinds
from iu_pipelines.domain import delivery_reasons
from iu_pipelines.errors import ArgumentInvalid
from redis_server import PASSWORD, RedisServer
from waiting import eventually

_WHY: Final = ("--reason", "a test")
_MADE: Final = "select count(*) from public.iu_delivery_outcome where decision = %s"


class Broker:
    """A broker behind a promoted target, whose secret is in a file."""

    def __init__(self, aim: Aim, secret: Path | None, kill: Callable[[], None]) -> None:
        self.aim = aim
        self.secret = secret
        self.kill = kill
        self.url = url_of(aim.office.url, aim.office.login("sender"))

    def outcomes(self, decision: str) -> int:
        found: int = self.aim.office.owner.fetch_value(_MADE, (decision,))
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `iu` in a process of its own, where nothing but the command configures logging."""
        return shell(*words, "--database-url", self.url)


Made = tuple[str, str, tuple[str, ...], Callable[[], None]]
"""An address, a password, options, and what kills the broker."""


def _redis(shared: Path, stack: ExitStack) -> Made:
    if redis_server.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    made = RedisServer(shared)
    stack.callback(made.remove)
    return f"redis://127.0.0.1:{made.port}", PASSWORD, ("--option", "stream=events"), made.kill


def _amqp(shared: Path, stack: ExitStack) -> Made:
    made = Rabbit(shared)
    stack.callback(made.remove)
    user, queue = made.add_user("the-password"), made.add_queue()
    options = ("--option", f"exchange={queue}")
    return made.address(user), "the-password", options, made.kill


def _nats(shared: Path, stack: ExitStack) -> Made:
    made = NatsServer(shared)
    stack.callback(made.remove)
    made.add_stream()
    return made.address, TOKEN, ("--option", "subject=events"), made.kill


def _kafka(shared: Path, stack: ExitStack) -> Made:
    made = stack.enter_context(Cluster())
    return made.address(), "", ("--option", f"topic={made.add_topic()}"), made.kill


_BROKERS: Final[dict[str, Callable[[Path, ExitStack], Made]]] = {
    "redis": _redis,
    "amqp": _amqp,
    "nats": _nats,
    "kafka": _kafka,
}


@pytest.fixture
def broker(
    request: pytest.FixtureRequest, office_iu: OfficeIu, secrets_dir: Path, shared: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Broker]:  # fmt: skip
    monkeypatch.setenv("IU_DEPLOYMENT", DEPLOYMENT)
    kind: str = request.param
    with ExitStack() as stack:
        address, password, options, kill = _BROKERS[kind](shared, stack)
        secret = secrets_dir / "BROKER" if password else None
        if secret:
            secret.write_text(f"host=127.0.0.1 {password}", encoding="utf-8")
        aim = Aim(office_iu, "bus")
        named = ("--secret", "BROKER") if secret else ()
        aim.done("admin", "target", "disable", "hook", *_WHY)
        aim.add(kind, "--address", address, *named, *options, "--timeout-seconds", "3")
        aim.done("approver", "target", "set", "bus", "--allow-private", *_WHY)
        aim.promote()
        yield Broker(aim, secret, kill)


def newest_claim(broker: Broker) -> int:
    return int(broker.aim.office.owner.fetch_value("select max(claim_id) from public.iu_delivery_claim"))


def tried_after(broker: Broker, claim_id: int) -> tuple[int, int]:
    """Return how many claims were made after this one, and of how many deliveries."""
    row = broker.aim.office.owner.fetch_one(
        """select count(*) as claims, count(distinct (route_no, event_seq)) as deliveries
           from public.iu_delivery_claim where claim_id > %s""",
        (claim_id,),
    )
    assert row is not None
    return int(row["claims"]), int(row["deliveries"])


@pytest.mark.parametrize("broker", ["redis", "nats", "amqp"], indirect=True)
def test_a_refused_login_is_named_with_a_hint_and_makes_the_exit_code_1(broker: Broker) -> None:
    assert broker.secret
    broker.secret.write_text("host=127.0.0.1 hunter2", encoding="utf-8")
    broker.aim.office.emit(4, 4)
    done = broker.aim.iu("sender", "deliver", "--target", "bus", "--json")
    assert done.code == 1, done.out
    (failures,) = done.json["targets"][0]["failures"]
    assert (failures["status_class"], failures["decision"], failures["count"]) == (
        "login_refused",
        "retry",
        4,
    )
    (problem,) = done.json["problems"]
    assert "left 4 undelivered: login_refused (the " in problem["message"]
    assert "its secret: IU_SECRET_<NAME>" in problem["hint"]
    broker.aim.office.emit(8, 8)
    before = newest_claim(broker)
    said = broker.command("deliver", "--target", "bus")
    assert said.returncode == 1
    # Of the four that failed before, some may be due again by now.
    failed, left = tried_after(broker, before)
    assert f"\n  {failed} to retry: login_refused (the " in said.stdout
    assert said.stderr.startswith(
        f"warning: bus: a fault of the sender left {left} undelivered: login_refused"
    )
    assert len(said.stderr.splitlines()) == 1, said.stderr
    tested = broker.command("target", "test", "bus")
    assert "hint:  Check the user in the address" in tested.stderr
    assert "Traceback" not in tested.stderr
    assert "hunter2" not in done.out + done.err + said.stdout + said.stderr + tested.stderr


@pytest.mark.parametrize("broker", list(_BROKERS), indirect=True)
def test_a_broker_that_ends_in_mid_drain_or_is_gone_leaves_stderr_clean(broker: Broker) -> None:
    broker.aim.office.emit(3, 3)
    words = ("deliver", "--target", "bus", "--linger-seconds", "3", "--database-url", broker.url)
    with subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            eventually(lambda: broker.outcomes("sent") >= 3 or process.poll() is not None, "three are sent")
            broker.kill()
            broker.aim.office.emit(3, 3)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, ""), out
    assert " to retry: " in out
    broker.aim.office.emit(6, 6)
    done = broker.command("deliver", "--target", "bus")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert " to retry: refused (no connection could be made)" in done.stdout
    tested = broker.command("target", "test", "bus")
    assert tested.returncode == 1
    assert "failed: " in tested.stdout
    (hint,) = tested.stderr.splitlines()
    assert hint.startswith("hint:  ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "redis", "--option", "stream=5"), ("is not a text", "--option 'stream=\"5\"'")),
        (("--kind", "amqp", "--option", "exchange=5"), ("is not a text", "--option 'exchange=\"5\"'")),
        (("--kind", "redis", "--option", "stream=true"), ("is not a text", "'stream=\"true\"'")),
        (("--kind", "dagster_job",), ("has no address", "Leave --address out")),
    ],
    ids=str,
)  # fmt: skip
def test_a_hint_says_what_to_write(office_iu: OfficeIu, words: tuple[str, ...], said: Any) -> None:
    scheme = {"redis": "rediss://ann@", "amqp": "amqps://ann@"}.get(words[1], "https://")
    address = ("--address", f"{scheme}example.com", *(("--secret", "HOOK") if "@" in scheme else ()))
    refused(office_iu("admin", "target", "add", "bus", *words, *address), 1, *said)


def test_the_database_of_redis_is_named_as_the_path_of_the_address(office_iu: OfficeIu) -> None:
    done = office_iu(
        "admin", "target", "add", "bus", "--kind", "redis", "--option", "stream=events",
        "--address", "rediss://example.com/abc",
    )  # fmt: skip
    refused(done, 1, "the database in the path of the address is not valid: 'abc'", "such as /1")


def test_a_kind_that_is_not_installed_needs_its_distribution() -> None:
    with pytest.raises(ArgumentInvalid) as found:
        kinds.load("carrier_pigeon")
    assert found.value.hint
    assert found.value.hint.startswith("Install the distribution that has this kind, or give one of: amqp, ")


@pytest.mark.parametrize(
    "word", ["no_stream", "other_stream", "no_exchange", "unroutable", "refused", "login_refused", "local"]
)
def test_each_class_of_answer_has_a_hint_for_the_target(word: str) -> None:
    hint = delivery_reasons.answer_hint(word, "bus")
    assert hint
    assert "{0}" not in hint
    assert hint[0].isupper()
    assert hint.endswith(".") or ": iu " in hint
    assert delivery_reasons.answer_hint("unheard_of", "bus") is None
