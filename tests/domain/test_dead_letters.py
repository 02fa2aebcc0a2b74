"""The domain functions of dead letters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.samples import add_letter
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import dead_letters, gates
from iu_pipelines.errors import UnknownDeadLetter


def test_a_letter_of_an_enabled_dry_run_route_is_replayed(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    assert dead_letters.count_open(gateway) == 1
    result = dead_letters.replay(gateway, letter_id, "run-9")
    assert (result.status, result.decision, result.resolved, result.attempt_no) == (
        "replayed",
        "dry_run",
        True,
        2,
    )
    assert dead_letters.count_open(gateway) == 0
    (letter,) = dead_letters.list_letters(gateway, resolution="replayed")
    assert (letter.dead_letter_id, letter.attempts) == (letter_id, 2)
    assert dead_letters.replay(gateway, letter_id).status == "already_resolved"


def test_a_letter_without_a_route_stays_open_and_is_due_later(gateway: Gateway) -> None:
    letter_id = add_letter(gateway, "iu.unknown")
    result = dead_letters.replay(gateway, letter_id)
    assert (result.decision, result.resolved) == ("skipped", False)
    assert dead_letters.list_letters(gateway, due_only=True) == []
    (letter,) = dead_letters.list_letters(gateway)
    assert letter.attempts == 2


def test_a_closed_master_gate_stops_a_replay(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    gates.set_gate(gateway, gates.MASTER, "false", "test")
    result = dead_letters.replay(gateway, letter_id)
    assert (result.status, result.resolved) == ("master_gate_closed", False)
    assert dead_letters.count_open(gateway) == 1


def test_a_discarded_letter_keeps_its_reason(gateway: Gateway) -> None:
    letter_id = add_letter(gateway)
    dead_letters.discard(gateway, letter_id, "a duplicate")
    (letter,) = dead_letters.list_letters(gateway, resolution="discarded")
    assert (letter.dead_letter_id, letter.resolution_reason) == (letter_id, "a duplicate")
    assert dead_letters.list_letters(gateway) == []


def test_letters_can_be_filtered(gateway: Gateway) -> None:
    first, second = add_letter(gateway, key="test:1"), add_letter(gateway, "iu.other", key="test:2")
    gateway.execute(
        """update public.iu_route_dead_letter set created_at = now() - interval '2 hours'
            where dead_letter_id = %s""",
        (second,),
    )

    def ids(**filters: Any) -> set[UUID]:
        return {letter.dead_letter_id for letter in dead_letters.list_letters(gateway, **filters)}

    assert ids() == ids(resolution=None) == {first, second}
    assert ids(route_code="iu.other") == {second}
    assert ids(failure_code="other") == set()
    assert ids(older_than=timedelta(hours=1)) == {second}
    assert ids(due_only=True) == {first, second}
    assert len(ids(limit=1)) == 1


def test_only_letters_that_can_succeed_now_are_listed_as_replayable(gateway: Gateway) -> None:
    add_letter(gateway, "iu.unknown", key="test:1")
    letter_id = add_letter(gateway, key="test:2")
    (letter,) = dead_letters.list_replayable(gateway)
    assert letter == dead_letters.letter(gateway, letter_id)
    assert dead_letters.list_replayable(gateway, limit=0) == []


@pytest.mark.parametrize("function", ["replay", "discard"])
def test_an_unknown_letter_is_refused_with_its_id(gateway: Gateway, function: str) -> None:
    unknown = uuid4()
    with pytest.raises(UnknownDeadLetter, match=str(unknown)) as refused:
        if function == "replay":
            dead_letters.replay(gateway, unknown)
        else:
            dead_letters.discard(gateway, unknown, "test")
    assert refused.value.hint
