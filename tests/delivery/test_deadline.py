"""Sends that take too long are cancelled, one by one, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

import pytest

from iu_pipelines.delivery.deadline import Deadline

SHORT, LONG = 0.05, 3600.0


async def never() -> str:
    await asyncio.Event().wait()
    return "unreachable"


async def after(gate: asyncio.Event, said: str) -> str:
    await gate.wait()
    return said


async def stubborn() -> str:
    """Answer although the send was cancelled."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "answered late"


def test_late_sends_are_cancelled_and_the_tasks_live_on() -> None:
    async def play() -> list[str]:
        deadline, said = Deadline(SHORT), []
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await deadline.limit(never())
            task = asyncio.current_task()
            assert task is not None
            said.append(f"cancelling {task.cancelling()}")
            await asyncio.sleep(0)
        return said

    assert asyncio.run(play()) == ["cancelling 0"] * 3


def test_each_of_many_sends_has_its_own_limit() -> None:
    async def play() -> list[str | BaseException]:
        deadline, gate = Deadline(SHORT), asyncio.Event()
        first = [asyncio.create_task(deadline.limit(never())) for _ in range(50)]
        with suppress(TimeoutError):
            await first[0]
        later = asyncio.create_task(deadline.limit(after(gate, "in time")))
        await asyncio.sleep(0)
        gate.set()
        return list(await asyncio.gather(*first, later, return_exceptions=True))

    *late, in_time = asyncio.run(play())
    assert in_time == "in time"
    assert [type(one) for one in late] == [TimeoutError] * 50


def test_a_send_in_time_leaves_no_cancellation_behind() -> None:
    async def play() -> list[str]:
        deadline, gate = Deadline(SHORT), asyncio.Event()
        gate.set()
        said = [await deadline.limit(after(gate, str(n))) for n in range(3)]
        with pytest.raises(TimeoutError):  # the timer of the first send has passed when this one ends
            await deadline.limit(never())
        await asyncio.sleep(0)
        return said

    assert asyncio.run(play()) == ["0", "1", "2"]


def test_a_task_that_another_cancels_ends_as_cancelled() -> None:
    async def play() -> None:
        task = asyncio.create_task(Deadline(LONG).limit(never()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())


def test_a_late_answer_is_an_answer_and_leaves_no_cancellation_behind() -> None:
    async def play() -> tuple[str, int]:
        said = await Deadline(SHORT).limit(stubborn())
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return said, task.cancelling()

    assert asyncio.run(play()) == ("answered late", 0)


def test_an_error_of_a_send_is_raised() -> None:
    async def fails() -> str:
        raise ValueError("of the kind")

    async def play(sending: Awaitable[str]) -> None:
        with pytest.raises(ValueError, match="of the kind"):
            await Deadline(LONG).limit(sending)

    asyncio.run(play(fails()))


def test_all_sends_share_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> int:
        loop, timers = asyncio.get_running_loop(), []
        set_timer = loop.call_at

        def counted(*given: object, **more: object) -> asyncio.TimerHandle:
            timers.append(given)
            return set_timer(*given, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "call_at", counted)
        deadline, gate = Deadline(LONG), asyncio.Event()
        sends = [asyncio.create_task(deadline.limit(after(gate, ""))) for _ in range(100)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*sends)
        await deadline.limit(after(gate, ""))
        return len(timers)

    assert asyncio.run(play()) == 1
