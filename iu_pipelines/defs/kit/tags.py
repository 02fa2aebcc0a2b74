"""Run tags. They say what a run is for, so that a second run for the same purpose is not started."""

from typing import Final

WORKER: Final = "iu/worker"
REPLAY: Final = "iu/replay"
FAILED_RUN: Final = "iu/failed_run"

ATTEMPTS: Final = frozenset({WORKER, REPLAY})
"""Tags of jobs that attempt events. A failed run of such a job is followed by a health report."""
