"""Deferral of a cancellation: signals are noticed, but interrupt nothing inside the block."""

from __future__ import annotations

import signal
import threading

import pytest

from iu_pipelines.defs.kit.cancellation import deferred_cancellation, is_cancelled


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noticed_and_does_not_interrupt_the_block(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with deferred_cancellation():
        assert not is_cancelled()
        signal.raise_signal(number)
        assert is_cancelled()
    assert not is_cancelled()
    assert signal.getsignal(number) is before


def test_the_handlers_are_restored_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError), deferred_cancellation():
        signal.raise_signal(signal.SIGINT)
        raise KeyError
    assert signal.getsignal(signal.SIGINT) is before
    assert not is_cancelled()


def test_in_another_thread_the_block_runs_and_changes_no_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with deferred_cancellation():
            seen.extend([signal.getsignal(signal.SIGINT), is_cancelled()])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]
