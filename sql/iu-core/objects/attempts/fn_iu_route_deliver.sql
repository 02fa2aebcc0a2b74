create or replace function public.fn_iu_route_deliver(event_id uuid, route_code text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
begin
    if not public.fn_iu_gate_open(public.fn_iu_gate_key('delivery')) then
        raise exception 'delivery of event % by route % is refused: gate % is closed',
            event_id, left(route_code, 100), public.fn_iu_gate_key('delivery') using
            errcode = 'IU201',
            hint = 'Leave the route dry-run: the attempt is then recorded and nothing is delivered.';
    end if;
    if not exists (
        select from public.dot_config as c
        where c.key = public.fn_iu_gate_key('live_routes')
            and route_code = any (string_to_array(c.value, ','))
    ) then
        raise exception 'delivery of event % by route % is refused: the route is not in %',
            event_id, left(route_code, 100), public.fn_iu_gate_key('live_routes') using
            errcode = 'IU201',
            hint = 'Leave the route dry-run: the attempt is then recorded and nothing is delivered.';
    end if;
    raise exception 'delivery of event % by route % is refused: delivery is not implemented',
        event_id, left(route_code, 100) using
        errcode = 'IU201', hint = 'No combination of gates delivers in this version.';
end
$$;
comment on function public.fn_iu_route_deliver(uuid, text) is
'The delivery function. Delivery is not implemented: it always raises IU201. The message names the closed
gate, or the list that does not contain the route, or states that delivery is not implemented.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_deliver(uuid, text)',
    'operate'
);
