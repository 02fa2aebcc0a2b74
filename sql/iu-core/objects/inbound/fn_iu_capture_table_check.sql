create or replace function public.fn_iu_capture_table_check(capture public.iu_inbound_route)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_table constant oid := public.fn_iu_capture_table(capture.source_table);
    v_class pg_catalog.pg_class;
begin
    select c.* into v_class from pg_catalog.pg_class as c where c.oid = v_table;
    if not found then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('table %L does not exist', left(capture.source_table, 130)),
            'Give schema.table without quotation marks, for example public.orders.'
        );
    elsif v_class.relkind not in ('r', 'p') or v_class.relpersistence = 't' then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('%s is no permanent table', capture.source_table),
            'Capture a table, also a partitioned one; views and foreign tables have no suitable triggers.'
        );
    elsif exists (
        select from public.iu_schema_object as o
        where o.kind = 'table' and to_regclass(o.object) = v_table and o.access <> 'subject'
    ) then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('%s is a table of iu_pipelines itself', capture.source_table),
            'Capture a table of your own.'
        );
    elsif public.fn_iu_capture_key(v_table) is null then
        perform public.fn_iu_capture_refuse(
            capture.route_code, format('%s has no primary key', capture.source_table),
            format('The rows before and after an update are paired by it. The owner runs: alter table %s add '
                'primary key (…)', v_table::regclass)
        );
    end if;
end
$$;
comment on function public.fn_iu_capture_table_check(public.iu_inbound_route) is
'Raises IU703 if the table of a capture does not exist, or is no permanent table with a primary key.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_table_check(public.iu_inbound_route)', 'internal'
);
