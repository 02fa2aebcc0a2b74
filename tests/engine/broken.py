"""Broken engines: each function replaces or alters functions of the engine in a test database."""

from __future__ import annotations

from typing import Final

from engine.sessions import Session, value

_WORKER: Final = """
create table public.broken_cursor (worker_name text primary key, xid xid8 default '0', seq bigint default 0);
create or replace function public.fn_iu_route_worker_run(
    worker_name text, batch_limit int, run_ref text default null
)
returns jsonb
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    v_no int := public.fn_iu_name_intern(worker_name);
    v_seen int;
begin
    insert into public.broken_cursor as c (worker_name) values (worker_name) on conflict do nothing;
    perform from public.broken_cursor as c
    where c.worker_name = fn_iu_route_worker_run.worker_name for update;
    create temp table claimed on commit drop as
        select o.event_id, o.event_seq, o.emitted_xid, o.event_type
        from public.event_outbox as o cross join public.broken_cursor as c
        where c.worker_name = fn_iu_route_worker_run.worker_name and o.event_domain = 'iu' and {unread}
        order by {order} limit batch_limit;
    insert into public.iu_route_attempt_log (event_id, worker_no, route_no, route_version, decision)
    select c.event_id, v_no, coalesce(r.route_no, 0), coalesce(r.route_version, 0), case
        when r.route_no is null then 'skipped' when r.dry_run then 'dry_run'
        else 'sent' || public.fn_iu_route_deliver(c.event_id, r.route_code)::text
    end
    from claimed as c left join public.iu_outbound_route as r on r.event_type = c.event_type and r.enabled
    order by {claimed_order};
    select count(*) into v_seen from claimed;
    update public.broken_cursor as c set seq = last.event_seq, xid = last.emitted_xid
    from (select * from claimed as c order by {claimed_order_desc} limit 1) as last
    where c.worker_name = fn_iu_route_worker_run.worker_name;
    drop table claimed;
    return jsonb_build_object('status', 'ran', 'seen', v_seen);
end
$$
"""


def _install(session: Session, unread: str, order: str) -> None:
    claimed = order.replace("o.", "c.")
    backwards = ", ".join(f"{part} desc" for part in claimed.split(", "))
    text = (
        _WORKER.replace("{unread}", unread)
        .replace("{order}", order)
        .replace("{claimed_order}", claimed)
        .replace("{claimed_order_desc}", backwards)
    )
    session.execute(text.encode())


def plain_cursor(session: Session) -> None:
    """Read `event_seq > cursor`, so that a late commit below the cursor is lost."""
    _install(session, "o.event_seq > c.seq", "o.event_seq")


def xmin_horizon(session: Session) -> None:
    """Read only below the oldest open transaction of the cluster, by transaction id."""
    _install(
        session,
        "(o.emitted_xid, o.event_seq) > (c.xid, c.seq) "
        "and o.emitted_xid < pg_snapshot_xmin(pg_current_snapshot())",
        "o.emitted_xid, o.event_seq",
    )


def no_isolation(session: Session) -> None:
    """Fail the whole batch when one event fails."""
    session.execute(
        """
        create or replace function public.fn_iu_attempt_decide(event_id uuid, route_code text)
        returns text language plpgsql volatile set search_path = pg_catalog, pg_temp
        as 'begin perform public.fn_iu_route_deliver(event_id, route_code); return null; end';
        create or replace function public.fn_iu_fault_is_systemic(state text)
        returns boolean language sql immutable set search_path = pg_catalog, pg_temp as 'select true'
        """
    )


def edit(session: Session, function: str, *edits: tuple[str, str]) -> None:
    """Replace text in a function of the engine; fail if the text is missing."""
    text: str = value(
        session,
        "select pg_get_functiondef(oid) from pg_proc where oid = %s::regproc",
        (f"public.{function}",),
    )
    for old, new in edits:
        assert old in text, f"{function} has changed: {old!r} is not in it"
        text = text.replace(old, new)
    session.execute(text.encode())


def own_events_at_once(session: Session) -> None:
    """Read the transaction's own events also in a window that was open before them."""
    edit(session, "fn_iu_batch_run", ("with_own := v_fresh and", "with_own :="))


def forgetful_snapshot(session: Session) -> None:
    """Store the snapshot as PostgreSQL returns it, in which the own transaction may count as visible."""
    edit(session, "fn_iu_window_snapshot", ("if v_own >=", "if true or v_own >="))


def no_idempotency(session: Session) -> None:
    """Drop the constraint that makes a first attempt unique."""
    session.execute("alter table public.iu_route_attempt_log drop constraint each_try_is_made_once")


