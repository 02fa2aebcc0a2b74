"""`python -m iu_pipelines.hosting.run_as_child PROGRAM …`: run a program that ends when its parent ends.

On Linux the kernel sends SIGTERM to this process when its parent dies. Other systems have no such call.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Replace this process by the program named by the first argument, with the rest as its arguments."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  the caller names a program, not a line of a shell


if __name__ == "__main__":
    main()
