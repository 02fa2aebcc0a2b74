"""Engines that are wrong on purpose: each takes the place of fn_iu_route_worker_run in a test's database."""

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
    """Reads `event_seq > cursor`, and never looks back."""
    _install(session, "o.event_seq > c.seq", "o.event_seq")


def xmin_horizon(session: Session) -> None:
    """Reads only below the oldest transaction of the cluster, by transaction id."""
    _install(
        session,
        "(o.emitted_xid, o.event_seq) > (c.xid, c.seq) "
        "and o.emitted_xid < pg_snapshot_xmin(pg_current_snapshot())",
        "o.emitted_xid, o.event_seq",
    )


def no_isolation(session: Session) -> None:
    """The real windows, but a batch is all or nothing: an error of one event is everybody's."""
    session.execute(
        """
        create or replace function public.fn_iu_attempt_decide(event_id uuid, route_code text)
        returns text language plpgsql volatile set search_path = pg_catalog, pg_temp
        as 'begin perform public.fn_iu_route_deliver(event_id, route_code); return null; end';
        create or replace function public.fn_iu_fault_is_systemic(state text)
        returns boolean language sql immutable set search_path = pg_catalog, pg_temp as 'select true'
        """
    )


def _edit(session: Session, function: str, *edits: tuple[str, str]) -> None:
    """The engine's own function with a few words changed; each has to be there."""
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
    """Reads the transaction's own events in a window that was open before them, too."""
    _edit(session, "fn_iu_batch_run", ("with_own := v_fresh and", "with_own :="))


def forgetful_snapshot(session: Session) -> None:
    """Keeps the snapshot as PostgreSQL gives it, in which the own transaction may count as seen."""
    _edit(session, "fn_iu_window_snapshot", ("if v_own >=", "if true or v_own >="))


def no_idempotency(session: Session) -> None:
    """Nothing says that a first attempt is made once."""
    session.execute("drop index public.first_attempt_is_made_once")


def queue_at_the_cursor(session: Session) -> None:
    """Waits for the invocation before it."""
    _edit(session, "fn_iu_cursor_lock", (" skip locked", ""))


def cursor_for_everybody(session: Session) -> None:
    """Locks nothing: two invocations of a worker read at once."""
    _edit(session, "fn_iu_cursor_lock", ("for no key update skip locked", ""))


def no_flood_guard(session: Session) -> None:
    """Sets everything aside, however much fails."""
    _edit(session, "fn_iu_flood_refuse", ("if ", "if false and "))


def retention_of_the_default_worker(session: Session) -> None:
    """The real retention, but it asks one worker alone whether it has read an event."""
    session.execute(
        """
        create or replace function public.fn_iu_retention_holder(event public.event_outbox)
        returns text language sql stable set search_path = pg_catalog, pg_temp
        as $$
            select case when not public.fn_iu_event_is_consumed(event, c, a) then 'unread' end
            from public.iu_route_worker_cursor as c cross join public.event_outbox_cluster as a
            where c.worker_name = 'iu_outbound_default'
        $$
        """
    )
