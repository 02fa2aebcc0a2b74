"""The process of one sender among others: it drains until SIGTERM, and freezes when it is told to.

SIGUSR1 stops the process between two steps of its event loop, as SIGSTOP does anywhere; SIGUSR2 stops it in
its next claim, before the commit. What it asks to be recorded, what it is told, and each send that began
later than its lease allows, are appended to the file of reports. The file `ready` appears with the first
claim.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from delivery.storm_sender import append
from delivery.world import DEPLOYMENT
from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway, Session
from iu_pipelines.delivery import calls
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.kind import Answer, Message
from iu_pipelines.delivery.reports import DrainLimits
from iu_pipelines.delivery.sender import Sender
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.domain import deliveries
from iu_pipelines.domain.deliveries import Claim, Outcome, Recorded

LONGEST_PAUSE: Final = 3600.0


async def _nothing(*_: Any) -> None:
    """Give no shard back."""


BROKEN: Final[dict[str, tuple[Any, str, Any]]] = {
    "the lease is not looked at": (Sender, "_is_late", lambda *_: False),
    "shards are not given back": (calls.Calls, "release", _nothing),
}
"""Broken senders: what is replaced, and by what."""


@dataclass
class Process:
    """One sender. `timeout` is that of the target, in seconds."""

    url: str
    reports: Path
    ready: Path
    timeout: float
    concurrency: int = 8
    batch_limit: int = 50
    variant: str = ""
    _begin_until: dict[tuple[str, int], float] = field(default_factory=dict)
    _freezes_in_claim: bool = False

    def run(self) -> None:
        """Drain until SIGTERM, also while nothing is due."""
        if self.variant:
            setattr(*BROKEN[self.variant])
        self._wrap()
        limits = DrainLimits(
            batch_limit=self.batch_limit, concurrency=self.concurrency, linger_seconds=LONGEST_PAUSE
        )
        report = drain(self.url, settings.load(deployment=DEPLOYMENT), limits=limits)
        append(self.reports, {"problems": [one.message for one in report.problems]})

    def _wrap(self) -> None:
        self._wrap_beginning()
        self._wrap_claims()
        self._wrap_sends()
        record = deliveries.record

        def wrapped(gateway: Gateway, outcomes: Sequence[Outcome]) -> Recorded:
            asked = str(uuid4())
            append(self.reports, {"asked": asked, "outcomes": [[o.claim_id, o.decision] for o in outcomes]})
            said = record(gateway, outcomes)
            append(self.reports, {"told": asked, "said": vars(said)})
            return said

        deliveries.record = wrapped  # type: ignore[assignment]

    def _wrap_beginning(self) -> None:
        granted = calls.Calls.granted

        async def wrapped(here: calls.Calls) -> Any:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, _freeze)
            loop.add_signal_handler(signal.SIGUSR2, self._freeze_in_claim)
            return await granted(here)

        calls.Calls.granted = wrapped  # type: ignore[method-assign,assignment]

    def _wrap_claims(self) -> None:
        claim, claim_and_commit = deliveries.claim, calls.Calls.claim

        def wrapped(session: Session, *given: Any) -> list[Claim]:
            found = claim(session, *given)
            if found and self._freezes_in_claim:
                self._freezes_in_claim = False
                _freeze()
                time.sleep(0.5)  # another thread may take the signal, a little later
            return found

        async def wrapped_commit(here: calls.Calls, *given: Any) -> Any:
            asked_at = time.monotonic()
            claimed = await claim_and_commit(here, *given)
            for one in claimed.claims:
                until = asked_at + one.lease_seconds - self.timeout
                self._begin_until[one.delivery_key, one.attempt_no] = until
            if claimed.claims:
                self.ready.touch()
            return claimed

        deliveries.claim = wrapped  # type: ignore[assignment]
        calls.Calls.claim = wrapped_commit  # type: ignore[assignment]

    def _wrap_sends(self) -> None:
        send = WebhookTarget.send

        async def wrapped(kind: WebhookTarget, message: Message) -> Answer:
            late = time.monotonic() - self._begin_until.pop((message.key, message.attempt_no))
            if late > 0.01:  # between the look at the clock and this one
                append(self.reports, {"late": late, "key": message.key})
            return await send(kind, message)

        WebhookTarget.send = wrapped  # type: ignore[method-assign,assignment]

    def _freeze_in_claim(self) -> None:
        self._freezes_in_claim = True


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def main(arguments: str) -> None:
    """Run the sender that the JSON object `arguments` describes."""
    given = json.loads(arguments)
    given["reports"], given["ready"] = Path(given["reports"]), Path(given["ready"])
    with suppress(KeyboardInterrupt):
        Process(**given).run()


if __name__ == "__main__":
    main(sys.argv[1])
