"""Closed pipes: the reader of stdout ended first, as in `iu tail | head -1`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_if_closed() -> Iterator[None]:
    """End the block quietly when stdout is a closed pipe. Whatever is printed afterwards is dropped."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise the interpreter reports the same error when it flushes stdout at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
