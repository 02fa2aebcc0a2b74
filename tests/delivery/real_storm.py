"""A storm with real senders: processes that run `drain`, and receivers that are killed and started again."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from delivery.receiver import Behaviour, Receiver
from delivery.storm import LEASE, TARGETS, Storm
from delivery.storm_sender import FROZEN, STAGES
from delivery.verdict import Evidence
from delivery.world import World, url_of

SECRET: Final = "STORM"
SECRET_TEXT: Final = f"host=127.0.0.1 whsec_{base64.b64encode(b'of the storm' * 3).decode()}"

REAL: Final = ("senders killed", "terminated", "crash", "receiver killed")
"""What every storm of real senders must have provoked before it ends."""

_CLAIMS: Final = """
select r.route_code, c.event_id, c.attempt_no, c.claim_id, c.subject, c.subject_no, r.route_no
from public.iu_delivery_claim as c inner join public.iu_delivery_route as r on r.route_no = c.route_no
"""
_CLOSE_BREAKERS: Final = """
update public.iu_delivery_target_state
set breaker = 'closed', failures = 0, half_open_failures = 0, retry_at = null where breaker <> 'closed'
"""


@dataclass
class RealStorm(Storm):
    """A storm whose senders post to one receiver. It is killed every `receiver_every` seconds."""

    receiver_every: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.receiver = Receiver(self.directory / "receiver", fsync=True)
        self.receiver.start()
        self._receiver_lock = threading.Lock()
        self._provoked = REAL

    def set_up(self, world: World) -> None:
        """Add the targets with the address of the receiver, and the routes, and open the gates."""
        for name, policy in TARGETS.items():
            world.add_private_target(
                name, self.receiver.url(f"/{name}"), secret_name=SECRET, **{**LEASE, **policy}
            )
        self.add_routes(world)

    def end(self) -> None:
        """End the receiver."""
        with self._receiver_lock:
            self.receiver.kill()

    def evidence(self) -> Evidence:
        """Return what the receiver accepted, each request with the claim that it belongs to."""
        return replace(super().evidence(), arrivals=self._accepted())

    def _accepted(self) -> list[dict[str, Any]]:
        with self._session("evidence") as session:
            claims = {
                (f"evt_{event_id.hex}_{route_no}", attempt_no): (code, event_id, claim_id)
                for code, event_id, attempt_no, claim_id, _, _, route_no in session.execute(_CLAIMS)
            }
        found = []
        for request in self.receiver.requests():
            if request.status == 200:
                known = claims.get((request.key, int(request.headers["iu-attempt"])))
                code, event_id, claim_id = known or ("", UUID(int=0), 0)
                found.append(
                    {
                        "delivery_key": request.key, "route_code": code, "event_id": str(event_id),
                        "claim_id": claim_id,
                    }
                )  # fmt: skip
        return found

    def _cast(self) -> list[Any]:
        return [*super()._cast(), ("receiver", self._misbehave)]

    def _misbehave(self, session: Any, chance: random.Random) -> None:
        """Let some subjects fail for a while, and kill the receiver; the breakers are closed afterwards."""
        failing = {f"STORM/{number}": Behaviour(status=404) for number in chance.sample(range(1, 41), 3)}
        slow = {f"STORM/{chance.randint(1, 40)}": Behaviour(delay=0.3)}
        with self._receiver_lock:
            if self._over.is_set():
                return
            self.receiver.behave(subjects={**failing, **slow})
        if self._over.wait(self.receiver_every * (0.5 + chance.random())):
            return
        with self._receiver_lock:
            if not self._over.is_set():
                self.receiver.kill()
                time.sleep(chance.random() * 0.5)
                self.receiver.start()
                self.counts["receiver killed"] += 1
        session.execute(_CLOSE_BREAKERS)

    def _drain(self) -> None:
        with self._receiver_lock:
            self.receiver.behave()
        super()._drain()

    def _open(self, session: Any) -> None:
        super()._open(session)
        session.execute(_CLOSE_BREAKERS)

    def _spawn(self, name: str, failing: float | None = None, fate: str | None = None) -> None:
        """Start a real sender, with a random fate unless one is given."""
        if fate is None:
            fate = self._chance.choices(("", FROZEN, *STAGES), (1, 1.5, *(1,) * len(STAGES)))[0]
        given = {
            "url": url_of(self.url, self.login), "reports": str(self._reports), "fate": fate,
            "patience": self._chance.randint(1, 6),
        }  # fmt: skip
        self._fates[name], self._born[name] = fate, time.monotonic()
        self._senders[name] = subprocess.Popen(
            [sys.executable, "-m", "delivery.real_sender", json.dumps(given)],
            cwd=Path(__file__).parents[1],
            env={**os.environ, f"IU_SECRET_{SECRET}": SECRET_TEXT},
            stderr=subprocess.PIPE,
        )
