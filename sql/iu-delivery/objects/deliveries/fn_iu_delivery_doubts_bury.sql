create or replace function public.fn_iu_delivery_doubts_bury(
    given public.iu_delivery_target, due public.iu_delivery[]
)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lost constant public.iu_delivery [] := array(
        select d from unnest(due) as d
        where d.claim_id is not null and (given.at_most_once or d.doubts + 1 >= given.max_in_doubt)
    );
    v_places tid [];
begin
    if cardinality(v_lost) = 0 then
        return due;
    end if;
    select public.fn_iu_delivery_places(array_agg(a.route_no), array_agg(a.event_seq)) into v_places
    from unnest(v_lost) as a;
    update public.iu_delivery as d set doubts = d.doubts + 1 where d.ctid = any (v_places);
    perform public.fn_iu_delivery_bury(given, v_lost, array['in_doubt']);
    return array(select d from unnest(due) as d where not d = any (v_lost));
end
$$;
comment on function public.fn_iu_delivery_doubts_bury(public.iu_delivery_target, public.iu_delivery[]) is
'Makes dead letters of the due heads whose outcome is unknown and that must not be claimed again: at once if
the target is at_most_once, otherwise after max_in_doubt claims without an outcome. Returns the others.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_doubts_bury(public.iu_delivery_target, public.iu_delivery[])', 'internal'
);
