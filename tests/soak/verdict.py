"""The verdict: compare the tables with one another and with what the clients know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from engine.sessions import Session, value
from soak.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Verdict:
    """The number of violations of each guarantee. The soak passes if all are zero.

    lost: pairs of worker and event without an attempt. twice: attempts repeated under one key, and events
    that a worker without seeks read in two batches. disordered: events attempted before an older event of
    their subject. vanished: events with an acknowledged commit that do not exist. ghosts: events that were
    rolled back and exist. halves: transactions of which only a part exists. ungated: batches begun while a
    gate was closed. unsound: faults of the ledgers (chain of batches, attempts, replays, tallies). surprises:
    errors that no scene provokes.
    """

    lost: int = 0
    twice: int = 0
    disordered: int = 0
    vanished: int = 0
    ghosts: int = 0
    halves: int = 0
    ungated: int = 0
    unsound: int = 0
    surprises: int = 0

    @property
    def is_clean(self) -> bool:
        return self == Verdict()

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name):,}" for field in fields(self))


_LOST = """
select count(*) from public.event_outbox as o where o.event_domain = 'iu' and not exists (
    select from public.iu_route_attempt_log as a
    where a.event_id = o.event_id and a.attempt_no = 1
        and a.worker_no = (select n.name_no from public.iu_audit_name as n where n.name = %s))
"""
_SAME_KEY = """
select coalesce(sum(made - 1), 0) from (
    select count(*) as made from public.iu_route_attempt_log as a
    group by a.event_id, a.worker_no, a.route_no, a.attempt_no, a.idempotency_key
    having count(*) > 1
) as again
"""
_TWO_BATCHES = """
select count(*) from (
    select from public.iu_route_attempt as a where a.worker_name = %s and a.attempt_no = 1
    group by a.event_id having count(distinct a.batch_id) > 1
) as again
"""
_DISORDERED = """
select count(*) from (
    select o.event_seq, lag(o.event_seq) over subject as before
    from (
        select a.event_id, min(a.attempt_id) as attempt_id from public.iu_route_attempt_log as a
        where a.attempt_no = 1
            and a.worker_no = (select n.name_no from public.iu_audit_name as n where n.name = %s)
        group by a.event_id
    ) as f
    inner join public.event_outbox as o on o.event_id = f.event_id
    window subject as (partition by o.event_subject_ref order by f.attempt_id)
) as pair where pair.before > pair.event_seq
"""
_UNGATED = """
select count(*) from public.iu_route_batch as b
inner join unnest(%s::float8 [], %s::float8 []) as closed (since, until)
    on extract(epoch from b.started_at) between closed.since + 0.5 and closed.until
"""
_TALLY = """
select (select count(*) from public.iu_route_attempt_log) - coalesce(sum(t.attempts), 0)
from public.iu_route_attempt_tally as t
"""
UNATTEMPTED = """
select count(*) from public.iu_route_worker_cursor as c
cross join lateral public.fn_iu_cursor_unattempted(c, 5000)
"""


def lost_so_far(session: Session) -> int:
    """Count events without an attempt among the newest 5,000 that each cursor has consumed."""
    return int(value(session, UNATTEMPTED))


def judge(session: Session, ledger: Ledger, plain: Sequence[str], workers: Sequence[str]) -> Verdict:
    """Return the verdict. Every worker must have been drained."""
    return Verdict(
        lost=sum(value(session, _LOST, (worker,)) for worker in workers),
        twice=value(session, _SAME_KEY) + sum(value(session, _TWO_BATCHES, (worker,)) for worker in plain),
        disordered=sum(value(session, _DISORDERED, (worker,)) for worker in workers),
        vanished=ledger.vanished + len(ledger.committed) - _present(session, ledger.committed),
        ghosts=_present(session, ledger.undone),
        halves=sum(_present(session, made) not in {0, len(made)} for made in ledger.uncertain),
        ungated=_ungated(session, ledger.closed),
        unsound=unsound(session, workers),
        surprises=len(ledger.surprises),
    )


def unsound(session: Session, workers: Sequence[str]) -> int:
    """Count faults of the ledgers: those of `iu audit verify`, the tallies, and events without attempts."""
    faults = [
        value(session, f"select public.fn_iu_audit_{what}_verify(%s) ->> 'fault'", (worker,))
        for worker in workers
        for what in ("chain", "attempts")
    ]
    faults.append(value(session, "select public.fn_iu_audit_replays_misfit()"))
    return (
        sum(fault is not None for fault in faults) + int(value(session, _TALLY) != 0) + lost_so_far(session)
    )


def _present(session: Session, events: Sequence[UUID]) -> int:
    return int(
        value(
            session,
            "select count(*) from public.event_outbox where event_id = any(%s::uuid [])",
            (list(events),),
        )
    )


def _ungated(session: Session, closed: Sequence[tuple[float, float]]) -> int:
    since, until = [pair[0] for pair in closed], [pair[1] for pair in closed]
    return int(value(session, _UNGATED, (since, until)))