def queue_at_the_cursor(session: Session) -> None:
    """Wait for the cursor lock instead of returning `worker_busy`."""
    edit(session, "fn_iu_cursor_lock", (" skip locked", ""))


def advisory_lock_for_a_new_worker(session: Session) -> None:
    """Lock the name of a new worker by an advisory lock, which any login can hold."""
    edit(
        session,
        "fn_iu_cursor_lock",
        (
            "return public.fn_iu_cursor_make(worker_name, 'iu', 'audit');",
            "return case when pg_try_advisory_xact_lock(26997, hashtext(worker_name)) "
            "then public.fn_iu_cursor_make(worker_name, 'iu', 'audit') end;",
        ),
    )


def no_lock_timeout_for_a_new_worker(session: Session) -> None:
    """Let a second first invocation wait for the one before it without a timeout."""
    session.execute("alter function public.fn_iu_cursor_make(text, text, text) reset lock_timeout")


def cursor_for_everybody(session: Session) -> None:
    """Lock no cursor, so that two invocations of a worker read at once."""
    edit(session, "fn_iu_cursor_lock", ("for no key update skip locked", ""))


def run_that_halts(session: Session, lock: int) -> None:
    """Make a run wait for the advisory lock `lock` between its read of the cursor and its lock."""
    edit(
        session,
        "fn_iu_cursor_lock",
        ("\nbegin\n", f"\nbegin\n    perform pg_advisory_xact_lock_shared({lock});\n"),
    )


def retirement_checked_once(session: Session) -> None:
    """Check whether a worker is retired only before its cursor is locked."""
    edit(session, "fn_iu_route_worker_run", (" or v_cursor.retired_at is not null", ""))


def gates_of_the_snapshot(session: Session) -> None:
    """Read the gates only in the transaction's snapshot, however old it is."""
    edit(session, "fn_iu_gates_recheck", (" for share skip locked", ""))


def blind_to_policies(session: Session) -> None:
    """Ignore events that a row security policy hides, without an error."""
    session.execute("alter function public.fn_iu_route_worker_run reset row_security")


def no_flood_guard(session: Session) -> None:
    """Disable the flood guard."""
    edit(session, "fn_iu_flood_refuse", ("if ", "if false and "))


def guard_of_large_batches_alone(session: Session) -> None:
    """Apply the flood guard only to batches of 20 events or more."""
    edit(session, "fn_iu_flood_refuse", ("if batch.seen < 20 then", "if false then"))


def class_42_is_the_events_fault(session: Session) -> None:
    """Attribute errors of class 42, such as a missing function, to the event."""
    edit(session, "fn_iu_fault_is_systemic", ("'42', ", ""))


def retention_of_the_default_worker(session: Session) -> None:
    """Let retention consider the cursor of the default worker only."""
    edit(
        session,
        "fn_iu_retention_stop_seq",
        (
            "where c.event_domain = fn_iu_retention_stop_seq.event_domain",
            "where c.event_domain = fn_iu_retention_stop_seq.event_domain "
            "and c.worker_name = 'iu_outbound_default'",
        ),
    )


def retention_without_a_lock(session: Session) -> None:
    """Let rounds, seeks and first runs of workers run concurrently."""
    edit(session, "fn_iu_retention_lock", ("if for_round then", "return true;\n    if for_round then"))


def retention_at_any_isolation(session: Session) -> None:
    """Allow a round at repeatable read, with a snapshot that is older than its lock."""
    edit(session, "fn_iu_retention_run", ("'read uncommitted')", "'read uncommitted', 'repeatable read')"))


def retention_in_two_looks(session: Session) -> None:
    """Find the first event that must stay, and select the events to delete by a later statement."""
    edit(
        session,
        "fn_iu_retention_drop",
        ("v_ids uuid [];", "v_ids uuid [];\n    v_stop bigint;"),
        (
            "select array_agg(d.event_id",
            "v_stop := public.fn_iu_retention_stop_seq(event_domain, after_seq, event_limit, days);\n"
            "    select array_agg(d.event_id",
        ),
        ("public.fn_iu_retention_stop_seq(event_domain, after_seq, event_limit, days),\n", "v_stop,\n"),
    )


def retention_that_halts(session: Session, lock: int) -> None:
    """Make a round wait for the advisory lock `lock` after it has judged its events."""
    edit(
        session,
        "fn_iu_retention_stop_seq",
        ("    return (", "    v_restored := ("),
        (
            "order by o.event_seq limit 1\n    );",
            "order by o.event_seq limit 1\n    );\n"
            f"    perform pg_advisory_xact_lock_shared({lock});\n    return v_restored;",
        ),
    )
    session.execute("alter function public.fn_iu_retention_run(text, int) reset lock_timeout")


