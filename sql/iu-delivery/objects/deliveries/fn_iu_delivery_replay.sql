create or replace function public.fn_iu_delivery_replay(
    route_code text, event_id uuid, reason text, out_of_order boolean default false
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
#variable_conflict use_variable
declare
    v_route public.iu_delivery_route;
    v_delivery public.iu_delivery;
begin
    perform public.fn_iu_argument_require('reason', reason, 2000);
    perform public.fn_iu_delivery_isolation_require();
    v_route := public.fn_iu_delivery_route_read(route_code);
    if v_route.route_no is not null
        and (public.fn_iu_cursor_lock('live:' || v_route.route_no)).worker_name is null
    then
        return jsonb_build_object('status', 'busy', 'route_code', route_code, 'event_id', event_id);
    end if;
    v_delivery := public.fn_iu_delivery_lock(v_route, event_id);
    if v_delivery.dead_at is null then
        raise exception 'no dead letter for event % on route %',
            coalesce(event_id::text, 'null'), quote_literal(route_code) using
            errcode = 'IU401',
            hint = 'See the state of the event with: iu why EVENT_ID, or fn_iu_delivery_why(EVENT_ID). A '
                'retry that waits is due at once after: iu deliver retry EVENT_ID --reason WHY';
    elsif not v_delivery.is_head and not coalesce(out_of_order, false) then
        raise exception 'later events of the subject of event % may have been delivered', event_id using
            errcode = 'IU606',
            hint = 'The target skips dead letters. Replay it out of order if the receiver can take that.';
    end if;
    perform public.fn_iu_delivery_decide(v_route.target_no, array[v_delivery], 'replayed', array[reason]);
    perform public.fn_iu_delivery_requeue(array[v_delivery]);
    return jsonb_build_object('status', 'queued', 'route_code', route_code, 'event_id', event_id);
end
$$;
comment on function public.fn_iu_delivery_replay(text, uuid, text, boolean) is
'Queues the dead letter of an event on a live route again, as the head of its subject if later deliveries wait
for it. Where the target skips dead letters, out_of_order must be true. Its body says replayed. Returns
{"status", "route_code", "event_id"}; status is queued, or busy if the queue of the route is being written.
Raises IU104, IU303, IU401 if there is no such dead letter, IU606 without out_of_order. Sends nothing.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_replay(text, uuid, text, boolean)', 'operate'
);
