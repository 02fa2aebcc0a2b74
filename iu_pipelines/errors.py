"""The exceptions of the package.

    IuError                         exit code 1
    ├── UsageError                  exit code 2: a bad argument or setting
    │   └── ExtraMissing            an optional package is not installed; also an ImportError
    ├── EmbeddedServerError         the embedded PostgreSQL could not be started, found or stopped
    ├── DatabaseError               an error of PostgreSQL or of the connection
    │   ├── ConnectionFailed        no connection, or it was lost
    │   ├── ServerTooOld            older than PostgreSQL 14
    │   ├── PermissionDenied        the role lacks a privilege (42501)
    │   ├── Unavailable             full, busy, deadlocked or cancelled: a retry can succeed
    │   └── StatementFailed         any other SQLSTATE
    └── Refusal                     raised by the SQL functions: SQLSTATE class IU
        ├── UnknownEventType        IU101
        ├── PayloadInvalid          IU102
        ├── PayloadNotRefsOnly      IU103
        ├── ArgumentInvalid         IU104
        ├── DeliveryRefused         IU201
        ├── UnknownGate             IU202
        ├── AppendOnly              IU203
        ├── NotAnApprover           IU204
        ├── PromotionRefused        IU205
        ├── PromotionOutdated       IU206
        ├── BatchLimitInvalid       IU301
        ├── BatchFlooded            IU302
        ├── IsolationRefused        IU303
        ├── UnknownDeadLetter       IU401
        ├── CursorPositionUnknown   IU501
        ├── TargetUnknown           IU601
        ├── TargetNotSafe           IU602
        ├── UnknownTarget           IU603
        ├── DeliveredEventMissing   IU604
        ├── UnknownClaim            IU605
        ├── ReplayOutOfOrder        IU606
        ├── TargetInUse             IU607
        ├── OutboxFileInvalid       IU701
        ├── PlanOutdated            IU702
        ├── CaptureInvalid          IU703
        ├── StepRefused             IU901
        └── ProofFailed             IU902

A message contains the invalid value, a hint says what to do next. Neither contains a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice message of the server; `severity` is `NOTICE`, `WARNING` or `INFO`."""

    severity: str
    message: str


def sentences(message: str, hint: str | None) -> str:
    """Return a message and its hint in one line."""
    return f"{message.rstrip('.')}. {hint}" if hint else message


class IuError(Exception):
    """The base class: a message, a hint (what to do) and a code (a SQLSTATE such as `IU104`, or None).

    `notices` are the notices that the server sent before the error.
    """

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str | None] = None

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.notices: Sequence[Notice] = ()


class UsageError(IuError):
    """A bad argument or setting.

    Cause: A word, an option, a value or a setting is wrong or missing. Nothing was changed.
    Cure: Correct what the message names. `iu COMMAND --help` describes the options of a command,
        docs/reference/settings.md the settings.
    """

    exit_code = 2


class ExtraMissing(UsageError, ImportError):
    """A package of an extra of the distribution is not installed.

    Cause: The light core is installed, and the command or the kind of target needs a library that is not part
        of it.
    Cure: Run the command in the hint. docs/operate/install.md lists the extras.
    """

    def __str__(self) -> str:
        """Return the message with the hint, because Python prints an ImportError without its hint."""
        return sentences(self.message, self.hint)


class EmbeddedServerError(IuError):
    """The embedded PostgreSQL could not be started, found or stopped.

    Cause: The binaries of PostgreSQL are missing, the directory belongs to another user or is on a full disk,
        or the server ended for the reason in its log.
    Cure: Follow the hint, which names the log, the directory or the setting. `IU_HOME` chooses another
        directory, `IU_PG_BIN` other binaries, and `IU_DATABASE_URL` a server of your own.
    """


class DatabaseError(IuError):
    """An error of PostgreSQL or of the connection. `code` is the SQLSTATE, or None without one."""


class ConnectionFailed(DatabaseError):
    """A connection could not be opened, or was lost.

    Cause: No server listens at the address, it starts or stops, or it refuses the host, the user or the
        password. Or the network failed.
    Cure: Check the URL and the server; `iu wait` waits until it answers. If the connection was lost during a
        statement, check whether that took effect before you repeat it.
    """


