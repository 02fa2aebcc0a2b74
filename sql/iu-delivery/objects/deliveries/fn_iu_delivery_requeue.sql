-- enable_seqscan off: the deliveries are changed by their places, whatever the statistics say (decisions 011
-- and 073).
create or replace function public.fn_iu_delivery_requeue(about public.iu_delivery[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_places constant tid [] := (
        select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq))
        from unnest(about) as a
    );
begin
    update public.iu_delivery as d
    set dead_at = null, dead_reason = null, claim_id = null, failures = 0, doubts = 0, replayed = true,
        due_at = clock_timestamp()
    where d.ctid = any (v_places);
    perform public.fn_iu_delivery_heads_advance(array_agg(a.route_no), array_agg(a.subject))
    from unnest(about) as a;
end
$$;
comment on function public.fn_iu_delivery_requeue(public.iu_delivery[]) is
'Queues dead letters that the caller has locked and decided again, and makes the first of each subject its
head if it has none.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_requeue(public.iu_delivery[])', 'internal'
);
