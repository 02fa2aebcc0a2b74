create or replace function public.fn_iu_capture_literals_check(capture public.iu_inbound_route)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant oid := public.fn_iu_capture_table(capture.source_table);
    v_term record;
begin
    for v_term in
        select t.name, t.column_name, t.item, public.fn_iu_capture_type(v_table, t.column_name) as type
        from (
            select c.key, v.key, v.value #>> '{}' from jsonb_each(capture.condition) as c
            cross join lateral jsonb_each(
                case when c.key in ('becomes', 'equals', 'is_null') then c.value else '{}' end
            ) as v
            union all
            select c.key, v.key, i.item #>> '{}' from jsonb_each(capture.condition) as c
            cross join lateral jsonb_each(case c.key when 'in' then c.value else '{}' end) as v
            cross join lateral jsonb_array_elements(
                case jsonb_typeof(v.value) when 'array' then v.value else '[null]' end
            ) as i (item)
        ) as t (name, column_name, item)
    loop
        begin
            execute format('select %1$L::%2$s = %1$L::%2$s', v_term.item, case v_term.name
                when 'is_null' then 'pg_catalog.bool' else v_term.type
            end);
            if v_term.item is null then
                raise null_value_not_allowed;
            end if;
        exception when others then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('condition %s: %L is no value of column %s that can be compared',
                    v_term.name, left(v_term.item, 100), v_term.column_name),
                format('Give a value of type %s; for null, use is_null.',
                    replace(v_term.type, 'pg_catalog.', ''))
            );
        end;
    end loop;
end
$$;
comment on function public.fn_iu_capture_literals_check(public.iu_inbound_route) is
'Raises IU703 if the condition of a capture has a value that the type of its column does not accept.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_literals_check(public.iu_inbound_route)', 'internal'
);
