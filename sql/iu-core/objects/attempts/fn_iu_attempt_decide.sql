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
'Asks the seam to deliver: null where it did, else its SQLSTATE and message. An error that is not
the event''s fault is raised on. Writes nothing itself, so it costs no transaction id.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_attempt_decide(uuid, text)',
    'internal'
);
