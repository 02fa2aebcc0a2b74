"""One run of route_worker_job in a process of its own: `URL HOME CONFIG`; prints how it ended, as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from iu_pipelines.hosting.run_in_process import execute
from iu_pipelines.settings import load

if __name__ == "__main__":
    settings = load(database_url=SecretStr(sys.argv[1]), home=Path(sys.argv[2]))
    begun = time.monotonic()
    outcome = execute("route_worker_job", json.loads(sys.argv[3]), settings=settings)
    said = {name: value for name, value in outcome.summary.items() if isinstance(value, int | float)}
    print(
        json.dumps(
            {"success": outcome.success, "error": outcome.error, "seconds": time.monotonic() - begun} | said
        )
    )
