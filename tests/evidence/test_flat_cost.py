"""The number of rows that a batch reads does not depend on the size of the outbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.worker import DEFAULT_WORKER

EVENTS = 100
ROWS_AN_EVENT = 8  # an event, its attempt and their indexes; a read of 20,000 old rows would be 200

FILL = """
insert into public.event_outbox (event_domain, event_type, event_subject_ref, actor_ref)
select %s, 'version_applied', gen_random_uuid(), 'bulk' from generate_series(1, %s::int)
"""
RUN = f"select public.fn_iu_route_worker_run('{DEFAULT_WORKER}', %s::int)"
READ = """
select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
  from pg_stat_xact_user_tables
 where relname in ('event_outbox', 'iu_route_attempt_log', 'iu_route_batch', 'iu_route_dead_letter')
"""


def rows_read_by_a_batch(gateway: Gateway) -> int:
    """Emit events, run one batch, and return the number of rows that it read."""
    gateway.execute(FILL, ("iu", EVENTS))
    with gateway.transaction() as session:
        before = session.fetch_value(READ)
        assert session.fetch_value(RUN, (1000,))["seen"] == EVENTS
        return int(session.fetch_value(READ)) - int(before)


def consumed(gateway: Gateway) -> None:
    gateway.execute(FILL, ("iu", 20_000))
    while gateway.fetch_value(RUN, (10_000,))["seen"]:
        pass


def of_another_domain(gateway: Gateway) -> None:
    gateway.execute(FILL, ("other", 20_000))


@pytest.mark.parametrize("fill", [consumed, of_another_domain])
@pytest.mark.parametrize("statistics", [True, False], ids=["with statistics", "without"])
def test_the_number_of_rows_that_a_batch_reads_does_not_depend_on_old_events(
    gateway: Gateway, fill: Callable[[Gateway], None], statistics: bool
) -> None:
    fill(gateway)
    if statistics:
        gateway.execute("analyze")
    assert rows_read_by_a_batch(gateway) <= EVENTS * ROWS_AN_EVENT


def test_without_indexes_a_batch_reads_the_whole_outbox(gateway: Gateway) -> None:
    consumed(gateway)
    for row in gateway.fetch_all(_INDEXES):
        gateway.execute(f"drop index {row['index']}")
    assert rows_read_by_a_batch(gateway) > 20_000


_INDEXES = """
select i.indexrelid::regclass::text as index from pg_index as i
where i.indrelid = 'public.event_outbox'::regclass
    and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)
"""
