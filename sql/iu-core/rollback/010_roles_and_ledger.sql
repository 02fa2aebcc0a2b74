-- Undoes 010: drops the ledger and the functions of proofs, and each role that no other database uses.
select public.fn_iu_step_forget('iu-core', '010_roles_and_ledger');
drop function public.fn_iu_proof_end(text);
drop function public.fn_iu_proof_note(text, text, text);
drop function public.fn_iu_object_release(text, text, boolean);
drop function public.fn_iu_module_drop(text, text);
drop function public.fn_iu_objects_drop(text[]);
drop function public.fn_iu_step_require(text, text);
drop function public.fn_iu_step_record(text, text, text);
drop function public.fn_iu_step_forget(text, text);
drop table public.iu_schema_object;
drop table public.iu_schema_access;
drop table public.iu_schema_step;

do $roles$
declare
    v_role text;
begin
    for v_role in
        select r.rolname from pg_catalog.pg_roles as r
        where r.rolname in ('iu_emitter', 'workflow_admin', 'iu_auditor', 'iu_owner')
    loop
        execute format('revoke all on schema public from %I', v_role);
        if v_role = 'iu_owner' then
            execute 'alter default privileges for role iu_owner grant execute on functions to public';
        end if;
        begin
            execute format('drop role %I', v_role);
        exception
            when dependent_objects_still_exist or insufficient_privilege or object_in_use
                or internal_error then
                -- The error names the databases that use the role; the lookup fails if one is being dropped.
                if sqlstate = 'XX000' and sqlerrm not like 'cache lookup failed for database %' then
                    raise;
                end if;
                raise notice 'role % is kept: another database or a login uses it', v_role;
        end;
    end loop;
end
$roles$;
