create or replace function public.fn_iu_capture_condition_check(capture public.iu_inbound_route)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_term record;
begin
    for v_term in
        select c.key as name, jsonb_typeof(c.value) as kind from jsonb_each(capture.condition) as c
    loop
        if v_term.name not in ('becomes', 'changes', 'equals', 'in', 'is_null')
            or v_term.kind <> (case v_term.name when 'changes' then 'array' else 'object' end)
        then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('condition %L is unknown or malformed', left(v_term.name, 100)),
                'Conditions: becomes, equals and in give values of columns, changes lists columns, is_null '
                'gives true or false for columns.'
            );
        elsif v_term.name in ('becomes', 'changes') and capture.source_op <> 'update' then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('condition %s needs an update', v_term.name),
                format('Use equals for %s.', capture.source_op)
            );
        end if;
    end loop;
    perform public.fn_iu_capture_literals_check(capture);
end
$$;
comment on function public.fn_iu_capture_condition_check(public.iu_inbound_route) is
'Raises IU703 if the condition of a capture is unknown or malformed, does not fit its operation, or has a
value that the type of its column does not accept.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_condition_check(public.iu_inbound_route)', 'internal'
);
