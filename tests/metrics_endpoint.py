"""`iu metrics --serve` in a process of its own, and scrapes of it."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev_server import free_port
from process_groups import ProcessGroup, start

UP = "\niu_up 1.0\n"
DOWN = "\niu_up 0.0\n"


def scrape(port: int, host: str = "127.0.0.1") -> str:
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


@contextmanager
def served(folder: Path, database: str, *options: str) -> Iterator[tuple[ProcessGroup, int]]:
    """Run `iu metrics --serve` on a free port until the block ends."""
    port = free_port()
    group = start(
        folder / "metrics.log",
        {**os.environ, "IU_DATABASE_URL": database, "IU_HOME": str(folder)},
        *(sys.executable, "-m", "iu_pipelines", "metrics", "--serve", "--port", str(port), *options),
    )
    try:
        group.wait_for("Ctrl-C")
        yield group, port
    finally:
        group.kill()
