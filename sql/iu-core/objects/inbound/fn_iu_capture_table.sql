create or replace function public.fn_iu_capture_table(source_table text)
returns oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Read from the catalog: to_regclass needs the right to use the schema, which the owner of a trigger
    -- function of a capture lacks.
    select c.oid from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = split_part(source_table, '.', 1)
        and c.relname = substr(source_table, strpos(source_table, '.') + 1)
        and source_table ~ '^[^.[:cntrl:]]+\.[^.[:cntrl:]]+$'
$$;
comment on function public.fn_iu_capture_table(text) is
'The table that schema.table, without quotation marks, names; null if there is none.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_table(text)', 'internal');
