"""The facts of a pack of evidence: the shape of `evidence.json`.

Times are UTC. Numbers that do not fit into 53 bits are text. The JSON schema beside this module is made from
these classes (`schema_text`), and a test holds the two together.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from iu_pipelines.db.steps.lines import Line

SCHEMA_VERSION: Final = 1

ProofKind = Literal["verify", "probe", "audit"]

Time = Annotated[datetime, AfterValidator(lambda time: time.astimezone(UTC))]

_CONFIG: Final = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, config=_CONFIG)
class Proof:
    """All lines of one file of proofs, or of the audit of the ledgers."""

    kind: ProofKind
    """`verify` reads, `probe` acts in a transaction that is rolled back, `audit` recomputes the ledgers."""
    step: str
    """The name of the file, such as `040_worker_live_dryrun_probe`."""
    title: str
    """What the file says of itself in its first line."""
    passed: bool
    """Whether every line passed."""
    seconds: float
    """How long it took."""
    lines: tuple[Line, ...]
    """Its lines, in the order in which they were printed."""


@dataclass(frozen=True, config=_CONFIG)
class ProvenBy:
    """One line that proves a guarantee, in this pack."""

    step: str
    """The proof that the line is in."""
    line: str
    """The line's name, or the beginning of the names of several."""
    passed: bool | None
    """Whether it passed; of several, whether all did. Null where it was not reached."""


@dataclass(frozen=True, config=_CONFIG)
class Guarantee:
    """A promise of the product, and the lines of this pack that prove it."""

    key: str
    """A short name that stays the same."""
    text: str
    """The promise in words."""
    passed: bool | None
    """Whether every line that proves it and was run passed; null where one was not reached."""
    proven_by: tuple[ProvenBy, ...]
    """The lines. Empty for what only a test can show, such as a killed server."""


@dataclass(frozen=True, config=_CONFIG)
class Verdict:
    """The whole in three numbers."""

    passed: bool
    """Whether every line of every proof passed."""
    lines: int
    """How many lines there are."""
    failed: int
    """How many of them failed."""


@dataclass(frozen=True, config=_CONFIG)
class Step:
    """A step of the schema, as the ledger of steps has it."""

    name: str
    """Its name, such as `070_functions`."""
    checksum: str | None
    """The sha256 under which it was applied; null where it is not applied."""
    status: str
    """`applied`, or how the ledger differs from the files: pending, changed, edited, unknown."""
    applied_at: Time | None
    """When it was applied last."""
    applied_by: str | None
    """By which role."""


@dataclass(frozen=True, config=_CONFIG)
class Environment:
    """Where and with what the evidence was gathered."""

    database: str
    """The name of the database."""
    cluster: str
    """The system identifier of the database cluster."""
    server: str
    """PostgreSQL's version."""
    role: str
    """The role that gathered it."""
    product: str
    """The version of iu-pipelines."""
    python: str
    """The version of Python."""
    libraries: dict[str, str]
    """Versions of the libraries that matter here."""
    git_commit: str | None
    """The commit of the checkout that the code ran from; null for an installed package."""
    git_modified: bool | None
    """Whether that checkout held changes that were not committed."""
    code_digest: str
    """The sha256 of all functions and triggers as the database holds them."""
    durable: bool
    """Whether the server waits for its disk: fsync and synchronous_commit are on."""
    steps: tuple[Step, ...]
    """The steps of the schema."""


@dataclass(frozen=True, config=_CONFIG)
class Count:
    """A number with a name."""

    name: str
    """What was counted."""
    count: int
    """How many there are."""


@dataclass(frozen=True, config=_CONFIG)
class Totals:
    """What the database holds."""

    events: int
    """Events in the outbox, of every domain."""
    attempts: tuple[Count, ...]
    """Attempts by decision, replays included."""
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
    """Its key."""
    value: str | None
    """Its value; null where its row is missing, which is closed."""
    is_open: bool | None
    """Whether it is open; null for a setting that is no gate."""


