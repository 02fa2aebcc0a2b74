"""Connections that the sends of a target share: when one is made, and when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from delivery.kind_parts import granted, message, secrets
from iu_pipelines.delivery import brokers
from iu_pipelines.delivery.brokers import Broker
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.links import Link, LinkedTarget


class Recorded(Link):
    """A connection to nothing, which accepts every message."""

    made: ClassVar[list[Recorded]] = []
    is_open = True
    is_ended = False

    async def open(self) -> None:
        self.made.append(self)

    async def publish(self, message: Message) -> Answer:
        await asyncio.sleep(0)
        return Answer("sent", "confirmed")

    async def end(self) -> None:
        self.is_ended = True


class RecordedTarget(LinkedTarget):
    kind = "test.recorded"
    link = Recorded

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Accept every definition."""

    @classmethod
    def parsed(cls, address: str, *, private: bool) -> Broker:
        return brokers.check_address(address, "nats", private=private)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    monkeypatch.setattr(Recorded, "made", [])
    return Recorded.made


def test_all_sends_share_one_connection_and_a_changed_secret_replaces_it(
    made: list[Recorded], tmp_path: Path
) -> None:
    """The old connection would go on with the old login for as long as the server leaves it open."""

    async def run() -> None:
        given = secrets(tmp_path, BROKER="host=127.0.0.1 old")
        opened = RecordedTarget(granted("nats://127.0.0.1", secret_name="BROKER"), given)
        await opened.open()
        await asyncio.gather(*(opened.send(message(number)) for number in range(1, 9)))
        assert [one.texts for one in made] == [("old",)]
        secrets(tmp_path, BROKER="host=127.0.0.1 new")
        assert (await opened.send(message(9))).decision == "sent"
        assert [one.texts for one in made] == [("old",), ("new",)]
        await asyncio.sleep(0)
        assert [one.is_ended for one in made] == [True, False]
        await opened.close()
        assert [one.is_ended for one in made] == [True, True]

    asyncio.run(run())