class ServerTooOld(DatabaseError):
    """The server is older than PostgreSQL 14.

    Cause: The URL leads to a server with a version that iu_pipelines does not support.
    Cure: Upgrade the server, or connect to another one (docs/operate/own-server.md).
    """


class PermissionDenied(DatabaseError):
    """The role lacks a privilege.

    Cause: The login is not a member of the group role that may run the function or read the table. Or row
        security hides rows of a table of iu_pipelines. Or the schema or table is one of yours.
    Cure: Grant the group role to the login: docs/operate/roles.md says which one each command needs. `iu
        doctor` shows the roles of the login. For a schema or table of yours, its owner grants the privilege,
        such as `grant usage on schema shop to ada`.
    """

    default_code = "42501"


class Unavailable(DatabaseError):
    """The server is full or busy, or cancelled the statement; a retry can succeed.

    Cause: A lock was not free in time, two transactions waited for each other, a row or a gate changed after
        the snapshot of the transaction, the server has no free connection, its disk is full, or a timeout
        cancelled the statement.
    Cure: Repeat the whole transaction. If it fails again, `iu doctor` names the sessions that hold locks, old
        transactions and limits that are reached.
    """


class StatementFailed(DatabaseError):
    """Any other SQL error.

    Cause: Often a table or function that does not exist, because the schema is not installed or not
        completely.
    Cure: Run `iu migrate`, and read the message of PostgreSQL.
    """


class Refusal(IuError):
    """An error that a SQL function of iu_pipelines raised: SQLSTATE class IU."""


class UnknownEventType(Refusal):
    """The event type is not registered, or is disabled.

    Cause: An event, a route or a capture names a type that `event_type_registry` does not have. A type that
        was disabled is refused for new events only.
    Cure: Correct the name; the hint lists the known types. Register a type with `iu type add`, and enable one
        with `iu type enable` (docs/how-to/add-an-event-type.md).
    """

    default_code = "IU101"


class PayloadInvalid(Refusal):
    """The payload is not an object, is too large, or has a key that its type does not allow.

    Cause: The payload of an event is no JSON object, has more than 8 KiB or 32 levels, contains what jsonb
        cannot store, or has a key at its top level that `payload_keys` of the event type does not list.
    Cure: Send references and counts, and leave the content where it is stored. To allow another key, add it
        to `payload_keys` of the type (docs/operate/payloads.md).
    """

    default_code = "IU102"


class PayloadNotRefsOnly(Refusal):
    """A key of the payload denotes a body, a secret or a vector, or a value is a vector or a private key.

    Cause: The name of a key at any depth contains a forbidden word or a character other than A-Z a-z 0-9 _ .
        : -, an array has more than 16 numbers, or a value has the header of a private key.
    Cure: Send a reference instead, under a key such as `body_id` or `secret_ref`. If the name of a key at the
        top level only looks dangerous, list it in `payload_keys` of the event type
        (docs/operate/payloads.md).
    """

    default_code = "IU103"


class ArgumentInvalid(Refusal):
    """An argument is null, empty, malformed or unknown, or does not fit what is stored.

    Cause: An argument is missing, too long or malformed. Or it names a worker, a route, an event or a plan
        that does not exist, or a change that its object does not allow now, such as retiring a worker with
        unread events.
    Cure: Give what the hint says: the accepted form, a command that lists the names, or what has to be done
        first.
    """

    default_code = "IU104"


class DeliveryRefused(Refusal):
    """Nothing is delivered: a gate is closed, or the login may not deliver to the target.

    Cause: Without live delivery, something called the delivery function of the core, which always refuses.
        With it, the login was not granted the target, is a superuser or a member of the owner role, did not
        make the claim, or a gate or the state of the target forbids a test.
    Cure: Leave a route of the core as a dry run. Grant the target with `iu target grant`, record the outcome
        of a claim with the login that made it, and see with `iu deliver status` what holds a target
        (docs/operate/deliver.md).
    """

    default_code = "IU201"


class UnknownGate(Refusal):
    """The gate key is unknown, or the value is not allowed for it.

    Cause: The key has no row in `dot_config`, the value does not match the pattern of the row, or a list of
        live routes names a route that is not registered.
    Cure: `iu gate show` lists the keys with their values, docs/reference/settings.md what each accepts.
    """

    default_code = "IU202"


