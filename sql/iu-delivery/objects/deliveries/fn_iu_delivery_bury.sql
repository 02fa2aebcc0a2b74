-- enable_seqscan off: the deliveries are changed by their places, whatever the statistics say (decisions 011
-- and 073).
create or replace function public.fn_iu_delivery_bury(
    given public.iu_delivery_target, about public.iu_delivery[], reasons text[]
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_places constant tid [] := (
        select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq))
        from unnest(about) as a
    );
begin
    update public.iu_delivery as d
    set dead_at = clock_timestamp(), dead_reason = reasons[least(a.ordinality, cardinality(reasons))],
        is_head = given.on_dead_letter = 'park'
    from unnest(about) with ordinality as a
    where d.ctid = any (v_places) and (d.route_no + 0) = a.route_no and (d.event_seq + 0) = a.event_seq;
    perform public.fn_iu_delivery_decide(given.target_no, about, 'dead', reasons);
    if given.on_dead_letter = 'skip' then
        perform public.fn_iu_delivery_heads_advance(array_agg(a.route_no), array_agg(a.subject))
        from unnest(about) as a;
    end if;
end
$$;
comment on function public.fn_iu_delivery_bury(public.iu_delivery_target, public.iu_delivery[], text[]) is
'Makes dead letters of heads that the caller has locked. The target says whether the later deliveries of their
subjects wait (park) or go on (skip). reasons: one for each, or one for all.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_bury(public.iu_delivery_target, public.iu_delivery[], text[])', 'internal'
);
