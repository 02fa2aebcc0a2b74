"""The history of a worker in intervals."""

from __future__ import annotations

from evidence.conftest import work
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.evidence import collect


def test_the_timeline_counts_every_event_and_attempt(worked: Gateway) -> None:
    (timeline,) = collect.collect(worked).timelines
    assert sum(moment.emitted or 0 for moment in timeline.moments) == 14
    assert sum(moment.dry_run for moment in timeline.moments) == 13
    assert sum(moment.failed for moment in timeline.moments) == 2
    assert timeline.moments[-1].backlog == 0


def test_a_replay_after_the_last_batch_is_counted(gateway: Gateway) -> None:
    work(gateway, pause_seconds=1.1)  # the intervals of a short history are a second long
    (timeline,) = collect.collect(gateway).timelines
    assert sum(moment.dry_run for moment in timeline.moments) == 13