class AppendOnly(Refusal):
    """The table is append-only: update, delete and truncate are refused.

    Cause: A statement changes or deletes rows of the outbox, of the attempts or of a history. Not even the
        owner may do that.
    Cure: Leave the rows as they are, and insert a new one. To delete old events, use retention
        (docs/operate/retention.md).
    """

    default_code = "IU203"


class NotAnApprover(Refusal):
    """The login is not a member of iu_approver, or it is a superuser or a member of the owner role.

    Cause: The decision of a promotion, a change of a threshold or the permission of private addresses is for
        a member of `iu_approver`. Superusers, members of the owner role and sessions that changed their login
        are refused, because they could pretend to be somebody else.
    Cure: Connect as a login that is a member of `iu_approver` and of no more (docs/operate/roles.md).
    """

    default_code = "IU204"


class PromotionRefused(Refusal):
    """Rules for promotions are not met; the message names each, the value needed and the value seen.

    Cause: The evidence for a route is too little, old or bad, the route or its target is disabled, or a login
        approves what it proposed itself. Or a superuser or a member of the owner role proposes.
    Cure: Meet the rules, as the hint says, then propose again. docs/operate/promotions.md#rules explains each
        rule, and `iu promote threshold list` shows the thresholds.
    """

    default_code = "IU205"


class PromotionOutdated(Refusal):
    """What was proposed or planned has changed since.

    Cause: The route, its target, the event type, a threshold or the database changed after the promotion or
        the change of a threshold was proposed. Or no frozen plan has the hash that was given.
    Cure: Look at what changed, and propose again; make a plan again with `iu deliver plan`.
    """

    default_code = "IU206"


class BatchLimitInvalid(Refusal):
    """A limit is null or out of range: 1 to 100,000 events of a batch, 1 to 10,000 rows of attempts.

    Cause: The limit of a batch, of a round of retention, of a page of rows or of a claim is null, zero or too
        large.
    Cure: Give a limit in the range that the message names.
    """

    default_code = "IU301"


class BatchFlooded(Refusal):
    """Too many events of one batch failed, so the whole batch was rolled back.

    Cause: More than half of the events of a batch, or of a series of small batches, failed. Such a flood has
        one cause that is not in the events, for example a route whose delivery function raises.
    Cure: Repair the cause, replay the dead letters of the earlier batches, and run the worker again: the
        cursor has not moved, so no event is lost (docs/operate/dead-letters.md#many-failures-at-once).
    """

    default_code = "IU302"


class IsolationRefused(Refusal):
    """The call needs a transaction that is read committed.

    Cause: Retention, a seek that must write a new anchor, a change of deliveries or a step of a promotion ran
        at repeatable read or serializable. There it would work on an old snapshot.
    Cure: Call it in a transaction of its own that begins with `begin isolation level read committed`, or use
        the command of `iu` (docs/operate/own-server.md#isolation-level).
    """

    default_code = "IU303"


class UnknownDeadLetter(Refusal):
    """There is no such dead letter.

    Cause: The id of a replay or discard is wrong, or the delivery of the event on this route is not dead.
    Cure: List the open dead letters with `iu audit`; `iu why EVENT_ID` shows the state of one event.
    """

    default_code = "IU401"


class CursorPositionUnknown(Refusal):
    """The position is unknown, or the cursor does not belong to the newest anchor of this outbox.

    Cause: The database was restored, cloned or failed back, so that the transaction ids in the cursor mean
        nothing here. Or a seek names an event that is not stored, or is of another domain.
    Cure: Run the seek in the hint: it continues after the last event that the worker read, and skips none
        (docs/operate/restore-and-clone.md). For a seek, give the id of a stored event, or `beginning`.
    """

    default_code = "IU501"


class TargetUnknown(Refusal):
    """The kind of the target of a route is unknown.

    Cause: A route or a target has a kind that no installed module and no distribution provides.
    Cure: Give a kind from the hint. A kind of your own has a dot in its name, and is installed where the
        sender runs (docs/how-to/write-a-target-kind.md).
    """

    default_code = "IU601"


class TargetNotSafe(Refusal):
    """The target of a route contains a password or another secret, or its address is not allowed.

    Cause: An address is stored and shown as text, so it may contain no user, password or key. Or its host is
        loopback, private or link-local, and no approver has allowed that.
    Cure: Put the secret into the environment as `IU_SECRET_<NAME>`, or into a file of `IU_SECRETS_DIR`, and
        give the target its name (docs/operate/targets.md#secrets).
        docs/operate/targets.md#which-addresses-are-allowed has the rules for hosts.
    """

    default_code = "IU602"


