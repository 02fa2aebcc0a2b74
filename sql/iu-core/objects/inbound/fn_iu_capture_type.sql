create or replace function public.fn_iu_capture_type(table_oid oid, column_name text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with recursive typed (type_oid, depth) as (
        select a.atttypid, 0 from pg_catalog.pg_attribute as a
        where a.attrelid = table_oid and a.attname = column_name and a.attnum > 0 and not a.attisdropped
        union all
        select t.typbasetype, typed.depth + 1
        from typed inner join pg_catalog.pg_type as t on t.oid = typed.type_oid where t.typtype = 'd'
    )
    select case
        when t.typtype = 'e' then 'pg_catalog.text'
        when t.typtype in ('b', 'm', 'r') and t.typnamespace = 'pg_catalog'::regnamespace
            then format('pg_catalog.%I', t.typname)
        else ''
    end
    from typed inner join pg_catalog.pg_type as t on t.oid = typed.type_oid
    order by typed.depth desc limit 1
$$;
comment on function public.fn_iu_capture_type(oid, text) is
'The built-in type whose values a capture makes of a column: that of a domain, text for an enumeration. Empty
for a type that is not built in, null if there is no such column.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_type(oid, text)', 'internal'
);