def retention_event_by_event(session: Session) -> None:
    """Call a function for each event of a round, and another for each cursor."""
    edit(
        session,
        "fn_iu_retention_stop_seq",
        (
            "where o.created_at > v_until",
            "where o.created_at > v_until or public.fn_iu_retention_holder((\n"
            "            select e from public.event_outbox as e where e.event_id = o.event_id)) is not null",
        ),
    )
    session.execute(
        """
        create or replace function public.fn_iu_event_is_consumed(
            event_seq bigint, emitted_xid xid8, given public.iu_route_worker_cursor,
            anchor public.event_outbox_cluster
        )
        returns boolean language plpgsql as 'begin return emitted_xid::text::int > 0; end'
        """
    )


def retention_that_forgets_open_transactions(session: Session) -> None:
    """Count everything below the end of a snapshot as read, also transactions that were open in it."""
    edit(
        session,
        "fn_iu_retention_stop_seq",
        (" and (o.emitted_xid = any(v_open)) is false then", " then"),
    )


_JUDGED = "where not public.fn_iu_event_is_consumed(o.event_seq, o.emitted_xid, c, v_anchor)"


def retention_that_ignores_the_position(session: Session) -> None:
    """Count a whole open window as read, and allow deleting the event at which a cursor stands."""
    edit(
        session,
        "fn_iu_retention_stop_seq",
        (
            _JUDGED,
            f"{_JUDGED} and pg_visible_in_snapshot(o.emitted_xid, c.window_snapshot) is not true",
        ),
        ("o.event_id = any(v_standing)", "false"),
    )


def retention_that_trusts_the_position(session: Session) -> None:
    """Count everything below the position as read, also what the window does not show."""
    edit(session, "fn_iu_retention_stop_seq", (_JUDGED, f"{_JUDGED} and o.event_seq > c.position_seq"))


def health_by_age(session: Session) -> None:
    """Measure a stall from the emission of the oldest event."""
    edit(session, "fn_iu_worker_faults", ("when given.window_snapshot is null and", "when false and"))


def health_by_last_run(session: Session) -> None:
    """Count a run as having read everything, also one that left its window open."""
    edit(session, "fn_iu_worker_faults", ("given.window_snapshot is null and", ""))


def identifier_alone(session: Session) -> None:
    """Compare only the identifier of the cluster, neither the table nor the anchor of a cursor."""
    no_table_in_the_anchor(session)
    edit(
        session,
        "fn_iu_cluster_state",
        (
            "WHEN ((NOT COALESCE((((fn_iu_cluster_state.given).anchor_no",
            "WHEN (false AND (NOT COALESCE((((fn_iu_cluster_state.given).anchor_no",
        ),
    )


def no_table_in_the_anchor(session: Session) -> None:
    """Ignore that the table is another one, and that the anchor's row is a copy."""
    edit(
        session,
        "fn_iu_cluster_state",
        ("WHEN (a.outbox_oid <>", "WHEN (false AND a.outbox_oid <>"),
        ("WHEN (NOT COALESCE((a.written_xid", "WHEN (false AND NOT COALESCE((a.written_xid"),
    )


def no_look_ahead(session: Session) -> None:
    """Accept snapshots and events with transaction ids that the server has not assigned yet."""
    edit(
        session,
        "fn_iu_cluster_state",
        ("(n.end_xid >", "(false and n.end_xid >"),
        ("(n.mover_xid >=", "(false and n.mover_xid >="),
        (
            "WHEN (((fn_iu_cluster_state.given).event_domain",
            "WHEN (false AND ((fn_iu_cluster_state.given).event_domain",
        ),
    )


def unread_by_snapshots(session: Session) -> None:
    """Re-anchor by the cursor's snapshots, also for events that another cluster emitted."""
    session.execute(
        """
        create or replace function public.fn_iu_cursor_unread_seq(given public.iu_route_worker_cursor)
        returns bigint language sql stable set search_path = pg_catalog, pg_temp
        as $$
            select least(
                (
                    select min(o.event_seq) from public.event_outbox as o
                    where not pg_visible_in_snapshot(
                        o.emitted_xid, coalesce(given.window_snapshot, given.consumed_snapshot)
                    )
                ),
                case when given.window_snapshot is not null then given.position_seq + 1 end
            )
        $$
        """
    )
