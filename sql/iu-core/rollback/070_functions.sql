-- Undoes 070: drops every function, trigger and view of objects/, and gives what is left back to the installer.
-- The tables and what they hold stay.
select public.fn_iu_step_forget('070_functions');

alter table public.event_outbox alter column event_id drop default;
drop view public.iu_route_attempt;

do $functions$
declare
    v_function text;
begin
    for v_function in
        select p.oid::regprocedure::text from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\_iu\_%'
            and p.proname !~ '^fn_iu_(step|proof)_'
    loop
        execute format('drop function %s cascade', v_function);  -- cascade: the triggers that call it
    end loop;
end
$functions$;

do $owner$
declare
    v_object text;
begin
    for v_object in
        select c.oid::regclass::text from pg_catalog.pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relowner = to_regrole('iu_owner')
    loop
        execute format('revoke all on %s from iu_emitter, workflow_admin, iu_auditor', v_object);
        execute format('alter table %s owner to %I', v_object, current_user);
    end loop;
    for v_object in
        select p.oid::regprocedure::text from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname ~ '^fn_iu_(step|proof)_'
            and p.proowner = to_regrole('iu_owner')
    loop
        execute format('revoke all on function %s from iu_emitter, workflow_admin, iu_auditor', v_object);
        execute format('alter function %s owner to %I', v_object, current_user);
    end loop;
end
$owner$;
