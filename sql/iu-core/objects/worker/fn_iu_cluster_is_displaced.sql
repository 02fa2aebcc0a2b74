create or replace function public.fn_iu_cluster_is_displaced()
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_anchor constant public.event_outbox_cluster := public.fn_iu_cluster_newest();
begin
    return (public.fn_iu_cluster_state(null)).difference is not null or exists (
        select from public.iu_route_worker_cursor as c
        where c.anchor_key = v_anchor.anchor_key and (public.fn_iu_cluster_state(c)).difference is not null
    );
end
$$;
comment on function public.fn_iu_cluster_is_displaced() is
'Whether the outbox is not where it was anchored, or a cursor of the newest anchor lies ahead of this server
(fn_iu_cluster_state). Reads only.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_cluster_is_displaced()', 'internal');
