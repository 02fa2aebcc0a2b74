"""Verification of the ledgers: the chain of batches, and the attempts and replays of each worker.

Uses `fn_iu_audit_chain_verify`, `fn_iu_audit_attempts_verify` and `fn_iu_audit_replays_misfit`, which read
one snapshot each and take no lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import deliveries, rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class ChainCheck:
    """The result of verifying a worker's batches. `fault` describes the first row that is wrong."""

    worker_name: str
    fits: bool
    batches: int
    misfit_batch_id: int | None
    fault: str | None
    newest_batch_id: int | None
    newest_hash: str | None


@dataclass(frozen=True)
class AttemptsCheck:
    """The result of verifying a worker's attempts. Counts are of rows before the first that is wrong."""

    worker_name: str
    fits: bool
    batches: int
    attempts: int
    misfit_batch_id: int | None
    misfit_attempt_id: int | None
    fault: str | None


def worker_names(gateway: Queries) -> list[str]:
    """Return every worker that has a cursor or a batch, in alphabetical order."""
    return [row["worker_name"] for row in gateway.fetch_all(_SQL["worker_names"])]


def verify_chain(
    gateway: Queries, worker_name: str, from_batch: int | None = None, to_batch: int | None = None
) -> ChainCheck:
    """Recompute the hashes of a worker's batches from `from_batch` to `to_batch`, both included."""
    answer = gateway.fetch_value(
        _SQL["verify_chain"], {"worker_name": worker_name, "from_batch": from_batch, "to_batch": to_batch}
    )
    return rows.read(ChainCheck, answer)


def verify_attempts(
    gateway: Queries, worker_name: str, from_batch: int | None = None, to_batch: int | None = None
) -> AttemptsCheck:
    """Compare the attempts of a range of a worker's batches with ledger, outbox, routes and dead letters."""
    answer = gateway.fetch_value(
        _SQL["verify_attempts"], {"worker_name": worker_name, "from_batch": from_batch, "to_batch": to_batch}
    )
    return rows.read(AttemptsCheck, answer)


def replays_fault(gateway: Queries) -> str | None:
    """Describe the first dead letter that does not agree with its replays, or return None."""
    fault: str | None = gateway.fetch_value(_SQL["replays_fault"])
    return fault


def newest_batches_from(gateway: Queries, worker_name: str, batches: int) -> int | None:
    """Return the id of the first of the newest `batches` batches of a worker; None if it has fewer."""
    found: int | None = gateway.fetch_value(
        _SQL["newest_batches_from"], {"worker_name": worker_name, "newer_batches": batches - 1}
    )
    return found


def newest_attempts_from(gateway: Queries, worker_name: str, attempts: int) -> int | None:
    """Return the newest batch id from which a worker has `attempts` attempts; None if it has fewer."""
    found: int | None = gateway.fetch_value(
        _SQL["newest_attempts_from"], {"worker_name": worker_name, "attempts": attempts}
    )
    return found


def batch_hash(gateway: Queries, worker_name: str, batch_id: int) -> str | None:
    """Return the hash of a batch of a worker, or None if there is no such batch."""
    found: str | None = gateway.fetch_value(
        _SQL["batch_hash"], {"worker_name": worker_name, "batch_id": batch_id}
    )
    return found


def count_batches(gateway: Queries, worker_name: str) -> int:
    """Return the number of batches of a worker."""
    counted: int = gateway.fetch_value(_SQL["count_batches"], {"worker_name": worker_name})
    return counted


def record_pack(gateway: Queries, pack_hash: str, passed: bool) -> int | None:
    """Add a complete pack to the ledger of packs of live delivery and return its number there.

    `pack_hash` is the hash of its manifest in hexadecimal digits. Does nothing and returns None in a
    database without the module. Source: `fn_iu_evidence_pack_record`.
    """
    if not deliveries.is_installed(gateway):
        return None
    return int(gateway.fetch_value(_SQL["record_pack"], {"pack_hash": pack_hash, "passed": passed}))
