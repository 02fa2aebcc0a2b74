"""Tests of a target by hand: when one is sent, what is recorded, and what is not shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from delivery.sending import kind_of
from delivery.world import World, url_of
from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import kinds, trials
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain import targets
from iu_pipelines.errors import DeliveryRefused, UsageError

SENT: Final = Answer("sent", "2xx", 204)

_TESTS: Final = "select passed, status_class from public.iu_delivery_target_test"


class Trial:
    """The target of a world, of a kind that answers what it is told to answer, and counts."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.answer: Callable[[], Answer] = lambda: SENT
        self.sent: list[Message] = []
        self.closed = 0

        async def send(message: Message) -> Answer:
            self.sent.append(message)
            return self.answer()

        async def close(*_: Any) -> None:
            self.closed += 1

        kind = kind_of(send)
        patch.setattr(kind, "close", close)
        patch.setattr(kinds, "load", lambda _: kind)

    def test(self) -> targets.TargetTest:
        """Test the target as the login that delivers."""
        with Gateway(url_of(self.world.url, self.world.login)) as gateway:
            return trials.send_test(gateway, "hook", Secrets(settings.load()))

    def recorded(self) -> list[dict[str, Any]]:
        return self.world.owner.fetch_all(_TESTS)


@pytest.fixture
def tested(world: World, monkeypatch: pytest.MonkeyPatch) -> Trial:
    return Trial(world, monkeypatch)


def test_a_test_is_sent_and_its_answer_is_recorded(tested: Trial) -> None:
    assert tested.test().passed
    tested.answer = lambda: Answer("retry", "5xx", 500, error="HTTP status 500")
    assert not tested.test().passed
    assert tested.recorded() == [
        {"passed": True, "status_class": "2xx"},
        {"passed": False, "status_class": "5xx"},
    ]
    assert (len(tested.sent), tested.closed) == (2, 2)


def test_an_open_breaker_holds_deliveries_and_no_test(tested: Trial) -> None:
    tested.world.owner.execute(
        "update public.iu_delivery_target_state "
        "set breaker = 'open', retry_at = clock_timestamp() + interval '1 hour'"
    )
    with Gateway(url_of(tested.world.url, tested.world.login)) as gateway:
        assert targets.refusal(gateway, "hook") == "breaker_open"
    assert tested.test().passed


@pytest.mark.parametrize(
    ("hold", "word"),
    [
        (lambda world: world.set_gate("master", "false"), "master_gate_closed"),
        (lambda world: world.set_gate("delivery", "false"), "delivery_gate_closed"),
        (lambda world: targets.set_paused(world.owner, "hook", True, "test"), "target_paused"),
        (lambda world: targets.set_enabled(world.owner, "hook", False, "test"), "target_disabled"),
    ],
    ids=["master", "delivery", "paused", "disabled"],
)
def test_what_stops_a_target_stops_its_test(tested: Trial, hold: Callable[[World], Any], word: str) -> None:
    hold(tested.world)
    with pytest.raises(DeliveryRefused, match=word):
        tested.test()
    assert tested.sent == []
    assert tested.recorded() == []


def test_a_fault_of_the_sender_is_no_result_of_the_target(tested: Trial) -> None:
    tested.answer = lambda: Answer("retry", "local", error="there is no secret", local_fault=True)
    with pytest.raises(UsageError, match="the test could not be sent: there is no secret"):
        tested.test()
    assert tested.recorded() == []
    assert tested.closed == 1


def test_of_an_error_of_a_kind_only_the_type_is_shown(tested: Trial) -> None:
    """Its text might contain a secret; nor is it the cause, which `--debug` would show."""

    def fails() -> Answer:
        raise ValueError("hunter2")

    tested.answer = fails
    with pytest.raises(UsageError, match="the test could not be sent: ValueError") as found:
        tested.test()
    assert found.value.__cause__ is None
    assert found.value.__suppress_context__
    assert tested.recorded() == []
    assert tested.closed == 1
