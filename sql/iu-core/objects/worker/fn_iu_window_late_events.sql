-- enable_seqscan, enable_bitmapscan and enable_sort off: each transaction is looked up by the index on
-- (event_domain, emitted_xid, event_seq), whatever the statistics say of emitted_xid (decision 011).
-- force_generic_plan: a range whose values are not known is estimated without statistics, so they cannot turn
-- the plan (decision 011). It is also made only once a session.
create or replace function public.fn_iu_window_late_events(
    given public.iu_route_worker_cursor, asked public.iu_attempts_request
)
returns table (event_seq bigint, event_id uuid, event_type text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_own constant xid8 := pg_current_xact_id();
    v_own_after constant bigint := case when given.own_xid = v_own then given.own_position_seq else 0 end;
begin
    -- A late transaction is read on from the window's position. The own one has a position of its own, which
    -- also lasts beyond this window: its events must not be read twice before the commit (decision 016).
    return query
    select late.*
    from (
        select xid, given.position_seq from unnest(given.window_late_xids) as xid
        union all
        select v_own, v_own_after where asked.with_own
    ) as open (xid, after_seq)
    cross join lateral (
        -- A range of one id: only the index that has this order can serve it, and no statistics are asked.
        select o.event_seq, o.event_id, o.event_type from public.event_outbox as o
        where o.event_domain = given.event_domain and o.emitted_xid between open.xid and open.xid
            and o.event_seq > greatest(open.after_seq, asked.restored_seq)
        order by o.emitted_xid, o.event_seq limit asked.batch_limit
    ) as late;
end
$$;
comment on function public.fn_iu_window_late_events(
    public.iu_route_worker_cursor, public.iu_attempts_request
) is
'The next events of the late transactions of a window and, where the request says with_own, of the own
transaction: at most batch_limit of each, in no order. Restored events are not among them. Reads only.';
