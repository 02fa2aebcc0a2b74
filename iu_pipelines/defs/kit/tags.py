"""Run tags: what a run is for, so that no second one is started for the same."""

from typing import Final

WORKER: Final = "iu/worker"
REPLAY: Final = "iu/replay"
FAILED_RUN: Final = "iu/failed_run"

ATTEMPTS: Final = frozenset({WORKER, REPLAY})
"""A job attempts events where its runs carry one of these; a failed run of it asks for an audit of health."""
