"""What a kind of target is: one class in one module, found by the entry point group "iu_pipelines.targets".

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
    """One delivery to send."""

    key: str
    """The key of the delivery, the same for every try, so that a receiver can recognize a duplicate."""
    event_id: UUID
    """The id of the event."""
    route_code: str
    """The route that delivers the event."""
    subject: UUID
    """The subject, within which messages are in order."""
    subject_no: int
    """The place of the event: it increases within a subject, with gaps."""
    attempt_no: int
    """The number of the try, from 1."""
    headers: Mapping[str, str]
    """The headers, complete except for the signature: `webhook-id` and the attributes of CloudEvents."""
    body: str
    """The body, a JSON object as text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one send."""

    decision: Literal["sent", "retry", "failed"]
    """`sent`: the target keeps the message; `retry`: another try may succeed; `failed`: none can."""
    status_class: str
    """One word for it, such as `2xx`, `timeout` or `refused`: up to 40 lower-case letters, digits and `_`."""
    status_code: int | None = None
    """The number that the target answered, such as the status of HTTP."""
    retry_after_seconds: int | None = None
    """After how many seconds the target asks for another try."""
    response_hash: str | None = None
    """The sha256 of the answer, in hexadecimal digits."""
    error: str | None = None
    """What failed, without a secret and without the answer; None only if it was sent."""
    local_fault: bool = False
    """Whether the sender failed and not the target."""
    may_have_arrived: bool = False
    """Whether there was no complete answer, so that another try may be a second effect."""


class TargetKind(ABC):
    """One target of a kind, as a sender uses it."""

    kind: ClassVar[str]
    """The name of the kind, as in `iu_delivery_target.kind` and in the entry point."""

    extra: ClassVar[str | None] = None
    """The extra of the distribution that the kind needs; None: no package."""

    sends: ClassVar[bool] = True
    """False for a kind whose deliveries another program claims and sends."""

    target: GrantedTarget
    """The target that is sent to."""

    secrets: Secrets
    """The secrets of the sender, among them that of the target."""

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
        """Send one message within the timeout of the target, and return what became of it.

        It is called from many tasks at once, of one subject for one message at a time. It does not raise.
        """

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
