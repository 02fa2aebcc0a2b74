"""Ctrl-C: one line on stderr and exit code 130, from the first import to the end of the process.

While modules are imported and while the process ends, the signal ends it at once: an exception could be lost
in a callback, or be turned into another one by a module that is being imported. While a command works, the
signal raises KeyboardInterrupt, so that transactions are rolled back and child processes stopped.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see `iu_pipelines`
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import NoReturn

EXIT_CODE = 130
_STDERR = 2
_TEXT = b"error: interrupted; what was committed is kept\n"
_JSON = (
    b'{"error": {"code": null, "message": "interrupted; what was committed is kept", "hint": null, '
    b'"notes": []}}\n'
)


class _Reported:
    """Whether the interruption was reported."""

    done = False


def report() -> None:
    """Say once, on stderr, that the process was interrupted.

    It writes to the file itself, because a signal may arrive while a stream is written.
    """
    if _Reported.done:
        return
    _Reported.done = True
    try:
        os.write(_STDERR, _JSON if "--json" in sys.argv else _TEXT)
    except OSError:
        return  # stderr is closed


def end(*_: object) -> NoReturn:
    """Report the interruption and end the process without cleaning up."""
    report()
    os._exit(EXIT_CODE)


def _on_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        end()
    sys.__excepthook__(kind, error, traceback)


def _on_lost(lost: sys.UnraisableHookArgs) -> None:
    """End the process where Python would print the KeyboardInterrupt of a callback and continue."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        end()
    sys.__unraisablehook__(lost)


def install() -> None:
    """Let Ctrl-C, and a KeyboardInterrupt that nothing catches, end the process with one line.

    A process that was started with SIGINT ignored, as by nohup, continues to ignore it.
    """
    sys.excepthook = _on_uncaught
    sys.unraisablehook = _on_lost
    import signal  # noqa: PLC0415  it imports `enum`, and the hooks must be there before

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)


def raised() -> AbstractContextManager[object]:
    """Return a block in which Ctrl-C raises KeyboardInterrupt, if `install` was called before."""
    import signal  # noqa: PLC0415  see `install`
    from contextlib import ExitStack, nullcontext  # noqa: PLC0415

    if signal.getsignal(signal.SIGINT) is not end:
        return nullcontext()
    block = ExitStack()
    block.callback(signal.signal, signal.SIGINT, end)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return block
