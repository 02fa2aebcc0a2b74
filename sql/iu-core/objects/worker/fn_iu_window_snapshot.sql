create or replace function public.fn_iu_window_snapshot()
returns pg_snapshot
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_own xid8 := pg_current_xact_id();
    v_now pg_snapshot := pg_current_snapshot();
begin
    -- pg_current_snapshot() does not list the current transaction as open. If a transaction with a higher id
    -- has ended, the stored snapshot would show the events of the current transaction, and they would count
    -- as consumed before they were read. So the own id is added to the list, and xmin is lowered to it
    -- (decision 016).
    if v_own >= pg_snapshot_xmax(v_now) or not pg_visible_in_snapshot(v_own, v_now) then
        return v_now;
    end if;
    return format(
        '%s:%s:%s', least(pg_snapshot_xmin(v_now), v_own), pg_snapshot_xmax(v_now),
        (
            select string_agg(x::text, ',' order by x)
            from (select pg_snapshot_xip(v_now) union select v_own) as open (x)
        )
    )::pg_snapshot;
end
$$;
comment on function public.fn_iu_window_snapshot() is
'The current snapshot, with the current transaction listed as open, unlike in pg_current_snapshot(). So after
the commit its events are claimed once more, which is harmless, and none is lost.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_window_snapshot()', 'internal');
