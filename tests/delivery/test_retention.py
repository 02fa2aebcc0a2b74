"""Retention beside a queue: what a delivery holds, and what is deleted about settled deliveries."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from delivery.test_proofs import chains, life, misfit, tamper
from delivery.world import World
from engine.broken import edit
from engine.sessions import opened
from iu_pipelines.errors import IuError

HELD = "public.fn_iu_delivery_ledger_stop(v_nos[1], v_nos[cardinality(v_nos)])"

COUNTS = """
select (select count(*) from public.iu_delivery_claim) as claims,
    (select count(*) from public.iu_delivery_outcome) as outcomes,
    (select count(*) from public.iu_delivery_decision) as decisions,
    (select count(*) from public.iu_delivery_batch) as batches,
    (select count(*) from public.iu_delivery_ledger) as ledger_rows
"""


def keep_days(world: World, days: int) -> None:
    world.owner.fetch_value(
        "select public.fn_iu_gate_set('iu_core.retention_days', %s, 'test')", (str(days),)
    )


def grow_old(world: World, days: int = 40) -> None:
    """Move what happened so far into the past, with valid hashes."""
    tamper(
        world,
        f"""
        update public.event_outbox set created_at = created_at - interval '{days} days';
        update public.iu_delivery_decision set decided_at = decided_at - interval '{days} days';
        do $$
        declare
            v_batch public.iu_delivery_batch;
            v_row public.iu_delivery_ledger;
            v_hash bytea := '\\x';
        begin
            for v_batch in select * from public.iu_delivery_batch order by batch_id loop
                v_batch.previous_hash := v_hash;
                v_batch.finished_at := v_batch.finished_at - interval '{days} days';
                v_hash := public.fn_iu_delivery_batch_hash(v_batch);
                update public.iu_delivery_batch
                set finished_at = v_batch.finished_at, previous_hash = v_batch.previous_hash,
                    batch_hash = v_hash
                where batch_id = v_batch.batch_id;
            end loop;
            update public.iu_route_worker_cursor set last_batch_hash = v_hash where worker_name like 'live:%';
            v_hash := '\\x';
            for v_row in select * from public.iu_delivery_ledger order by ledger_no loop
                v_row.previous_hash := v_hash;
                v_row.recorded_at := v_row.recorded_at - interval '{days} days';
                v_row.entries_hash := public.fn_iu_delivery_entries_hash(v_row.kind, v_row.ledger_no, 0);
                v_hash := public.fn_iu_delivery_ledger_hash(v_row);
                update public.iu_delivery_ledger
                set recorded_at = v_row.recorded_at, entries_hash = v_row.entries_hash,
                    previous_hash = v_row.previous_hash, row_hash = v_hash
                where ledger_no = v_row.ledger_no;
            end loop;
            update public.iu_delivery_target_state set last_ledger_hash = v_hash;
            update public.iu_route_promotion_decision set decided_at = decided_at - interval '{days} days';
        end $$
        """,
    )


def read_all(world: World) -> None:
    """Let the worker of the core read everything."""
    world.owner.fetch_value("select public.fn_iu_route_worker_run('iu_outbound_default', 1000)")


def drop_events(world: World) -> dict[str, Any]:
    return dict(world.owner.fetch_value("select public.fn_iu_retention_run()"))


def drop_deliveries(world: World, entry_limit: int = 5000) -> dict[str, Any]:
    return dict(
        world.owner.fetch_value("select public.fn_iu_delivery_retention_run('test', %s)", (entry_limit,))
    )


def settled_and_old(world: World) -> None:
    """Settle the deliveries of a history, and move it into the past; a younger event follows."""
    life(world)
    dead = world.queue()[0]
    world.owner.fetch_value("select public.fn_iu_delivery_discard('shop.paid', %s, 'x')", (dead["event_id"],))
    sender = world.sender()
    sender.record(sender.claim())
    read_all(world)
    grow_old(world)
    world.promote("shop.paid")
    # The last event of a cursor stays, so a younger one follows.
    world.emit(9)
    world.enqueue()
    read_all(world)
    keep_days(world, 30)


def test_the_event_of_a_delivery_that_is_not_settled_stays(world: World) -> None:
    world.emit(1, 3)
    world.enqueue()
    sender = world.sender()
    claims = sender.claim()
    sender.record(claims, "failed")
    read_all(world)
    grow_old(world)
    world.emit(9)
    world.enqueue()
    read_all(world)
    keep_days(world, 30)
    answer = drop_events(world)
    assert answer["events"] == 0
    assert "delivery on route shop.paid is a dead letter" in str(answer["held_by"])
    assert misfit(world) is None


def test_what_is_about_events_that_exist_stays_whatever_its_age(world: World) -> None:
    settled_and_old(world)
    before = world.owner.fetch_one(COUNTS)
    assert drop_deliveries(world)["entries"] == 0
    assert world.owner.fetch_one(COUNTS) == before
    assert (chains(world)["fault"], misfit(world)) == (None, None)


@pytest.mark.parametrize("entry_limit", [1, 2, 5000])
def test_what_is_about_deleted_events_goes_and_the_chains_go_on(world: World, entry_limit: int) -> None:
    settled_and_old(world)
    assert drop_events(world)["events"] == 5
    answer = drop_deliveries(world, entry_limit)
    while answer["more"]:
        assert chains(world)["fault"] is None
        answer = drop_deliveries(world, entry_limit)
    assert world.owner.fetch_one(COUNTS) == {
        "claims": 0, "outcomes": 0, "decisions": 0, "batches": 1, "ledger_rows": 0,
    }  # fmt: skip
    assert misfit(world) is None
    sender = world.sender()
    sender.record(sender.claim())
    world.emit(10)
    world.enqueue()
    assert (chains(world)["fault"], misfit(world)) == (None, None)
    total = world.owner.fetch_one(
        """select sum(claims) as claims, sum(outcomes) as outcomes, sum(decisions) as decisions,
           sum(batches) as batches from public.iu_delivery_retention_history"""
    )
    assert total == {"claims": 5, "outcomes": 5, "decisions": 2, "batches": 2}


def test_a_deleted_anchor_breaks_the_chains(world: World) -> None:
    settled_and_old(world)
    drop_events(world)
    drop_deliveries(world)
    tamper(world, "delete from public.iu_delivery_retention_history where route_no is not null")
    assert "does not follow" in str(chains(world)["fault"])


def test_rows_that_go_beyond_the_anchor_break_the_chains(world: World) -> None:
    settled_and_old(world)
    drop_events(world)
    drop_deliveries(world)
    sender = world.sender()
    sender.record(sender.claim())
    tamper(
        world,
        "delete from public.iu_delivery_claim; delete from public.iu_delivery_ledger where kind = 'claims'",
    )
    assert "does not follow" in str(chains(world)["fault"])


def test_without_the_stop_claims_of_events_that_exist_are_lost_and_it_is_noticed(world: World) -> None:
    """Break the rule that what is about an event that exists stays."""
    settled_and_old(world)
    with opened(world.url) as (session,):
        edit(session, "fn_iu_delivery_ledger_drop", (HELD, "null"))
    drop_deliveries(world)
    assert "are missing" in str(misfit(world))


@pytest.mark.parametrize("table", ["claim", "outcome", "decision", "ledger", "batch"])
def test_rows_are_deleted_only_in_a_transaction_that_recorded_a_round(world: World, table: str) -> None:
    life(world)
    with pytest.raises(IuError) as raised:
        world.owner.execute(f"delete from public.iu_delivery_{table}")
    assert raised.value.code == "IU203"
    with pytest.raises(IuError) as raised:
        world.owner.execute(f"truncate public.iu_delivery_{table}")
    assert raised.value.code == "IU203"


def test_a_recorded_round_opens_only_the_tables_of_settled_deliveries(world: World) -> None:
    life(world)
    record = """insert into public.iu_delivery_retention_history (
        target_no, through_no, through_hash, ledger_rows, rows_hash, retention_days, reason
    ) values (1, 1, '', 1, '', 1, 'test');"""
    for table in ("iu_route_promotion", "iu_delivery_retention_history", "event_outbox", "iu_route_batch"):
        with pytest.raises(IuError) as raised:
            world.owner.run_script(f"begin; {record} delete from public.{table}; commit")
        assert raised.value.code == "IU203"
    with pytest.raises(IuError) as raised:
        world.owner.run_script(f"begin; {record} truncate public.iu_delivery_outcome; commit")
    assert raised.value.code == "IU203"


def test_retention_that_is_off_deletes_nothing(world: World) -> None:
    life(world)
    grow_old(world)
    assert drop_deliveries(world)["status"] == "retention_off"


def test_a_claim_that_was_deleted_cannot_be_recorded(world: World) -> None:
    world.emit(1)
    world.enqueue()
    sender = world.sender()
    claims = sender.claim()
    sender.record(claims)
    read_all(world)
    grow_old(world)
    world.promote("shop.paid")
    world.emit(9)
    world.enqueue()
    read_all(world)
    keep_days(world, 30)
    assert drop_events(world)["events"] == 1
    assert drop_deliveries(world)["entries"] == 2
    with pytest.raises(psycopg.Error) as raised:
        sender.record(claims)
    assert raised.value.sqlstate == "IU605"


def test_what_is_younger_than_the_setting_stays(world: World) -> None:
    settled_and_old(world)
    assert drop_events(world)["events"] > 0
    keep_days(world, 60)
    before = world.owner.fetch_one(COUNTS)
    assert drop_deliveries(world)["more"] is False
    assert world.owner.fetch_one(COUNTS) == before


def test_a_round_allows_the_deletes_of_its_own_transaction_only(world: World) -> None:
    settled_and_old(world)
    drop_events(world)
    assert drop_deliveries(world)["batches"] > 0
    with pytest.raises(IuError) as raised:
        world.owner.execute("delete from public.iu_delivery_batch")
    assert raised.value.code == "IU203"
