"""The delivery of `iu demo`: one event goes to a receiver on this machine, as two people would decide it.

The owner of the embedded server creates two logins. One configures, proposes and sends, the other decides;
neither is an owner, so every rule of the database applies to them. At the end the route is demoted, the gates
and the thresholds are as before, and the logins cannot log in.
"""

from __future__ import annotations

import secrets as randomness
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID

from iu_pipelines import settings
from iu_pipelines.db import logins
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.delivery import drain, kinds, trials
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain import (
    deliveries,
    event_types,
    gates,
    outbox,
    promotions,
    routes,
    targets,
    worker,
)
from iu_pipelines.domain.event_types import EventType
from iu_pipelines.domain.promotions import Terms
from iu_pipelines.domain.routes import NewRoute
from iu_pipelines.domain.worker import RunLimits
from iu_pipelines.errors import ExtraMissing
from iu_pipelines.evidence import collect, ledgers, pack
from iu_pipelines.settings import Settings

if TYPE_CHECKING:
    from iu_pipelines.delivery.demo_receiver import Receiver

MODULE: Final = "iu-delivery"
TYPE: Final = "iu_demo_delivery"
ROUTE: Final = "iu.demo.webhook"
TARGET: Final = "iu-demo"
SECRET_NAME: Final = "IU_DEMO"  # noqa: S105  a name
DEPLOYMENT: Final = "iu-demo"
PROPOSER: Final = "iu_demo_proposer"
APPROVER: Final = "iu_demo_approver"
WHY: Final = "iu demo"
LOWERED: Final = {"events": 1, "hours": 0}
"""Thresholds that one rehearsed event meets; two logins lower them, and raise them again."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Delivered:
    """The delivery of one event. `received` are the ids of the webhooks that the receiver verified."""

    event_id: UUID
    proposed_by: str
    approved_by: str
    sent: int
    received: tuple[str, ...]
    states: tuple[deliveries.DeliveryState, ...]

    @property
    def passed(self) -> bool:
        """Whether the one event arrived once, and its state says so."""
        return len(self.received) == 1 and [one.state for one in self.states] == ["sent"]


@dataclass(frozen=True)
class _People:
    """Gateways of the owner and of the two logins, and the settings of the sender."""

    owner: Gateway
    proposer: Gateway
    approver: Gateway
    sender: Settings

    def decide_thresholds(self, values: Mapping[str, int]) -> None:
        """Let one login propose thresholds, and the other approve them."""
        for name, value in values.items():
            change = promotions.propose_threshold(self.proposer, name, value, WHY)
            promotions.decide_threshold(self.approver, int(change["change_no"]), "approve", WHY)


def deliver_one(owner: Gateway, chosen: Settings, say: Say) -> Delivered:
    """Deliver one event to a receiver that is started for it, and leave everything closed."""
    from iu_pipelines.delivery.demo_receiver import receiving  # noqa: PLC0415  it imports an extra

    migration.apply(owner, (MODULE,))
    with ExitStack() as opened:
        secret = f"whsec_{b64encode(randomness.token_bytes(24)).decode()}"
        receiver = opened.enter_context(receiving(secret))
        people = opened.enter_context(_people(owner, chosen, receiver, secret))
        opened.enter_context(_configured(people, receiver.address))
        _promote(people, chosen, say)
        delivered = _deliver(people, receiver)
        promotions.demote(people.approver, ROUTE, WHY)
        say(f"{ROUTE}: demoted by {APPROVER}, and the gate of delivery is closed again")
    return delivered


def _promote(people: _People, chosen: Settings, say: Say) -> None:
    """Rehearse the route, test its target, and let two logins make it live."""
    secrets = Secrets(people.sender)
    if not trials.rehearse(people.proposer, ROUTE, secrets):
        _emit(people)
        trials.rehearse(people.proposer, ROUTE, secrets)
    tested = trials.send_test(people.proposer, TARGET, secrets)
    say(f"target {TARGET}: test answered {tested.status_class}")
    _record_pack(people.owner, chosen)
    proposal = promotions.propose(people.proposer, Terms(ROUTE, DEPLOYMENT, WHY))
    say(f"promotion {proposal.promotion_no} of {ROUTE}: proposed by {PROPOSER}")
    promotions.decide(people.approver, proposal.promotion_no, "approve", WHY)
    say(f"promotion {proposal.promotion_no} of {ROUTE}: approved by {APPROVER}")


def _record_pack(owner: Gateway, chosen: Settings) -> None:
    """Write a pack of evidence, and add it to the ledger of packs: a promotion needs a recent one."""
    directory = pack.default_directory(chosen.evidence_location, owner)
    gathered = collect.collect(owner, pack.newest(directory), probes=False)
    written = pack.write(gathered, directory, pack.only_writer(owner))
    ledgers.record_pack(owner, written.hash, gathered.verdict.passed)


def _deliver(people: _People, receiver: Receiver) -> Delivered:
    receiver.verified.clear()
    event_id = _emit(people)
    report = drain.drain(people.proposer.url, people.sender, targets=[TARGET], run_ref=WHY)
    return Delivered(
        event_id=event_id,
        proposed_by=PROPOSER,
        approved_by=APPROVER,
        sent=sum(target.sent for target in report.targets),
        received=tuple(receiver.verified),
        states=tuple(
            state for state in deliveries.why(people.proposer, event_id) if state.route_code == ROUTE
        ),
    )


def _emit(people: _People) -> UUID:
    """Emit one event, and let the worker of the demo rehearse it."""
    event_id = outbox.emit(people.proposer, TYPE, "iu/demo", UUID(int=1), WHY, {"n": 1})
    for _ in worker.drain(people.proposer, people.sender.worker_name, RunLimits(1000), WHY):
        pass
    return event_id


@contextmanager
def _people(owner: Gateway, chosen: Settings, receiver: Receiver, secret: str) -> Iterator[_People]:
    """Yield the two logins with random passwords; afterwards neither can log in."""
    passwords = {PROPOSER: randomness.token_urlsafe(24), APPROVER: randomness.token_urlsafe(24)}
    roles = {PROPOSER: ("workflow_admin", "iu_sender"), APPROVER: ("iu_approver",)}
    with TemporaryDirectory(prefix="iu-demo-") as directory:
        file = Path(directory) / SECRET_NAME
        file.touch(mode=0o600)
        file.write_text(f"host=127.0.0.1 {secret}\n", encoding="utf-8")
        try:
            for login, password in passwords.items():
                logins.open_login(owner, login, password, roles[login])
            urls = {login: _url(owner.url, login, password) for login, password in passwords.items()}
            sender = settings.load(
                **{**chosen.model_dump(exclude_unset=True), "deployment": DEPLOYMENT},
                secrets_dir=Path(directory),
                database_url=urls[PROPOSER],
            )
            with Gateway(urls[PROPOSER]) as proposer, Gateway(urls[APPROVER]) as approver:
                yield _People(owner, proposer, approver, sender)
        finally:
            for login in passwords:
                logins.close_login(owner, login)


def _url(url: str, login: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


@contextmanager
def _configured(people: _People, address: str) -> Iterator[None]:
    """Configure type, target, route, thresholds and gates; afterwards thresholds and gates are as before."""
    before = {gate.key: gate.value or "" for gate in gates.list_gates(people.owner)}
    values = {found.threshold: found.value for found in promotions.thresholds(people.proposer)}
    event_types.add(people.proposer, EventType(event_type=TYPE, payload_keys=["n"]))
    with people.proposer.transaction() as session:
        targets.add(session, TARGET, {"kind": "webhook"})
    targets.allow_private(people.approver, TARGET, False, WHY)
    with people.proposer.transaction() as session:
        targets.change(session, TARGET, {"kind": "webhook", "address": address, "secret_name": SECRET_NAME})
        targets.grant(session, TARGET, PROPOSER)
    targets.allow_private(people.approver, TARGET, True, WHY)
    routes.add(people.proposer, NewRoute(ROUTE, TYPE, "webhook", TARGET, enabled=True))
    try:
        people.decide_thresholds({name: value for name, value in LOWERED.items() if values[name] != value})
        for gate in (gates.MASTER, gates.WORKER, gates.DELIVERY):
            gates.set_gate(people.proposer, gate, "true", WHY)
        gates.set_gate(people.proposer, gates.LIVE_ROUTES, ROUTE, WHY)
        yield
    finally:
        for gate, value in _afterwards(before).items():
            gates.set_gate(people.proposer, gate, value, WHY)
        people.decide_thresholds({name: values[name] for name in LOWERED if values[name] != LOWERED[name]})
        targets.allow_private(people.approver, TARGET, False, WHY)


def _afterwards(before: Mapping[str, str]) -> Mapping[str, str]:
    """Return the gates as they were, without the route of the demo: a killed demo may have left it live."""
    live = [code for code in before[gates.LIVE_ROUTES].split(",") if code not in {"", ROUTE}]
    delivery = before[gates.DELIVERY] if live else "false"
    return {**before, gates.DELIVERY: delivery, gates.LIVE_ROUTES: ",".join(live)}


def why_left_out(chosen: Settings) -> str | None:
    """Return why the demo delivers nothing here, or None if it does."""
    if chosen.database_url is not None:
        return "the demo creates logins and a live route only in its own embedded database"
    try:
        kinds.load("webhook")
        pack.require_extra()
    except ExtraMissing as error:
        return error.message
    return None
