create or replace function public.fn_iu_capture_table(source_table text)
returns oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select to_regclass(
        format('%I.%I', split_part(source_table, '.', 1), substr(source_table, strpos(source_table, '.') + 1))
    )::oid
    where source_table ~ '^[^.[:cntrl:]]+\.[^.[:cntrl:]]+$'
$$;
comment on function public.fn_iu_capture_table(text) is
'The table that schema.table, without quotation marks, names; null if there is none.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_table(text)', 'internal');
