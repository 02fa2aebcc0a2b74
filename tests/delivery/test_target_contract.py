"""The contract of kinds of targets: each kind of this package keeps it, and it finds each broken rule."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets as random
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from databases import Server
from delivery.kind_parts import VALUE, granted
from delivery.receiver import Behaviour, Receiver
from delivery.world import PASSWORD, make_login
from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import contract
from iu_pipelines.delivery.contract import Place, Received
from iu_pipelines.delivery.dagster_runs import DagsterAssetTarget, DagsterJobTarget
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.postgres import PostgresTarget, inbox_sql
from iu_pipelines.delivery.pull import PullTarget
from iu_pipelines.delivery.secrets import Secret, Secrets, new_value
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.domain.targets import GrantedTarget

_UNUSED: Final = "127.0.0.1:9"
"""The port `discard`, on which nothing listens."""


class Hooks(Place):
    """A receiver on loopback."""

    canary = VALUE
    unsafe_addresses = (
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://[::1]/",
    )
    password_address = "https://ann:s3cret@127.0.0.1/"

    def __init__(self, receiver: Receiver, patch: pytest.MonkeyPatch) -> None:
        self._receiver = receiver
        self._patch = patch

    def target(self) -> GrantedTarget:
        return granted(self._receiver.url())

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        return [Received(one.key, one.body, one.headers) for one in self._receiver.requests()]

    def unreachable(self) -> GrantedTarget:
        return granted(f"http://{_UNUSED}/")

    def silent(self) -> GrantedTarget:
        return granted(self._receiver.url(mode="hang"), timeout_seconds=1)

    def refusing(self) -> GrantedTarget:
        return granted(self._receiver.url(status=422))

    def breaking(self) -> GrantedTarget:
        return granted(self._receiver.url(mode="drop"))

    def parts(self) -> Sequence[Sequence[Received]]:
        return [self.received()]

    def stop(self) -> bool:
        self._receiver.kill()
        return True

    def start(self) -> None:
        self._receiver.start()

    def change_secret(self) -> bool:
        value = new_value()
        self._receiver.behave(Behaviour(secrets=value))
        self._patch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {value}")
        return True


class Inbox(Place):
    """A second database, with the table of the inbox."""

    canary = PASSWORD
    unsafe_addresses = (
        "postgresql://u@127.0.0.1/d",
        "postgresql://u@192.168.0.1/d",
        "postgresql://u@[::1]/d",
    )
    password_address = "postgresql://u:s3cret@127.0.0.1/d"

    def __init__(self, url: str, login: str, patch: pytest.MonkeyPatch) -> None:
        self._gateway = Gateway(url)
        self._login = login
        self._patch = patch
        self._gateway.run_script(inbox_sql())
        make_login(self._gateway, login)
        self._gateway.execute(f"grant insert, select (delivery_key) on public.iu_inbox to {login}")
        parts = urlsplit(url)
        self._database = parts.path.removeprefix("/")
        self._place = f"127.0.0.1:{parts.port}/{self._database}"

    def target(self) -> GrantedTarget:
        return granted(f"postgresql://{self._login}@{self._place}", kind="postgres")

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        found = self._gateway.fetch_all(
            "select delivery_key, body::text as body, headers from public.iu_inbox "
            "order by xmin::text::bigint"
        )
        return [Received(row["delivery_key"], row["body"], row["headers"]) for row in found]

    def unreachable(self) -> GrantedTarget:
        return replace(self.target(), address=f"postgresql://{self._login}@{_UNUSED}/d")

    def silent(self) -> GrantedTarget:
        self._gateway.execute(
            "create or replace function public.wait() returns trigger language plpgsql as "
            "$$ begin perform pg_sleep(600); return new; end $$"
        )
        self._gateway.execute(
            "create trigger wait before insert on public.iu_inbox for each row execute function public.wait()"
        )
        return replace(self.target(), timeout_seconds=1)

    def refusing(self) -> GrantedTarget:
        self._gateway.execute("alter table public.iu_inbox add check (delivery_key is null)")
        return self.target()

    def breaking(self) -> GrantedTarget:
        self._gateway.execute(
            "create function public.break() returns trigger language plpgsql security definer as "
            "$$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
        )
        self._gateway.execute(
            "create trigger break before insert on public.iu_inbox for each row "
            "execute function public.break()"
        )
        return self.target()

    def parts(self) -> Sequence[Sequence[Received]]:
        return [self.received()]

    def stop(self) -> bool:
        self._gateway.execute(f'alter database "{self._database}" connection limit 0')
        self._terminate()
        return True

    def start(self) -> None:
        self._gateway.execute(f'alter database "{self._database}" connection limit -1')

    def change_secret(self) -> bool:
        self._gateway.execute(f"alter role {self._login} password 'another'")
        self._terminate()
        self._patch.setenv("IU_SECRET_HOOK", "host=127.0.0.1 another")
        return True

    def _terminate(self) -> None:
        self._gateway.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (self._login,)
        )

    def close(self) -> None:
        self._gateway.execute(f"alter role {self._login} password '{PASSWORD}'")
        self._gateway.close()


class Nowhere(Place):
    """Another program claims: there is no place."""

    def __init__(self, kind: str = PullTarget.kind) -> None:
        self._kind = kind

    def target(self) -> GrantedTarget:
        return granted("", kind=self._kind, secret_name=None, allow_private=False)

    def secrets(self) -> Secrets:
        return Secrets(settings.load())

    def received(self) -> Sequence[Received]:
        return []

    def unreachable(self) -> GrantedTarget:
        return self.target()


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {VALUE}")
    with Receiver(tmp_path) as receiver:
        yield Hooks(receiver, monkeypatch)


@pytest.fixture
def inbox(empty_database: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {PASSWORD}")
    made = Inbox(empty_database, f"iu_test_inbox_{os.getpid()}", monkeypatch)
    yield made
    made.close()


def _run(name: str, kind: type[TargetKind], place: Place) -> None:
    asyncio.run(contract.run(name, kind, place))


@pytest.mark.parametrize("name", contract.scenarios(WebhookTarget))
def test_webhooks_keep_the_contract(name: str, hooks: Hooks) -> None:
    _run(name, WebhookTarget, hooks)


@pytest.mark.parametrize("name", contract.scenarios(PostgresTarget))
def test_inboxes_keep_the_contract(name: str, inbox: Inbox) -> None:
    _run(name, PostgresTarget, inbox)


@pytest.mark.parametrize("name", contract.scenarios(PullTarget))
def test_targets_that_are_pulled_keep_the_contract(name: str) -> None:
    _run(name, PullTarget, Nowhere())


@pytest.mark.parametrize("kind", [DagsterJobTarget, DagsterAssetTarget])
@pytest.mark.parametrize("name", contract.scenarios(DagsterJobTarget))
def test_targets_of_dagster_keep_the_contract(name: str, kind: type[TargetKind]) -> None:
    _run(name, kind, Nowhere(kind.kind))


# Kinds that break one rule each.


class _Broken(WebhookTarget):
    pass


class SaysItSent(_Broken):
    async def send(self, message: Message) -> Answer:
        return Answer("sent", "2xx")


class LosesSome(_Broken):
    async def send(self, message: Message) -> Answer:
        return Answer("sent", "2xx") if message.subject_no > 40 else await super().send(message)


class SendsTwice(_Broken):
    async def send(self, message: Message) -> Answer:
        if message.subject_no > 40:
            await super().send(message)
        return await super().send(message)


class ChangesTheKey(_Broken):
    async def send(self, message: Message) -> Answer:
        key = f"{message.key}x{message.attempt_no}" if message.attempt_no > 1 else message.key
        return await super().send(replace(message, headers={**message.headers, "webhook-id": key}))


class InjectsHeaders(_Broken):
    async def send(self, message: Message) -> Answer:
        headers = dict(message.headers)
        for line in headers["ce-subject"].split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if value:
                headers[name] = value
        return await super().send(replace(message, headers=headers))


class ChangesTheBody(_Broken):
    async def send(self, message: Message) -> Answer:
        return await super().send(replace(message, body=message.body.replace("doc", "")))


class CutsTheBody(_Broken):
    async def send(self, message: Message) -> Answer:
        return await super().send(replace(message, body=message.body[:60_000]))


class RaisesErrors(_Broken):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        if answer.decision != "sent":
            raise OSError("nothing listens")
        return answer


class BlamesItself(_Broken):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return replace(answer, local_fault=answer.decision != "sent")


class IsSureThatNothingArrived(_Broken):
    async def send(self, message: Message) -> Answer:
        return replace(await super().send(message), may_have_arrived=False)


class IsNeverSure(_Broken):
    async def send(self, message: Message) -> Answer:
        return replace(await super().send(message), may_have_arrived=True)


class HasNoTimeout(_Broken):
    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(replace(target, timeout_seconds=3), secrets)


class AcceptsEveryStatus(_Broken):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return replace(answer, decision="sent") if answer.status_code else answer


class UsesTheAnswerAsClass(_Broken):
    async def send(self, message: Message) -> Answer:
        return replace(await super().send(message), status_class="Unprocessable Entity")


class SendsLater(_Broken):
    """It answers before it sends each second message of a subject."""

    async def send(self, message: Message) -> Answer:
        if message.subject_no // 8 % 2:
            return await super().send(message)
        self.later = [*getattr(self, "later", []), message]
        return Answer("sent", "2xx")

    async def close(self) -> None:
        for message in getattr(self, "later", []):
            await super().send(message)
        await super().close()


class SaysThatNothingArrived(_Broken):
    async def send(self, message: Message) -> Answer:
        answer = await super().send(message)
        return replace(answer, may_have_arrived=answer.status_class == "timeout")


class StaysUnconnected(_Broken):
    failed: Answer | None = None

    async def send(self, message: Message) -> Answer:
        answer = self.failed or await super().send(message)
        if answer.decision != "sent":
            self.failed = answer
        return answer


class OldSecrets(Secrets):
    def find(self, secret_name: str, address: str) -> Secret:
        self.kept = getattr(self, "kept", None) or super().find(secret_name, address)
        return self.kept


class KeepsItsSecret(_Broken):
    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, OldSecrets(settings.load()))


class NeedsNoSecret(_Broken):
    async def open(self) -> None:
        pass

    def sign(self, message: Message, at: datetime) -> str:
        return ""


class EveryHost(Secrets):
    def find(self, secret_name: str, address: str) -> Secret:
        return super().find(secret_name, "http://127.0.0.1/")


class IgnoresTheHost(_Broken):
    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, EveryHost(settings.load()))


class LogsItsSecret(_Broken):
    async def send(self, message: Message) -> Answer:
        found = self.secrets.find("HOOK", self.target.address) if self.target.address[-1] == "k" else None
        logging.getLogger("broken").debug("sending with %s", found and found.values)
        return await super().send(message)


class ShowsItsSecret(_Broken):
    async def open(self) -> None:
        await super().open()
        self.text = os.environ["IU_SECRET_HOOK"]


class SignsNothing(_Broken):
    def sign(self, message: Message, at: datetime) -> str:
        return "v1,constant"


class SignsAtRandom(_Broken):
    def sign(self, message: Message, at: datetime) -> str:
        return random.token_hex()


class LeavesATask(_Broken):
    async def open(self) -> None:
        await super().open()
        self.task = asyncio.ensure_future(asyncio.sleep(600))


class CannotBeClosedUnopened(_Broken):
    async def close(self) -> None:
        assert self._session is not None
        await super().close()


class AsksTheNetwork(_Broken):
    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        socket.getaddrinfo(urlsplit(address).hostname, 80)


class ChecksNothing(_Broken):
    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        pass


class HasABadName(_Broken):
    kind = "Web Hook"


_RULES: Final[Mapping[type[TargetKind], str]] = {
    SaysItSent: "sends_a_message",
    LosesSome: "sends_many_messages_at_once",
    SendsTwice: "sends_many_messages_at_once",
    ChangesTheKey: "sends_the_same_key_again",
    InjectsHeaders: "sends_any_text_and_no_other_headers",
    ChangesTheBody: "sends_any_text_and_no_other_headers",
    CutsTheBody: "refuses_a_body_that_is_too_large",
    RaisesErrors: "reports_a_target_that_cannot_be_reached",
    BlamesItself: "reports_a_target_that_cannot_be_reached",
    IsSureThatNothingArrived: "ends_within_the_timeout",
    IsNeverSure: "reports_a_target_that_cannot_be_reached",
    HasNoTimeout: "ends_within_the_timeout",
    AcceptsEveryStatus: "reports_a_refusal",
    UsesTheAnswerAsClass: "reports_a_refusal",
    SendsLater: "keeps_the_order_of_a_subject",
    SaysThatNothingArrived: "says_that_a_message_may_have_arrived",
    StaysUnconnected: "works_again_after_an_outage",
    KeepsItsSecret: "uses_a_changed_secret",
    NeedsNoSecret: "reports_a_missing_secret",
    IgnoresTheHost: "uses_no_secret_for_another_host",
    LogsItsSecret: "prints_no_secret",
    ShowsItsSecret: "prints_no_secret",
    SignsNothing: "signs_the_same_at_the_same_time",
    SignsAtRandom: "signs_the_same_at_the_same_time",
    LeavesATask: "leaves_nothing_open",
    CannotBeClosedUnopened: "leaves_nothing_open",
    AsksTheNetwork: "checks_without_the_network",
}
_DEFINITIONS: Final = {
    "refuses_an_unknown_option": ChecksNothing,
    "refuses_unsafe_addresses": ChecksNothing,
    "refuses_a_password_in_the_address": ChecksNothing,
    "has_a_name": HasABadName,
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [*_RULES.items(), *((kind, name) for name, kind in _DEFINITIONS.items())],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_kind_that_breaks_a_rule_is_found(
    kind: type[TargetKind], name: str, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "PATIENCE_SECONDS", 1.0)
    with pytest.raises((AssertionError, OSError)):
        _run(name, kind, hooks)


def test_each_scenario_has_a_kind_that_it_finds() -> None:
    assert {*_RULES.values(), *_DEFINITIONS} == set(contract.scenarios(WebhookTarget))
