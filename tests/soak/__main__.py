"""`make soak`: play for SOAK_SECONDS (600) on a server of its own, print the tally and the verdict.

SOAK_SEED changes the dice. Exit code 0 where the verdict is nothing but zeros, else 1.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.play import Play, Programme

SETTINGS = {"deadlock_timeout": "100ms", "max_connections": "120", "fsync": "off"}


def main() -> int:
    programme = replace(
        Programme(),
        seconds=float(os.environ.get("SOAK_SECONDS", "600")),
        seed=int(os.environ.get("SOAK_SEED", "0")),
    )
    home = Path(tempfile.mkdtemp(prefix="iu-soak-"))
    server = EmbeddedServer(home, settings=SETTINGS)
    try:
        url = server.ensure_running()
        with Gateway(url) as gateway:
            migration.apply(gateway)
        play = Play(url, programme, say=lambda line: print(line, flush=True))
        verdict = play.perform()
        for surprise in play.ledger.surprises[:20]:
            print(f"surprise: {surprise}")
        print(f"counts: {dict(sorted(play.ledger.counts.items()))}")
        print(f"verdict: {'clean' if verdict.is_clean else 'BROKEN'}: {verdict}")
        return 0 if verdict.is_clean else 1
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
