create or replace function public.fn_iu_delivery_discard(route_code text, event_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_route public.iu_delivery_route;
    v_delivery public.iu_delivery;
    v_status text;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_isolation_require();
    v_route := public.fn_iu_delivery_route_read(route_code);
    if v_route.route_no is null then
        v_status := 'not_queued';
    elsif (public.fn_iu_cursor_lock('live:' || v_route.route_no)).worker_name is null then
        v_status := 'busy';
    else
        v_delivery := public.fn_iu_delivery_lock(v_route, event_id);
        v_status := case
            when v_delivery.event_id is null then 'not_queued'
            when v_delivery.claim_id is not null and v_delivery.dead_at is null
                and v_delivery.due_at > clock_timestamp() then 'in_flight'
            else 'discarded'
        end;
    end if;
    if v_status = 'discarded' then
        perform public.fn_iu_delivery_decide(
            v_route.target_no, array[v_delivery], 'discarded', array[reason]
        );
        perform public.fn_iu_delivery_remove(array[v_delivery]);
    end if;
    return jsonb_build_object('status', v_status, 'route_code', route_code, 'event_id', event_id);
end
$$;
comment on function public.fn_iu_delivery_discard(text, uuid, text) is
'Settles a dead letter, or a delivery that is queued or in doubt, without sending it, with a reason; the next
delivery of its subject becomes the head. Returns {"status", "route_code", "event_id"}; status is discarded,
not_queued if it is settled or was never queued, in_flight while a claim is valid, or busy if the queue of the
route is being written. Raises IU104, IU303. The record of claims and outcomes stays.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_discard(text, uuid, text)', 'operate'
);
