-- Undoes 010: drops the targets, and each role of the module that nothing else uses.
do $refuse$
begin
    if exists (select from public.iu_delivery_target) then
        raise exception 'rollback of 010_targets would lose targets' using
            errcode = 'IU901',
            hint = 'Remove the targets first: iu target remove. For one to which a route was promoted, roll '
                'back to 010_targets (iu rollback 010 --module iu-delivery), and delete the rows as the '
                'owner, in this order: iu_delivery_shard, iu_delivery_target_test, '
                'iu_delivery_target_sender, iu_delivery_target_state, iu_delivery_target.';
    end if;
end
$refuse$;
drop table public.iu_delivery_shard;
drop table public.iu_delivery_target_test;
drop table public.iu_delivery_target_sender;
drop table public.iu_delivery_target_history;
drop table public.iu_delivery_target_state;
drop table public.iu_delivery_target;
drop table public.iu_delivery_target_version;
select public.fn_iu_step_forget('iu-delivery', '010_targets');

do $roles$
declare
    v_role text;
begin
    for v_role in
        select r.rolname from pg_catalog.pg_roles as r where r.rolname in ('iu_approver', 'iu_sender')
    loop
        execute format('revoke all on schema public from %I', v_role);
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
