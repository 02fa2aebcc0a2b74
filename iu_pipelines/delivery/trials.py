"""Trials of a target before anything is delivered to it: rehearsals of bodies, and a made-up body as a test.

Both are done by the login of the sender, and both are recorded. A rehearsal sends nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from iu_pipelines.db.queries import Queries
from iu_pipelines.delivery import kinds
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.delivery.unretrieved import log_unretrieved
from iu_pipelines.domain import delivery_reasons, promotions, targets
from iu_pipelines.domain.promotions import Rehearsal
from iu_pipelines.domain.targets import GrantedTarget, TargetTest
from iu_pipelines.errors import DeliveryRefused, IuError, UnknownTarget, UsageError

TEST_TYPE: Final = "iu.target_test"
"""The type in the body of a test."""

UNSIGNED: Final = "none"
"""What is recorded as the signature of a rehearsal for a kind that does not sign."""

_OF_DELIVERIES: Final = ("breaker_open", "rate_limit")
"""Refusals that hold deliveries, but not a test by hand: it shows whether the target works again."""


@dataclass(frozen=True)
class Rehearsed:
    """One recorded rehearsal: a body of one kind of event was rendered, and signed if its kind signs."""

    target_name: str
    payload_kind: str
    event_id: UUID
    body_bytes: int
    passed: bool
    error_detail: str | None
    signed: bool = False


def rehearse(gateway: Queries, route_code: str, secrets: Secrets) -> list[Rehearsed]:
    """Sign the newest event of each kind of a route as for a delivery, and record it.

    For a kind that does not sign, the secret is looked up, if there is one, and the body is recorded.

    Raises:
        UsageError: the secret is missing or bound to another host.
        DeliveryRefused: the login may not deliver to the target.
        PromotionRefused: the route cannot be promoted.
    """
    found = promotions.rehearsals(gateway, route_code)
    if not found:
        return []
    target = opened(granted(gateway, found[0].target_name), secrets)
    return [_rehearsed(gateway, route_code, target, rehearsal) for rehearsal in found]


def _rehearsed(gateway: Queries, route_code: str, target: TargetKind, rehearsal: Rehearsal) -> Rehearsed:
    message = Message(
        key=rehearsal.delivery_key,
        event_id=rehearsal.event_id,
        route_code=route_code,
        subject=rehearsal.event_id,
        subject_no=0,
        attempt_no=1,
        headers={name: str(value) for name, value in rehearsal.headers.items()},
        body=rehearsal.body,
    )
    signature = target.sign(message, datetime.now(UTC))
    recorded = promotions.record_rehearsal(
        gateway,
        route_code,
        rehearsal.event_id,
        sha256(rehearsal.body.encode()).hexdigest(),
        signature or UNSIGNED,
    )
    return Rehearsed(
        rehearsal.target_name,
        rehearsal.payload_kind,
        rehearsal.event_id,
        rehearsal.body_bytes,
        recorded.passed,
        recorded.error_detail,
        bool(signature),
    )


def send_test(gateway: Queries, target_name: str, secrets: Secrets) -> TargetTest:
    """Test a target with a made-up body, and record only whether it was accepted and the class of the answer.

    Its key is none that a delivery can have. Where other programs claim and send, the class is `pull`: the
    test shows that the login may claim, and sends nothing.

    Raises:
        UsageError: the secret is missing or bound to another host.
        DeliveryRefused: the login may not deliver to the target, a gate is closed, or the target is stopped.
    """
    target = opened(granted(gateway, target_name), secrets)
    refusal = targets.refusal(gateway, target_name)
    if refusal and refusal not in _OF_DELIVERIES:
        raise DeliveryRefused(
            f"nothing is sent to target {target_name}: {refusal}",
            hint="Remove the cause, then test again: docs/concepts/delivery.md explains the word.",
        )
    answer = asyncio.run(_sent(target))
    if answer.local_fault:
        raise UsageError(
            f"the test could not be sent: {answer.error}",
            hint=delivery_reasons.answer_hint(answer.status_class, target_name),
        )
    return targets.record_test(gateway, target_name, answer.decision == "sent", answer.status_class)


async def _sent(target: TargetKind) -> Answer:
    log_unretrieved()
    try:
        await target.open()
        return await target.test(_made_up())
    except IuError:
        raise
    except Exception as error:  # noqa: BLE001  a fault of a kind; its text might contain a secret
        raise UsageError(f"the test could not be sent: {type(error).__name__}") from None
    finally:
        await target.close()


def _made_up() -> Message:
    event_id = uuid4()
    key = f"test_{event_id.hex}"
    now = datetime.now(UTC).isoformat()
    body = {"id": key, "type": TEST_TYPE, "time": now, "event_id": str(event_id), "data": {}}
    headers = {
        "content-type": "application/json",
        "webhook-id": key,
        "ce-specversion": "1.0",
        "ce-id": key,
        "ce-type": TEST_TYPE,
        "ce-source": "/iu",
        "ce-time": now,
    }
    return Message(key, event_id, TEST_TYPE, event_id, 0, 1, headers, json.dumps(body))


def granted(gateway: Queries, target_name: str) -> GrantedTarget:
    """Return a target to which the login may deliver.

    Raises:
        UnknownTarget: it is not granted to the login, or there is no such target.
    """
    for target in targets.granted(gateway):
        if target.target_name == target_name:
            return target
    raise UnknownTarget(
        f"no target {target_name!r} is granted to this login",
        hint=f"Let an administrator run: iu target grant {target_name} LOGIN",
    )


def opened(target: GrantedTarget, secrets: Secrets) -> TargetKind:
    """Return a target of its kind, which is not connected yet.

    Raises:
        IuError: the kind is not installed, or the definition of the target is wrong.
    """
    kind = kinds.load(target.kind)
    try:
        kind.check(target.address, target.options, target.secret_name, private=target.allow_private)
    except IuError as error:
        hint = error.hint or "See the target with: iu target show NAME"
        error.hint = re.sub(r"(iu target \w+) NAME\b", rf"\1 {target.target_name}", hint)
        raise
    return kind(target, secrets)
