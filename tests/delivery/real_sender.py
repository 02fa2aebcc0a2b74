"""The process of a real sender in a storm: it drains again and again, and may end at a given stage.

The functions that claim, send and record are wrapped, so that the process can kill itself before and after
each commit and among the sends, or freeze for longer than a lease. What it asks to be recorded, and what it
is told, is appended to the file of reports.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from delivery.storm_sender import FROZEN, append
from delivery.world import DEPLOYMENT
from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.delivery import calls
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.reports import DrainLimits
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.deliveries import Claim, Outcome, Recorded
from iu_pipelines.errors import ConnectionFailed, Unavailable

_LEASE_SECONDS: Final = 2.0


@dataclass
class Process:
    """One sender. After `patience` claims its fate comes true, if it has one."""

    url: str
    reports: Path
    fate: str
    patience: int
    chance: random.Random = field(default_factory=random.Random)

    def run(self) -> None:
        """Drain without end, also after the database was unreachable."""
        self._wrap()
        while True:
            limits = DrainLimits(
                batch_limit=self.chance.choice((1, 5, 20, 100)),
                linger_seconds=self.chance.random() * 3,
                concurrency=self.chance.choice((1, 8, 64)),
            )
            try:
                drain(self.url, settings.load(deployment=DEPLOYMENT), limits=limits)
            except (ConnectionFailed, Unavailable):
                time.sleep(0.1)
            time.sleep(0.03)

    def _wrap(self) -> None:
        claim, send, record = deliveries.claim, WebhookTarget.send, deliveries.record
        claim_and_commit = calls.Calls.claim

        def wrapped_claim(session: Session, *given: Any) -> list[Claim]:
            found = claim(session, *given)
            self.patience -= bool(found)
            self._reach("claim open", bool(found))
            return found

        async def wrapped_commit(here: calls.Calls, *given: Any) -> Any:
            claimed = await claim_and_commit(here, *given)
            self._reach("claimed", bool(claimed.claims))
            return claimed

        async def wrapped_send(kind: WebhookTarget, message: Message) -> Answer:
            self._begin()
            answer = await send(kind, message)
            self._reach("sent")
            return answer

        def wrapped_record(gateway: Gateway, outcomes: Sequence[Outcome]) -> Recorded:
            asked = str(uuid4())
            append(self.reports, {"asked": asked, "outcomes": [[o.claim_id, o.decision] for o in outcomes]})
            with gateway.transaction() as session:
                said = record(session, outcomes)
                self._reach("outcomes open")
            self._reach("recorded")
            append(self.reports, {"told": asked, "said": vars(said)})
            return said

        deliveries.claim = wrapped_claim  # type: ignore[assignment]
        deliveries.record = wrapped_record  # type: ignore[assignment]
        calls.Calls.claim = wrapped_commit  # type: ignore[assignment]
        WebhookTarget.send = wrapped_send  # type: ignore[method-assign,assignment]

    def _begin(self) -> None:
        """Freeze before a send, or end a moment after it has begun."""
        if self.patience > 0:
            return
        if self.fate == FROZEN:
            self._freeze()
        if self.fate == "sending":
            asyncio.get_running_loop().call_later(self.chance.random() * 0.01, self._reach, "sending")

    def _reach(self, stage: str, is_there: bool = True) -> None:
        if is_there and self.fate == stage and self.patience <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _freeze(self) -> None:
        """Stop the whole process for longer than a lease."""
        self.fate = ""
        seconds = _LEASE_SECONDS + self.chance.random()
        subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.SIGSTOP)


def main(arguments: str) -> None:
    """Run the sender that the JSON object `arguments` describes."""
    given = json.loads(arguments)
    given["reports"] = Path(given["reports"])
    Process(**given).run()


if __name__ == "__main__":
    main(sys.argv[1])
