create or replace function public.fn_iu_capture_columns_check(capture public.iu_inbound_route)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant oid := public.fn_iu_capture_table(capture.source_table);
    v_columns constant text := (
        select string_agg(a.attname, ', ' order by a.attnum) from pg_catalog.pg_attribute as a
        where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped
    );
    v_column record;
begin
    for v_column in
        select c.use, c.name, public.fn_iu_capture_type(v_table, c.name) as type
        from public.fn_iu_capture_columns(capture) as c
    loop
        if v_column.type is null then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('%s: %s has no column %L', v_column.use, capture.source_table,
                    left(v_column.name, 100)), 'Columns: ' || v_columns
            );
        elsif v_column.type = '' or v_column.use like 'payload%' and v_column.type = 'pg_catalog.bytea' then
            perform public.fn_iu_capture_refuse(
                capture.route_code, format('%s: the type of column %s is not supported', v_column.use,
                    v_column.name), 'A capture reads columns of built-in types and enumerations; a payload '
                    'takes no bytea.'
            );
        end if;
    end loop;
end
$$;
comment on function public.fn_iu_capture_columns_check(public.iu_inbound_route) is
'Raises IU703 if a capture names a column that its table lacks, or one of a type that is not supported.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_columns_check(public.iu_inbound_route)', 'internal'
);
