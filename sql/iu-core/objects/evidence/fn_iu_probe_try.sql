create or replace function public.fn_iu_probe_try(statement text, as_role text default null)
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_role constant text := current_setting('role');
begin
    perform set_config('role', coalesce(as_role, v_role), true);
    execute statement;
    perform set_config('role', v_role, true);
    return 'done';
exception when others then
    return sqlstate;
end
$$;
comment on function public.fn_iu_probe_try(text, text) is
'Executes a statement under a savepoint, as another role if one is given: returns done, or the SQLSTATE with
which it failed and was rolled back. Runs with the caller''s rights. Names in the statement must be
schema-qualified.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_probe_try(text, text)', 'internal');
