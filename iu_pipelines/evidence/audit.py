"""The audit of the ledgers: is the chain of batches whole, and is each attempt what it must be?

Stands on ``fn_iu_audit_chain_verify``, ``fn_iu_audit_attempts_verify`` and ``fn_iu_audit_replays_misfit``,
which read one snapshot each and take no lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iu_pipelines.db.queries import Queries


@dataclass(frozen=True)
class ChainCheck:
    """A worker's batches, recomputed. ``fault`` names the first row that does not fit, in words."""

    worker_name: str
    fits: bool
    batches: int
    misfit_batch_id: int | None
    fault: str | None
    newest_batch_id: int | None
    newest_hash: str | None


@dataclass(frozen=True)
class AttemptsCheck:
    """A worker's attempts, held against ledger, outbox, routes and letters; counts are of those that fit."""

    worker_name: str
    fits: bool
    batches: int
    attempts: int
    misfit_batch_id: int | None
    misfit_attempt_id: int | None
    fault: str | None


def worker_names(gateway: Queries) -> list[str]:
    """Return every worker that has a cursor or a batch, in alphabetical order."""
    rows = gateway.fetch_all(
        """select worker_name from public.iu_route_worker_cursor
            union
           select worker_name from public.iu_route_batch
            order by worker_name"""
    )
    return [row["worker_name"] for row in rows]


def verify_chain(
    gateway: Queries, worker_name: str, from_batch: int | None = None, to_batch: int | None = None
) -> ChainCheck:
    """Recompute the chain of a worker's batches over a range of batch ids, both ends included."""
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_audit_chain_verify(%s, %s::bigint, %s::bigint)",
        (worker_name, from_batch, to_batch),
    )
    return ChainCheck(**answer)


def verify_attempts(
    gateway: Queries, worker_name: str, from_batch: int | None = None, to_batch: int | None = None
) -> AttemptsCheck:
    """Hold the first attempts of a range of a worker's batches against what they must be."""
    answer: dict[str, Any] = gateway.fetch_value(
        "select public.fn_iu_audit_attempts_verify(%s, %s::bigint, %s::bigint)",
        (worker_name, from_batch, to_batch),
    )
    return AttemptsCheck(**answer)


def replays_fault(gateway: Queries) -> str | None:
    """Return the first dead letter that its replays do not bear out, in words, or None."""
    fault: str | None = gateway.fetch_value("select public.fn_iu_audit_replays_misfit()")
    return fault


def newest_batches_from(gateway: Queries, worker_name: str, batches: int) -> int | None:
    """Return where the newest so many batches of a worker begin; None where it has fewer."""
    found: int | None = gateway.fetch_value(
        """select batch_id
             from public.iu_route_batch
            where worker_name = %s
            order by batch_id desc
           offset %s
            limit 1""",
        (worker_name, batches - 1),
    )
    return found


def newest_attempts_from(gateway: Queries, worker_name: str, attempts: int) -> int | None:
    """Return the batch in which about so many newest attempts of a worker begin; None for all of them."""
    found: int | None = gateway.fetch_value(
        """select batch_id
             from (select batch_id, sum(attempts_written) over (order by batch_id desc) as attempts
                     from (select batch_id, attempts_written
                             from public.iu_route_batch
                            where worker_name = %(worker_name)s
                            order by batch_id desc
                            limit %(attempts)s) as newest) as counted
            where attempts >= %(attempts)s
            order by batch_id desc
            limit 1""",
        {"worker_name": worker_name, "attempts": attempts},
    )
    return found


def batch_hash(gateway: Queries, worker_name: str, batch_id: int) -> str | None:
    """Return the hash that the ledger holds for a batch of a worker, or None where there is no such batch."""
    found: str | None = gateway.fetch_value(
        """select encode(batch_hash, 'hex')
             from public.iu_route_batch
            where batch_id = %s and worker_name = %s""",
        (batch_id, worker_name),
    )
    return found


def count_batches(gateway: Queries, worker_name: str) -> int:
    """Return how many batches the ledger of a worker holds."""
    counted: int = gateway.fetch_value(
        "select count(*) from public.iu_route_batch where worker_name = %s", (worker_name,)
    )
    return counted
