"""`python -m iu_pipelines.hosting.run_as_child MODULE …`: run a module that ends when its parent ends.

On Linux the kernel sends SIGTERM to this process when its parent dies. Other systems have no such call.
"""

from __future__ import annotations

import ctypes
import runpy
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Run the module named by the first argument, with the rest as its arguments."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
