"""The freshness of an asset that is due at the ticks of a cron expression."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Final

import dagster as dg

from iu_pipelines.defs.kit.dagster_private import get_smallest_cron_interval

_EARLIEST: Final = timedelta(minutes=15)


@cache
def due_by(cron: str) -> dg.FreshnessPolicy:
    """Return the policy that a new materialization exists at each tick of `cron`.

    It is new if it was made at most 15 minutes before the tick, or after the previous tick if that is less.
    """
    return dg.FreshnessPolicy.cron(cron, min(_EARLIEST, get_smallest_cron_interval(cron)))
