"""The sender of iu_pipelines: `consume URL COUNT RECEIVER` drains what is due, with the default limits.

The environment has IU_DEPLOYMENT and the secret. It prints the memory of the process at each second, too.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from iu_pipelines import settings
from iu_pipelines.delivery import drain as drains
from iu_pipelines.delivery import kinds
from iu_pipelines.delivery.reports import DrainReport

url = sys.argv[2]
memory: list[tuple[int, float]] = []


def resident_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def watch(report: DrainReport) -> None:
    memory.append((report.sent, resident_mib()))


kinds.load("webhook")
gc.collect()
begun, cpu = time.perf_counter(), time.process_time()
report = drains.drain(url, settings.load(), on_progress=watch)
seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
watch(report)
for problem in report.problems:
    print(problem, file=sys.stderr)
print(json.dumps({"events": report.sent, "seconds": seconds, "cpu": cpu, "memory": memory}))
