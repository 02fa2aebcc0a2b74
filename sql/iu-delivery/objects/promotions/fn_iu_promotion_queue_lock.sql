create or replace function public.fn_iu_promotion_queue_lock(given public.iu_route_promotion)
returns public.iu_delivery[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue public.iu_delivery [] := '{}'::public.iu_delivery [];
    v_valid record;
begin
    if given.queued = 'discard' then
        v_queue := array(
            select d from public.iu_delivery as d
            where d.route_no = given.route_no order by d.event_seq for update
        );
        v_valid := public.fn_iu_promotion_queue(given.route_no);
        if v_valid.in_flight > 0 then
            perform public.fn_iu_promotion_refuse(
                'in_flight', format('%s deliveries in flight until %s', v_valid.in_flight, v_valid.until),
                'none, because they are to be discarded'
            );
        end if;
    end if;
    return v_queue;
end
$$;
comment on function public.fn_iu_promotion_queue_lock(public.iu_route_promotion) is
'The deliveries that a promotion discards, locked until the end of the transaction in the order of event_seq;
empty if it delivers them. Raises IU205 while one of them is in flight.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_queue_lock(public.iu_route_promotion)', 'internal'
);
