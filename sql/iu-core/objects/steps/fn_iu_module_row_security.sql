create or replace function public.fn_iu_module_row_security(module text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return (
        select string_agg(c.relname, ', ' order by c.relname)
        from pg_catalog.pg_class as c
        where (c.relrowsecurity or c.relforcerowsecurity) and c.oid in (
            select to_regclass(o.object) from public.iu_schema_object as o
            where o.kind = 'table' and (module is null or o.module = fn_iu_module_row_security.module)
            union all
            -- Included for every module, because under row security the manifest may look empty.
            select to_regclass('public.iu_schema_object')
        )
    );
end
$$;
comment on function public.fn_iu_module_row_security(text) is
'The tables of a module (null: of all modules) for which row security is enabled or forced; null if there is
none. Forced row security hides rows from the functions themselves, enabled row security from every role but
the owner.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_module_row_security(text)', 'inspect'
);
