create or replace function public.fn_iu_promotion_passed(
    given public.iu_route_worker_cursor, event_type text,
    out seq bigint, out snapshot pg_snapshot, out events bigint
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_restored constant bigint := coalesce((public.fn_iu_cluster_newest()).restored_seq, 0);
begin
    seq := given.anchored_seq;
    snapshot := coalesce(given.consumed_snapshot, given.window_snapshot);
    select count(*) into events from public.event_outbox as o
    where o.event_type = fn_iu_promotion_passed.event_type and o.event_seq <= seq
        and (o.event_seq <= v_restored or pg_visible_in_snapshot(o.emitted_xid, snapshot));
end
$$;
comment on function public.fn_iu_promotion_passed(public.iu_route_worker_cursor, text) is
'What a first promotion passes over: events of the type up to seq that snapshot shows or that came with a
restore, and their number. snapshot is null for a cursor at the beginning. Reads the events of the type
once.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_passed(public.iu_route_worker_cursor, text)',
    'internal'
);
