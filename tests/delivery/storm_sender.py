"""The process of a sender in the storm: it claims, "sends" to a file, records, and may end at a given stage.

A send appends one line to the file of arrivals, which all senders share, and forces it to the disk. A line is
written by one call with O_APPEND, so that the order of the lines is the order of arrival and a kill leaves no
part of a line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from delivery.world import DEPLOYMENT

STAGES: Final = ("claim open", "claimed", "sending", "sent", "outcomes open", "recorded")
"""The stages at which a sender can kill itself: before and after each commit, and among the sends."""

FROZEN: Final = "frozen"
"""The fate of a sender that pauses for longer than a lease before a send, and then goes on."""

_TIMEOUT: Final = 1.0


def append(path: Path, fact: dict[str, Any]) -> None:
    """Append one line of JSON with one call, and force it to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, json.dumps(fact, default=str).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass
class Process:
    """One sender. After `patience` batches its fate comes true, if it has one."""

    url: str
    name: str
    targets: list[str]
    arrivals: Path
    reports: Path
    fate: str
    patience: int
    failing: float
    chance: random.Random = field(default_factory=random.Random)
    pending: list[dict[str, Any]] = field(default_factory=list)

    def run(self) -> None:
        """Claim, send and record without end; after a lost connection go on in a new session."""
        while True:
            try:
                with psycopg.connect(
                    self.url, autocommit=True, row_factory=dict_row, application_name=f"storm {self.name}"
                ) as session:
                    session.execute("set default_transaction_isolation = 'read committed'")
                    session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
                    while True:
                        self._round(session)
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and error.sqlstate[:3] != "57P":
                    raise
                time.sleep(0.1)

    def _round(self, session: psycopg.Connection[Any]) -> None:
        if self.pending:  # of a lost connection: the outcome of the record is unknown
            self._record(session, self.chance.random() < 0.5)
        idle = True
        for target in self.chance.sample(self.targets, len(self.targets)):
            began = time.monotonic()
            claims = self._claim(session, target)
            if claims:
                idle = False
                self._send(claims, began)
                self._record(session, keep=True)
        if idle:
            time.sleep(0.03)

    def _claim(self, session: psycopg.Connection[Any], target: str) -> list[dict[str, Any]]:
        session.execute("begin")
        claims = session.execute(
            "select * from public.fn_iu_delivery_claim(%s, %s, %s)",
            (target, self.chance.choice((1, 5, 20, 100)), self.name),
        ).fetchall()
        if claims:
            self.patience -= 1
            self._reach("claim open")
        session.execute("commit")
        if claims:
            self._reach("claimed")
        return claims

    def _send(self, claims: list[dict[str, Any]], began: float) -> None:
        """Send what can be sent before the lease is too short for the timeout; the rest stays in doubt."""
        for place, claim in enumerate(claims):
            if time.monotonic() > began + claim["lease_seconds"] - _TIMEOUT:
                return
            if self.fate == FROZEN and self.patience <= 0:
                self.fate = ""
                time.sleep(claim["lease_seconds"] + self.chance.random())
            outcome = self._outcome(claim)
            if outcome["decision"] == "sent":
                facts = ("claim_id", "delivery_key", "event_id", "route_code", "subject", "subject_no")
                append(self.arrivals, {name: claim[name] for name in facts})
            self.pending.append(outcome)
            if place >= len(claims) // 2:
                self._reach("sending")
        self._reach("sent")

    def _outcome(self, claim: dict[str, Any]) -> dict[str, Any]:
        known = {"claim_id": claim["claim_id"], "fence": claim["fence"]}
        drawn = self.chance.random()
        if drawn < self.failing / 2:
            return {**known, "decision": "failed", "status_code": 422}
        if drawn < self.failing:
            return {**known, "decision": "retry", "status_code": 404}
        return {**known, "decision": "sent", "status_code": 200, "latency_ms": 1}

    def _record(self, session: psycopg.Connection[Any], keep: bool) -> None:
        """Record the pending outcomes and report the answer; without `keep`, forget them."""
        outcomes, asked = self.pending, str(uuid4())
        if not (keep and outcomes):
            self.pending = []
            return
        append(self.reports, {"asked": asked, "outcomes": [[o["claim_id"], o["decision"]] for o in outcomes]})
        session.execute("begin")
        row = session.execute(
            "select public.fn_iu_delivery_record(%s) as said", (json.dumps(outcomes),)
        ).fetchone()
        self._reach("outcomes open")
        session.execute("commit")
        self._reach("recorded")
        self.pending = []
        assert row is not None
        append(self.reports, {"told": asked, "said": row["said"]})

    def _reach(self, stage: str) -> None:
        if self.fate == stage and self.patience <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: str) -> None:
    """Run the sender that the JSON object `arguments` describes."""
    given = json.loads(arguments)
    given["arrivals"], given["reports"] = Path(given["arrivals"]), Path(given["reports"])
    Process(**given).run()


if __name__ == "__main__":
    main(sys.argv[1])
