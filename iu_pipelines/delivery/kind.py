"""What a kind of target is: one class in one module, found by the entry point group `iu_pipelines.targets`.

A kind checks the definition of a target without the network, opens it, sends one message at a time, from
many tasks at once, and signs. It never raises for an answer of the target: it returns an `Answer`.
`iu_pipelines.delivery.contract` has the tests that each kind must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget

MOST_BODY_BYTES: Final = 65_536
"""The largest body that is sent, and the most of an answer that is read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery to send. `headers` are complete except for the signature.

    `key` is the same for every try, so that a receiver can recognize a duplicate.
    """

    key: str
    event_id: UUID
    route_code: str
    subject: UUID
    subject_no: int
    attempt_no: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one send.

    `decision` is `sent` if the target accepted the message, `retry` if another try may succeed, `failed` if
    none can. `status_class` is one word for it, such as `2xx`, `timeout` or `refused`. `response_hash` is the
    sha256 of the answer in hexadecimal digits. `error` contains neither a secret nor the answer. With
    `local_fault` the sender failed and not the target. With `may_have_arrived` there was no complete answer,
    so that the target may have accepted the message: another try may be a second effect.
    """

    decision: Literal["sent", "retry", "failed"]
    status_class: str
    status_code: int | None = None
    retry_after_seconds: int | None = None
    response_hash: str | None = None
    error: str | None = None
    local_fault: bool = False
    may_have_arrived: bool = False


class TargetKind(ABC):
    """One target of a kind, as a sender uses it."""

    kind: ClassVar[str]
    """The name of the kind, as in `iu_delivery_target.kind` and in the entry point."""

    extra: ClassVar[str | None] = None
    """The extra of the distribution that the kind needs; None: no package."""

    sends: ClassVar[bool] = True
    """False for a kind whose deliveries another program claims and sends."""

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        self.target = target
        self.secrets = secrets

    @classmethod
    @abstractmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check the definition of a target without the network. `private`: private addresses are allowed.

        Raises:
            TargetNotSafe: the address is not allowed.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """

    @abstractmethod
    async def open(self) -> None:
        """Open what sends share, such as a pool of connections.

        Raises:
            IuError: it cannot be opened, for example because a secret is missing.
        """

    @abstractmethod
    async def send(self, message: Message) -> Answer:
        """Send one message within the timeout of the target. Called from many tasks at once."""

    async def test(self, message: Message) -> Answer:
        """Show that the target would accept a message, which is made up. By default, send it.

        It is called between `open` and `close`, as `send` is.
        """
        return await self.send(message)

    @abstractmethod
    async def close(self) -> None:
        """Close what `open` opened. Called once, also after a failed `open`."""

    @abstractmethod
    def sign(self, message: Message, at: datetime) -> str:
        """Return the signature of a message as it would be sent at a time; for rehearsals.

        A kind that does not sign returns an empty text.

        Raises:
            IuError: the secret is missing, malformed or bound to another host.
        """
