create or replace function public.fn_iu_cluster_is_displaced()
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
    v_furthest public.iu_route_worker_cursor;
begin
    if exists (select from public.fn_iu_cluster_state(null) as s where s.difference is not null) then
        return true;
    end if;
    -- Checking the most advanced cursor of the anchor is enough: if it is not ahead, none is.
    select c.* into v_furthest from public.iu_route_worker_cursor as c
    where c.anchor_key = v_anchor.anchor_key and coalesce(c.consumed_snapshot, c.window_snapshot) is not null
    order by greatest(
        pg_snapshot_xmax(c.consumed_snapshot), pg_snapshot_xmax(c.window_snapshot), c.mark_xid, c.own_xid
    ) desc limit 1;
    return v_furthest.worker_name is not null
        and exists (select from public.fn_iu_cluster_state(v_furthest) as s where s.difference is not null);
end
$$;
comment on function public.fn_iu_cluster_is_displaced() is
'Whether the newest anchor does not match this cluster and table, or a cursor of that anchor is ahead of this
server (fn_iu_cluster_state). Read-only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cluster_is_displaced()', 'internal');
