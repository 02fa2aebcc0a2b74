create or replace function public.fn_iu_object_secure(kind text, object text, access text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_keyword constant text := replace(kind, 'view', 'table');
    v_owner regrole;
    v_row record;
begin
    v_owner := case kind
        when 'function' then (
            select p.proowner from pg_catalog.pg_proc as p where p.oid = to_regprocedure(object)
        )
        when 'type' then (select t.typowner from pg_catalog.pg_type as t where t.oid = to_regtype(object))
        else (select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass(object))
    end;
    -- An alter table needs the strongest lock, so it runs only if the owner differs.
    if public.fn_iu_roles_are_used() and v_owner::text <> 'iu_owner' then
        execute format('alter %s %s owner to iu_owner', v_keyword, object);
    end if;
    if public.fn_iu_object_misfit(kind, object, access) is null then
        return;
    end if;
    execute format('revoke all on %s %s from public', v_keyword, object);
    if not public.fn_iu_roles_are_used() then
        return;
    end if;
    for v_row in select distinct a.role_name from public.iu_schema_access as a loop
        execute format('revoke all on %s %s from %I', v_keyword, object, v_row.role_name);
    end loop;
    for v_row in
        select a.role_name, a.verbs from public.iu_schema_access as a
        where a.access = fn_iu_object_secure.access
    loop
        execute format('grant %s on %s %s to %I', v_row.verbs, v_keyword, object, v_row.role_name);
    end loop;
end
$$;
comment on function public.fn_iu_object_secure(text, text, text) is
'Transfers an object to iu_owner and sets its privileges to those of the access matrix. Changes and locks
nothing if they are already so.';