class UnknownTarget(Refusal):
    """There is no target of this name.

    Cause: The name is wrong, the target was removed, or it is not granted to this login.
    Cure: List the targets with `iu target list`, and grant one with `iu target grant`.
    """

    default_code = "IU603"


class DeliveredEventMissing(Refusal):
    """An event of the queue of deliveries is not in the outbox.

    Cause: Somebody deleted the event by hand, with the protection of the outbox switched off. Retention keeps
        events that are queued.
    Cure: Restore the event from a backup, or give the delivery up with `iu deliver discard`. Find out who
        deleted it.
    """

    default_code = "IU604"


class UnknownClaim(Refusal):
    """An outcome names a claim that was never made here.

    Cause: A sender records outcomes with claim ids of another database, or made them up. After a failover,
        the server may have forgotten claims that it had answered.
    Cure: Record only claims that `fn_iu_delivery_claim` returned on this database. After a failover, see
        docs/operate/deliver.md#incidents.
    """

    default_code = "IU605"


class ReplayOutOfOrder(Refusal):
    """A replay would deliver an event after later ones of its subject.

    Cause: The target skips dead letters, so that later events of the same subject may have been delivered
        already.
    Cure: Replay it out of order if the receiver can take that (`iu deliver replay --out-of-order`); otherwise
        discard it.
    """

    default_code = "IU606"


class TargetInUse(Refusal):
    """A route was promoted to the target, so it cannot be removed or get another number.

    Cause: Claims and outcomes refer to the target. They are evidence, and stay.
    Cure: Disable the target instead: `iu target disable NAME --reason WHY`.
    """

    default_code = "IU607"


class OutboxFileInvalid(Refusal):
    """An outbox file is not valid, or does not fit the database. Raised in Python.

    Cause: The file is no YAML, has an unknown key or a value that is not allowed, or names something that
        neither the file nor the database has.
    Cure: Correct the line that the message names (docs/how-to/outbox-file.md). `iu schema` prints the JSON
        schema for editors.
    """

    default_code = "IU701"


class PlanOutdated(Refusal):
    """The database changed after a plan was shown, or another apply runs. Raised in Python.

    Cause: Between the plan that was shown and its confirmation, somebody changed the configuration, or is
        still changing it.
    Cure: Nothing was changed. Look at the new plan with `iu plan`, and apply again.
    """

    default_code = "IU702"


class CaptureInvalid(Refusal):
    """A capture is malformed, does not fit its table, or its function was called by another trigger.

    Cause: The definition of a capture is wrong or does not fit its table, the table was renamed, or the
        trigger function was attached to another table. A change of the table after a column was renamed or
        dropped fails with 42703 instead (docs/how-to/capture-a-table.md#rename-or-drop-a-column).
    Cure: Follow the hint; `iu capture show` prints the statements for the owner of the table
        (docs/how-to/capture-a-table.md#change-move-and-remove).
    """

    default_code = "IU703"


class StepRefused(Refusal):
    """A step was changed after it was applied, or its requirements are not met.

    Cause: A file of a step was edited, steps were applied in another order or by a newer version, a role or
        privilege is missing, a rollback would lose data, or objects of others depend on what it drops.
    Cure: Follow the hint; the transaction was rolled back, so nothing was changed (docs/operate/upgrade.md).
    """

    default_code = "IU901"


class ProofFailed(Refusal):
    """A verify file or a probe found a value other than the expected one.

    Cause: The database differs from what the steps made: an object, a privilege or a trigger was changed, or
        a guarantee does not hold. The lines that begin with FAIL show the expected and the seen value.
    Cure: Find out who changed what with `iu doctor` and `iu verify`, and undo it. `iu migrate` applies
        functions again whose text differs.
    """

    default_code = "IU902"


