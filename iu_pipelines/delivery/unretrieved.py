"""Exceptions of tasks that a library started and never awaited: logged, and not printed on stderr.

After a lost connection such a task ends with the error that the answer of the send names already.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.addHandler(logging.NullHandler())
_MESSAGE: Final = "exception was never retrieved"


def log_unretrieved() -> None:
    """Let the running event loop log the type of such an exception, whose text might contain a secret."""
    asyncio.get_running_loop().set_exception_handler(_handle)


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if _MESSAGE in context["message"]:
        _LOGGER.warning("%s: %s", context["message"], type(context.get("exception")).__name__)
    else:
        loop.default_exception_handler(context)