@dataclass(frozen=True, config=_CONFIG)
class GateChange:
    """A change of a gate or setting."""

    key: str
    """Its key."""
    old_value: str | None
    """The value before; null for a new row."""
    new_value: str | None
    """The value after; null for a row that was deleted."""
    reason: str | None
    """The reason that was given."""
    changed_by: str
    """The role that changed it."""
    changed_at: Time
    """When."""


@dataclass(frozen=True, config=_CONFIG)
class Route:
    """An outbound route."""

    route_code: str
    """Its code."""
    event_type: str
    """The events that it takes."""
    enabled: bool
    """Whether it takes them now."""
    dry_run: bool
    """Whether it only records."""
    target_kind: str
    """The kind of its target."""
    target_ref: str
    """Its target."""


@dataclass(frozen=True, config=_CONFIG)
class Worker:
    """A worker: its health, its ledger of batches, and what the audit of both found."""

    worker_name: str
    """Its name."""
    healthy: bool
    """What its health says."""
    reasons: tuple[str, ...]
    """Why, in sentences."""
    backlog: int
    """Events that wait; exact up to 10,000."""
    backlog_capped: bool
    """Whether there are more."""
    last_run_at: Time | None
    """When it ran last."""
    batches: int
    """Batches in its ledger."""
    newest_batch_id: int | None
    """Its newest batch."""
    newest_hash: str | None
    """The hash of that batch, which stands for all batches before it."""
    batches_checked: int
    """How many of its newest batches were recomputed."""
    attempts_checked: int
    """How many of its newest attempts were held against ledger, outbox and routes."""


@dataclass(frozen=True, config=_CONFIG)
class Moment:
    """A stretch of time: what was emitted and decided in it, and what waited at its end."""

    starts_at: Time
    """When it begins."""
    emitted: int | None
    """Events of the worker's domain; null where more lie before it than were counted."""
    dry_run: int
    """Attempts recorded as dry-run."""
    skipped: int
    """Attempts without an enabled route."""
    failed: int
    """Attempts that failed."""
    sent: int
    """Attempts that were delivered."""
    backlog: int | None
    """Events that waited at its end, reckoned back from the present backlog; null where that is not known."""


@dataclass(frozen=True, config=_CONFIG)
class Timeline:
    """One worker's past, in stretches of one length."""

    worker_name: str
    """The worker."""
    seconds: int
    """The length of a stretch."""
    moments: tuple[Moment, ...]
    """The stretches, the oldest first; empty where nothing has happened yet."""


@dataclass(frozen=True, config=_CONFIG)
class Position:
    """The place of a pack in its chain."""

    number: int
    """Counted from 1."""
    previous_hash: str
    """The hash of the pack before; 64 zeros for the first."""


@dataclass(frozen=True, config=_CONFIG)
class Evidence:
    """A pack of evidence: one database at one moment."""

    schema_version: int
    """The version of this shape: 1."""
    position: Position | None
    """The place in the chain; null while the evidence is in no pack."""
    generated_at: Time
    """When it was gathered, by the clock of the database."""
    verdict: Verdict
    """Whether every line passed."""
    guarantees: tuple[Guarantee, ...]
    """What the product promises, and what this evidence says of it."""
    proofs: tuple[Proof, ...]
    """Every line of every proof."""
    totals: Totals
    """How much the database holds."""
    workers: tuple[Worker, ...]
    """The workers."""
    timelines: tuple[Timeline, ...]
    """What happened, worker by worker."""
    routes: tuple[Route, ...]
    """The outbound routes."""
    gates: tuple[Gate, ...]
    """Gates and settings."""
    gate_changes: tuple[GateChange, ...]
    """The newest changes of gates and settings, the newest first."""
    environment: Environment
    """Where and with what it was gathered."""

    @property
    def probed(self) -> bool:
        """Whether the probes were run."""
        return any(proof.kind == "probe" for proof in self.proofs)


_ADAPTER: Final = TypeAdapter(Evidence)


def to_json(evidence: Evidence) -> bytes:
    """Return the bytes of `evidence.json`: the same facts always give the same bytes."""
    return _ADAPTER.dump_json(evidence, indent=2) + b"\n"


def from_json(text: bytes) -> Evidence:
    """Read `evidence.json`. Raises ValueError saying what does not fit the schema."""
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
