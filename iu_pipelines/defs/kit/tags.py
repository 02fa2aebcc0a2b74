"""Run tags. They say what a run is for, so that a second run for the same purpose is not started.

Worker, replay and target begin with the name of the outbox and a slash, if it has a name.
"""

from typing import Final

WORKER: Final = "iu/worker"
"""The worker that the run executes."""
REPLAY: Final = "iu/replay"
"""The value `replay`: the run replays dead letters."""
TARGET: Final = "iu/target"
"""The target that the run delivers to; `all` if it delivers to every target."""
SENDER: Final = "iu/sender"
"""The number of a sender of a target, from 1 to `Mount.senders_per_target`."""
FAILED_RUN: Final = "iu/failed_run"
"""The id of the failed run after which this health report was requested."""
LAUNCH: Final = "iu/launch"
"""What a run of an event job is for: the key of its delivery, or a digest of several keys."""
LAUNCH_NO: Final = "iu/launch_no"
"""The number of the run among those with the same launch, from 1."""
CLAIMS: Final = "iu/claims"
"""How often the deliveries of a run of an event job had been claimed when it was requested."""
EVENT: Final = "iu/event"
"""The id of the event of a run of an event job, if it is for one event."""
EVENTS: Final = "iu/events"
"""The number of events of a run of an event job."""
ROUTE: Final = "iu/route"
"""The route of the events of a run of an event job, if it is the same for all."""
SUBJECT: Final = "iu/subject"
"""The subject of the event of a run of an event job, if it is for one event."""
