-- enable_seqscan off: without a module, one probe of an empty index (decision 070).
create or replace function public.fn_iu_module_functions(name_like text)
returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
as $$
begin
    return query
    select split_part(o.object, '(', 1) from public.iu_schema_object as o
    where o.module <> 'iu-core' and o.kind = 'function' and o.object like name_like
    order by o.object;
end
$$;
comment on function public.fn_iu_module_functions(text) is
'Names of the functions of modules, without those of iu-core, whose entry in the manifest is like a pattern.
These are the extension points that the core calls (decision 070). Functions outside the manifest are never
returned.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_module_functions(text)', 'internal'
);
