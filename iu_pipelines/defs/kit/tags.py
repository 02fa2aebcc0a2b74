"""Run tags. They say what a run is for, so that a second run for the same purpose is not started."""

from typing import Final

WORKER: Final = "iu/worker"
REPLAY: Final = "iu/replay"
TARGET: Final = "iu/target"
SENDER: Final = "iu/sender"
"""The number of a sender of a target, from 1 to `Mount.senders_per_target`."""
FAILED_RUN: Final = "iu/failed_run"
LAUNCH: Final = "iu/launch"
LAUNCH_NO: Final = "iu/launch_no"
CLAIMS: Final = "iu/claims"
EVENT: Final = "iu/event"
EVENTS: Final = "iu/events"
ROUTE: Final = "iu/route"
SUBJECT: Final = "iu/subject"
