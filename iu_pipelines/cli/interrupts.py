"""Ctrl-C: one line on stderr and exit code 130, from the first import to the end of the process.

While modules are imported and while the process ends, the signal ends it at once: an exception could be lost
in a callback, or be turned into another one by a module that is being imported. While a command works, the
signal raises KeyboardInterrupt, so that transactions are rolled back and child processes stopped.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager

TYPE_CHECKING = False  # `typing` takes some milliseconds to import, in which Ctrl-C would print a traceback
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import NoReturn

EXIT_CODE = 130
_STDERR = 2
_TEXT = b"error: interrupted; what was committed is kept\n"
_JSON = (
    b'{"error": {"code": null, "message": "interrupted; what was committed is kept", "hint": null, '
    b'"notes": []}}\n'
)
_reported = False


def report() -> None:
    """Say once, on stderr, that the process was interrupted.

    It writes to the file itself, because a signal may arrive while a stream is written.
    """
    global _reported  # noqa: PLW0603  a signal handler has no other state
    if not _reported:
        _reported = True
        os.write(_STDERR, _JSON if "--json" in sys.argv else _TEXT)


def end(*_: object) -> NoReturn:
    """Report the interruption and end the process without cleaning up."""
    report()
    os._exit(EXIT_CODE)


def install() -> None:
    """Let Ctrl-C, and a KeyboardInterrupt that nothing catches, end the process with one line.

    A process that was started with SIGINT ignored, as by nohup, continues to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
    sys.excepthook = _on_uncaught
    sys.unraisablehook = _on_lost


@contextmanager
def raised() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C while the block runs, if `install` was called."""
    if signal.getsignal(signal.SIGINT) is not end:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, end)


def _on_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        end()
    sys.__excepthook__(kind, error, traceback)


def _on_lost(lost: sys.UnraisableHookArgs) -> None:
    """End the process where Python would print a KeyboardInterrupt of a callback and continue."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        end()
    sys.__unraisablehook__(lost)
