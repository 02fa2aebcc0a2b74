"""One of several senders: `URL` of the database. It prints `ready`, waits for a line, and drains.

The environment has IU_DEPLOYMENT and the secret. It prints when it began and when it last recorded outcomes,
on the monotonic clock, which all processes share, and its CPU.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import drain as drains
from iu_pipelines.delivery import kinds
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.deliveries import Outcome, Recorded

record = deliveries.record
recorded_at = [0.0]


def noted(gateway: Gateway, outcomes: Sequence[Outcome]) -> Recorded:
    said = record(gateway, outcomes)
    recorded_at.append(time.monotonic())
    return said


deliveries.record = noted  # type: ignore[assignment]
kinds.load("webhook")
print("ready", flush=True)
sys.stdin.readline()
begun, cpu = time.monotonic(), time.process_time()
report = drains.drain(sys.argv[1], settings.load())
for problem in report.problems:
    print(problem, file=sys.stderr)
cpu = time.process_time() - cpu
print(json.dumps({"sent": report.sent, "begun": begun, "last": max(recorded_at), "cpu": cpu}))
