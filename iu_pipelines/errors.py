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
    """A bad argument or setting."""

    exit_code = 2


class ExtraMissing(UsageError, ImportError):
    """A package of an extra of the distribution is not installed."""

    def __str__(self) -> str:
        """Return the message with the hint, because Python prints an ImportError without its hint."""
        return f"{self.message}. {self.hint}"


class EmbeddedServerError(IuError):
    """The embedded PostgreSQL could not be started, found or stopped."""


class DatabaseError(IuError):
    """An error of PostgreSQL or of the connection. `code` is the SQLSTATE, or None without one."""


class ConnectionFailed(DatabaseError):
    """A connection could not be opened, or was lost."""


class ServerTooOld(DatabaseError):
    """The server is older than PostgreSQL 14."""


class PermissionDenied(DatabaseError):
    """The role lacks a privilege."""

    default_code = "42501"


class Unavailable(DatabaseError):
    """The server is full or busy, or cancelled the statement; a retry can succeed."""


class StatementFailed(DatabaseError):
    """Any other SQL error."""


class Refusal(IuError):
    """An error that a SQL function of iu_pipelines raised: SQLSTATE class IU."""


class UnknownEventType(Refusal):
    """The event type is not registered, or is disabled."""

    default_code = "IU101"


class PayloadInvalid(Refusal):
    """The payload is not an object, is too large, or has a key that its type does not allow."""

    default_code = "IU102"


class PayloadNotRefsOnly(Refusal):
    """A key of the payload denotes a body, a secret or a vector, or a value is a vector or a private key."""

    default_code = "IU103"


class ArgumentInvalid(Refusal):
    """A required argument is null, empty or malformed."""

    default_code = "IU104"


class DeliveryRefused(Refusal):
    """Delivery is not implemented, or its gate is closed."""

    default_code = "IU201"


class UnknownGate(Refusal):
    """The gate key is unknown, or the value is not allowed for it."""

    default_code = "IU202"


class AppendOnly(Refusal):
    """The table is append-only: update, delete and truncate are refused."""

    default_code = "IU203"


class NotAnApprover(Refusal):
    """The login is not a member of iu_approver, or it is a superuser or a member of the owner role."""

    default_code = "IU204"


class PromotionRefused(Refusal):
    """A rule for promotions is not met; the message names it, the value seen and the value needed."""

    default_code = "IU205"


class PromotionOutdated(Refusal):
    """What was proposed has changed since."""

    default_code = "IU206"


class BatchLimitInvalid(Refusal):
    """A limit is null or out of range: 1 to 100,000 events of a batch, 1 to 10,000 rows of attempts."""

    default_code = "IU301"


class BatchFlooded(Refusal):
    """Too many events of one batch failed, so the whole batch was rolled back."""

    default_code = "IU302"


class IsolationRefused(Refusal):
    """Retention, or a seek that must write a new anchor, ran in a transaction that is not read committed."""

    default_code = "IU303"


class UnknownDeadLetter(Refusal):
    """There is no such dead letter."""

    default_code = "IU401"


class CursorPositionUnknown(Refusal):
    """The position is unknown, or the cursor does not belong to the newest anchor of this outbox."""

    default_code = "IU501"


class TargetUnknown(Refusal):
    """The kind of the target of a route is unknown."""

    default_code = "IU601"


class TargetNotSafe(Refusal):
    """The target of a route contains a password or another secret."""

    default_code = "IU602"


class UnknownTarget(Refusal):
    """There is no target of this name."""

    default_code = "IU603"


class DeliveredEventMissing(Refusal):
    """An event of the queue of deliveries is not in the outbox."""

    default_code = "IU604"


class UnknownClaim(Refusal):
    """An outcome names a claim that was never made here."""

    default_code = "IU605"


class ReplayOutOfOrder(Refusal):
    """A replay would deliver an event after later ones of its subject."""

    default_code = "IU606"


class TargetInUse(Refusal):
    """A route was promoted to the target, so it cannot be removed or get another number."""

    default_code = "IU607"


class OutboxFileInvalid(Refusal):
    """An outbox file is not valid, or does not fit the database. Raised in Python."""

    default_code = "IU701"


class PlanOutdated(Refusal):
    """The database changed after a plan was shown, or another apply runs. Raised in Python."""

    default_code = "IU702"


class CaptureInvalid(Refusal):
    """A capture is malformed, does not fit its table, or its function was called by another trigger."""

    default_code = "IU703"


class StepRefused(Refusal):
    """A step was changed after it was applied, or its requirements are not met."""

    default_code = "IU901"


class ProofFailed(Refusal):
    """A verify file or a probe found a value other than the expected one."""

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

_LOST = ("08", "25P03", "57P")
_LATER = ("40", "53", "55P03", "57", "58")

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
    "of iu_approver to approve, or of iu_sender to deliver (docs/operate/roles.md)."
)


def name_login(error: PermissionDenied, login: str) -> None:
    """Add the name of the login to the hint about roles, unless the server sent another hint."""
    if error.hint == _ROLES_HINT:
        error.hint = f"The login is {login}. {_ROLES_HINT}"


def from_sqlstate(sqlstate: str | None, message: str, hint: str | None = None) -> IuError:
    """Return the exception for a SQLSTATE; None means that the connection was lost without one."""
    refusal = CODES.get(sqlstate or "")
    if refusal:
        return refusal(message, hint=hint)
    error = _database_error(sqlstate or "08006")
    if error is PermissionDenied:
        hint = hint or _ROLES_HINT
    return error(message, hint=hint, code=sqlstate)


def _database_error(sqlstate: str) -> type[IuError]:
    if sqlstate.startswith("IU"):
        return Refusal
    if sqlstate.startswith(_LOST):
        return ConnectionFailed
    if sqlstate == PermissionDenied.default_code:
        return PermissionDenied
    return Unavailable if sqlstate.startswith(_LATER) else StatementFailed
