create or replace function public.fn_iu_event_type_move(event_type text, old_domain text, new_domain text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_waiting constant int := public.fn_iu_event_type_waiting(event_type, 10001);
begin
    if v_waiting > 0 then
        raise exception 'event_domain of % cannot change from % to %: % of its events wait',
            event_type, quote_literal(old_domain), quote_literal(new_domain),
            public.fn_iu_count_say(v_waiting, 10000) using
            errcode = 'IU104',
            hint = format('A worker reads one domain, so events of the new domain could overtake those that '
                'wait. Run a worker of domain %s until none wait, or register another type.', old_domain);
    end if;
end
$$;
comment on function public.fn_iu_event_type_move(text, text, text) is
'Raises IU104 if the domain of an event type is to change while events of the type wait in the old domain:
the order within a subject would not hold, and a domain without a worker would be forgotten.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_event_type_move(text, text, text)', 'internal'
);
