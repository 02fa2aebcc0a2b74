"""The history of a worker in intervals."""

from __future__ import annotations

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.evidence import collect


def test_the_timeline_counts_every_event_and_attempt(worked: Gateway) -> None:
    (timeline,) = collect.collect(worked).timelines
    assert sum(moment.emitted or 0 for moment in timeline.moments) == 14
    assert sum(moment.dry_run for moment in timeline.moments) == 13
    assert sum(moment.failed for moment in timeline.moments) == 2
    assert timeline.moments[-1].backlog == 0
