"""Run route_worker_job once in this process (arguments: URL HOME CONFIG), and print the result as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.worker import run_config
from iu_pipelines.hosting.run_in_process import execute
from iu_pipelines.settings import load

if __name__ == "__main__":
    settings = load(database_url=SecretStr(sys.argv[1]), home=Path(sys.argv[2]))
    begun = time.monotonic()
    config = run_config(Mount(), json.loads(sys.argv[3]))
    outcome = execute("route_worker_job", config, settings=settings)
    figures = {name: value for name, value in outcome.summary.items() if isinstance(value, int | float)}
    print(
        json.dumps(
            {"success": outcome.success, "error": outcome.error, "seconds": time.monotonic() - begun}
            | figures
        )
    )