_REFUSALS: Final[tuple[type[Refusal], ...]] = (
    UnknownEventType,
    PayloadInvalid,
    PayloadNotRefsOnly,
    ArgumentInvalid,
    DeliveryRefused,
    UnknownGate,
    AppendOnly,
    NotAnApprover,
    PromotionRefused,
    PromotionOutdated,
    BatchLimitInvalid,
    BatchFlooded,
    IsolationRefused,
    UnknownDeadLetter,
    CursorPositionUnknown,
    TargetUnknown,
    TargetNotSafe,
    UnknownTarget,
    DeliveredEventMissing,
    UnknownClaim,
    ReplayOutOfOrder,
    TargetInUse,
    OutboxFileInvalid,
    PlanOutdated,
    CaptureInvalid,
    StepRefused,
    ProofFailed,
)

CODES: Final[Mapping[str, type[Refusal]]] = {
    refusal.default_code: refusal for refusal in _REFUSALS if refusal.default_code
}
"""The exception class of each SQLSTATE of class IU."""

LOST: Final = ("08", "25P03", "57P")
"""The beginnings of the SQLSTATEs of ConnectionFailed."""
LATER: Final = ("40", "53", "55P03", "57", "58")
"""The beginnings of the SQLSTATEs of Unavailable, unless one is in LOST."""

_PASSWORD_IN_URL = re.compile(r"(://[^:/?#\s]*):[^\s]*@")
_PASSWORD_AS_KEY = re.compile(r"((?:ssl)?password\s*=\s*)('[^']*'|[^\s&]*)", re.IGNORECASE)


def redact(text: str) -> str:
    """Return `text` with `***` for every password.

    >>> redact("postgresql://ann:s3cret@db.example/iu")
    'postgresql://ann:***@db.example/iu'

    `text` is a database URL or a message that contains one.
    """
    return _PASSWORD_AS_KEY.sub(r"\1***", _PASSWORD_IN_URL.sub(r"\1:***@", text))


_ROLES_HINT = (
    "Connect as a member of iu_emitter to emit, of workflow_admin to run the worker, of iu_auditor to read, "
    "of iu_approver to approve, of iu_sender to deliver, or of iu_owner to migrate (docs/operate/roles.md)."
)

_SCHEMA_HINT = (
    "Let the owner of the schema run: grant usage on schema public to iu_emitter, workflow_admin, "
    "iu_auditor. With the module iu-delivery: also to iu_approver, iu_sender. The login must be a member of "
    "one of them (docs/operate/roles.md)."
)

_READ_ONLY = "25006"
_READ_ONLY_HINT = (
    "The server is a standby, or the sessions of this login are read-only by default: iu doctor "
    "(server.writable) says which. In a URL with several hosts, add target_session_attrs=read-write."
)

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_FOREIGN_SCHEMA = re.compile(r"permission denied for schema (?!public\b)(.+?)(?: at line \d+)?$")


def name_login(error: PermissionDenied, login: str) -> None:
    """Add the name of the login to the hint about roles, unless the server sent another hint.

    For a schema of others the hint is the statement that grants it to the login; for that of iu, the one that
    grants it to the roles.
    """
    if error.hint != _ROLES_HINT:
        return
    foreign = _FOREIGN_SCHEMA.search(error.message)
    if foreign:
        schema, grantee = _identifier(foreign[1]), _identifier(login)
        error.hint = f"Let the owner of the schema run: grant usage on schema {schema} to {grantee}"
    elif "permission denied for schema public" in error.message:
        error.hint = f"The login is {login}. {_SCHEMA_HINT}"
    else:
        error.hint = f"The login is {login}. {_ROLES_HINT}"


def _identifier(name: str) -> str:
    """Return a name as SQL reads it; one with other characters than usual is quoted."""
    return name if _PLAIN_NAME.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def from_sqlstate(sqlstate: str | None, message: str, hint: str | None = None) -> IuError:
    """Return the exception for a SQLSTATE; None means that the connection was lost without one."""
    refusal = CODES.get(sqlstate or "")
    if refusal:
        return refusal(message, hint=hint)
    error = _database_error(sqlstate or "08006")
    if error is PermissionDenied:
        hint = hint or _ROLES_HINT
    if sqlstate == _READ_ONLY:
        hint = hint or _READ_ONLY_HINT
    return error(message, hint=hint, code=sqlstate)


def _database_error(sqlstate: str) -> type[IuError]:
    if sqlstate.startswith("IU"):
        return Refusal
    if sqlstate.startswith(LOST):
        return ConnectionFailed
    if sqlstate == PermissionDenied.default_code:
        return PermissionDenied
    return Unavailable if sqlstate.startswith(LATER) else StatementFailed
