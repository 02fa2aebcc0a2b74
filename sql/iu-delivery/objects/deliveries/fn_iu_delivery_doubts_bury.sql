-- enable_seqscan off: each delivery is one probe (decision 011).
create or replace function public.fn_iu_delivery_doubts_bury(
    given public.iu_delivery_target, due public.iu_delivery[]
)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
declare
    v_doubtful constant public.iu_delivery [] := array(
        select d from unnest(due) as d
        where d.claim_id is not null and (given.at_most_once or d.doubts + 1 >= given.max_in_doubt)
    );
    v_lost public.iu_delivery [];
    v_places tid [];
begin
    if cardinality(v_doubtful) = 0 then
        return due;
    end if;
    select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq)) into v_places
    from unnest(v_doubtful) as a;
    -- An enqueue that adds a delivery behind a head holds key share on it until its commit, and an advance
    -- before would leave the new delivery without a head (decision 073). So lock for update, which excludes
    -- that, and skip locked: the owner of the lock may wait for the state of the target, which the caller has
    -- locked. A later claim finds the delivery again.
    v_lost := array(
        select d from public.iu_delivery as d where d.ctid = any (v_places) for update skip locked
    );
    if cardinality(v_lost) > 0 then
        select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq)) into v_places
        from unnest(v_lost) as a;
        update public.iu_delivery as d set doubts = d.doubts + 1 where d.ctid = any (v_places);
        perform public.fn_iu_delivery_bury(given, v_lost, array['in_doubt']);
    end if;
    return array(select d from unnest(due) as d where not d = any (v_doubtful));
end
$$;
comment on function public.fn_iu_delivery_doubts_bury(public.iu_delivery_target, public.iu_delivery[]) is
'Makes dead letters of the due heads whose outcome is unknown and that must not be claimed again: at once if
the target is at_most_once, otherwise after max_in_doubt claims without an outcome. Those that another
transaction has locked are left for a later claim. Returns the others.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_doubts_bury(public.iu_delivery_target, public.iu_delivery[])', 'internal'
);
