create or replace function public.fn_iu_module_prune(module text, step_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_old record;
    v_gone text [] := array[]::text [];
begin
    for v_old in
        select o.kind, o.object, public.fn_iu_object_identity(o.kind, o.object) is not null as is_there
        from public.iu_schema_object as o
        where o.module = fn_iu_module_prune.module and o.declared_by = fn_iu_module_prune.step_name
            and o.declared_in <> pg_current_xact_id()
        order by o.kind desc, o.object
    loop
        if v_old.is_there and v_old.kind in ('table', 'type') then
            raise exception '% % is no longer declared by module %', v_old.kind, v_old.object, module using
                errcode = 'IU901', hint = 'Declare it again, or let a schema step of the module drop it.';
        elsif v_old.is_there then
            raise notice 'dropped % %: the module no longer declares it', v_old.kind, v_old.object;
        end if;
        v_gone := v_gone || v_old.object;
    end loop;
    perform public.fn_iu_objects_drop(v_gone);
    delete from public.iu_schema_object as o where o.object = any (v_gone);
    delete from public.iu_schema_access as a
    where a.module = fn_iu_module_prune.module and a.declared_by = fn_iu_module_prune.step_name
        and a.declared_in <> pg_current_xact_id();
end
$$;
comment on function public.fn_iu_module_prune(text, text) is
'Drops the triggers, functions and views that the functions step declared earlier and has not declared in this
transaction, and removes such rows from the access matrix. Raises IU901 for a table or type that still
exists: data is not dropped.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_module_prune(text, text)', 'internal'
);
