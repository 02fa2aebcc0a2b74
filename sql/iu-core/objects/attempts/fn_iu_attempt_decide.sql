create or replace function public.fn_iu_attempt_decide(event_id uuid, route_code text)
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.fn_iu_route_deliver(event_id, route_code);
    return null;
exception when others then
    if public.fn_iu_fault_is_systemic(sqlstate) then
        raise;
    end if;
    return sqlstate || ' ' || sqlerrm;
end
$$;
comment on function public.fn_iu_attempt_decide(uuid, text) is
'Calls the delivery function for one event. Returns null if that succeeds, otherwise the SQLSTATE and message
of its error. Raises an error that the event cannot have caused (fn_iu_fault_is_systemic) again. Writes
nothing itself, so it assigns no transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempt_decide(uuid, text)',
    'internal'
);
