"""`make soak`: run the soak for SOAK_SECONDS (600) on its own servers, and print counts and the verdict.

The servers have the settings of a distribution, with repeatable read as the default, prepared transactions
and failovers (failovers.py). SOAK_SEED is the seed of the random numbers. The exit code is 0 if every count
of the verdict is zero, else 1.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.failovers import Fleet
from soak.ledger import Ledger
from soak.play import FAILOVERS, Play, Programme
from soak.scenes import PLAIN


def main() -> int:
    programme = replace(
        Programme(failovers=FAILOVERS),
        seconds=float(os.environ.get("SOAK_SECONDS", "600")),
        seed=int(os.environ.get("SOAK_SEED", "0")),
    )
    ledger = Ledger()
    fleet = Fleet(ledger, left_out=PLAIN[1:])
    try:
        url = fleet.start()
        with Gateway(url) as gateway:
            migration.apply(gateway)
        play = Play(url, programme, say=lambda line: print(line, flush=True), ledger=ledger, fleet=fleet)
        verdict = play.perform()
        for surprise in play.ledger.surprises[:20]:
            print(f"surprise: {surprise}")
        print(f"counts: {dict(sorted(play.ledger.counts.items()))}")
        print(f"verdict: {'clean' if verdict.is_clean else 'BROKEN'}: {verdict}")
        return 0 if verdict.is_clean else 1
    finally:
        fleet.stop()


if __name__ == "__main__":
    sys.exit(main())
