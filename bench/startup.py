"""The time that the command line and the Dagster definitions take to start, each in its own process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_PROGRAMS: Final = {
    "iu_version": [str(Path(sys.executable).with_name("iu")), "--version"],
    "dagster": [sys.executable, "-c", "import dagster"],
    "definitions": [sys.executable, "-c", "import iu_pipelines.definitions as d; d.defs"],
}


def measure(times: int) -> dict[str, float]:
    """Return the median seconds of each program over `times` interleaved runs."""
    taken: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for _ in range(times):
        for name, command in _PROGRAMS.items():
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
