-- enable_seqscan off: each subject is one probe (decision 011).
create or replace function public.fn_iu_delivery_heads_repair(reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
as $$
declare
    v_route public.iu_delivery_route;
    v_headless public.iu_delivery [];
    v_repaired bigint := 0;
    v_busy bigint := 0;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_isolation_require();
    for v_route in
        select r.* from public.iu_delivery_route as r
        where r.route_code in (select m.route_code from public.fn_iu_delivery_heads_missing() as m)
        order by r.route_no
    loop
        if (public.fn_iu_cursor_lock('live:' || v_route.route_no)).worker_name is null then
            v_busy := v_busy + 1;
            continue;
        end if;
        -- Under the lock of the cursor nothing is added, and without a head nothing is settled.
        v_headless := array(
            select d from public.fn_iu_delivery_heads_missing() as m
            inner join public.event_outbox as o on o.event_id = m.event_id
            inner join public.iu_delivery as d on d.route_no = v_route.route_no and d.event_seq = o.event_seq
            where m.route_code = v_route.route_code
            order by d.event_seq
            for update of d
        );
        perform public.fn_iu_target_state_lock(v_route.target_no);
        perform public.fn_iu_delivery_heads_advance(array_agg(h.route_no), array_agg(h.subject))
        from unnest(v_headless) as h;
        perform public.fn_iu_delivery_decide(v_route.target_no, v_headless, 'repaired', array[reason]);
        v_repaired := v_repaired + cardinality(v_headless);
    end loop;
    return jsonb_build_object('status', 'ran', 'repaired', v_repaired, 'busy_routes', v_busy);
end
$$;
comment on function public.fn_iu_delivery_heads_repair(text) is
'Makes the first waiting delivery of each subject that has no head its head, and records it with a reason as
the decision repaired. Returns {"status": "ran", "repaired", "busy_routes" (their queue was being written:
call it again)}. Changes nothing if fn_iu_delivery_heads_missing has no row. Raises IU104, IU303. Sends
nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_heads_repair(text)', 'operate'
);
