"""What the words for the states of deliveries mean, and what a person does about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from iu_pipelines.domain import gates
from iu_pipelines.domain.deliveries import DeliveryState
from iu_pipelines.domain.times import shown

_OPEN: Final = "the gate {0} is closed; open it with: iu gate set {0} true --reason WHY"
_UNKNOWN: Final = "A,B"
_LIST: Final = f"{_UNKNOWN},ROUTE"
_PROPOSE: Final = "iu promote propose"
RETRY: Final = "iu deliver retry"
"""The command that makes retries due now."""
_AGAIN: Final = f"promote the route again with: {_PROPOSE}"
_REHEARSE: Final = "rehearse it with iu promote rehearse"

REFUSALS: Final[Mapping[str, str]] = {
    "master_gate_closed": _OPEN.format(gates.MASTER),
    "worker_gate_closed": _OPEN.format(gates.WORKER),
    "delivery_gate_closed": _OPEN.format(gates.DELIVERY),
    "not_listed": "the route is not listed; add it to the present list with: "
    f"iu gate set {gates.LIVE_ROUTES} {_LIST} --reason WHY",
    "jobs_gate_closed": _OPEN.format(gates.JOBS),
    "not_promoted": "no promotion of the route was approved",
    "demoted": f"the promotion was ended; see why with iu promote list, then {_AGAIN}",
    "promotion_expired": f"the promotion has expired; {_AGAIN}",
    "route_changed": f"the route was changed or disabled since it was promoted; {_REHEARSE}, and {_AGAIN}",
    "route_removed": "the route was removed; add it again with the event type that it had, "
    f"{_REHEARSE}, and {_AGAIN}",
    "target_changed": "the target was changed since the promotion; test it and "
    f"{_REHEARSE} --test-target, and {_AGAIN}",
    "event_type_changed": "the event type or a capture was changed since the promotion; "
    f"{_REHEARSE}, and {_AGAIN}",
    "cluster_changed": f"the database was restored or cloned since the promotion; {_AGAIN}",
    "other_deployment": "the promotion is for another deployment than IU_DEPLOYMENT of the sender; compare "
    "them with: iu promote list --json",
    "target_disabled": "the target is disabled; enable it with: iu target enable",
    "target_paused": "a person paused the target; resume it with: iu target resume",
    "failover_hold": "the server failed over, which may have lost claims; compare with the receiver, then: "
    "iu target resume",
    "breaker_open": "the target failed repeatedly; it is tried again by itself, and at once if this passes: "
    "iu target test",
    "rate_limit": "the rate of the target or of the promotion is used up; it goes on by itself",
    "not_due": f"it is due later; it goes on by itself, or sooner with: {RETRY}",
    "in_doubt": "it may have arrived: ask the receiver whether it has the id, or for a job of Dagster look "
    "at its run and its effect, before you replay it with: iu deliver replay",
    "not_head": "an earlier event of its subject is delivered first; it goes on by itself",
}
"""What each word of `fn_iu_delivery_refusal`, and each reason of a delivery that waits or is dead, means."""

STATES: Final[Mapping[str, str]] = {
    "not_promoted": REFUSALS["not_promoted"],
    "unread": "the route has not read it yet; read and deliver with: iu deliver, or for a job of Dagster "
    "with its sensor",
    "not_for_route": "the route has another event type",
    "passed_over": "it was there before the first promotion of the route",
    "outside_canary": "its subject is not in the share of the promotion",
    "queued": "the next claim takes it; deliver with: iu deliver, or for a job of Dagster with its sensor",
    "held": "nothing of the route is claimed",
    "in_flight": "it is claimed and may be sent at this moment",
    "in_doubt": "it may have been sent; it is sent again under the same key, with: iu deliver, or for a job "
    "of Dagster with its sensor",
    "retry": "it failed and is tried again",
    "parked": "it waits behind a dead letter of its subject; replay that one with: iu deliver replay",
    "dead": "it failed for good; when the cause is gone: iu deliver replay",
    "sent": "the target accepted it",
    "discarded": "a person or a promotion decided that it is not sent",
    "missing": "the route has read it, and nothing says what became of it; run: iu audit verify",
    "conflicting": "two states are recorded; run: iu audit verify",
}
"""What each state of a delivery means."""


_WHERE: Final = "IU_SECRET_<NAME> or the file NAME in IU_SECRETS_DIR of the sender"
_ADDRESS: Final = "the address and the port in: iu target show {0}"
_RECEIVER: Final = "The receiver failed; if it goes on, look at "

ANSWERS: Final[Mapping[str, str]] = {
    "login_refused": "Check the user in the address of the target, what it may do at the receiver, and its "
    f"secret: {_WHERE}.",
    "not_permitted": "Give the login of the target the rights that docs/operate/targets.md names.",
    "local": f"Check the secrets that iu target show {{0}} names: {_WHERE}.",
    "fault": "The kind of the target has a fault; see the documentation of the distribution that has it.",
    "no_stream": "Create a stream that takes the subject, or name another with: "
    "iu target set {0} --option subject=SUBJECT",
    "other_stream": "Name the stream that takes the subject with: iu target set {0} --option stream=STREAM",
    "no_exchange": "Create the exchange, or name another with: iu target set {0} --option exchange=EXCHANGE",
    "unroutable": "Bind a queue to the exchange for the routing key: the type of the event, or the option "
    "routing_key.",
    "unknown_topic": "Create the topic, or name another with: iu target set {0} --option topic=TOPIC",
    "wrong_type": "Name a key that is a stream, or a new one, with: iu target set {0} --option stream=KEY",
    "refused": f"Check that the receiver runs and takes what is sent, and {_ADDRESS}",
    "unknown_host": f"Check the name of the host in the address, and the name server: {_ADDRESS}",
    "not_safe": "Give a public address, or let an approver run: "
    "iu target set {0} --allow-private --reason WHY",
    "tls": "Check the certificate of the receiver, its name, and the option ca_certificate_secret of the "
    "target.",
    "timeout": f"Check that nothing between the sender and the receiver drops packets, and {_ADDRESS}",
    "closed": f"{_RECEIVER}its log.",
    "too_large": "Let the receiver take messages of this size, or name fewer fields in the capture.",
    "full": "Make room at the receiver, or give it more.",
    "nacked": "Make room in the queues that are bound to the exchange.",
    "too_few_replicas": f"{_RECEIVER}its replicas.",
    "read_only": "Give the address of the primary with: iu target set {0} --address ADDRESS",
    "4xx": "See in the log of the receiver why it refuses, and check the address and the secret.",
    "5xx": f"{_RECEIVER}its log.",
}
"""What a person does about a class of answer of a target; `{0}` is the name of the target."""


def answer_hint(status_class: str, target_name: str) -> str | None:
    """Return as a hint what a person does about a class of answer of a target, or None if it is not known."""
    text = ANSWERS.get(status_class)
    return text and text.replace("{0}", target_name)


def with_list(text: str, listed: str | None, route_code: str = "ROUTE") -> str:
    """Return a text of this module with a route and the present list of live routes, if it is known."""
    present = _UNKNOWN if listed is None else listed
    return text.replace(_LIST, f"{present},{route_code}".lstrip(","))


def unlisted(route_codes: Sequence[str], listed: str | None) -> str:
    """Return what `not_listed` means for these routes, with the command that lists them all."""
    text = with_list(REFUSALS["not_listed"], listed, ",".join(route_codes))
    named = "route {} is" if len(route_codes) == 1 else "routes {} are"
    return text.replace("the route is", named.format(", ".join(route_codes)))


def of_route(word: str, route_code: str) -> str:
    """Return what a refusal of a route means, with the command for this route."""
    text = REFUSALS.get(word, STATES["held"]).replace(_PROPOSE, f"{_PROPOSE} {route_code}")
    return text.replace("iu promote rehearse", f"iu promote rehearse {route_code}")


def hint(word: str, target_name: str) -> str:
    """Return as a hint what a refusal of a target means, with the commands for this target."""
    text = REFUSALS[word]
    for verb in ("resume", "enable"):
        text = text.replace(f"iu target {verb}", f"iu target {verb} {target_name} --reason WHY")
    text = text.replace("iu target test", f"iu target test {target_name}")
    return text[0].upper() + text[1:]


def explain(found: DeliveryState, in_zone: Callable[[datetime], str] = shown) -> str:
    """Return in words what the state of a delivery and its reason mean, why it failed, and what to do.

    `in_zone` writes a time, by default in the local time zone.
    """
    meaning = STATES.get(found.state, "an unknown state")
    if found.reason:
        meaning = REFUSALS.get(found.reason, f"{found.reason}: {meaning}")
    if found.reason == "not_due" and found.next_at:
        meaning = REFUSALS["not_due"].replace("due later", f"due at {in_zone(found.next_at)}", 1)
    return f"{meaning}; last error: {found.last_error}" if found.last_error else meaning
