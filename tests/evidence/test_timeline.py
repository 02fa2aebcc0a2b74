"""The past of a worker in stretches of time."""

from __future__ import annotations

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.evidence import collect


def test_the_backlog_is_reckoned_back_to_what_it_was(worked: Gateway) -> None:
    (timeline,) = collect.collect(worked).timelines
    assert sum(moment.emitted or 0 for moment in timeline.moments) == 14
    assert sum(moment.dry_run for moment in timeline.moments) == 13
    assert sum(moment.failed for moment in timeline.moments) == 2
    assert timeline.moments[-1].backlog == 0
