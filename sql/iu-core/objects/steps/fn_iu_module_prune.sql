create or replace function public.fn_iu_module_prune(module text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_old public.iu_schema_object;
begin
    for v_old in
        select o.* from public.iu_schema_object as o
        where o.module = fn_iu_module_prune.module and o.declared_in <> pg_current_xact_id()
        order by o.kind desc, o.object
    loop
        if v_old.kind in ('table', 'type') then
            raise exception '% % is no longer declared by module %', v_old.kind, v_old.object, module using
                errcode = 'IU901', hint = 'Declare it again, or let a schema step of the module drop it.';
        end if;
        if public.fn_iu_object_identity(v_old.kind, v_old.object) is not null then
            execute format('drop %s %s', v_old.kind, v_old.object);
            raise notice 'dropped % %: no file of the module makes it any more', v_old.kind, v_old.object;
        end if;
        delete from public.iu_schema_object as o where o.object = v_old.object;
    end loop;
end
$$;
comment on function public.fn_iu_module_prune(text) is
'The last call of a functions step: drops the functions and views of the manifest that this
transaction did not declare, which older files made. Raises IU901 for a table: data is not dropped.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_module_prune(text)', 'internal');
